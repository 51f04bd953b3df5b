use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use platform::secret::Secret;
use serde_json::{Value, json};
use testkit::{MuxStandIn, ServiceTrouble, StreamStandIn};
use tokio::net::TcpListener;

use super::*;

fn mux(stand_in: &MuxStandIn, include_drm: bool) -> Service {
    let (id, secret) = (MuxStandIn::TOKEN_ID, MuxStandIn::TOKEN_SECRET);
    let url = Some(stand_in.url.as_str());
    Service::Mux(Mux::new(Secret::new(id), Secret::new(secret), url, include_drm).unwrap())
}

fn stream(stand_in: &StreamStandIn, token: &str) -> Service {
    let account = Secret::new(StreamStandIn::ACCOUNT);
    let url = Some(stand_in.url.as_str());
    Service::Stream(Stream::new(&account, Secret::new(token), url).unwrap())
}

/// The ids of assets with the reasons why they cannot be imported.
fn problems(listed: &[Listed]) -> Vec<(&str, &str)> {
    let problems = listed.iter().map(|it| {
        let problem = it.unavailable.as_deref().unwrap_or_default();
        (&it.asset.id[..4], problem)
    });
    problems.collect()
}

/// Looks at a file until it is ready. Returns its URL and the number of looks.
async fn ready(service: &Service, asset: &Asset) -> (String, u32) {
    for looks in 1..10 {
        match service.original(asset).await.unwrap() {
            Original::Ready(url) => return (url.into_exposed(), looks),
            Original::Preparing => {}
            Original::Unavailable(why) => panic!("{why}"),
        }
    }
    panic!("it is never ready")
}

