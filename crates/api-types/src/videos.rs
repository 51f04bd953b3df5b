//! Videos: lists, details and changes.

use domain::failure::{Failure, FailureClass, FailureCode};
use domain::ids::VideoId;
use domain::job::{Generate, Mode, Priority, Stage};
use domain::object_key::RenditionName;
use domain::receipt::{Drawn, Extra};
use domain::state::StateName;
use serde::{Deserialize, Serialize};

use crate::clips::ClipRequest;
use crate::posters::Poster;
use crate::present::present;
use crate::receipts::VideoReceipt;
use crate::renditions::Rendition;
#[cfg(feature = "openapi")]
use crate::schemas;
use crate::{MaybeKnown, Metadata, Sensitive, Timestamp};

/// Parameters of the list.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListVideos {
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 200))]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page, which had the same `sort`.
    #[serde(default)]
    pub cursor: Option<String>,
    /// The order; `-` before it: descending. Videos of the same title, duration or size are sorted by time of creation.
    /// Default: `-created_at`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::VideoSort>))]
    pub sort: Option<String>,
    /// States to list, separated by commas: `ready,playable`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(value_type = Option<schemas::ListedStates>))]
    pub state: Option<String>,
    #[serde(default)]
    pub external_id: Option<String>,
    /// Text in the title, file name or external id, in any case.
    #[serde(default)]
    pub q: Option<String>,
    /// Text that is said in the captions, without regard to case and accents.
    #[serde(default)]
    pub text: Option<String>,
    /// Filter by owner; only admins may name another one.
    #[serde(default)]
    pub owner: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoList {
    /// At most `limit` videos. A page of a search (`q` or `text`) can have fewer, even none, although more follow: each
    /// request reads a limited number of videos.
    pub videos: Vec<VideoSummary>,
    /// Cursor of the next page; `null` on the last page. Only this says whether there are more videos.
    pub next_cursor: Option<String>,
    /// The number of videos on all pages, counted up to 100,000, or 1,000 with `q` or `text`; a search in a large library
    /// stops counting earlier. Pages after the first repeat the number of the first page.
    pub total: u64,
    /// Whether counting stopped at `total`: the list may have more videos.
    #[serde(default)]
    pub total_is_lower_bound: bool,
}

/// A list entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoSummary {
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoId))]
    pub id: VideoId,
    /// The owner; `null`: the installation itself.
    pub owner: Option<String>,
    pub state: StateName,
    /// Whether the video is playable now.
    pub playable: bool,
    /// The current processing stage; `null` while nothing is being processed.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Stage>))]
    pub stage: Option<MaybeKnown<Stage>>,
    /// Overall progress, 0 to 100; `null` before processing starts.
    pub percent: Option<u8>,
    pub title: Option<String>,
    /// Duration of the playable version; `null` until the video is ready.
    pub duration_seconds: Option<f64>,
    /// Size of the largest rung in pixels; `null` until the video is ready.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// The poster image, for a card in a list. The URL expires after some hours, and stays the same for an hour.
    /// `null` until the video is ready.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub poster_url: Option<Sensitive>,
    pub external_id: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Metadata))]
    pub metadata: Metadata,
    pub profile: String,
    #[cfg_attr(feature = "openapi", schema(value_type = Mode))]
    pub mode: MaybeKnown<Mode>,
    #[cfg_attr(feature = "openapi", schema(value_type = Generate))]
    pub generate: MaybeKnown<Generate>,
    pub source: Source,
    pub failure: Option<VideoFailure>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub queued_at: Option<Timestamp>,
    pub playable_at: Option<Timestamp>,
    pub ready_at: Option<Timestamp>,
}

/// All details of a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Video {
    #[serde(flatten)]
    pub summary: VideoSummary,
    pub renditions: Vec<Rendition>,
    /// Oldest first.
    pub attempts: Vec<Attempt>,
    pub receipt: Option<VideoReceipt>,
    /// Extras that could not be created; the video is playable without them.
    pub warnings: Vec<VideoWarning>,
    /// The poster image.
    pub poster: Poster,
    /// What is drawn over the current version of the video; left out: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<VideoWatermark>,
}

/// What is drawn over a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoWatermark {
    /// Whether an image is in the frames of all rungs.
    pub image: bool,
    /// Whether Edgereel's player draws the name of the viewer.
    pub viewer: bool,
}

impl From<Drawn> for VideoWatermark {
    fn from(Drawn { image, viewer }: Drawn) -> Self {
        Self { image, viewer }
    }
}

/// An extra that could not be created.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoWarning {
    #[cfg_attr(feature = "openapi", schema(value_type = Extra))]
    pub missing: MaybeKnown<Extra>,
    pub message: String,
}

/// One attempt to process the video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    pub number: u64,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::AttemptOutcome>))]
    pub outcome: Option<String>,
    pub failure: Option<VideoFailure>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Stage>))]
    pub stage: Option<MaybeKnown<Stage>>,
    pub percent: u8,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// Size in bytes.
    pub size: Option<u64>,
    pub content_type: Option<String>,
    pub filename: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoFailure {
    #[cfg_attr(feature = "openapi", schema(value_type = FailureClass))]
    pub class: MaybeKnown<FailureClass>,
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::VideoFailureCode))]
    pub code: MaybeKnown<FailureCode>,
    pub message: String,
}

