//! The same exchange comes out the same, to the byte.

use super::{exchange, passing, run_on};
use claimsmith::rule_host::Exchange;

const RULE: &str = "context.accessToken['https://example.com/all'] = [
    Date.now(), new Date().toISOString(), Math.random(), Math.random(), uuid.v4(), crypto.randomUUID(),
    crypto.randomBytes(8).toString('hex'), performance.now() >= 0];";

#[tokio::test]
async fn time_and_randomness_come_from_the_exchange() {
    let rule = passing(RULE);
    let once = run_on(exchange(), &[&rule]).await.approved();
    let again = run_on(exchange(), &[&rule]).await.approved();
    assert_eq!(once, again);
    assert_eq!(
        once["access"]["https://example.com/all"][0],
        1_768_201_200_000_u64
    );

    let other = Exchange {
        id: "exchange-2".into(),
        ..exchange()
    };
    let other = run_on(other, &[&rule]).await.approved();
    for position in [2, 3, 4, 5, 6] {
        let at =
            |run: &serde_json::Value| run["access"]["https://example.com/all"][position].clone();
        assert_ne!(at(&once), at(&other), "position {position}");
    }
}
