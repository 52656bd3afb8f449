//! The head scanner against itself and against hyper's parser.

#![no_main]

use claimsmith::http::wire::Violation;
use claimsmith::http::wire::head::{Head, HeadScanner, MAX_FIELDS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (usize, &[u8])| {
    let (pace, bytes) = input;
    let whole = verdict(bytes, bytes.len());
    assert_eq!(verdict(bytes, pace % 64), whole);
    if let Ok(Some(head)) = whole {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let parsed = request.parse(bytes);
        assert_eq!(parsed, Ok(httparse::Status::Complete(head.bytes)));
        let target = request.path.expect("a complete request has a target");
        assert!(target.parse::<http::Uri>().is_ok());
    }
});

fn verdict(bytes: &[u8], pace: usize) -> Result<Option<Head>, Violation> {
    let mut scanner = HeadScanner::default();
    for end in (0..bytes.len()).step_by(pace.max(1)).chain([bytes.len()]) {
        match scanner.scan(&bytes[..end]) {
            Ok(None) => {}
            decided => return decided,
        }
    }
    Ok(None)
}
