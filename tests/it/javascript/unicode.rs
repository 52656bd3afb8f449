//! A JavaScript string may hold half a surrogate pair; what leaves a rule has U+FFFD in its place.

use proptest::prelude::*;
use serde_json::json;

use super::{exchange, object, passing, run, run_on};

/// Writes the code units of `user.units`, which came in as numbers, wherever a rule can write text.
const RULE: &str = "
    const text = String.fromCharCode(...user.units);
    context.accessToken['https://example.com/text'] = text;
    context.accessToken['https://example.com/deep'] = [{ [text + '.']: text }];
    context.idToken['https://example.com/raw'] = JSON.rawJSON(JSON.stringify(text));";

/// Code units that make whole pairs, halves of them, and all that looks like either in JSON.
fn unit() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 0xd800..=0xdfff_u16,
        1 => any::<u16>(),
        1 => prop::sample::select("\\\"ud8DFe\u{ffff}\0\n".encode_utf16().collect::<Vec<_>>()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn halves_of_pairs_are_replaced_as_everywhere_else(units in prop::collection::vec(unit(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut exchange = exchange();
        exchange.user.as_mut().unwrap().app_metadata = object(json!({ "units": units }));
        let approved = runtime.block_on(run_on(exchange, &[&passing(RULE)])).approved();

        let expected = String::from_utf16_lossy(&units);
        let access = &approved["access"];
        prop_assert_eq!(&access["https://example.com/text"], &json!(expected));
        let named = json!([{ format!("{expected}."): expected }]);
        prop_assert_eq!(&access["https://example.com/deep"], &named);
        prop_assert_eq!(&approved["id"]["https://example.com/raw"], &json!(expected));
    }
}

#[tokio::test]
async fn messages_and_lines_of_the_log_are_unicode_too() {
    let logged = run(&[&passing(
        "console.log('cut:', '😀'[0]); console.log('😀'[1])",
    )])
    .await;
    assert_eq!(logged.messages(), ["cut: \u{fffd}", "\u{fffd}"]);

    let denied = run(&["(user, context, callback) => callback(new Error('no ' + '😀'[0] + '😀'))"]);
    assert_eq!(denied.await.denial(), ("access_denied", "no \u{fffd}😀"));

    let failed = run(&["() => { throw new Error('no ' + '😀'[0]); }"]).await;
    assert!(failed.fault().contains("no \u{fffd}"), "{}", failed.fault());
}
