//! Laws of the head scanner, the chunk scanner and hyper's parser together.

use claimsmith::http::wire::Violation;
use claimsmith::http::wire::chunked::ChunkScanner;
use claimsmith::http::wire::head::{Head, HeadScanner};
use proptest::prelude::*;

/// What the scanner says to the bytes when they come in pieces that end at the given places.
fn verdict(bytes: &[u8], cuts: &[usize]) -> Result<Option<Head>, Violation> {
    let mut scanner = HeadScanner::default();
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(bytes.len());
    for end in ends {
        match scanner.scan(&bytes[..end]) {
            Ok(None) => {}
            decided => return decided,
        }
    }
    Ok(None)
}

/// Heads that are nearly right: a good one with a few bytes replaced, removed or put in, by bytes that matter.
fn nearly_right_head() -> impl Strategy<Value = Vec<u8>> {
    let good = prop::sample::select(vec![
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /oauth/token?a=b%20c HTTP/1.1\r\nHost: acme.localhost:8080\r\nContent-Length: 12\r\n\r\ngrant_type=x",
        "POST /x HTTP/1.1\r\nhost: [::1]:80\r\ntransfer-encoding: chunked\r\nX-Y: z;q=\"1\"\r\n\r\n0\r\n\r\n",
        "GET http://acme/a/b?c HTTP/1.1\r\nHost: acme\r\nAccept: */*\r\nExpect: 100-continue\r\n\r\n",
        "OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ]);
    let telling = prop::sample::select(
        b"\r\n \t:\0\x7f\x80\xffaZ09/?#%*+-.,;=\"\\@[](){}<>^`|~_&'!$HTTP".to_vec(),
    );
    let edit = (any::<prop::sample::Index>(), 0..3_u8, telling);
    (good, prop::collection::vec(edit, 0..4)).prop_map(|(good, edits)| {
        let mut head = good.as_bytes().to_vec();
        for (place, kind, byte) in edits {
            let place = place.index(head.len());
            match kind {
                0 => head[place] = byte,
                1 => head.insert(place, byte),
                _ => {
                    head.remove(place);
                }
            }
        }
        head
    })
}

#[test]
fn rfc9112_7_1_2_trailer_fields_are_told_from_malformed_chunks() {
    let scan = |bytes: &[u8]| ChunkScanner::default().scan(bytes);
    assert_eq!(scan(b"0\r\nX: y\r\n\r\n"), Err(Violation::Trailer));
    assert_eq!(scan(b"0\r\n\n"), Err(Violation::Trailer));
    assert_eq!(scan(b"3\r\nabcX"), Err(Violation::Chunk));
}

#[test]
fn rfc9112_7_1_1_chunk_extensions_have_a_limit() {
    let body = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(length));
    let scan = |body: &str| ChunkScanner::default().scan(body.as_bytes());
    assert_eq!(scan(&body(256)), Ok(body(256).len()));
    assert_eq!(scan(&body(257)), Err(Violation::Chunk));
    // All chunks together, not each.
    let twice = format!("1;{}\r\nx\r\n", "e".repeat(128)).repeat(2);
    assert_eq!(scan(&format!("{twice}1;e\r\n")), Err(Violation::Chunk));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_verdict_does_not_depend_on_how_the_bytes_were_cut(
        head in nearly_right_head(),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        prop_assert_eq!(verdict(&head, &cuts), verdict(&head, &[]));
    }

    #[test]
    fn what_the_scanner_accepts_hyper_reads_in_the_same_way(head in nearly_right_head()) {
        let Ok(Some(accepted)) = verdict(&head, &[]) else {
            return Ok(());
        };
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut fields);
        let parsed = request.parse(&head);
        prop_assert_eq!(parsed, Ok(httparse::Status::Complete(accepted.bytes)));
        let target = request.path.unwrap();
        prop_assert!(target.parse::<axum::http::Uri>().is_ok(), "{}", target);
    }

    #[test]
    fn what_follows_a_head_does_not_change_it(
        head in nearly_right_head(),
        tail in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        if let Ok(Some(accepted)) = verdict(&head, &[]) {
            let mut longer = head[..accepted.bytes].to_vec();
            longer.extend(tail);
            prop_assert_eq!(verdict(&longer, &[]), Ok(Some(accepted)));
        }
    }

    #[test]
    fn a_chunked_body_ends_where_it_ends_however_it_is_cut(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        tail in prop::collection::vec(any::<u8>(), 0..20),
        pace in 1..50_usize,
    ) {
        let mut body = Vec::new();
        for chunk in &chunks {
            body.extend(format!("{:x}\r\n", chunk.len()).bytes());
            body.extend(chunk);
            body.extend(b"\r\n");
        }
        body.extend(b"0\r\n\r\n");
        let end = body.len();
        body.extend(tail);

        let mut scanner = ChunkScanner::default();
        let mut taken = 0;
        for piece in body.chunks(pace) {
            prop_assert_eq!(scanner.is_done(), taken == end);
            taken += scanner.scan(piece).unwrap();
        }
        prop_assert!(scanner.is_done());
        prop_assert_eq!(taken, end);
    }
}
