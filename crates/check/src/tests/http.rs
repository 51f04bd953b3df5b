//! Checks over HTTP: types, encodings, secrets, servers that misbehave.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};

use super::build::good;
use super::*;

/// The behaviour of a server.
#[derive(Clone, Default)]
struct Manners {
    playlist_type: Option<&'static str>,
    segment_type: Option<&'static str>,
    gzip: bool,
    ignores_ranges: bool,
    /// Parts of paths that it answers with 403.
    refuses: &'static str,
}

async fn serve(State(manners): State<Arc<Manners>>, request: Request) -> Response<Body> {
    let path = request
        .uri()
        .path()
        .trim_start_matches('/')
        .trim_start_matches("s/pass/");
    if !manners.refuses.is_empty() && path.contains(manners.refuses) {
        return Response::builder()
            .status(StatusCode::FORBIDDEN)
            .body(Body::empty())
            .unwrap();
    }
    let Ok(mut bytes) = std::fs::read(good().join(path)) else {
        return Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(Body::empty())
            .unwrap();
    };
    let mut response = Response::builder();
    let playlist = path.ends_with(".m3u8");
    let kind = if playlist {
        manners.playlist_type
    } else {
        manners.segment_type
    };
    if let Some(kind) = kind {
        response = response.header(header::CONTENT_TYPE, kind);
    }
    let accepts = request
        .headers()
        .get(header::ACCEPT_ENCODING)
        .is_some_and(|it| it == "gzip");
    if playlist && manners.gzip && accepts {
        let mut encoder = flate2::read::GzEncoder::new(&bytes[..], flate2::Compression::default());
        let mut packed = vec![];
        std::io::Read::read_to_end(&mut encoder, &mut packed).unwrap();
        bytes = packed;
        response = response.header(header::CONTENT_ENCODING, "gzip");
    }
    let range = request
        .headers()
        .get(header::RANGE)
        .map(|it| it.to_str().unwrap().to_owned());
    if let Some(range) = range.filter(|_| !manners.ignores_ranges) {
        let (start, end) = range["bytes=".len()..].split_once('-').unwrap();
        let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
        response = response.status(StatusCode::PARTIAL_CONTENT);
        bytes = bytes[start..=end].to_vec();
    }
    response.body(Body::from(bytes)).unwrap()
}

async fn check_served(manners: Manners, path: &str) -> Report {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(serve).with_state(Arc::new(manners));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let target: Target = format!("http://user:secret@{address}/{path}?grant=secret")
        .parse()
        .unwrap();
    let report = run(&target, &Options::default(), &|_| {}).await.unwrap();
    server.abort();
    report
}

fn polite() -> Manners {
    Manners {
        playlist_type: Some("application/vnd.apple.mpegurl"),
        segment_type: Some("video/MP2T"),
        gzip: true,
        ..Manners::default()
    }
}

#[tokio::test]
async fn a_polite_server_passes_and_no_secret_is_reported() {
    let report = check_served(polite(), "s/pass/master.m3u8").await;
    assert!(report.ok, "{}", listing(&report));
    assert_eq!(
        broken(&report, Level::Should),
        [] as [&str; 0],
        "{}",
        listing(&report)
    );
    assert_eq!(report.checked.segments, 27);
    assert!(!serde_json::to_string(&report).unwrap().contains("secret"));
}

#[tokio::test]
async fn wrong_types_and_missing_gzip_are_found() {
    let manners = Manners {
        playlist_type: Some("text/plain; charset=utf-8"),
        segment_type: Some("application/octet-stream"),
        ..Manners::default()
    };
    let report = check_served(manners, "master.m3u8").await;
    assert_eq!(
        broken(&report, Level::Must),
        ["Apple-10.4"],
        "{}",
        listing(&report)
    );
    assert_eq!(
        broken(&report, Level::Should),
        ["Apple-10.1"],
        "{}",
        listing(&report)
    );
}

#[tokio::test]
async fn a_server_that_ignores_ranges_is_read_all_the_same() {
    let report = check_served(
        Manners {
            ignores_ranges: true,
            ..polite()
        },
        "master.m3u8",
    )
    .await;
    assert!(report.ok, "{}", listing(&report));
}

#[tokio::test]
async fn refused_keys_are_named_as_such() {
    let report = check_served(
        Manners {
            refuses: "keys/90p",
            ..polite()
        },
        "master.m3u8",
    )
    .await;
    assert_eq!(
        broken(&report, Level::Must),
        ["RFC8216-5.1"],
        "{}",
        listing(&report)
    );
    assert!(
        listing(&report).contains("the server responded with 403"),
        "{}",
        listing(&report)
    );
}

#[tokio::test]
async fn an_unreachable_target_is_an_error_without_its_secrets() {
    let target: Target = "http://user:secret@127.0.0.1:9/master.m3u8?grant=secret"
        .parse()
        .unwrap();
    let error = run(&target, &Options::default(), &|_| {})
        .await
        .unwrap_err();
    let text = format!("{error}: {}", std::error::Error::source(&error).unwrap());
    assert!(
        !text.contains("secret") && text.contains("cannot be reached"),
        "{text}"
    );
}
