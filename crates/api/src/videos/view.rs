//! Videos in responses.

use catalog::{Attempt, AttemptOutcome, PosterRecord, RenditionRecord, Video};
use domain::failure::{Failure, FailureClass, FailureCode};
use domain::ids::VideoId;
use domain::job::{Generate, Mode, Stage};
use domain::receipt::{Cost, Extra, Prices, Receipt};
use domain::state::{StateName, VideoState};
use serde::Serialize;
use utoipa::ToSchema;

use super::poster::PosterView;
use crate::openapi::types;
use crate::times::{as_rfc3339, as_rfc3339_if_any};

/// A list entry.
#[derive(Serialize, ToSchema)]
pub(crate) struct VideoSummary {
    #[schema(value_type = types::VideoId)]
    id: VideoId,
    /// The owner; `null`: the installation itself.
    owner: Option<String>,
    state: StateName,
    /// Whether the video is playable now.
    playable: bool,
    /// The current processing stage; `null` while nothing is being processed.
    stage: Option<Stage>,
    /// Overall progress, 0 to 100; `null` before processing starts.
    percent: Option<u8>,
    title: Option<String>,
    /// Duration of the playable version; `null` until the video is ready.
    duration_seconds: Option<f64>,
    /// Size of the largest rung in pixels; `null` until the video is ready.
    width: Option<u32>,
    height: Option<u32>,
    /// The poster image, for a card in a list. The URL expires after some hours, and stays the same for an hour.
    /// `null` until the video is ready.
    poster_url: Option<String>,
    external_id: Option<String>,
    #[schema(value_type = types::Metadata)]
    metadata: serde_json::Map<String, serde_json::Value>,
    profile: String,
    mode: Mode,
    generate: Generate,
    source: SourceView,
    failure: Option<FailureView>,
    #[serde(rename = "created_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    created_ms: u64,
    #[serde(rename = "updated_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    updated_ms: u64,
    #[serde(rename = "queued_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    queued_ms: Option<u64>,
    #[serde(rename = "playable_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    playable_ms: Option<u64>,
    #[serde(rename = "ready_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    ready_ms: Option<u64>,
}

/// All details of a video.
#[derive(Serialize, ToSchema)]
#[schema(as = Video)]
pub(crate) struct VideoView {
    #[serde(flatten)]
    summary: VideoSummary,
    renditions: Vec<RenditionRecord>,
    /// Oldest first.
    attempts: Vec<AttemptView>,
    receipt: Option<ReceiptView>,
    /// Extras that could not be created; the video is playable without them.
    warnings: Vec<Warning>,
    /// The poster image.
    poster: PosterView,
}

/// An extra that could not be created.
#[derive(Serialize, ToSchema)]
#[schema(as = VideoWarning)]
struct Warning {
    missing: Extra,
    message: &'static str,
}

impl From<Extra> for Warning {
    fn from(missing: Extra) -> Self {
        let message = match missing {
            Extra::Thumbnails => "The thumbnails could not be created.",
            Extra::Storyboard => "The storyboard could not be created.",
            Extra::Poster => "The poster could not be created: set one.",
        };
        Self { missing, message }
    }
}

/// One attempt to process the video.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptView {
    number: u64,
    #[schema(value_type = Option<types::AttemptOutcome>)]
    outcome: Option<&'static str>,
    failure: Option<FailureView>,
    stage: Option<Stage>,
    percent: u8,
    #[serde(rename = "started_at", serialize_with = "as_rfc3339")]
    #[schema(value_type = types::Time)]
    started_ms: u64,
    #[serde(rename = "ended_at", serialize_with = "as_rfc3339_if_any")]
    #[schema(value_type = Option<types::Time>)]
    ended_ms: Option<u64>,
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        let failure = match &attempt.outcome {
            Some(AttemptOutcome::Failed(failure)) => Some(FailureView::from(failure)),
            _ => None,
        };
        Self {
            number: attempt.fence,
            outcome: attempt.outcome.as_ref().map(AttemptOutcome::as_str),
            failure,
            stage: attempt.progress.stage,
            percent: attempt.progress.percent,
            started_ms: attempt.started_ms,
            ended_ms: attempt.ended_ms,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Source)]
struct SourceView {
    /// Size in bytes.
    size: Option<u64>,
    content_type: Option<String>,
    filename: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VideoFailure)]
pub(crate) struct FailureView {
    class: FailureClass,
    #[schema(value_type = types::VideoFailureCode)]
    code: FailureCode,
    message: String,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        Self { class: failure.class(), code: failure.code, message: failure.message.clone() }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = VideoReceipt)]
struct ReceiptView {
    #[serde(flatten)]
    receipt: Receipt,
    /// Estimated from list prices.
    cost: Cost,
}

impl VideoSummary {
    /// `poster_url`: the URL of its poster, if it has one.
    pub(crate) fn of(video: &Video, poster_url: Option<String>) -> Self {
        let failure = match &video.state {
            VideoState::Failed(failure) => Some(FailureView::from(failure)),
            _ => None,
        };
        Self {
            id: video.id,
            owner: video.owner.clone(),
            state: video.state.name(),
            playable: video.state.can_be_played(),
            stage: video.progress.and_then(|it| it.stage),
            percent: percent(video),
            title: video.title.clone(),
            duration_seconds: video.duration_ms.map(|it| it as f64 / 1_000.0),
            width: video.dimensions.map(|it| it.0),
            height: video.dimensions.map(|it| it.1),
            poster_url,
            external_id: video.external_id.clone(),
            metadata: video.metadata.clone(),
            profile: video.profile.clone(),
            mode: video.mode,
            generate: video.generate,
            source: SourceView {
                size: video.source.size,
                content_type: video.source.content_type.clone(),
                filename: file_name(video),
            },
            failure,
            created_ms: video.created_ms,
            updated_ms: video.updated_ms,
            queued_ms: video.queued_ms,
            playable_ms: video.playable_ms,
            ready_ms: video.ready_ms,
        }
    }
}

/// The original file name of the source; the object name for rows that do not store it.
pub(crate) fn file_name(video: &Video) -> Option<String> {
    let stored = || video.source.key.as_deref().and_then(|it| it.rsplit('/').next()).map(str::to_owned);
    video.source.file_name.clone().or_else(stored)
}

/// A re-encode of a ready video shows its own progress.
pub(crate) fn percent(video: &Video) -> Option<u8> {
    match (&video.state, video.progress) {
        (_, Some(progress)) => Some(progress.percent),
        (VideoState::Ready { .. }, None) => Some(100),
        (_, None) => None,
    }
}

impl VideoView {
    pub(crate) fn of(
        video: &Video,
        poster_url: Option<String>,
        renditions: Vec<RenditionRecord>,
        attempts: &[Attempt],
        receipt: Option<Receipt>,
        poster: Option<PosterRecord>,
    ) -> Self {
        let warnings = receipt.iter().flat_map(|it| &it.missing).map(|it| Warning::from(*it)).collect();
        let receipt = receipt.map(|receipt| ReceiptView { cost: receipt.cost(&Prices::default()), receipt });
        let attempts = attempts.iter().map(AttemptView::from).collect();
        Self {
            summary: VideoSummary::of(video, poster_url),
            renditions,
            attempts,
            receipt,
            warnings,
            poster: PosterView::of(poster),
        }
    }
}
