//! Form bodies: what is read survives being encoded again.

#![no_main]

use claimsmith::http::params::{Params, ParamsError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| match parse(body) {
    Ok(params) => {
        let read = params.into_public();
        let encoded = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&read)
            .finish();
        let again = parse(encoded.as_bytes()).expect("an encoder's output is accepted");
        assert_eq!(again.into_public(), read);
    }
    Err(error) => {
        let text = error.to_string();
        assert!(
            text.bytes()
                .all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        );
    }
});

fn parse(body: &[u8]) -> Result<Params, ParamsError> {
    Params::parse(Some("application/x-www-form-urlencoded"), body)
}
