//! Published signatures, good and bad: the examples of the RFCs, and Wycheproof's where they are.
//!
//! Wycheproof's files are not part of this project. `CLAIMSMITH_WYCHEPROOF` names a folder that has
//! `json_web_signature_test.json` and `json_web_key_test.json` of
//! <https://github.com/C2SP/wycheproof> (Apache-2.0); without it the RFCs' examples stand alone, and
//! the test says so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claimsmith::token::{AssertionAlgorithm, PublicKey, Unverified, VerifyingKey};
use serde_json::{Value, json};

/// The algorithms that this server verifies with public keys.
const OURS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// As /userinfo does it: the key is sound, and made the signature.
fn verifies(jwk: &Value, jws: &str) -> bool {
    let Ok(key) = VerifyingKey::from_jwk(jwk) else {
        return false;
    };
    Unverified::parse(jws).is_ok_and(|token| token.verify(&key).is_ok())
}

/// RFC 7515, appendices A.2 and A.3; RFC 8037, appendix A.4.
fn rfc_examples() -> [(Value, String); 3] {
    let payload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19\
                   yb290Ijp0cnVlfQ";
    let rsa = json!({
        "kty": "RSA", "alg": "RS256", "e": "AQAB",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1P\
              t0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHS\
              XndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I\
              5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
    });
    let rs256 = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_\
                 O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIA\
                 RNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
                 hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    let ec = json!({
        "kty": "EC", "alg": "ES256", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let es256 =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let ed = json!({
        "kty": "OKP", "alg": "EdDSA", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-\
                 09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    [
        (rsa, format!("eyJhbGciOiJSUzI1NiJ9.{payload}.{rs256}")),
        (ec, format!("eyJhbGciOiJFUzI1NiJ9.{payload}.{es256}")),
        (ed, eddsa.to_owned()),
    ]
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    for (jwk, jws) in rfc_examples() {
        assert!(verifies(&jwk, &jws), "{jws}");
    }
}

#[test]
fn an_example_changed_anywhere_or_checked_with_another_key_does_not_verify() {
    let examples = rfc_examples();
    for (jwk, jws) in &examples {
        for position in 0..jws.len() {
            let mut bytes = jws.clone().into_bytes();
            // Another character, and its lowest bit alone: unused bits must not be ignored.
            let original = bytes[position];
            for other in [b'.', b'A', b'=', original ^ 1] {
                bytes[position] = other;
                let changed = String::from_utf8_lossy(&bytes);
                assert!(other == original || !verifies(jwk, &changed), "{changed}");
            }
        }
        for end in 0..jws.len() {
            assert!(!verifies(jwk, &jws[..end]), "cut at {end}");
        }
        assert!(!verifies(jwk, &format!("{jws}A")) && !verifies(jwk, &format!("{jws}.")));
        for (foreign, _) in examples.iter().filter(|(other, _)| other != jwk) {
            assert!(!verifies(foreign, jws));
        }
    }
}

#[test]
fn a_header_with_anything_that_tokens_of_ours_lack_is_refused() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let parse = |header: &str| {
        let token = format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header));
        Unverified::parse(&token).is_ok()
    };
    assert!(parse(r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#));
    for header in [
        r#"{"alg":"RS256","kid":"k","crit":["exp"],"exp":1}"#,
        r#"{"alg":"RS256","kid":"k","crit":[]}"#,
        r#"{"alg":"RS256","kid":"k","b64":false}"#,
        r#"{"alg":"RS256","kid":"k","jwk":{"kty":"oct","k":"AA"}}"#,
        r#"{"alg":"RS256","kid":"k","jku":"http://127.0.0.1/"}"#,
        r#"{"alg":"RS256","kid":"k","x5u":"http://127.0.0.1/"}"#,
        r#"{"alg":"RS256","alg":"none","kid":"k"}"#,
        r#"{"alg":"RS256","kid":"k","kid":"l"}"#,
        r#"{"alg":["RS256"],"kid":"k"}"#,
        r#"{"kid":"k"}"#,
        r#"{"alg":"RS256","kid":1}"#,
        r#"{"alg":"RS256"} {}"#,
        r#"["RS256"]"#,
        "",
    ] {
        assert!(!parse(header), "{header}");
    }
    assert!(Unverified::parse(&".".repeat(100_000)).is_err());
    assert!(Unverified::parse(&"a".repeat(10_000_000)).is_err());
}

/// The same for a key that may name no algorithm: then it must hold for each that we offer.
fn verifies_as_any(jwk: &Value, jws: &str) -> bool {
    let named = |alg: &str| {
        let mut jwk = jwk.clone();
        jwk["alg"] = alg.into();
        jwk
    };
    match &jwk["alg"] {
        Value::Null => OURS.iter().any(|alg| verifies(&named(alg), jws)),
        _ => verifies(jwk, jws),
    }
}

/// One of Wycheproof's files, if this machine has it.
fn wycheproof(name: &str) -> Option<Value> {
    let Some(folder) = std::env::var_os("CLAIMSMITH_WYCHEPROOF") else {
        eprintln!("CLAIMSMITH_WYCHEPROOF is not set: only the examples of the RFCs were checked");
        return None;
    };
    let path = PathBuf::from(folder).join(name);
    // A folder that is named and lacks the file is a mistake, not a reason to pass.
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(serde_json::from_slice(&text).unwrap())
}

/// How many vectors ended how.
type Counts = BTreeMap<String, u32>;

fn count(counts: &mut Counts, what: &str) {
    *counts.entry(what.to_owned()).or_default() += 1;
}

fn counts<const N: usize>(expected: [(&str, u32); N]) -> Counts {
    expected
        .map(|(what, number)| (what.to_owned(), number))
        .into()
}

/// A private key's public half: what a verifier would have been given.
fn public_half(jwk: &Value) -> Value {
    let mut jwk = jwk.clone();
    let members = jwk.as_object_mut().unwrap();
    members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi"].contains(&name.as_str()));
    jwk
}

#[test]
fn wycheproofs_signatures_are_judged_as_published() {
    let Some(file) = wycheproof("json_web_signature_test.json") else {
        return the_examples_of_the_rfcs_verify();
    };
    let mut seen = Counts::new();
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let (jwk, id) = (&group["public"], &test["tcId"]);
            let Some(jws) = test["jws"].as_str() else {
                count(&mut seen, "not in the compact form");
                continue;
            };
            if jwk.is_null() {
                count(&mut seen, "an HMAC: verified by the API, never by us");
                continue;
            }
            let offered = jwk["alg"].is_null() || OURS.iter().any(|ours| jwk["alg"] == *ours);
            let what = match (test["result"] == "valid", verifies_as_any(jwk, jws)) {
                (true, true) => "valid, accepted",
                (false, false) if offered => "invalid, refused",
                (_, false) if !offered => "refused: an algorithm that we do not offer",
                // RFC 7520, figure 20: a key for PS256, a header that says PS384.
                (true, false) if [346, 350].contains(&id.as_u64().unwrap()) => {
                    "valid, refused: the header names another algorithm than the key"
                }
                (_, verified) => panic!("{id}: verified {verified}, {}", test["comment"]),
            };
            count(&mut seen, what);
        }
    }
    assert_eq!(
        seen,
        counts([
            ("an HMAC: verified by the API, never by us", 40),
            ("invalid, refused", 308),
            ("refused: an algorithm that we do not offer", 35),
            ("valid, accepted", 16),
            (
                "valid, refused: the header names another algorithm than the key",
                2
            ),
        ])
    );
}

#[test]
fn wycheproofs_keys_are_judged_as_published() {
    let Some(file) = wycheproof("json_web_key_test.json") else {
        return the_examples_of_the_rfcs_verify();
    };
    let mut seen = Counts::new();
    for group in file["testGroups"].as_array().unwrap() {
        let set = [&group["public"], &group["private"]]
            .into_iter()
            .find(|set| !set.is_null());
        let keys = set.unwrap()["keys"].as_array().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let (jws, id) = (test["jws"].as_str().unwrap(), &test["tcId"]);
            let [jwk] = keys.as_slice() else {
                count(
                    &mut seen,
                    "a set of keys: ours are found by `kid`, unique by construction",
                );
                continue;
            };
            if jwk["kty"] == "oct" {
                count(&mut seen, "an HMAC: its keys have a test of their own");
                continue;
            }
            let verified = verifies(&public_half(jwk), jws);
            let what = match (test["result"] == "valid", verified) {
                (true, true) => "valid, accepted",
                (false, false) => "invalid, refused",
                // CVE-2017-15361 is a flaw of certain smart cards. Our keys are made by AWS-LC; a
                // key from elsewhere would be its owner's risk.
                (false, true) if group["comment"] == "jws_rsa_roca_key" => {
                    "invalid, accepted: a weak key that passes for a sound one"
                }
                (valid, _) => panic!("{id}: valid {valid}, {}", group["comment"]),
            };
            count(&mut seen, what);
        }
    }
    assert_eq!(
        seen,
        counts([
            (
                "a set of keys: ours are found by `kid`, unique by construction",
                4
            ),
            ("an HMAC: its keys have a test of their own", 11),
            (
                "invalid, accepted: a weak key that passes for a sound one",
                1
            ),
            ("invalid, refused", 9),
            ("valid, accepted", 1),
        ])
    );
}

