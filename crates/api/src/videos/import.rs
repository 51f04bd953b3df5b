//! `POST /v1/videos {"url": ...}`: creates a video whose source the transcoder fetches.

use api_types::videos::{CreateVideo, Video as VideoView};
use axum::Json;
use catalog::{NewVideo, Video, VideoFilter};
use domain::ids::VideoId;
use domain::job::{Import, JobMessage, Priority};
use domain::object_key::{FileName, ObjectKey};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use platform::clock;
use platform::net::{Guard, UrlRejected};
use url::Url;

use super::convert::{VideoResponse, existing_videos, external_id_of, video_response};
use super::{metadata, new_video_id, read_view};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::problem::Problem;
use crate::state::ApiState;
use crate::uploads::create_row;

/// Longest URL in bytes: presigned URLs are long.
const URL_LIMIT: usize = 4096;

/// Why a URL is not accepted. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is not absolute, too long, or cannot be parsed.
    #[error("`url` is not an absolute URL of at most {URL_LIMIT} bytes")]
    Malformed,
    /// The scheme or address is not allowed.
    #[error("`url`: {0}")]
    UrlRejected(#[from] UrlRejected),
}

impl From<InvalidUrl> for ApiError {
    fn from(error: InvalidUrl) -> Self {
        Self::new(Problem::UrlNotAccepted, error.to_string())
    }
}

/// Checks a URL without resolving its host; the transcoder checks every address that it
/// connects to.
fn check(text: &str, guard: &Guard) -> Result<Url, InvalidUrl> {
    let url = Some(text)
        .filter(|it| it.len() <= URL_LIMIT)
        .and_then(|it| Url::parse(it).ok());
    let mut url = url.ok_or(InvalidUrl::Malformed)?;
    guard.check(&url)?;
    url.set_fragment(None);
    Ok(url)
}

/// The decoded last segment of the path: the file name for display.
fn shown_name(url: &Url) -> String {
    let last = url
        .path_segments()
        .and_then(|mut it| it.next_back())
        .unwrap_or_default();
    percent_decode_str(last).decode_utf8_lossy().into_owned()
}

/// The same, safe for an object key.
fn file_name(url: &Url) -> FileName {
    FileName::clean(&shown_name(url))
}

/// A source that a transcoder brings into the bucket.
pub(super) struct Origin {
    /// The URL of a file, or the text of a clip.
    pub(super) url: String,
    /// The owner of the video, if the request names none.
    pub(super) owner: Option<String>,
    /// The title of the video, if the request has none.
    pub(super) title: Option<String>,
    /// The name of the file for display.
    pub(super) shown_name: Option<String>,
    /// The name of the file in the bucket.
    pub(super) file_name: FileName,
}

/// Repeating the request for the same URL with the same external id returns the existing video.
pub(super) async fn import(
    state: &ApiState,
    caller: &Caller,
    request: CreateVideo,
    text: &str,
) -> Result<VideoResponse, ApiError> {
    let url = check(text, &Guard::new(state.config.imports))?;
    let shown_name = metadata::file_name(&shown_name(&url));
    let origin = Origin {
        owner: None,
        title: shown_name.clone(),
        shown_name,
        file_name: file_name(&url),
        url: url.into(),
    };
    create(state, caller, request, origin).await
}

