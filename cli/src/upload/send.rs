//! Sends a stretch of a file to an address that was signed for it, until it has arrived.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use domain::ids::VideoId;
use futures::StreamExt as _;
use http::StatusCode;
use http::header::ETAG;
use serde_json::json;
use tokio::sync::mpsc;

use super::{Event, UploadFile, changed, signed};
use crate::Result;
use crate::api::{Api, SignedRequest};
use crate::output::Stop;

/// What the store said to a request.
pub(super) enum Sent {
    /// It has it, under this ETag (without quotes).
    Stored(String),
    /// Something is there already: an earlier attempt whose answer was lost, perhaps.
    Present,
    /// The signature is worth nothing any more.
    Expired,
}

/// Attempts of one stretch.
const ATTEMPTS: u32 = 6;
/// Before the second attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(250);

/// Sends a whole file by one request, and completes the upload.
pub(super) async fn single(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    request: SignedRequest,
    tell: &(impl Fn(Event) + Sync),
) -> Result {
    match stretch(api, file, &request, (0, file.size), tell).await? {
        // What stands there already is looked at by the API.
        Sent::Stored(_) | Sent::Present => {}
        Sent::Expired => {
            let expired = "the store does not accept the signed request (any more): upload the file again";
            return Err(Stop::failed("upload-refused", anyhow::anyhow!(expired)));
        }
    }
    if !file.is_unchanged().await {
        return Err(changed(file));
    }
    api.complete_upload(video, &json!({})).await?;
    Ok(())
}

/// Sends the bytes of `(offset, length)`, again and again while that may help.
pub(super) async fn stretch(
    api: &Api,
    file: &UploadFile,
    request: &SignedRequest,
    stretch: (u64, u64),
    tell: &(impl Fn(Event) + Sync),
) -> Result<Sent> {
    let mut pause = BACKOFF;
    for attempt in 1.. {
        let told = AtomicI64::new(0);
        let failure = match attempt_once(api, file, request, stretch, tell, &told).await {
            Ok(Attempt::Done(sent)) => return Ok(sent),
            Ok(Attempt::Refused(error)) => return Err(Stop::failed("upload-refused", error)),
            Ok(Attempt::Later(error)) | Err(error) => error,
        };
        tell(Event::Moved(-told.load(Ordering::Relaxed)));
        if !file.is_unchanged().await {
            return Err(changed(file));
        }
        if attempt == ATTEMPTS {
            return Err(Stop::failed(
                "upload-failed",
                failure.context("the upload was interrupted: run the command again to resume"),
            ));
        }
        tracing::debug!(attempt, "retrying: {failure:#}");
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    unreachable!("the loop ends by returning")
}

enum Attempt {
    Done(Sent),
    /// Trying again will not help.
    Refused(anyhow::Error),
    /// It may.
    Later(anyhow::Error),
}

async fn attempt_once(
    api: &Api,
    file: &UploadFile,
    request: &SignedRequest,
    (offset, length): (u64, u64),
    tell: &(impl Fn(Event) + Sync),
    told: &AtomicI64,
) -> anyhow::Result<Attempt> {
    let stream = file.read(offset, length).await.context("cannot read the file")?;
    // The client wants a stream of its own; what is told goes by a channel.
    let (moved, mut moves) = mpsc::unbounded_channel::<i64>();
    let body = stream.inspect(move |chunk: &std::io::Result<Bytes>| {
        if let Ok(chunk) = chunk {
            // Nobody listens any more: the request is being dropped.
            let _ = moved.send(signed(chunk.len() as u64));
        }
    });
    let mut put = api.http().put(&request.url);
    for (name, value) in &request.headers {
        // It belongs to the address.
        if !name.eq_ignore_ascii_case("host") {
            put = put.header(name, value);
        }
    }
    let sending = put.body(reqwest::Body::wrap_stream(body)).send();
    tokio::pin!(sending);
    let note = |bytes: i64| {
        told.fetch_add(bytes, Ordering::Relaxed);
        tell(Event::Moved(bytes));
    };
    let response = loop {
        tokio::select! {
            response = &mut sending => break response,
            Some(bytes) = moves.recv() => note(bytes),
        }
    };
    while let Ok(bytes) = moves.try_recv() {
        note(bytes);
    }
    // Never with its URL: it is signed.
    let response = response.map_err(reqwest::Error::without_url).context("cannot reach the store")?;
    let status = response.status();
    if status.is_success() {
        let etag = response.headers().get(ETAG).and_then(|it| it.to_str().ok()).unwrap_or_default();
        return Ok(Attempt::Done(Sent::Stored(etag.trim_matches('"').to_owned())));
    }
    Ok(match status {
        StatusCode::PRECONDITION_FAILED => Attempt::Done(Sent::Present),
        StatusCode::FORBIDDEN => Attempt::Done(Sent::Expired),
        _ if status.is_server_error()
            || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) =>
        {
            Attempt::Later(anyhow::anyhow!("the store responded with {status}"))
        }
        _ => Attempt::Refused(anyhow::anyhow!("the store rejected the upload with {status}")),
    })
}
