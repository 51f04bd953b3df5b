//! Clients that hold a connection and do nothing with it: each is disconnected in time, and others
//! are served meanwhile.

#![cfg(test)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::{get, post};
use futures::future::join_all;
use serve::ServeLimits;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const HEAD: Duration = Duration::from_millis(600);
const IDLE: Duration = Duration::from_millis(900);
const STALL: Duration = Duration::from_millis(700);
/// Tolerance for a busy machine.
const SLACK: Duration = Duration::from_secs(8);

fn limits() -> ServeLimits {
    ServeLimits {
        connections: 2000,
        per_address: None,
        head: HEAD,
        idle: IDLE,
        stall: STALL,
        taking: Duration::from_millis(800),
        ..ServeLimits::default()
    }
}

async fn start(limits: ServeLimits) -> SocketAddr {
    serve::raise_descriptor_limit().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/", get(|| async { "here" }))
        .route(
            "/slow",
            get(|| async { tokio::time::sleep(Duration::from_secs(3)).await }),
        )
        .route("/much", get(|| async { vec![0_u8; 64 << 20] }))
        .route(
            "/",
            post(|body: Bytes| async move { body.len().to_string() }),
        );
    tokio::spawn(limits.serve(listener, router, std::future::pending()));
    address
}

async fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Reads the server's output until it closes the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = vec![];
    // A reset ends the connection as well.
    let _ = timeout(Duration::from_secs(30), stream.read_to_end(&mut text))
        .await
        .expect("the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}

const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

#[track_caller]
fn assert_answered(text: &str) {
    assert!(
        text.starts_with("HTTP/1.1 200") && text.ends_with("here"),
        "{text}"
    );
}

#[tokio::test]
async fn hundreds_that_do_nothing_are_given_up_in_their_time() {
    let address = start(limits()).await;
    let kinds: [&[u8]; 4] = [
        b"",
        b"GET / HTTP/1.1\r\nhost: a\r\nx-half: ",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nhalf",
    ];
    let began = Instant::now();
    let mut open = Vec::new();
    for number in 0..800 {
        // One after the other: connections that overflow the kernel's queue are not open on this
        // side.
        open.push(send(address, kinds[number % 4]).await);
    }
    assert_answered(&rest(send(address, ASK).await).await);
    let patience = |stream| async { timeout(IDLE + SLACK, rest(stream)).await };
    let ended = join_all(open.into_iter().map(patience)).await;
    let stay: Vec<usize> = (0..4)
        .map(|kind| {
            ended
                .iter()
                .skip(kind)
                .step_by(4)
                .filter(|it| it.is_err())
                .count()
        })
        .collect();
    assert_eq!(stay, [0; 4], "so many of each kind stay open");
    let ended: Vec<String> = ended.into_iter().flatten().collect();
    let longest = began.elapsed();
    assert!(longest >= STALL, "{longest:?}");
    for (number, text) in ended.iter().enumerate() {
        match number % 4 {
            0 | 1 => assert_eq!(text, "", "nothing was asked"),
            2 => assert!(text.starts_with("HTTP/1.1 200"), "{text}"),
            _ => assert!(text.starts_with("HTTP/1.1 408"), "{text}"),
        }
    }
}

#[tokio::test]
async fn a_head_that_drips_has_one_deadline() {
    let address = start(limits()).await;
    let mut stream = send(address, b"GET / HTTP/1.1\r\nx: ").await;
    let began = Instant::now();
    while stream.write_all(b"a").await.is_ok() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            began.elapsed() < HEAD + SLACK,
            "every byte bought more time"
        );
    }
}

#[tokio::test]
async fn an_unread_response_is_aborted_and_a_slow_handler_is_not() {
    let address = start(limits()).await;
    let slow = tokio::spawn(rest(
        send(
            address,
            b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        )
        .await,
    ));
    let stream = send(address, b"GET /much HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let taken = rest(stream).await.len();
    assert!(
        taken < 64 << 20,
        "the answer waited for its reader: {taken}"
    );
    assert!(slow.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_new_connection_takes_the_place_of_an_idle_one() {
    let long = Duration::from_secs(60);
    let address = start(ServeLimits {
        connections: 20,
        head: long,
        idle: long,
        ..limits()
    })
    .await;
    let open = join_all((0..20).map(|_| send(address, b""))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..30 {
        let answer = timeout(SLACK, async { rest(send(address, ASK).await).await }).await;
        assert_answered(&answer.expect("no response was received"));
    }
    drop(open);
}

#[tokio::test]
async fn an_answer_that_is_being_made_keeps_its_place() {
    let address = start(ServeLimits {
        connections: 2,
        ..limits()
    })
    .await;
    let slow = b"GET /slow HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let busy = [
        tokio::spawn(rest(send(address, slow).await)),
        tokio::spawn(rest(send(address, slow).await)),
    ];
    tokio::time::sleep(Duration::from_millis(300)).await;
    // It waits, and is answered.
    assert_answered(
        &timeout(SLACK, rest(send(address, ASK).await))
            .await
            .unwrap(),
    );
    for one in busy {
        assert!(one.await.unwrap().starts_with("HTTP/1.1 200"));
    }
}
