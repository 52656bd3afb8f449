//! Shows slow steps on a terminal; silent when the output is piped.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget};

/// A step that is going on.
pub(super) struct Step(ProgressBar);

/// Shows a step until it is dropped. It draws on the standard error stream, and only if that is a
/// terminal.
pub(super) fn step(what: &str) -> Step {
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    Step(bar)
}

impl Step {
    /// Says what is going on now.
    pub(super) fn now(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
