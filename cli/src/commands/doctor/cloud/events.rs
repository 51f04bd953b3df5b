//! The way of the bucket's events: from an object to the program that receives its event.
//!
//! The check uploads a byte to a video that it has deleted. The program that receives the event removes the object,
//! because a presigned request may outlive its video. Nothing else removes it, so its absence shows that the event
//! arrived; and no transcoder starts.

use std::time::Duration;

use anyhow::Context as _;
use api_types::uploads::{NewUpload, UploadInstructions};
use config::ApiArgs;
use domain::object_key::{FileName, ObjectKey};
use platform::object_store::s3::S3Store;
use platform::object_store::{ObjectStore as _, StoreError};
use tokio::time::Instant;

use super::super::finding::{Finding, State};
use super::not_checked;
use crate::api::Api;
use crate::output::Output;

const WHAT: &str = "events";
const FILE: &str = "doctor.mp4";
/// Between two looks at the object.
const PAUSE: Duration = Duration::from_millis(500);

/// Uploads an object, and waits for its event. `None`: the caller does not want to wait.
pub(super) async fn check(
    args: &ApiArgs,
    store: &S3Store,
    wait: Duration,
    output: &Output,
) -> Option<Finding> {
    if wait.is_zero() {
        return None;
    }
    if args.api_url.is_empty() {
        return Some(not_checked(WHAT, "EDGEREEL_API_URL is not set"));
    }
    let source = match upload(args).await {
        Ok(source) => source,
        Err(problem) => {
            let advice =
                "correct EDGEREEL_API_URL and EDGEREEL_API_TOKEN, and start `edgereel api`";
            return Some(Finding::other(
                "api",
                State::Error,
                format!("{problem:#}"),
                advice,
            ));
        }
    };
    output.line(format!(
        "        waiting for the event of an upload, up to {}",
        humantime::format_duration(wait)
    ));
    let started = Instant::now();
    while started.elapsed() < wait {
        tokio::time::sleep(PAUSE).await;
        if let Err(StoreError::NotFound { .. }) = store.head(&source).await {
            let seconds = started.elapsed().as_secs_f64();
            return Some(Finding::ok(
                WHAT,
                format!("the event of an upload arrived after {seconds:.1} s"),
            ));
        }
    }
    // If that fails, the bucket's rule for unfinished uploads does not help: the object is one byte.
    let removed = store.delete(&source).await;
    let left = removed
        .err()
        .map(|it| format!("; cannot remove `{}`: {it}", source.path()));
    let found = format!(
        "no event of an upload arrived within {}{}",
        humantime::format_duration(wait),
        left.unwrap_or_default()
    );
    let advice = "see docs/uploads.md#what-starts-the-work; without events, uploads start when the client completes \
                  them, or when `edgereel api` finds them";
    Some(Finding::other(WHAT, State::Warning, found, advice))
}

/// Uploads a byte to a deleted video.
async fn upload(args: &ApiArgs) -> anyhow::Result<ObjectKey> {
    let api = Api::new(&args.api_url, args.api_token.clone())?;
    let new = NewUpload {
        filename: FILE.to_owned(),
        size: 1,
        content_type: Some("video/mp4".to_owned()),
        title: Some("edgereel doctor".to_owned()),
        ..NewUpload::default()
    };
    let created = api.create_upload(&new).await?;
    api.delete_video(created.video).await?;
    let UploadInstructions::Single { request } = created.upload else {
        anyhow::bail!("the API wants an upload of one byte in parts");
    };
    let mut put = api.http().put(&request.url).body("x");
    for (name, value) in &request.headers {
        // The client sets it from the URL.
        if !name.eq_ignore_ascii_case("host") {
            put = put.header(name, value);
        }
    }
    let response = put.send().await.map_err(reqwest::Error::without_url);
    let response = response.context("cannot upload to the private bucket")?;
    let status = response.status();
    anyhow::ensure!(
        status.is_success(),
        "the private bucket responds to a presigned upload with {status}"
    );
    Ok(ObjectKey::Source {
        video: created.video,
        file_name: FileName::clean(FILE),
    })
}
