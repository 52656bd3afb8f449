//! How many connections there may be, how long they may take, and how they end.

use std::time::Duration;

use claimsmith::http::accept::ConnectionLimits;

use super::server::{Server, patient, within};

const SOON: Duration = Duration::from_millis(200);

fn short_head() -> ConnectionLimits {
    ConnectionLimits {
        head_timeout: SOON,
        ..patient()
    }
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_sent_is_closed_without_a_word() {
    let server = Server::with(short_head()).await;
    assert_eq!(server.connect().await.rest().await, "");
}

#[tokio::test]
async fn a_head_that_takes_too_long_is_answered_with_408() {
    let server = Server::with(short_head()).await;
    let answer = server.answer("GET / HTTP/1.1\r\nHost: a\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("connection: close\r\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_trickles_in_is_cut_off_all_the_same() {
    let server = Server::with(short_head()).await;
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ").await;
    let (mut reader, mut writer) = client.split();
    let trickle = async {
        let mut pace = tokio::time::interval(SOON / 10);
        while writer.try_send("x").await {
            pace.tick().await;
        }
    };
    let answer = tokio::select! {
        answer = reader.rest() => answer,
        () = trickle => reader.rest().await,
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_pipelined_head_has_its_own_time() {
    let server = Server::with(short_head()).await;
    let mut client = server.connect().await;
    // By the time a later client has been answered, the clock of the first head runs. The second must not inherit it.
    settled(&server).await;
    client
        .send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\nGET /")
        .await;
    server.gate_is_entered().await;
    tokio::time::sleep(SOON).await;
    let begun = std::time::Instant::now();
    server.open_gate();
    let answer = client.rest().await;
    assert!(answer.contains("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed() >= SOON, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_answered_by_its_reader_and_ends_the_connection() {
    let limits = ConnectionLimits {
        body_timeout: SOON,
        ..patient()
    };
    let answer = Server::with(limits)
        .await
        .answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabc")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("the request body took too long to arrive"));
}

#[tokio::test]
async fn a_connection_left_idle_after_a_request_is_closed() {
    let limits = ConnectionLimits {
        idle_timeout: SOON,
        ..patient()
    };
    let answer = Server::with(limits)
        .await
        .answer("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(answer.ends_with("\r\n\r\n127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn the_idle_time_does_not_run_while_a_handler_works() {
    let limits = ConnectionLimits {
        idle_timeout: Duration::ZERO,
        ..patient()
    };
    let server = Server::with(limits).await;
    let mut client = server.connect().await;
    client.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.pass_gate().await;
    assert!(client.rest().await.ends_with("gate passed"));
}

#[tokio::test]
async fn a_peer_that_does_not_take_its_answer_loses_the_connection() {
    let limits = ConnectionLimits {
        connections: 1,
        write_timeout: SOON,
        ..patient()
    };
    let server = Server::with(limits).await;
    let mut stalled = server.connect().await;
    stalled.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    stalled.until("\r\n\r\n").await;
    // The one place is free again as soon as the server has given up on the first client.
    within(async { while !is_served(&server).await {} }).await;
    drop(stalled);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_answered_with_503() {
    let limits = ConnectionLimits {
        handler_timeout: SOON,
        ..patient()
    };
    let answer = Server::with(limits)
        .await
        .answer("GET /hang HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(
        answer.contains("{\"error\":\"temporarily_unavailable\","),
        "{answer}"
    );
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_with_500_and_the_server_goes_on() {
    let server = Server::start().await;
    let answer = server
        .answer("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\ncache-control: no-store\r\n"),
        "{answer}"
    );
    assert!(
        answer.ends_with(
            "{\"error\":\"server_error\",\"error_description\":\"the server failed to answer this request\"}"
        ),
        "{answer}"
    );
    assert!(!answer.contains("on purpose"), "{answer}");
    assert!(is_served(&server).await);
}

async fn is_served(server: &Server) -> bool {
    let mut client = server.connect().await;
    // A connection that is turned away may be closed before the request is out.
    let sent = client
        .try_send("GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await;
    sent && client.rest().await.ends_with("127.0.0.1")
}

async fn is_turned_away(server: &Server) {
    let answer = server.connect().await.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(
        answer.contains("{\"error\":\"temporarily_unavailable\","),
        "{answer}"
    );
}

/// A client that certainly has its place: the server has answered it.
async fn settled(server: &Server) -> super::server::Client {
    let mut client = server.connect().await;
    client.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client.until("127.0.0.1").await;
    client
}

#[tokio::test]
async fn connections_up_to_the_cap_are_served_and_one_more_is_turned_away() {
    let limits = ConnectionLimits {
        connections: 2,
        ..patient()
    };
    let server = Server::with(limits).await;
    let first = settled(&server).await;
    let second = settled(&server).await;
    is_turned_away(&server).await;
    drop(first);
    within(async { while !is_served(&server).await {} }).await;
    drop(second);
}

#[tokio::test]
async fn connections_of_one_address_are_capped_by_themselves() {
    let limits = ConnectionLimits {
        connections_per_address: 1,
        ..patient()
    };
    let server = Server::with(limits).await;
    let _first = settled(&server).await;
    is_turned_away(&server).await;
}

#[tokio::test]
async fn a_stopping_server_answers_what_it_has_begun_and_takes_nothing_new() {
    let mut server = Server::start().await;
    let mut idle = settled(&server).await;
    // Accepted before the next one, whose request is known to have arrived.
    let mut silent = server.connect().await;
    let mut busy = server.connect().await;
    busy.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.gate_is_entered().await;

    server.begin_stop();
    server.refuses_connections().await;
    assert_eq!(idle.rest().await, "");
    assert_eq!(silent.rest().await, "");
    server.open_gate();
    let answer = busy.rest().await;
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.ends_with("gate passed"), "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_ever() {
    let limits = ConnectionLimits {
        drain_timeout: SOON,
        ..patient()
    };
    let mut server = Server::with(limits).await;
    let mut busy = server.connect().await;
    busy.send("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n").await;
    server.gate_is_entered().await;
    server.begin_stop();
    server.stopped().await;
}
