//! Links that play a video without an account: made, listed, revoked, and followed.
//!
//! A link gives out grants for its video until it ends or is revoked. When it is revoked, the API asks the edge to refuse
//! its viewer (`share:{id}`). The edge looks that up for every segment too, so that what is being watched ends within a minute. The
//! secret of a link stands in the answer that makes it, and nowhere else.

use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use domain::ids::{ShareId, VideoId, hex};
use domain::state::VideoState;
use http::header::VARY;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use platform::accounts::KeyDigest;
use platform::catalog::Video;
use platform::secret::Secret;
use platform::shares::{MAX_SHARES, NewShare, Share, SharesError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Body, Places, Video as PathVideo};
use crate::limits::RateLimits;
use crate::openapi::types;
use crate::playback::{GrantLife, Viewer};
use crate::problem::Problem;
use crate::request_log::record_caller;
use crate::share_page;
use crate::state::ApiState;
use crate::times::{as_rfc3339, as_rfc3339_if_any, now_ms};
use crate::videos::{existing, heights, stream};

/// Request for a share link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedShare {
    /// Seconds until it expires: one minute to one year. Default: one week.
    #[serde(default = "a_week")]
    #[schema(minimum = 60, maximum = 31_536_000, default = 604_800)]
    expires_in: u64,
    /// Limits playback to rungs of at most this height: pixels of the shorter side.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 65_535)]
    max_height: Option<u32>,
    /// A label of your choice.
    #[serde(default)]
    #[schema(max_length = 200)]
    label: Option<String>,
}

fn a_week() -> u64 {
    7 * 24 * 3600
}

/// The only response that contains the link.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeShare {
    #[serde(flatten)]
    share: ShareView,
    /// Browsers get a page with a player; programs get the response of `/stream`. With `/master.m3u8` appended, it is a
    /// URL for players.
    url: String,
}

/// A list entry.
#[derive(Serialize, ToSchema)]
#[schema(as = Share)]
pub(crate) struct ShareView {
    #[schema(value_type = types::ShareId)]
    id: ShareId,
    #[schema(value_type = types::VideoId)]
    video: VideoId,
    label: Option<String>,
    max_height: Option<u32>,
    created_by: String,
    #[serde(rename = "created_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    created_ms: u64,
    #[serde(rename = "expires_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    expires_ms: u64,
    /// Accurate to the minute.
    #[serde(rename = "last_used_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    used_ms: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct ShareList {
    shares: Vec<ShareView>,
}

/// Shortest and longest life, seconds.
const LIFE: std::ops::RangeInclusive<u64> = 60..=365 * 24 * 3600;
/// Longest label, bytes.
const LABEL_LIMIT: usize = 200;
/// A use is noted again after so long: a link that is watched by many must not write at every look.
const NOTE_USE_EVERY_MS: u64 = 60_000;

/// `POST /v1/videos/{id}/shares`
pub(crate) async fn create(
    State(state): State<ApiState>,
    caller: Caller,
    PathVideo(video): PathVideo,
    Body(wanted): Body<WantedShare>,
) -> Result<(StatusCode, Json<MadeShare>), ApiError> {
    let shared = existing(&state, &caller, video).await?;
    check(&wanted)?;
    heights::has_rung(&state, &shared, wanted.max_height).await?;
    let (mut secret, mut random) = ([0; 32], [0; 10]);
    crate::random::fill(&mut secret)?;
    crate::random::fill(&mut random)?;
    let (secret, now) = (Secret::new(hex(&secret)), now_ms());
    let new = NewShare {
        id: ShareId::new(now, random),
        digest: KeyDigest::of(&secret),
        video,
        label: wanted.label,
        max_height: wanted.max_height,
        created_by: caller.subject,
        expires_ms: now.saturating_add(wanted.expires_in.saturating_mul(1_000)),
    };
    let share = ShareView::of(state.shares.create(&new, now).await?);
    tracing::info!(share.id = %share.id, video.id = %video, "created share link {} of {video}", share.id);
    let url = format!("{}/shared/{}", state.config.public_url.trim_end_matches('/'), secret.expose());
    Ok((StatusCode::CREATED, Json(MadeShare { share, url })))
}

