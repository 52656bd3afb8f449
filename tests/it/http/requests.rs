//! What the wire lets through and what it refuses, one rule a test, each over a real connection.

use claimsmith::http::accept::ConnectionLimits;

use super::server::Server;

/// The answer to a refused request: the status, an OAuth error, and the end of the connection.
async fn refused(request: impl AsRef<[u8]>, status: &str, description: &str) {
    let answer = Server::start().await.answer(request).await;
    let body = format!("{{\"error\":\"invalid_request\",\"error_description\":\"{description}\"}}");
    let expected = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\npragma: no-cache\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    );
    assert_eq!(answer, expected);
}

async fn accepted(request: impl AsRef<[u8]>) -> String {
    let answer = Server::start().await.answer(request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

const BAD: &str = "400 Bad Request";

#[tokio::test]
async fn rfc9112_6_3_content_length_beside_transfer_encoding_is_refused() {
    refused(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
        "the request has both Content-Length and Transfer-Encoding",
    )
    .await;
}

#[tokio::test]
async fn rfc9112_6_3_two_content_lengths_are_refused_even_if_equal() {
    for second in ["4", "5"] {
        refused(
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: {second}\r\n\r\nabcd"),
            BAD,
            "the Content-Length header field is repeated",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9110_8_6_a_content_length_that_is_not_digits_is_refused() {
    for length in ["+4", "-4", "4, 4", "0x4", "4 4", "", "1234567890123456789"] {
        refused(
            format!("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabcd"),
            BAD,
            "the Content-Length header field is not a decimal number",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9112_6_1_a_transfer_coding_other_than_chunked_is_refused() {
    for coding in [
        "xchunked",
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "\"chunked\"",
        "",
    ] {
        refused(
            format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
            ),
            "501 Not Implemented",
            "the only transfer coding this server reads is `chunked`",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9112_6_1_two_transfer_encoding_fields_are_refused() {
    refused(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
        "the Transfer-Encoding header field is repeated",
    )
    .await;
}

#[tokio::test]
async fn rfc9112_6_1_transfer_encoding_in_http_1_0_is_refused() {
    refused(
        "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
        "an HTTP/1.0 request must not use Transfer-Encoding",
    )
    .await;
}

#[tokio::test]
async fn rfc9112_3_2_no_host_and_two_hosts_are_refused() {
    refused(
        "GET / HTTP/1.1\r\n\r\n",
        BAD,
        "the Host header field is missing",
    )
    .await;
    refused(
        "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        BAD,
        "the Host header field is repeated",
    )
    .await;
}

#[tokio::test]
async fn rfc9110_7_2_an_empty_or_malformed_host_is_refused() {
    for host in [
        "", "a b", "a/b", "user@a", "a,b", "a:", "a:x", "a:+80", "a:65536", "a%2eb", "a..b",
        "[::1", "[a]", "::1", "[::1]x", "ä",
    ] {
        refused(
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            BAD,
            "the Host header field is not a host name with an optional port",
        )
        .await;
    }
}

#[tokio::test]
async fn host_names_addresses_and_ports_are_accepted() {
    for host in [
        "acme.localhost:8080",
        "ACME.example.",
        "127.0.0.1",
        "[::1]:8080",
        "a_b-c",
    ] {
        accepted(format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ))
        .await;
    }
}

#[tokio::test]
async fn rfc9112_3_2_2_an_absolute_target_must_agree_with_host() {
    refused(
        "GET http://other/ HTTP/1.1\r\nHost: acme\r\n\r\n",
        BAD,
        "the Host header field and the request target name different hosts",
    )
    .await;
    for target in ["http://ACME/", "https://acme", "http://acme?q=1"] {
        accepted(format!(
            "GET {target} HTTP/1.1\r\nHost: acme\r\nConnection: close\r\n\r\n"
        ))
        .await;
    }
}

#[tokio::test]
async fn rfc9112_3_2_a_target_with_raw_or_ambiguous_bytes_is_refused() {
    for target in [
        "/a#b",
        "/ä",
        "/a\\b",
        "/a\"b",
        "/%zz",
        "/%4",
        "a",
        "ftp://a/",
        "http://",
        "http:///",
        "a:80",
        "*",
        "http://u@a/",
        "\t/",
    ] {
        refused(
            format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
            BAD,
            "the request target is not a path, an http or https URL, or `*` for OPTIONS",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9112_3_a_request_line_with_other_than_three_words_is_refused() {
    for line in [
        "GET / ",
        "GET /",
        "GET  / HTTP/1.1",
        "GET / x HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / http/1.1",
        "GET / HTTP/1.10",
        "G(T / HTTP/1.1",
    ] {
        refused(
            format!("{line}\r\nHost: a\r\n\r\n"),
            BAD,
            "the request line is not `method target version`, separated by single spaces",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9110_15_6_6_other_http_versions_are_refused() {
    for line in ["GET / HTTP/0.9", "GET / HTTP/1.2", "PRI * HTTP/2.0"] {
        refused(
            format!("{line}\r\nHost: a\r\n\r\n"),
            "505 HTTP Version Not Supported",
            "the HTTP version must be 1.1 or 1.0",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9110_9_3_trace_and_connect_are_refused() {
    for line in ["TRACE / HTTP/1.1", "CONNECT a:80 HTTP/1.1"] {
        refused(
            format!("{line}\r\nHost: a:80\r\n\r\n"),
            "501 Not Implemented",
            "the request method is not known to this server",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9112_2_2_a_bare_lf_is_refused() {
    for request in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
    ] {
        refused(
            request,
            BAD,
            "a line of the request head ends in LF without CR",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9112_2_2_a_bare_cr_is_refused() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        refused(
            request,
            BAD,
            "the request head holds a CR that does not end a line",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9110_5_5_nul_and_other_controls_in_the_head_are_refused() {
    for byte in ["\0", "\x01", "\x0b", "\x7f"] {
        refused(
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {byte}\r\n\r\n"),
            BAD,
            "the request head holds a control character",
        )
        .await;
    }
}

#[tokio::test]
async fn a_tls_handshake_on_the_plain_port_is_refused_at_its_first_byte() {
    refused(
        b"\x16\x03\x01",
        BAD,
        "the request head holds a control character",
    )
    .await;
}

#[tokio::test]
async fn rfc9112_5_2_a_folded_field_is_refused() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\n\tHost: a\r\n\r\n",
    ] {
        refused(request, BAD, "a header field is continued on a second line").await;
    }
}

#[tokio::test]
async fn rfc9112_5_1_whitespace_before_the_colon_is_refused() {
    for field in ["Content-Length : 4", "Host\t: b"] {
        refused(
            format!("POST / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\nabcd"),
            BAD,
            "a header field has whitespace before its colon",
        )
        .await;
    }
}

#[tokio::test]
async fn rfc9110_5_1_a_field_name_that_is_no_token_is_refused() {
    for field in [": b", "X(Y): b", "Ä: b", "X Y: b", "X\"Y: b"] {
        refused(
            format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"),
            BAD,
            "a header field name is empty or holds a character that is not allowed there",
        )
        .await;
    }
    refused(
        "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
        BAD,
        "a header field has no colon",
    )
    .await;
}

/// A request whose head has exactly so many bytes.
fn head_of(bytes: usize) -> String {
    let frame = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \r\n\r\n";
    frame.replace("X: ", &format!("X: {}", "x".repeat(bytes - frame.len())))
}

#[tokio::test]
async fn a_head_of_16_kib_is_accepted() {
    accepted(head_of(16 * 1024)).await;
}

#[tokio::test]
async fn rfc6585_5_a_head_beyond_16_kib_is_refused() {
    refused(
        head_of(16 * 1024 + 1),
        "431 Request Header Fields Too Large",
        "the request head is larger than 16 KiB",
    )
    .await;
}

/// A request with exactly so many header fields.
fn fields(count: usize) -> String {
    let more = "X: y\r\n".repeat(count - 2);
    format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n")
}

#[tokio::test]
async fn sixty_four_fields_are_accepted() {
    accepted(fields(64)).await;
}

#[tokio::test]
async fn rfc6585_5_a_sixty_fifth_field_is_refused() {
    refused(
        fields(65),
        "431 Request Header Fields Too Large",
        "the request has more than 64 header fields",
    )
    .await;
}

#[tokio::test]
async fn rfc9110_15_5_14_a_declared_body_beyond_the_limit_is_refused_before_it_is_sent() {
    refused(
        format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            ConnectionLimits::default().declared_body_bytes + 1
        ),
        "413 Payload Too Large",
        "the request body is too large",
    )
    .await;
}

#[tokio::test]
async fn a_client_that_sends_a_refused_body_all_the_same_still_reads_the_answer() {
    let body = "x".repeat(128 * 1024);
    refused(
        format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}",
            ConnectionLimits::default().declared_body_bytes + 1
        ),
        "413 Payload Too Large",
        "the request body is too large",
    )
    .await;
}

#[tokio::test]
async fn a_body_of_64_kib_is_read_whole() {
    let body = "x".repeat(64 * 1024);
    let answer = accepted(format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
    .await;
    assert!(answer.ends_with(&format!("\r\n\r\n{body}")));
}

#[tokio::test]
async fn a_chunked_body_beyond_64_kib_is_refused_by_the_reader_and_the_answer_arrives() {
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000)).repeat(5);
    let answer = Server::start()
        .await
        .answer(format!(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        ))
        .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn rfc9112_7_1_a_chunked_body_is_read_extensions_and_all() {
    let answer = accepted(
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n\
         3\r\nabc\r\n0A;name=\"value\"\r\n0123456789\r\n00\r\n\r\n",
    )
    .await;
    assert!(answer.ends_with("\r\n\r\nabc0123456789"), "{answer}");
}

#[tokio::test]
async fn rfc9112_7_1_malformed_chunks_break_the_body_and_end_the_connection() {
    for chunks in [
        "+3\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "00000000\r\n\r\n",
        "fffffffffffffffff\r\n",
        "0\r\nX-Trailer: y\r\n\r\n",
        "0\r\n\n",
    ] {
        let answer = Server::start()
            .await
            .answer(format!(
                "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            ))
            .await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{chunks:?}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(
            answer.ends_with("the request body is cut short or malformed"),
            "{chunks:?}: {answer}"
        );
    }
}

#[tokio::test]
async fn rfc9112_8_a_head_cut_short_is_refused() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost").await;
    client.close_sending().await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("the request head is incomplete"),
        "{answer}"
    );
}

#[tokio::test]
async fn rfc9112_8_a_body_cut_short_is_refused() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc")
        .await;
    client.close_sending().await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_client_may_stop_sending_and_still_read_the_answer() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.close_sending().await;
    assert!(client.rest().await.ends_with("\r\n\r\n127.0.0.1"));
}

#[tokio::test]
async fn rfc9112_2_2_one_blank_line_before_a_request_is_ignored_and_a_second_is_not() {
    accepted("\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    refused(
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        BAD,
        "the request line is not `method target version`, separated by single spaces",
    )
    .await;
}

#[tokio::test]
async fn http_1_0_needs_no_host() {
    let answer = Server::start().await.answer("GET / HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn rfc9112_3_2_4_options_may_ask_about_the_whole_server() {
    let answer = Server::start()
        .await
        .answer("OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn rfc9110_10_1_1_a_client_that_expects_100_continue_gets_it_before_it_sends() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        .await;
    let interim = client.until("\r\n\r\n").await;
    assert_eq!(interim, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abcd").await;
    let answer = client.until("abcd").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn rfc9112_9_3_2_pipelined_requests_are_answered_in_order() {
    let answer = accepted(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst\
         POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n\
         POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthird",
    )
    .await;
    let places = ["first", "second", "third"].map(|body| answer.find(body).unwrap());
    assert!(places.is_sorted(), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 3);
}

#[tokio::test]
async fn a_refused_request_does_not_take_the_answers_before_it_along() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client
        .send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n")
        .await;
    server.pass_gate().await;
    let answer = client.rest().await;
    let (first, second) = answer.split_once("gate passed").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        second.starts_with("HTTP/1.1 400 Bad Request\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_refusal_waits_for_a_large_answer_that_the_client_is_slow_to_read() {
    let unread = "x".repeat(6000);
    for large in [
        "GET /large HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        // A body of two packets: hyper drains the second one, and reads on, while the answer is still leaving.
        format!("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 6000\r\n\r\n{unread}"),
    ] {
        let server = Server::start().await;
        let mut client = server.connect().await;
        client.send(format!("{large}GET / HTTP/1.1\r\n\r\n")).await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.contains("content-length: 8388608\r\n"), "{head}");
        let rest = client.rest().await;
        let (body, refusal) = rest.split_at(8 << 20);
        assert!(body.bytes().all(|byte| byte == b'x'));
        assert!(
            refusal.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{refusal}"
        );
    }
}

#[tokio::test]
async fn a_body_that_no_handler_reads_is_never_taken_for_a_request() {
    let smuggled = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = Server::start()
        .await
        .answer(format!(
            "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{smuggled}GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            smuggled.len()
        ))
        .await;
    assert!(answer.contains("not read"), "{answer}");
    assert!(!answer.contains("127.0.0.1"), "{answer}");
}
