//! Measures single routes repeatedly.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use catalog::{ClaimOutcome, NewVideo};
use domain::ids::{Generation, VideoId};
use domain::job::{Generate, Job, JobReason, Mode, Source};
use domain::object_key::{FileName, ObjectKey};
use domain::receipt::Receipt;
use e2e::crowd::{Times, many};
use e2e::part::Part;
use e2e::site::Site;
use platform::clock;
use serde_json::{Value, json};

use crate::Size;

/// The measurements of one route.
pub(crate) struct Route {
    pub(crate) name: &'static str,
    /// Durations with one caller.
    pub(crate) alone: Times,
    /// Durations with all callers.
    pub(crate) crowd: Times,
}

/// Number of requests of the single caller.
const ALONE: usize = 200;
/// Large enough for a multipart upload, bytes.
const LARGE: u64 = 5 << 30;

pub(crate) async fn measure(site: &Arc<Site>, api: &Arc<Part>, size: Size) -> Vec<Route> {
    let (_, large) = site
        .call(
            api,
            "POST",
            "/v1/uploads",
            Some(json!({ "filename": "a.mp4", "size": LARGE })),
        )
        .await;
    let parts = format!(
        "/v1/uploads/{}/parts",
        large["video"].as_str().expect("an upload in parts")
    );
    let stream = format!("/v1/videos/{}/stream", ready(site).await);
    let numbers: Vec<u32> = (1..=16).collect();
    let small = json!({ "filename": "a.mp4", "size": 1_000, "content_type": "video/mp4" });
    let asked: [(&'static str, &'static str, String, Option<Value>, u16); 5] = [
        (
            "create an upload",
            "POST",
            "/v1/uploads".to_owned(),
            Some(small),
            201,
        ),
        (
            "sign 16 parts",
            "POST",
            parts,
            Some(json!({ "numbers": numbers })),
            200,
        ),
        ("list 50 videos", "GET", "/v1/videos".to_owned(), None, 200),
        ("stream: get playback URLs", "GET", stream, None, 200),
        (
            "`/healthz`: our middleware only",
            "GET",
            "/healthz".to_owned(),
            None,
            200,
        ),
    ];
    let mut measured = vec![];
    for (name, method, path, body, expected) in asked {
        let (site, api) = (site.clone(), api.clone());
        let ask = move |_| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (site, api, path, body) = (site.clone(), api.clone(), path.clone(), body.clone());
            Box::pin(async move {
                let (status, answer) = site.call(&api, method, &path, body).await;
                assert_eq!(status, expected, "{answer}");
            })
        };
        eprintln!("  {name}");
        let alone = many(1, ALONE, ask.clone()).await;
        measured.push(Route {
            name,
            alone,
            crowd: many(size.callers, size.requests, ask).await,
        });
    }
    measured
}

/// A video that is ready according to the catalog.
async fn ready(site: &Site) -> VideoId {
    let (catalog, video) = (
        &site.functions.catalog,
        VideoId::new(clock::now().get(), [1; 10]),
    );
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean("film.mp4"),
    }
    .path();
    let new = NewVideo {
        id: video,
        owner: None,
        title: Some("Film".to_owned()),
        external_id: None,
        metadata: serde_json::Map::new(),
        profile: "default".to_owned(),
        mode: Mode::Abr,
        generate: Generate::OnUpload,
        file_name: None,
        source_key: Some(key.clone()),
        source_size: Some(7),
        content_type: Some("video/mp4".to_owned()),
    };
    catalog
        .create_video(&new, clock::now())
        .await
        .expect("it can be created");
    let source = Source {
        bucket: site.functions.private_bucket.clone(),
        key,
        etag: "e".to_owned(),
        size: 7,
    };
    let job = Job::new(video, source, "default", Mode::Abr, JobReason::Upload);
    catalog
        .note_upload_event(&job, clock::now())
        .await
        .expect("it has arrived");
    let generation = Generation::of("e", "default");
    let claimed = catalog
        .claim(
            &job,
            &generation,
            "load",
            Duration::from_secs(60),
            clock::now(),
        )
        .await;
    let Ok(ClaimOutcome::Claimed(claim)) = claimed else {
        panic!("{claimed:?}")
    };
    catalog
        .mark_ready(&claim, &Receipt::default(), clock::now())
        .await
        .expect("it is ready");
    video
}
