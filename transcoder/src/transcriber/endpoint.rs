//! A transcriber behind HTTP.

use std::time::Duration;

use platform::secret::Secret;
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use reqwest::{Body, Client, StatusCode, redirect};
use tokio::io::AsyncReadExt as _;
use url::Url;

use super::{AudioFormat, Speech, extend, failed};
use crate::error::TranscodeError;

/// Time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of the file that are read at once.
const READ_BYTES: usize = 64 << 10;

/// Characters of an error response that are logged.
const LONGEST_DETAIL: usize = 300;

/// Sends the audio. Returns the body of the response.
pub(super) async fn post(
    url: &Url,
    token: Option<&Secret>,
    speech: Speech<'_>,
) -> Result<Vec<u8>, TranscodeError> {
    let io = |source| TranscodeError::Io {
        doing: "could not read the audio".to_owned(),
        source,
    };
    let file = tokio::fs::File::open(speech.audio).await.map_err(io)?;
    let size = file.metadata().await.map_err(io)?.len();
    let parts = futures::stream::try_unfold(file, |mut file| async {
        let mut part = bytes::BytesMut::with_capacity(READ_BYTES);
        let count = file.read_buf(&mut part).await?;
        Ok::<_, std::io::Error>((count > 0).then(|| (part.freeze(), file)))
    });
    // A redirect would send the audio, which is private, to a place that the operator did not name.
    let client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none())
        .build();
    let mut request = client
        .map_err(lost)?
        .post(url.clone())
        .header(CONTENT_TYPE, AudioFormat::Mp4.content_type())
        .header(CONTENT_LENGTH, size)
        .header(ACCEPT, "text/vtt")
        .header("edgereel-language", speech.language.as_str())
        .header("edgereel-video", speech.video.to_string())
        .body(Body::wrap_stream(parts));
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    let mut response = request.send().await.map_err(lost)?;
    let status = response.status();
    let mut captions = vec![];
    while let Some(part) = response.chunk().await.map_err(lost)? {
        extend(&mut captions, &part)?;
    }
    if status == StatusCode::OK {
        return Ok(captions);
    }
    let detail: String = String::from_utf8_lossy(&captions)
        .chars()
        .take(LONGEST_DETAIL)
        .collect();
    Err(failed(format!(
        "it responded with status {status}: {detail}"
    )))
}

fn lost(error: reqwest::Error) -> TranscodeError {
    let error = anyhow::Error::from(error.without_url());
    failed(format!("it could not be reached: {error:#}"))
}
