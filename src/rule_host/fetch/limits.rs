//! What requests of rules may cost. Every default is explained where it is set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of what rules fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchLimits {
    /// Requests of one exchange, all its rules together.
    pub requests: u32,
    /// Requests of one exchange that are under way at the same time; more wait.
    pub at_once: usize,
    /// URL, headers and body of one request, in bytes.
    pub request_bytes: usize,
    /// Headers of one request, and of one response.
    pub headers: usize,
    /// Headers and body of one response, in bytes.
    pub response_bytes: usize,
    /// The same of all responses of one exchange.
    pub responses_bytes: usize,
    /// How long one request may take, redirects included, if the rule does not ask for less.
    pub timeout: Duration,
    /// How long the rules of one exchange may wait, all together.
    pub waiting: Duration,
    /// Redirects that one request follows.
    pub redirects: usize,
    /// Timers of one exchange that end before a request does.
    pub timers: u32,
    /// Connections at a time, of all tenants; a tenant alone gets half.
    pub connections: usize,
    /// Host names that are looked up at a time, likewise.
    pub lookups: usize,
    /// Linear memory of all guests that wait, in MiB; likewise.
    pub waiting_mib: usize,
    /// Requests that go on after their rule; likewise.
    pub left_behind: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self {
            // Real rules send one to three; a loop that sends one for each role of a user ends here.
            requests: 32,
            // A browser opens six connections to a host.
            at_once: 8,
            // What a guest hands over at once is bounded by 1 MiB anyway; rules send a user's profile.
            request_bytes: 256 << 10,
            // Browsers send twenty, servers answer with thirty.
            headers: 100,
            // It has to fit into the guest's 16 MiB as bytes, as text and parsed, all at once.
            response_bytes: 1 << 20,
            // The recording of an exchange is as large as this.
            responses_bytes: 4 << 20,
            // Somebody waits for a login. What takes longer is taken for dead.
            timeout: Duration::from_secs(10),
            // Auth0's own limit for all rules of a login; and less than the 30 s that the server
            // gives a request.
            waiting: Duration::from_secs(20),
            // Enough for http → https → www → language → page.
            redirects: 5,
            // The order of each is recorded.
            timers: 1_000,
            // Beside 768 of clients: `serve` raises the number of open files for both.
            connections: 512,
            // Each holds one of the 512 threads for what blocks; the others compile rules.
            lookups: 64,
            // 256 QuickJS guests of 4 MiB for one tenant, 64 if they hold all they may.
            waiting_mib: 2048,
            // Each holds what it sends and what comes back: 320 MiB at the worst.
            left_behind: 256,
        }
    }
}