fn check(wanted: &WantedShare) -> Result<(), ApiError> {
    if !LIFE.contains(&wanted.expires_in) {
        return Err(ApiError::invalid(format!("`expires_in` must be {} to {} seconds", LIFE.start(), LIFE.end())));
    }
    if wanted.max_height.is_some_and(|it| !stream::HEIGHTS.contains(&it)) {
        let (least, most) = (stream::HEIGHTS.start(), stream::HEIGHTS.end());
        return Err(ApiError::invalid(format!("`max_height` must be {least} to {most} pixels")));
    }
    if wanted.label.as_ref().is_some_and(|it| it.len() > LABEL_LIMIT) {
        return Err(ApiError::invalid(format!("`label` may have at most {LABEL_LIMIT} bytes")));
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
    let shares = state.shares.list(video, now_ms()).await?;
    Ok(Json(ShareList { shares: shares.into_iter().map(ShareView::of).collect() }))
}

/// `DELETE /v1/videos/{id}/shares/{share}`. A repeated request is sent to the edge again.
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    caller: Caller,
    Places((video, share)): Places<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (video, share) = (video.parse::<VideoId>()?, share.parse::<ShareId>()?);
    existing(&state, &caller, video).await?;
    if !state.shares.revoke(video, share, now_ms()).await? {
        return Err(no_such_share());
    }
    // It gives out nothing from now on. What it gave out ends only when the edge knows, so the caller learns if it does not.
    state.edge_list.revoke_viewer(&viewer_name(share)).await.map_err(ApiError::unavailable)?;
    tracing::info!(share.id = %share, "revoked share link {share}");
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /shared/{secret}`: a page for browsers, which then asks as programs do; for these the answer of `/stream`.
pub(crate) async fn follow(
    State(state): State<ApiState>,
    Extension(limits): Extension<Arc<RateLimits>>,
    Places(secret): Places<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    if share_page::is_wanted(&parts.headers) {
        // Whether the link works is said by the page: it asks again while it plays.
        return Ok(share_page::page(state.playback.origin()));
    }
    let (video, viewer) = open(&state, &limits, &secret, &parts).await?;
    let mut answer = stream::answer(&state, video, &viewer).await?;
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

/// `GET /shared/{secret}/master.m3u8`: for players, which follow a redirect and ask nobody for permission.
pub(crate) async fn follow_to_playlist(
    State(state): State<ApiState>,
    Extension(limits): Extension<Arc<RateLimits>>,
    Places(secret): Places<String>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let (video, viewer) = open(&state, &limits, &secret, &parts).await?;
    match stream::look(&state, video, &viewer).await? {
        stream::Stream::Plays(playing) => Ok(Redirect::temporary(playing.hls_url()).into_response()),
        stream::Stream::IsMade(making) => Ok(making.into_response()),
    }
}

/// What a link plays, and to whom. One that does not work is one that never was.
async fn open(state: &ApiState, limits: &RateLimits, secret: &str, parts: &Parts) -> Result<(Video, Viewer), ApiError> {
    let now = now_ms();
    let share = state.shares.find(&KeyDigest::of(&Secret::new(secret))).await?;
    let Some(share) = share.filter(|it| it.is_live(now)) else {
        // Who tries many of them is told to wait, as with tokens.
        limits.count_failure(&parts.headers, &parts.extensions)?;
        return Err(no_such_share());
    };
    let video = state.catalog.get_video(share.video).await?;
    if video.state == VideoState::Deleted {
        return Err(no_such_share());
    }
    if share.used_ms.is_none_or(|it| it.saturating_add(NOTE_USE_EVERY_MS) <= now)
        && let Err(error) = state.shares.note_use(share.id, now).await
    {
        tracing::warn!(share.id = %share.id, "cannot record the use of a share link: {:#}", anyhow::Error::from(error));
    }
    record_caller(&viewer_name(share.id));
    Ok((video, viewer_of(&share, now)))
}

/// A grant that a link gives out ends with it, if not sooner. Its viewer is the link, so that the edge can be told
/// to refuse what was given out, too.
fn viewer_of(share: &Share, now_ms: u64) -> Viewer {
    let at_most = share.expires_ms.saturating_sub(now_ms).div_ceil(1_000).max(1);
    let life = GrantLife::OutlivesVideo { at_most };
    Viewer { name: Some(viewer_name(share.id)), life, max_height: share.max_height, check_segments: true }
}

fn no_such_share() -> ApiError {
    ApiError::new(Problem::NoSuchShare, "there is no such link: it may have expired or been revoked")
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

impl ShareView {
    fn of(share: Share) -> Self {
        let Share { id, video, label, max_height, created_by, created_ms, expires_ms, used_ms, revoked_ms: _ } = share;
        Self { id, video, label, max_height, created_by, created_ms, expires_ms, used_ms }
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
            created_ms: 0,
            expires_ms,
            used_ms: None,
            revoked_ms: None,
        };
        let seconds = |expires_ms| viewer_of(&share(expires_ms), 1_000_000).life.seconds(Some(60_000));
        assert_eq!(seconds(1_000_000 + 600_000), 600);
        assert_eq!(seconds(u64::MAX), 60 + PAUSE_SECONDS);
        assert_eq!(seconds(1_000_001), 1);
        let viewer = viewer_of(&share(u64::MAX), 0);
        assert_eq!((viewer.name, viewer.max_height), (Some(format!("share:{id}")), Some(480)));
        assert!(viewer.check_segments, "a revocation ends what is being watched");
    }
}
