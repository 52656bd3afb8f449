//! The driver reads and writes JSON by itself where it is plain: it comes to what `JSON` says.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::harness::{Somebody, exchange, host};
use super::{access_claims, bound, passing, run};

const CLAIM: &str = "https://acme.example/";

#[tokio::test]
async fn what_a_rule_reads_is_what_json_parse_reads() {
    let mut metadata: Map<String, Value> = serde_json::from_str(
        r#"{"quote\"d": "a\\b\n\u0001", "ünï": "日本 🦀", "negative": -1.5e3, "zero": -0.0, "big": 12345678901234567890,
            "million": 1000000, "10": "ten", "2": "two", "": null, "nested": [[], {}, [null, true, false, 1.25, [[["deep"]]]]],
            "__proto__": {"admin": true}, "toJSON": "text"}"#,
    )
    .unwrap();
    metadata.insert("long".into(), json!("x".repeat(5000)));
    let text = serde_json::to_string(&metadata).unwrap();
    let text = serde_json::to_string(&text).unwrap();
    let rule = passing(&format!(
        "context.accessToken['{CLAIM}same'] = JSON.stringify(user.app_metadata) === JSON.stringify(JSON.parse({text}));"
    ));
    let mut exchange = exchange();
    exchange.user.as_mut().unwrap().app_metadata = metadata;
    let (verdict, _) = host()
        .run(
            &bound(&[&rule]),
            Somebody("ada"),
            exchange,
            &BTreeMap::new(),
        )
        .await;
    assert_eq!(
        access_claims(verdict),
        json!({ "https://acme.example/same": true })
    );
}

/// Sets each value as a claim, and what `JSON.stringify` says of it as another; then they are compared.
async fn written(before: &str, values: &str) -> usize {
    let rule = passing(&format!(
        "{before} const values = {values};
         for (let i = 0; i < values.length; i++) {{
             context.accessToken['{CLAIM}' + i] = values[i];
             context.accessToken['{CLAIM}text' + i] = JSON.stringify(values[i]);
         }}"
    ));
    let (verdict, _) = run(&bound(&[&rule])).await;
    let claims = access_claims(verdict);
    let claims = claims.as_object().unwrap();
    let texts = claims.iter().filter_map(|(name, text)| {
        let number = name.strip_prefix(&format!("{CLAIM}text"))?;
        Some((format!("{CLAIM}{number}"), text.as_str()?))
    });
    let mut count = 0;
    for (name, text) in texts {
        let said: Value = serde_json::from_str(text).unwrap();
        assert_eq!(claims.get(&name), Some(&said), "{text}");
        count += 1;
    }
    count
}

#[tokio::test]
async fn what_a_rule_writes_is_what_json_stringify_writes() {
    let values = r#"[
        new Date(0), { toJSON() { return "own"; } }, [1, , 3], [undefined, function () {}], -0, 1.5, NaN, -7, 12345678901,
        { 2: "b", 1: "a", x: undefined, y: function () {} }, "q\"\\\n\u2028é", [[[]], {}, { a: { b: [null, true] } }],
        Object.assign(Object.create({ inherited: 1 }), { own: 1 }), new Proxy({ a: 1 }, {}), new String("s"),
        Object.defineProperty({ seen: 1 }, "hidden", { value: 2 }), { get made() { return 3; } }, "", "plain", null, false,
        { [Symbol("s")]: 1, "k\"ey": 2 }, new Map([[1, 2]]), JSON.parse('{"a":' + "[".repeat(15) + "]".repeat(15) + "}"),
    ]"#;
    assert_eq!(written("", values).await, 24);
}

#[tokio::test]
async fn a_tojson_that_a_rule_gives_to_everything_is_obeyed() {
    let everywhere = "Object.prototype.toJSON = function () { return 'everywhere'; };";
    assert_eq!(written(everywhere, "[{ a: 1 }, [1], 'text', 1]").await, 4);
}
