//! Exchanges that run outside of a login: past ones again, and invented ones. What `rule run`, `rule test`,
//! `rule replay` and the management API's `test` and `compare` look at.
//!
//! Nothing here writes anything or reaches the network: what rules fetch is answered by what was recorded,
//! and is unreachable otherwise.

mod case;
mod changes;
mod evaluation;

pub(crate) use self::case::{Case, NobodyLoggedIn};
pub(crate) use self::changes::{Names, Summary};
pub(crate) use self::evaluation::{Ending, Evaluation, State, evaluate, evaluate_permitted};
