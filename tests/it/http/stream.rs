//! `StrictStream` by itself, over a pipe.

use std::time::Duration;

use claimsmith::http::wire::{StreamLimits, StrictStream, Violation};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LIMITS: StreamLimits = StreamLimits {
    head_timeout: Duration::from_secs(20),
    body_timeout: Duration::from_secs(20),
    idle_timeout: Duration::from_secs(20),
    write_timeout: Duration::from_secs(20),
    declared_body_bytes: 100,
};

/// What hyper would see of the bytes when they come in pieces of the given size, and why it saw no more.
fn seen(bytes: &[u8], pace: usize) -> (Vec<u8>, Option<Violation>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut peer, socket) = tokio::io::duplex(pace);
        let mut stream = StrictStream::new(socket, LIMITS);
        let mut seen = Vec::new();
        let send = async {
            // The reader stops at a violation and drops nothing, so only the last piece may stay unsent.
            let _ = peer.write_all(bytes).await;
            drop(peer);
        };
        tokio::select! {
            biased;
            result = stream.read_to_end(&mut seen) => drop(result),
            () = async { send.await; std::future::pending().await } => {}
        }
        (seen, stream.refusal())
    })
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..100);
    (body, any::<bool>()).prop_map(|(body, chunked)| {
        let mut request = b"POST /x HTTP/1.1\r\nHost: a\r\n".to_vec();
        if chunked {
            request.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in body.chunks(7) {
                request.extend(format!("{:X}\r\n", chunk.len()).bytes());
                request.extend(chunk);
                request.extend(b"\r\n");
            }
            request.extend(b"0\r\n\r\n");
        } else {
            request.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
            request.extend(body);
        }
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn good_requests_pass_unchanged_and_the_first_bad_head_stops_everything(
        good in prop::collection::vec(request(), 0..4),
        pace in 1..200_usize,
    ) {
        let good = good.concat();
        prop_assert_eq!(seen(&good, pace), (good.clone(), None));

        let mut bad = good.clone();
        bad.extend(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
        prop_assert_eq!(seen(&bad, pace), (good, Some(Violation::HostRepeated)));
    }
}

#[test]
fn a_length_up_to_the_limit_passes_and_one_more_is_refused_with_nothing_shown() {
    let request =
        |length| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let obeyed = request(100).into_bytes();
    assert_eq!(seen(&obeyed, 64).0, obeyed);
    let violated = request(101).into_bytes();
    assert_eq!(
        seen(&violated, 64),
        (Vec::new(), Some(Violation::BodyTooLarge))
    );
}
