//! Videos in responses.

use api_types::receipts::VideoReceipt;
use api_types::renditions::{Rendition, RenditionState as WireRenditionState};
use api_types::videos::{
    Attempt as AttemptView, Source, Video as VideoView, VideoFailure, VideoSummary, VideoWarning,
    VideoWatermark,
};
use api_types::{MaybeKnown, Sensitive, Timestamp};
use catalog::{Attempt, AttemptOutcome, PosterRecord, RenditionRecord, RenditionState, Video};
use domain::prices::Prices;
use domain::receipt::{Extra, Receipt};
use domain::state::VideoState;

use super::poster;

/// All details of a video. `poster_url`: the URL of its poster, if it has one. `prices`: of its costs.
pub(crate) fn video(
    prices: &Prices,
    video: &Video,
    poster_url: Option<String>,
    renditions: Vec<RenditionRecord>,
    attempts: &[Attempt],
    receipt: Option<Receipt>,
    poster: Option<PosterRecord>,
) -> VideoView {
    let warnings = receipt
        .iter()
        .flat_map(|it| &it.missing)
        .map(|it| warning(*it))
        .collect();
    let watermark = receipt.as_ref().and_then(|it| it.watermark);
    VideoView {
        summary: summary(video, poster_url),
        renditions: renditions.into_iter().map(rendition).collect(),
        attempts: attempts.iter().map(attempt).collect(),
        receipt: receipt.map(|it| VideoReceipt {
            cost: it.cost(prices),
            receipt: it.into(),
        }),
        warnings,
        poster: poster::view(poster),
        watermark: watermark.map(VideoWatermark::from),
    }
}

/// A list entry. `poster_url`: the URL of its poster, if it has one.
pub(crate) fn summary(video: &Video, poster_url: Option<String>) -> VideoSummary {
    let failure = match &video.state {
        VideoState::Failed(failure) => Some(VideoFailure::from(failure)),
        _ => None,
    };
    VideoSummary {
        id: video.id,
        owner: video.owner.clone(),
        state: video.state.name(),
        playable: video.state.can_be_played(),
        stage: video.progress.and_then(|it| it.stage).map(MaybeKnown::from),
        percent: percent(video),
        title: video.title.clone(),
        duration_seconds: video.duration_ms.map(|it| it as f64 / 1_000.0),
        width: video.dimensions.map(|it| it.0),
        height: video.dimensions.map(|it| it.1),
        poster_url: poster_url.map(Sensitive::from),
        external_id: video.external_id.clone(),
        metadata: video.metadata.clone(),
        profile: video.profile.clone(),
        mode: video.mode.into(),
        generate: video.generate.into(),
        source: Source {
            size: video.source.size,
            content_type: video.source.content_type.clone(),
            filename: file_name(video),
        },
        failure,
        created_at: video.created_ms.into(),
        updated_at: video.updated_ms.into(),
        queued_at: video.queued_ms.map(Timestamp::from),
        playable_at: video.playable_ms.map(Timestamp::from),
        ready_at: video.ready_ms.map(Timestamp::from),
    }
}

fn rendition(record: RenditionRecord) -> Rendition {
    let RenditionRecord {
        name,
        kind,
        width,
        height,
        copied,
        frame_rate,
        codecs,
        hdr,
        bandwidth,
        average_bandwidth,
        state,
    } = record;
    let state = match state {
        RenditionState::Planned => WireRenditionState::Planned,
        RenditionState::Playable => WireRenditionState::Playable,
        RenditionState::Complete => WireRenditionState::Complete,
    };
    Rendition {
        name,
        kind: kind.into(),
        width,
        height,
        copied,
        frame_rate,
        codecs,
        hdr: hdr.map(MaybeKnown::from),
        bandwidth,
        average_bandwidth,
        state: state.into(),
    }
}

fn attempt(attempt: &Attempt) -> AttemptView {
    let failure = match &attempt.outcome {
        Some(AttemptOutcome::Failed(failure)) => Some(VideoFailure::from(failure)),
        _ => None,
    };
    AttemptView {
        number: attempt.fence,
        outcome: attempt.outcome.as_ref().map(|it| it.as_str().to_owned()),
        failure,
        stage: attempt.progress.stage.map(MaybeKnown::from),
        percent: attempt.progress.percent,
        started_at: attempt.started_ms.into(),
        ended_at: attempt.ended_ms.map(Timestamp::from),
    }
}

fn warning(missing: Extra) -> VideoWarning {
    let message = match missing {
        Extra::Thumbnails => "The thumbnails could not be created.",
        Extra::Storyboard => "The storyboard could not be created.",
        Extra::Poster => "The poster could not be created: set one.",
        Extra::Captions => "Captions in the file could not be read: upload them.",
        Extra::ImageSubtitles => {
            "The file has subtitles that are images or teletext, which cannot be converted to text: upload captions."
        }
        Extra::AudioTracks => {
            "Some audio tracks were left out: their codec is not supported, or they are too many."
        }
    };
    VideoWarning {
        missing: missing.into(),
        message: message.to_owned(),
    }
}

/// The original file name of the source; the object name for rows that do not store it.
pub(crate) fn file_name(video: &Video) -> Option<String> {
    let stored = || {
        video
            .source
            .key
            .as_deref()
            .and_then(|it| it.rsplit('/').next())
            .map(str::to_owned)
    };
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
