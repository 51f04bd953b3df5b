//! Share links: play a video without an account.
//!
//! A link issues grants for its video until it expires or is revoked. To revoke it, the API adds the viewer `share:{id}`
//! to the edge's revocation list. The edge checks that for every segment too, so playback stops within a minute. Only the
//! response that creates a link contains its secret.

use std::sync::Arc;
use std::time::Duration;

use api_types::Timestamp;
use api_types::shares::{CreatedShare, Share as ShareView, ShareList, ShareRequest};
use api_types::streams::Stream;
use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use catalog::Video;
use catalog::accounts::KeyDigest;
use catalog::shares::{MAX_SHARES, NewShare, Share, SharesError};
use domain::ids::{ShareId, VideoId, hex};
use domain::state::VideoState;
use domain::time::{UnixMillis, millis};
use http::header::VARY;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use platform::clock;
use platform::secret::Secret;

use crate::auth::Caller;
use crate::edge_list::{self, REVOCATION_SECONDS};
use crate::error::ApiError;
use crate::extract::{Body, PathParams, Video as PathVideo};
use crate::limits::RateLimits;
use crate::pages::wants_page;
use crate::playback::{GrantLife, Viewer};
use crate::problem::Problem;
use crate::request_log::record_caller;
use crate::state::ApiState;
use crate::videos::{existing, heights, stream};

/// Shortest and longest lifetime in seconds.
const LIFETIME: std::ops::RangeInclusive<u64> = 60..=365 * 24 * 3600;
/// Longest label in bytes.
const LABEL_LIMIT: usize = 200;
/// Minimum interval between two updates of the last use: each view must not cause a write.
const USE_UPDATE_INTERVAL: Duration = Duration::from_secs(60);

/// `POST /v1/videos/{id}/shares`
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(video): PathVideo,
    Body(request): Body<ShareRequest>,
) -> Result<(StatusCode, Json<CreatedShare>), ApiError> {
    let shared = existing(&state, &caller, video).await?;
    check(&request)?;
    heights::has_rung(&state, &shared, request.max_height).await?;
    let (mut secret, mut random) = ([0; 32], [0; 10]);
    crate::random::fill(&mut secret)?;
    crate::random::fill(&mut random)?;
    let (secret, now) = (Secret::new(hex(&secret)), clock::now());
    let new = NewShare {
        id: ShareId::new(now.get(), random),
        digest: KeyDigest::of(&secret),
        video,
        label: request.label,
        max_height: request.max_height,
        created_by: caller.subject,
        expires_ms: now + Duration::from_secs(request.expires_in),
    };
    let share = view(state.shares.create(&new, now).await?);
    tracing::info!(share.id = %share.id, video.id = %video, "created share link {} of {video}", share.id);
    let url = format!(
        "{}/shared/{}",
        state.config.public_url.trim_end_matches('/'),
        secret.expose()
    );
    Ok((
        StatusCode::CREATED,
        Json(CreatedShare {
            share,
            url: url.into(),
        }),
    ))
}

fn check(request: &ShareRequest) -> Result<(), ApiError> {
    if !LIFETIME.contains(&request.expires_in) {
        return Err(ApiError::invalid(format!(
            "`expires_in` must be {} to {} seconds",
            LIFETIME.start(),
            LIFETIME.end()
        )));
    }
    if request
        .max_height
        .is_some_and(|it| !stream::HEIGHTS.contains(&it))
    {
        let (least, most) = (stream::HEIGHTS.start(), stream::HEIGHTS.end());
        return Err(ApiError::invalid(format!(
            "`max_height` must be {least} to {most} pixels"
        )));
    }
    if request
        .label
        .as_ref()
        .is_some_and(|it| it.len() > LABEL_LIMIT)
    {
        return Err(ApiError::invalid(format!(
            "`label` may have at most {LABEL_LIMIT} bytes"
        )));
    }
    Ok(())
}

/// `GET /v1/videos/{id}/shares`
pub(crate) async fn list(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(video): PathVideo,
) -> Result<Json<ShareList>, ApiError> {
    existing(&state, &caller, video).await?;
    let shares = state.shares.list(video, clock::now()).await?;
    Ok(Json(ShareList {
        shares: shares.into_iter().map(view).collect(),
    }))
}