async fn unavailable(service: &Service, asset: &Asset) -> String {
    match service.original(asset).await.unwrap() {
        Original::Unavailable(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn mux_lists_all_pages() {
    let stand_in = MuxStandIn::start(vec![]).await;
    let service = mux(&stand_in, false);
    let listed = service.list().await.unwrap();
    let found = problems(&listed);
    assert_eq!(found.len(), 6);
    assert_eq!(found[..2], [("8jd7", ""), ("lJ4b", "")]);
    assert_eq!(
        found[5],
        ("lost", ""),
        "only a request for its master says so"
    );
    for (position, says) in [
        (2, "only with DRM"),
        (3, "The input file was corrupt or invalid."),
        (4, "a live stream that has not ended"),
    ] {
        let problem = found[position].1;
        assert!(
            problem.starts_with("Mux: asset ") && problem.contains(says),
            "{problem}"
        );
    }
    let first = &listed[0].asset;
    assert_eq!(service.external_id(first), format!("mux:{}", first.id));
    assert_eq!(first.title.as_deref(), Some("Lesson 1: groups"));
    assert_eq!(first.creator.as_deref(), Some("acme"));
    assert_eq!(first.created_at.as_deref(), Some("2021-01-05T17:52:32Z"));
    assert_eq!(first.seconds, Some(734.25));
    assert_eq!(first.playback_ids.len(), 2);
    assert_eq!(first.metadata["mux"]["passthrough"], "course-7");
    assert_eq!(first.metadata["mux"]["external_id"], "lesson-1");
    let second = &listed[1].asset;
    assert_eq!(second.title.as_deref(), Some("trailer"), "the passthrough");

    let with_drm = mux(&stand_in, true).list().await.unwrap();
    assert_eq!(problems(&with_drm)[2], ("drmM", ""));
}

#[tokio::test]
async fn mux_prepares_masters() {
    let stand_in = MuxStandIn::start(vec![]).await;
    let service = mux(&stand_in, false);
    let listed = service.list().await.unwrap();
    let (url, looks) = ready(&service, &listed[0].asset).await;
    assert!(url.contains(MuxStandIn::URL_SECRET), "{url}");
    assert!(looks > 1, "the first request only enables access");
    let again = ready(&service, &listed[0].asset).await;
    assert_eq!(again, (url, 1), "access is still enabled");
    stand_in.pass_a_day();
    assert!(ready(&service, &listed[0].asset).await.1 > 1);

    let why = unavailable(&service, &listed[5].asset).await;
    assert!(
        why.contains("has no master: 400") && why.contains("Master access is not available"),
        "{why}"
    );
    let gone = Asset {
        id: "gone".to_owned(),
        ..Asset::default()
    };
    let why = unavailable(&service, &gone).await;
    assert_eq!(why, "Mux: asset gone was deleted");
    let puts = stand_in.requests();
    let puts = puts.iter().filter(|it| it.starts_with("PUT")).count();
    assert_eq!(
        puts, 3,
        "once a day, not again while access lasts; and the refused one"
    );
}

#[tokio::test]
async fn stream_lists_all_pages_once() {
    let stand_in = StreamStandIn::start(vec![]).await;
    let service = stream(&stand_in, StreamStandIn::TOKEN);
    let listed = service.list().await.unwrap();
    let found = problems(&listed);
    let ids: Vec<_> = found.iter().map(|it| it.0).collect();
    assert_eq!(ids, ["ea95", "6b9e", "5d5b", "fc0a", "144c"]);
    for (position, says) in [
        (2, "not recognized as a valid video"),
        (3, "a live recording that has not ended"),
    ] {
        let problem = found[position].1;
        assert!(
            problem.starts_with("Cloudflare Stream: video ") && problem.contains(says),
            "{problem}"
        );
    }
    let first = &listed[0];
    assert_eq!(first.size, 4_190_963);
    assert_eq!(listed[2].size, 0, "-1: unknown");
    assert_eq!(listed[2].asset.seconds, None);
    assert_eq!(first.asset.title.as_deref(), Some("video12345.mp4"));
    assert_eq!(
        first.asset.creator.as_deref(),
        Some("creator-id_abcde12345")
    );
    assert_eq!(first.asset.playback_ids.concat(), first.asset.id);
    assert_eq!(first.asset.metadata["stream"]["meta"]["course"], "algebra");
    assert!(!first.asset.is_signed && listed[1].asset.is_signed);
}

#[tokio::test]
async fn stream_prepares_downloads() {
    let stand_in = StreamStandIn::start(vec![]).await;
    let service = stream(&stand_in, StreamStandIn::TOKEN);
    let listed = service.list().await.unwrap();
    let (url, looks) = ready(&service, &listed[0].asset).await;
    assert!(url.contains(&listed[0].asset.id) && looks > 1, "{url}");
    let (url, _) = ready(&service, &listed[1].asset).await;
    assert!(
        url.contains(StreamStandIn::URL_SECRET) && !url.contains(&listed[1].asset.id),
        "a token takes the place of the id: {url}"
    );
    let why = unavailable(&service, &listed[4].asset).await;
    assert!(
        why.contains("144c9defac04969c7bfad8efaa8ea194") && why.contains("not allowed"),
        "{why}"
    );
    let posts = stand_in.requests();
    let posts = posts.iter().filter(|it| it.starts_with("POST"));
    assert_eq!(
        posts.count(),
        4,
        "three downloads, of which one is refused, and a token"
    );
}

#[tokio::test]
async fn services_in_trouble_are_asked_again() {
    let stand_in = MuxStandIn::start(vec![]).await;
    let service = mux(&stand_in, false);
    for trouble in [
        ServiceTrouble::TooManyRequests(1),
        ServiceTrouble::Unavailable(1),
    ] {
        stand_in.set_trouble(trouble);
        let began = Instant::now();
        assert_eq!(service.list().await.unwrap().len(), 6, "{trouble:?}");
        let pause = began.elapsed();
        assert!(pause >= Duration::from_secs(1), "Retry-After: {pause:?}");
    }
    stand_in.set_trouble(ServiceTrouble::Garbled);
    let error = service.list().await.unwrap_err();
    assert_eq!(error.code(), "unexpected-response");
    assert!(!error.is_passing());
    let asset = Asset {
        id: "8jd7".to_owned(),
        ..Asset::default()
    };
    let why = unavailable(&service, &asset).await;
    assert!(why.starts_with("Mux: asset 8jd7: unexpected"), "{why}");

    let stand_in = StreamStandIn::start(vec![]).await;
    let service = stream(&stand_in, "another token");
    let error = service.list().await.unwrap_err();
    assert_eq!(error.code(), "service-credentials");
    assert!(
        error.to_string().contains("`CLOUDFLARE_API_TOKEN`"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("another token"));
}

#[test]
fn accounts_are_ids() {
    for bad in ["", "a/b", "../x", "a b"] {
        let token = Secret::new("x");
        assert!(
            Stream::new(&Secret::new(bad), token, None).is_err(),
            "{bad}"
        );
    }
}

/// The API after a run that was killed: it finishes the request of that run, whose URL was another one.
#[derive(Clone, Default)]
struct Late {
    /// The keys of the requests.
    keys: Arc<Mutex<Vec<String>>>,
}

const VIDEO: &str = "vid_018bcfe5680077078707070707070707";

fn late_video() -> Value {
    let at = "2026-11-21T18:27:05.123Z";
    json!({
        "id": VIDEO, "owner": null, "state": "uploading", "playable": false, "stage": null, "percent": null,
        "title": null, "duration_seconds": null, "width": null, "height": null, "poster_url": null,
        "external_id": "mux:a", "metadata": {}, "profile": "default", "mode": "abr", "generate": "on_upload",
        "source": { "size": null, "content_type": null, "filename": null }, "failure": null, "created_at": at,
        "updated_at": at, "queued_at": null, "playable_at": null, "ready_at": null, "renditions": [],
        "attempts": [], "receipt": null, "warnings": [], "poster": { "status": "drawn", "failure": null },
    })
}

async fn late_list(State(late): State<Late>) -> Json<Value> {
    let is_made = !late.keys.lock().unwrap().is_empty();
    let videos = if is_made { vec![late_video()] } else { vec![] };
    Json(json!({ "videos": videos, "next_cursor": null, "total": 1 }))
}

async fn late_create(State(late): State<Late>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    late.keys.lock().unwrap().push(key);
    let problem = json!({
        "type": "urn:edgereel:problem:idempotency-key-reused", "code": "idempotency-key-reused",
        "title": "Idempotency key reused", "status": 422, "detail": "the key was used for another request",
    });
    (StatusCode::UNPROCESSABLE_ENTITY, Json(problem))
}

async fn late_show(Path(_id): Path<String>) -> Json<Value> {
    Json(late_video())
}

#[tokio::test]
async fn the_request_of_a_killed_run_makes_the_only_video() {
    let late = Late::default();
    let router = Router::new()
        .route("/v1/videos", get(late_list).post(late_create))
        .route("/v1/videos/{id}", get(late_show))
        .with_state(late.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let api = Api::new(&base, Secret::new("a token")).unwrap();
    let stand_in = MuxStandIn::start(vec![]).await;
    let service = mux(&stand_in, false);
    let assets = Assets::new(&api, &service, ImportSettings::default());

    let listed = service.list().await.unwrap().remove(0);
    let (url, _) = ready(&service, &listed.asset).await;
    let item = Item {
        asset: Some(Box::new(listed.asset.clone())),
        ..crate::catalogue::cases::object("mux:a", ItemState::Waiting(None))
    };
    let body = assets.body_of(&item, &listed.asset, Sensitive::from(url));
    assert_eq!(body.external_id.as_deref(), Some("mux:a"));
    assert_eq!(body.title.as_deref(), Some("Lesson 1: groups"));
    let Sent::Found(found) = assets.send(&item).await.unwrap() else {
        panic!("it was made twice")
    };
    assert_eq!(found.state, ItemState::InFlight);
    assert_eq!(found.video.unwrap().to_string(), VIDEO);
    assert_eq!(*late.keys.lock().unwrap(), [key_of("mux:a")]);
}

#[test]
fn owners_are_creators_if_the_caller_wants_that() {
    let api = Api::new("http://127.0.0.1:1", Secret::new("x")).unwrap();
    let token = Secret::new("x");
    let service = Service::Stream(Stream::new(&Secret::new("a"), token, None).unwrap());
    for (creators_are_owners, creator, expected) in [
        (false, Some("ann"), "ops"),
        (true, Some("ann"), "ann"),
        (true, None, "ops"),
    ] {
        let settings = ImportSettings {
            owner: Some("ops".to_owned()),
            creators_are_owners,
            ..ImportSettings::default()
        };
        let assets = Assets::new(&api, &service, settings);
        let asset = Asset {
            id: "a".to_owned(),
            title: Some("ä".repeat(2_000)),
            creator: creator.map(str::to_owned),
            ..Asset::default()
        };
        let item = crate::catalogue::cases::object("stream:a", ItemState::Waiting(None));
        let body = assets.body_of(&item, &asset, Sensitive::from("https://x".to_owned()));
        assert_eq!(body.owner.as_deref(), Some(expected));
        assert_eq!(body.title.map(|it| it.len()), Some(TITLE_LIMIT));
    }
}
