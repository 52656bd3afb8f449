//! How much a tenant may have and use: what an operator sets, and the meters of what is used by the
//! second.
//!
//! The meters are this process's: they cost a map and no write, and a restart begins anew.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::store::{Record, Table};
use crate::tenant::{Tenant, TenantName};

/// How much a tenant may have and use; none is no bound but the server's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quotas {
    /// Rules that are bound, whether they are switched on or not.
    pub rules: Option<u32>,
    /// Users, of all connections together.
    pub users: Option<u64>,
    /// Fuel that its rules may use in a second; what one exchange uses beyond it is paid off before
    /// the next begins.
    pub fuel_per_second: Option<u64>,
    /// Requests for tokens in a second, by clients that showed who they are.
    pub exchanges_per_second: Option<u32>,
}

/// How many users a tenant has; kept while there is a quota of them.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Tally {
    /// Users.
    pub users: u64,
}

impl Record for Tally {
    const TABLE: Table = Table::Tally;
}

/// A tenant used up what it may use in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's quota of {what} per second is used up; see `claimsmith tenant set-quota`")]
pub struct OverRate {
    /// Of what.
    pub what: &'static str,
    /// When there is some again; at least one.
    pub retry_after_secs: u64,
    /// Whether the tenant's log has said so in the last minute.
    pub is_news: bool,
}

/// The meters of all tenants that have quotas.
#[derive(Default)]
pub struct Rates(Mutex<HashMap<TenantName, Meters>>);

#[derive(Default)]
struct Meters {
    exchanges: Meter,
    fuel: Meter,
    told_at: Option<Timestamp>,
}

/// How long the log says nothing more of a quota.
const QUIET_SECS: u64 = 60;

/// Longer than this nobody is told to wait: quotas change.
const LONGEST_SECS: u64 = 86_400;

impl Rates {
    /// Begins an exchange: takes one of the second's, and asks whether there is fuel left.
    pub fn begin(&self, tenant: &Tenant, now: Timestamp) -> Result<(), OverRate> {
        let Quotas {
            fuel_per_second,
            exchanges_per_second,
            ..
        } = tenant.quotas;
        if fuel_per_second.is_none() && exchanges_per_second.is_none() {
            return Ok(());
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meters = all.entry(tenant.name.clone()).or_default();
        // An exchange that fuel stops is not counted, and the other way round.
        let waits = [
            ("fuel", fuel_per_second.map(|_| meters.fuel.wait(now, 1))),
            (
                "exchanges",
                exchanges_per_second.map(|most| meters.exchanges.wait(now, price(1, most.into()))),
            ),
        ];
        for (what, wait) in waits {
            let Some(wait @ 1..) = wait else {
                continue;
            };
            let told = meters.told_at.map(|at| at.plus_secs(QUIET_SECS));
            let is_news = told.is_none_or(|until| now >= until);
            if is_news {
                meters.told_at = Some(now);
            }
            return Err(OverRate {
                what,
                retry_after_secs: u64::try_from(wait.div_ceil(SECOND))
                    .map_or(LONGEST_SECS, |secs| secs.min(LONGEST_SECS)),
                is_news,
            });
        }
        if let Some(most) = exchanges_per_second {
            meters.exchanges.take(now, price(1, most.into()));
        }
        Ok(())
    }

    /// Charges what an exchange used.
    pub fn used(&self, tenant: &Tenant, fuel: u64, now: Timestamp) {
        let Some(most) = tenant.quotas.fuel_per_second else {
            return;
        };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meters = all.entry(tenant.name.clone()).or_default();
        meters.fuel.take(now, price(fuel, most));
    }

    /// Forgets a tenant that is gone.
    pub fn forget(&self, tenant: &TenantName) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(tenant);
    }
}

/// In nanoseconds.
const SECOND: u128 = 1_000_000_000;

/// How long it takes to regain what is taken. Of a quota of zero nothing is regained.
fn price(amount: u64, per_second: u64) -> u128 {
    let amount = u128::from(amount).saturating_mul(SECOND);
    amount.checked_div(per_second.into()).unwrap_or(u128::MAX)
}