/// `DELETE /v1/videos/{id}/shares/{share}`. Repeating the request sends the revocation to the edge again.
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    PathParams((video, share)): PathParams<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (video, share) = (video.parse::<VideoId>()?, share.parse::<ShareId>()?);
    existing(&state, &caller, video).await?;
    if !state.shares.revoke(video, share, clock::now()).await? {
        return Err(no_such_share());
    }
    // The link issues no more grants. Issued grants end only when the edge knows, so a failure is reported to the
    // caller.
    state
        .revocations
        .revoke(
            &[edge_list::viewer(&viewer_name(share))],
            REVOCATION_SECONDS,
        )
        .await
        .map_err(ApiError::unavailable)?;
    tracing::info!(share.id = %share, "revoked share link {share}");
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /shared/{secret}`: a page for browsers; the response of `/stream` for other clients and for the script of the
/// page.
pub(crate) async fn follow(
    State(state): State<ApiState>,
    Extension(limits): Extension<Arc<RateLimits>>,
    PathParams(secret): PathParams<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    if state.pages.is_built() && wants_page(&parts.headers) {
        // The page itself reports whether the link works: its script requests this URL again.
        let mut page = state.pages.page(parts.uri.path(), &parts.headers);
        page.headers_mut()
            .insert(VARY, HeaderValue::from_static("accept"));
        return Ok(page);
    }
    let (video, viewer) = open(&state, &limits, &secret, &parts).await?;
    let mut response = stream::respond(&state, video, &viewer).await?;
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

/// `GET /shared/{secret}/master.m3u8`: redirects players to the playlist.
pub(crate) async fn follow_to_playlist(
    State(state): State<ApiState>,
    Extension(limits): Extension<Arc<RateLimits>>,
    PathParams(secret): PathParams<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let (video, viewer) = open(&state, &limits, &secret, &parts).await?;
    match stream::find(&state, video, &viewer).await? {
        Stream::Playable(info) => Ok(Redirect::temporary(info.hls_url.expose()).into_response()),
        Stream::Processing(info) => Ok(stream::processing_response(info)),
    }
}

/// The video and viewer of a link. An expired or revoked link is indistinguishable from one that never existed.
async fn open(
    state: &ApiState,
    limits: &RateLimits,
    secret: &str,
    parts: &Parts,
) -> Result<(Video, Viewer), ApiError> {
    let now = clock::now();
    let share = state
        .shares
        .find(&KeyDigest::of(&Secret::new(secret)))
        .await?;
    let Some(share) = share.filter(|it| it.is_live(now)) else {
        // Guessing links is rate-limited like guessing tokens.
        limits.count_failure(&parts.headers, &parts.extensions)?;
        return Err(no_such_share());
    };
    let video = state.catalog.get_video(share.video).await?;
    if video.state == VideoState::Deleted {
        return Err(no_such_share());
    }
    if share
        .used_ms
        .is_none_or(|it| it + USE_UPDATE_INTERVAL <= now)
        && let Err(error) = state.shares.note_use(share.id, now).await
    {
        tracing::warn!(share.id = %share.id, "cannot record the use of a share link: {:#}", anyhow::Error::from(error));
    }
    record_caller(&viewer_name(share.id));
    Ok((video, viewer_of(&share, now)))
}

/// Grants of a link expire with it at the latest. Their viewer is the link, so that the edge can reject issued grants
/// too.
fn viewer_of(share: &Share, now: UnixMillis) -> Viewer {
    let at_most = millis(share.expires_ms.since(now)).div_ceil(1_000).max(1);
    let life = GrantLife::OutlivesVideo { at_most };
    Viewer {
        name: Some(viewer_name(share.id)),
        life,
        max_height: share.max_height,
        check_segments: true,
    }
}

fn no_such_share() -> ApiError {
    ApiError::new(
        Problem::NoSuchShare,
        "there is no such link: it may have expired or been revoked",
    )
}

impl From<SharesError> for ApiError {
    fn from(error: SharesError) -> Self {
        match error {
            SharesError::TooMany => {
                let detail = format!("this video already has {MAX_SHARES} links: revoke one first");
                Self::new(Problem::TooManyShares, detail)
            }
            SharesError::Unavailable { .. } => Self::unavailable(error),
            SharesError::Corrupt { .. } => Self::internal(error),
        }
    }
}

fn viewer_name(share: ShareId) -> String {
    format!("share:{share}")
}

fn view(share: Share) -> ShareView {
    let Share {
        id,
        video,
        label,
        max_height,
        created_by,
        created_ms,
        expires_ms,
        used_ms,
        revoked_ms: _,
    } = share;
    ShareView {
        id,
        video,
        label,
        max_height,
        created_by,
        created_at: created_ms.into(),
        expires_at: expires_ms.into(),
        last_used_at: used_ms.map(Timestamp::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playback::PAUSE_SECONDS;

    #[test]
    fn grants_end_with_their_link() {
        let id = ShareId::new(1, [1; 10]);
        let share = |expires_ms| Share {
            id,
            video: VideoId::new(1, [1; 10]),
            label: None,
            max_height: Some(480),
            created_by: "installation".to_owned(),
            created_ms: UnixMillis::default(),
            expires_ms: UnixMillis::new(expires_ms),
            used_ms: None,
            revoked_ms: None,
        };
        let seconds = |expires_ms| {
            viewer_of(&share(expires_ms), UnixMillis::new(1_000_000))
                .life
                .seconds(Some(60_000))
        };
        assert_eq!(seconds(1_000_000 + 600_000), 600);
        assert_eq!(seconds(u64::MAX), 60 + PAUSE_SECONDS);
        assert_eq!(seconds(1_000_001), 1);
        let viewer = viewer_of(&share(u64::MAX), UnixMillis::default());
        assert_eq!(
            (viewer.name, viewer.max_height),
            (Some(format!("share:{id}")), Some(480))
        );
        assert!(
            viewer.check_segments,
            "a revocation ends what is being watched"
        );
    }
}
