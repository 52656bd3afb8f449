//! Charges a tenant for the fuel of its rules.

use crate::rule_host::Report;
use crate::server::Server;
use crate::tenant::Tenant;

/// What is charged unless somebody says what was really used: a client that goes away in the middle of a
/// chain ends it, and whoever writes the rules may be whoever goes away.
pub(super) struct Bill<'a> {
    server: &'a Server,
    tenant: &'a Tenant,
    fuel: u64,
}

impl<'a> Bill<'a> {
    /// Before a chain runs, of so many rules.
    pub(super) fn open(server: &'a Server, tenant: &'a Tenant, rules: usize) -> Self {
        let limits = server.rule_host.limits();
        let each = limits.fuel.max(limits.javascript_fuel);
        Self {
            server,
            tenant,
            fuel: each.saturating_mul(rules as u64),
        }
    }

    /// When it is through.
    pub(super) fn settle(mut self, report: &Report) {
        let used = report.rules.iter().map(|rule| rule.fuel);
        self.fuel = used.fold(0, u64::saturating_add);
    }
}

impl Drop for Bill<'_> {
    fn drop(&mut self) {
        let now = self.server.clock.now();
        self.server.rates.used(self.tenant, self.fuel, now);
    }
}
