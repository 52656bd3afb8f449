//! The Authorization field: what is read survives being encoded again.

#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use claimsmith::http::authorization::Authorization;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (encode, bytes) = input;
    // Half of the inputs get past base64, which random bytes seldom do.
    let parsed = if encode {
        Authorization::parse(format!("Basic {}", STANDARD.encode(bytes)).as_bytes())
    } else {
        Authorization::parse(bytes)
    };
    let Ok(Authorization::Basic(read)) = parsed else {
        return;
    };
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!(
        "{}:{}",
        encode(&read.client_id),
        encode(read.client_secret.expose())
    );
    let again = Authorization::parse(format!("basic {}", STANDARD.encode(pair)).as_bytes());
    let Ok(Authorization::Basic(again)) = again else {
        panic!("what was read cannot be read again");
    };
    assert_eq!(again.client_id, read.client_id);
    assert!(again.client_secret.matches(&read.client_secret));
});