impl From<&Failure> for VideoFailure {
    fn from(failure: &Failure) -> Self {
        Self {
            class: failure.class().into(),
            code: failure.code.into(),
            message: failure.message.clone(),
        }
    }
}

/// An object or URL, and the details of the video to create.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateVideo {
    /// Path in the private bucket, outside Edgereel's own directories: for example `films/a.mp4` or `uploads/a.mp4`.
    #[serde(default)]
    pub key: Option<String>,
    /// Instead of `key`: the URL from which the transcoder fetches the source.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub url: Option<Sensitive>,
    /// Instead of `key`: the part of another video that becomes the source.
    #[serde(default)]
    pub clip: Option<ClipRequest>,
    /// The owner of the video.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub external_id: Option<String>,
    /// With `content_id`, an alternative to `external_id`: the type of the object in the customer's system.
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub content_id: Option<String>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = schemas::Metadata))]
    pub metadata: Metadata,
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub generate: Generate,
    /// With `key`: `bulk` waits until no upload waits for a transcoder. A queue in SQS has no priorities.
    #[serde(default)]
    pub priority: Priority,
}

/// Omitted fields keep their value; `null` removes it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VideoChange {
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub title: Option<Option<String>>,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub external_id: Option<Option<String>>,
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<schemas::Metadata>))]
    pub metadata: Option<Metadata>,
}

/// Encoding settings; omitted fields keep their value.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReencodeRequest {
    #[serde(default)]
    pub profile: Option<String>,
    #[serde(default)]
    pub mode: Option<Mode>,
    /// Encode only these rungs; the others, and the audio, are reused from the current version.
    #[serde(default)]
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<Vec<schemas::RungName>>, min_items = 1, max_items = 32)
    )]
    pub rungs: Option<Vec<RenditionName>>,
}

/// A download of the source.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SourceDownload {
    /// Presigned URL for GET, with ranges, straight from the bucket; browsers save it as `filename`. No token is
    /// needed.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub url: Sensitive,
    /// Size in bytes.
    pub size: Option<u64>,
    pub content_type: Option<String>,
    pub filename: Option<String>,
    pub expires_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_removes_and_absence_keeps() {
        for text in [
            "{\"metadata\":null}",
            r#"{"title":null,"external_id":"a","metadata":{}}"#,
        ] {
            let change: VideoChange = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
        }
    }

    /// What a newer API may add to a response.
    #[test]
    fn clients_accept_unknown_words_and_fields() {
        let at = "2026-11-21T18:27:05.123Z";
        let cost = json!({ "compute_usd": 0.5, "egress_usd": 0.75, "requests_usd": 0.25, "storage_usd_per_month": 0.125 });
        let response = json!({
            "id": "vid_018bcfe5680077078707070707070707", "owner": null, "state": "failed", "playable": false,
            "stage": "dub", "percent": 3, "title": null, "duration_seconds": null, "width": null, "height": null,
            "poster_url": null, "external_id": null, "metadata": {}, "profile": "default", "mode": "av1",
            "generate": "at_night", "source": { "size": 1, "content_type": null, "filename": null, "hash": "a" },
            "failure": { "class": "customer", "code": "dub-failed", "message": "No voice." },
            "created_at": at, "updated_at": at, "queued_at": at, "playable_at": null, "ready_at": null,
            "renditions": [{
                "name": "720p", "kind": "subtitles", "width": null, "height": null, "copied": false,
                "frame_rate": null, "codecs": null, "hdr": "vivid", "bandwidth": 1, "average_bandwidth": null,
                "state": "late",
            }],
            "attempts": [{
                "number": 1, "outcome": "dubbed", "failure": null, "stage": "dub", "percent": 3, "started_at": at,
                "ended_at": null,
            }],
            "receipt": {
                "cpu_ms": 1, "wall_ms": 1, "stages": [{ "stage": "dub", "wall_ms": 1 }], "source_ms": 1, "bytes_in": 1,
                "bytes_out": 1, "store_writes": 1, "store_reads": 1, "stored_bytes": 1, "missing": ["voice"],
                "cost": cost,
            },
            "warnings": [{ "missing": "voice", "message": "No voice." }],
            "poster": { "status": "drawn", "failure": null },
            "dubbed_at": at,
        });
        let video: Video = serde_json::from_value(response.clone()).unwrap();
        let failure = video.summary.failure.as_ref().unwrap();
        assert_eq!(
            (video.summary.state, failure.code.to_string().as_str()),
            (StateName::Failed, "dub-failed")
        );
        let mut expected = response;
        expected.as_object_mut().unwrap().remove("dubbed_at");
        expected["source"].as_object_mut().unwrap().remove("hash");
        assert_eq!(serde_json::to_value(video).unwrap(), expected);
    }
}
