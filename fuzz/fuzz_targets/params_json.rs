//! JSON bodies: the text they hold reads the same as a form.

#![no_main]

use claimsmith::http::params::Params;
use libfuzzer_sys::fuzz_target;

fuzz_target!(
    |body: &[u8]| match Params::parse(Some("application/json"), body) {
        Ok(params) => {
            let _any_answer = params.scope();
            let read = params.into_public();
            let encoded = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&read)
                .finish();
            let form = Params::parse(
                Some("application/x-www-form-urlencoded"),
                encoded.as_bytes(),
            );
            assert_eq!(form.expect("the rules are the same").into_public(), read);
        }
        Err(error) => {
            let text = error.to_string();
            assert!(
                text.bytes()
                    .all(|byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            );
        }
    }
);
