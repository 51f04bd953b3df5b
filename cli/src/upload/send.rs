//! Sends a byte range of a file with a presigned request, with retries.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use api_types::uploads::{CompleteUpload, SignedRequest};
use bytes::Bytes;
use domain::ids::VideoId;
use futures::StreamExt as _;
use http::StatusCode;
use http::header::ETAG;
use tokio::sync::mpsc;

use super::{Event, UploadFile, changed, signed};
use crate::Result;
use crate::api::Api;
use crate::output::CommandError;

/// The result of a request to the store.
pub(super) enum Sent {
    /// Stored with this ETag (without quotes).
    Stored(String),
    /// There is an object already, perhaps from an earlier attempt whose response was lost.
    Present,
    /// The signature has expired.
    Expired,
}

/// Attempts per byte range.
const ATTEMPTS: u32 = 6;
/// Before the second attempt; doubled each time.
const BACKOFF: Duration = Duration::from_millis(250);

/// Uploads a whole file in one request and completes the upload.
pub(super) async fn single(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    request: SignedRequest,
    report: &(impl Fn(Event) + Sync),
) -> Result {
    match send_range(api, file, &request, (0, file.size), report).await? {
        // The API verifies the existing object.
        Sent::Stored(_) | Sent::Present => {}
        Sent::Expired => {
            let expired = "the store rejected the presigned request: upload the file again";
            return Err(CommandError::failed(
                "upload-refused",
                anyhow::anyhow!(expired),
            ));
        }
    }
    if !file.is_unchanged().await {
        return Err(changed(file));
    }
    api.complete_upload(video, &CompleteUpload::default())
        .await?;
    Ok(())
}

/// Sends the bytes of `(offset, length)`, with retries while they may help.
pub(super) async fn send_range(
    api: &Api,
    file: &UploadFile,
    request: &SignedRequest,
    range: (u64, u64),
    report: &(impl Fn(Event) + Sync),
) -> Result<Sent> {
    let mut pause = BACKOFF;
    for attempt in 1.. {
        let reported = AtomicI64::new(0);
        let failure = match attempt_once(api, file, request, range, report, &reported).await {
            Ok(Attempt::Done(sent)) => return Ok(sent),
            Ok(Attempt::Refused(error)) => {
                return Err(CommandError::failed("upload-refused", error));
            }
            Ok(Attempt::Later(error)) | Err(error) => error,
        };
        report(Event::Moved(-reported.load(Ordering::Relaxed)));
        if !file.is_unchanged().await {
            return Err(changed(file));
        }
        if attempt == ATTEMPTS {
            return Err(CommandError::failed(
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
    /// A permanent failure.
    Refused(anyhow::Error),
    /// A transient failure.
    Later(anyhow::Error),
}

async fn attempt_once(
    api: &Api,
    file: &UploadFile,
    request: &SignedRequest,
    (offset, length): (u64, u64),
    report: &(impl Fn(Event) + Sync),
    reported: &AtomicI64,
) -> anyhow::Result<Attempt> {
    let stream = file
        .read(offset, length)
        .await
        .context("cannot read the file")?;
    // The HTTP client needs a `'static` stream, so progress goes through a channel.
    let (moved, mut moves) = mpsc::unbounded_channel::<i64>();
    let body = stream.inspect(move |chunk: &std::io::Result<Bytes>| {
        if let Ok(chunk) = chunk {
            // The receiver is gone when the request is dropped.
            let _ = moved.send(signed(chunk.len() as u64));
        }
    });
    let mut put = api.http().put(&request.url);
    for (name, value) in &request.headers {
        // The client sets it from the URL.
        if !name.eq_ignore_ascii_case("host") {
            put = put.header(name, value);
        }
    }
    let sending = put.body(reqwest::Body::wrap_stream(body)).send();
    tokio::pin!(sending);
    let note = |bytes: i64| {
        reported.fetch_add(bytes, Ordering::Relaxed);
        report(Event::Moved(bytes));
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
    // Without the URL, which is signed.
    let response = response
        .map_err(reqwest::Error::without_url)
        .context("cannot reach the store")?;
    let status = response.status();
    if status.is_success() {
        let etag = response
            .headers()
            .get(ETAG)
            .and_then(|it| it.to_str().ok())
            .unwrap_or_default();
        return Ok(Attempt::Done(Sent::Stored(
            etag.trim_matches('"').to_owned(),
        )));
    }
    Ok(match status {
        StatusCode::PRECONDITION_FAILED => Attempt::Done(Sent::Present),
        StatusCode::FORBIDDEN => Attempt::Done(Sent::Expired),
        _ if status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            ) =>
        {
            Attempt::Later(anyhow::anyhow!("the store responded with {status}"))
        }
        _ => Attempt::Refused(anyhow::anyhow!(
            "the store rejected the upload with {status}"
        )),
    })
}