/// Creates a video, and queues the import of its source.
pub(super) async fn create(
    state: &ApiState,
    caller: &Caller,
    request: CreateVideo,
    origin: Origin,
) -> Result<VideoResponse, ApiError> {
    let owner = caller.owner_for(request.owner.clone())?.or(origin.owner);
    let external_id = external_id_of(&request)?;
    metadata::check(
        request.title.as_deref(),
        external_id.as_deref(),
        Some(&request.metadata),
    )?;
    if request.priority != Priority::default() {
        return Err(ApiError::invalid("`priority` needs `key`"));
    }
    let profile = metadata::profile(request.profile, &state.config)?;
    if external_id.is_some() {
        let any = VideoFilter::default();
        for video in existing_videos(state, owner.as_deref(), external_id.as_deref(), any).await? {
            if state
                .catalog
                .import(video.id)
                .await?
                .is_some_and(|it| it.url == origin.url)
            {
                return video_response(state, StatusCode::OK, &video).await;
            }
        }
    }
    let now = clock::now();
    let id = new_video_id(now)?;
    let file_name = origin.file_name;
    let new = NewVideo {
        id,
        owner,
        title: request.title.or(origin.title),
        external_id,
        metadata: request.metadata,
        profile,
        mode: request.mode.unwrap_or(state.config.default_mode),
        generate: request.generate,
        file_name: origin.shown_name,
        source_key: Some(
            ObjectKey::Source {
                video: id,
                file_name,
            }
            .path(),
        ),
        source_size: None,
        content_type: None,
    };
    create_row(state, &new, None, now).await?;
    let video = begin(state, id, &origin.url).await?;
    video_response(state, StatusCode::CREATED, &video).await
}

/// Queues the import. Repeating it is not an error: two messages of one import run it once.
async fn begin(state: &ApiState, id: VideoId, url: &str) -> Result<Video, ApiError> {
    let video = state.catalog.request_import(id, url, clock::now()).await?;
    tracing::info!(video.id = %id, "queued the import of {id}");
    state.send_job(&JobMessage::from(Import::new(id))).await?;
    Ok(video)
}

/// Retries an import whose source did not arrive; `None` if the video is not imported.
pub(super) async fn retry(
    state: &ApiState,
    video: &Video,
) -> Result<Option<(StatusCode, Json<VideoView>)>, ApiError> {
    if video.source.etag.is_some() {
        return Ok(None);
    }
    let Some(import) = state.catalog.import(video.id).await? else {
        return Ok(None);
    };
    let video = begin(state, video.id, &import.url).await?;
    Ok(Some((
        StatusCode::ACCEPTED,
        Json(read_view(state, &video).await?),
    )))
}

#[cfg(test)]
mod tests {
    use platform::net::Policy;

    use super::*;

    #[test]
    fn urls_are_checked_before_the_import() {
        let guard = Guard::new(Policy {
            allow_private: false,
            allow_http: true,
        });
        let long = format!("https://files.example/{}", "x".repeat(URL_LIMIT));
        for (text, refused) in [
            ("https://files.example/film.mp4?signature=a#t=5", ""),
            ("http://files.example/film.mp4", ""),
            (
                "film.mp4",
                "`url` is not an absolute URL of at most 4096 bytes",
            ),
            (&long, "`url` is not an absolute URL of at most 4096 bytes"),
            (
                "ftp://files.example/film.mp4",
                "`url`: `ftp:` is not allowed: use https",
            ),
            (
                "file:///etc/passwd",
                "`url`: `file:` is not allowed: use https",
            ),
            (
                "https://me:secret@files.example/",
                "`url`: the URL must not contain a user name or password",
            ),
            (
                "http://127.0.0.1/",
                "`url`: `127.0.0.1` is not on the public internet: it is this host itself",
            ),
            (
                "http://169.254.169.254/",
                "`url`: `169.254.169.254` is not on the public internet: it is link-local",
            ),
        ] {
            let message = check(text, &guard)
                .err()
                .map(|it| it.to_string())
                .unwrap_or_default();
            assert_eq!(message, refused, "{text}");
        }
        let url = check("https://files.example/film.mp4#t=5", &guard).unwrap();
        assert_eq!(
            url.as_str(),
            "https://files.example/film.mp4",
            "a fragment is for the client only"
        );
    }

    #[test]
    fn files_are_named_after_their_urls() {
        for (url, name) in [
            ("https://a.example/b/Der%20Film.mp4?c=d", "Der_Film.mp4"),
            ("https://a.example/b/..%2F..%2Fetc", "etc"),
            ("https://a.example/", "video"),
            ("https://a.example", "video"),
            ("https://a.example/%FF", "\u{fffd}"),
        ] {
            assert_eq!(file_name(&url.parse().unwrap()).as_str(), name, "{url}");
        }
    }
}