#[test]
fn wycheproofs_signatures_are_judged_as_published_with_a_client_s_key() {
    let Some(file) = wycheproof("json_web_signature_test.json") else {
        return the_examples_of_the_rfcs_verify();
    };
    let mut seen = Counts::new();
    for group in file["testGroups"].as_array().unwrap() {
        let jwk = &group["public"];
        let alg: Result<AssertionAlgorithm, _> = serde_json::from_value(jwk["alg"].clone());
        let Ok(alg) = alg else { continue };
        let key = PublicKey::from_jwk(jwk).and_then(|key| VerifyingKey::of_client(alg, &key));
        for test in group["tests"].as_array().unwrap() {
            let Some(jws) = test["jws"].as_str() else {
                continue;
            };
            let verified = key.as_ref().is_ok_and(|key| {
                Unverified::parse(jws).is_ok_and(|token| token.verify(key).is_ok())
            });
            let id = &test["tcId"];
            let what = match (test["result"] == "valid", verified) {
                (true, true) => "valid, accepted",
                (false, false) => "invalid, refused",
                (true, false) if [346, 350].contains(&id.as_u64().unwrap()) => {
                    "valid, refused: the header names another algorithm than the key"
                }
                (_, verified) => panic!("{id}: verified {verified}, {}", test["comment"]),
            };
            count(&mut seen, what);
        }
    }
    assert_eq!(
        seen,
        counts([
            ("invalid, refused", 305),
            ("valid, accepted", 24),
            (
                "valid, refused: the header names another algorithm than the key",
                2
            ),
        ])
    );
}