/// A bucket of one second's worth that fills with time; it may be overdrawn, which is paid off. Its state
/// is when it is whole again (the "theoretical arrival time" of the generic cell rate algorithm).
#[derive(Default)]
struct Meter {
    whole_at: u128,
}

impl Meter {
    /// How long until so much can be taken; 0 if now.
    fn wait(&self, now: Timestamp, price: u128) -> u128 {
        let lacking = self.whole_at.saturating_sub(nanos(now));
        lacking.saturating_add(price).saturating_sub(SECOND)
    }

    fn take(&mut self, now: Timestamp, price: u128) {
        self.whole_at = self.whole_at.max(nanos(now)).saturating_add(price);
    }
}

fn nanos(at: Timestamp) -> u128 {
    u128::from(at.as_millis()).saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Issuer;

    fn tenant(quotas: Quotas) -> Tenant {
        let name = TenantName::parse("acme").unwrap();
        let issuer = Issuer::parse("https://acme.example/").unwrap();
        let tenant = Tenant::new(name, issuer, Timestamp::default());
        Tenant { quotas, ..tenant }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + millis)
    }

    #[test]
    fn so_many_exchanges_begin_in_a_second_and_no_more_whenever_one_looks() {
        let tenant = tenant(Quotas {
            exchanges_per_second: Some(3),
            ..Quotas::default()
        });
        let rates = Rates::default();
        let begun = |from: u64, to: u64| {
            (from..to)
                .filter(|ms| rates.begin(&tenant, at(*ms)).is_ok())
                .count()
        };
        assert_eq!(begun(0, 1), 1);
        assert_eq!((0..10).filter(|_| begun(0, 1) == 1).count(), 2, "at once");
        let refused = rates.begin(&tenant, at(0)).unwrap_err();
        assert_eq!((refused.what, refused.retry_after_secs), ("exchanges", 1));
        assert_eq!(begun(1, 333), 0);
        assert_eq!(begun(333, 1_333), 3);
        assert_eq!(begun(1_333, 11_333), 30);
        // What was not used is not saved up.
        assert_eq!(begun(100_000, 100_001), 1);
        assert_eq!((0..10).filter(|_| begun(100_000, 100_001) == 1).count(), 2);
    }

    #[test]
    fn fuel_that_was_overdrawn_is_paid_off_first() {
        let tenant = tenant(Quotas {
            fuel_per_second: Some(1_000),
            ..Quotas::default()
        });
        let rates = Rates::default();
        rates.begin(&tenant, at(0)).unwrap();
        rates.used(&tenant, 999, at(0));
        rates.begin(&tenant, at(0)).unwrap();
        rates.used(&tenant, 4_001, at(0));
        let refused = rates.begin(&tenant, at(0)).unwrap_err();
        assert_eq!((refused.what, refused.retry_after_secs), ("fuel", 5));
        assert!(refused.is_news);
        assert!(!rates.begin(&tenant, at(4_000)).unwrap_err().is_news);
        rates.begin(&tenant, at(4_001)).unwrap();
    }

    #[test]
    fn a_quota_of_nothing_is_nothing_and_none_is_no_bound() {
        let rates = Rates::default();
        for quotas in [
            Quotas {
                exchanges_per_second: Some(0),
                ..Quotas::default()
            },
            Quotas {
                fuel_per_second: Some(0),
                ..Quotas::default()
            },
        ] {
            let nothing = tenant(quotas);
            let _ = rates
                .begin(&nothing, at(0))
                .map(|()| rates.used(&nothing, 1, at(0)));
            assert!(rates.begin(&nothing, at(90_000_000)).is_err());
            rates.forget(&nothing.name);
        }
        let free = tenant(Quotas::default());
        assert!((0..100_000).all(|_| rates.begin(&free, at(0)).is_ok()));
        assert!(rates.0.lock().unwrap().is_empty());
    }
}
