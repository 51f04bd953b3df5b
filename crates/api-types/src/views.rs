//! Views of a video: what was watched, and how well.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{MaybeKnown, Timestamp};

/// Parameters of the views of a video.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ReadViews {
    /// Only views from this time on. The beginning of its interval counts. Default: 30 days before `to`, or two days with
    /// `interval=hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only views before this time. The end of its interval counts. Default: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The length of one element of the series, in UTC. Default: `day`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(inline))]
    pub interval: Option<ViewInterval>,
}

/// The length of one element of the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ViewInterval {
    Hour,
    Day,
}

/// The views of a video in a period.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VideoViews {
    /// The beginning of the first interval.
    pub from: Timestamp,
    /// The end of the last interval.
    pub to: Timestamp,
    #[cfg_attr(feature = "openapi", schema(value_type = ViewInterval))]
    pub interval: MaybeKnown<ViewInterval>,
    /// The sum of the period.
    pub total: Views,
    /// The intervals in their order. Those without any request are left out.
    pub series: Vec<ViewsAt>,
}

/// An interval of the series.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ViewsAt {
    /// The beginning of the interval.
    pub at: Timestamp,
    #[serde(flatten)]
    pub views: Views,
}

/// What was watched, and how well. Only players that report (CMCD) contribute to all fields except `views` and
/// `refusals`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Views {
    /// Sessions that took a playlist, and a key, a segment or a report.
    pub views: u64,
    pub watched_seconds: f64,
    /// Average bitrate of the watched video, weighted by time, bits per second. `null`: unknown.
    pub average_bitrate: Option<u64>,
    /// Time from the request to play to the first frame. `null`: unknown.
    pub startup: Option<StartupTimes>,
    /// How often playback waited for data after it had started.
    pub stalls: u64,
    /// How long playback waited for data.
    pub stalled_seconds: f64,
    /// The part of the time in which playback waited for data, 0 to 1. `null`: nothing was watched.
    pub stall_ratio: Option<f64>,
    /// Frames that were decoded and not shown.
    pub dropped_frames: u64,
    /// Number of refused requests, by the code of the refusal.
    pub refusals: BTreeMap<String, u64>,
}

/// Start-up times of sessions, estimated from a histogram: at most 30 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StartupTimes {
    /// Number of sessions that reported it.
    pub sessions: u64,
    /// The time that half of the sessions did not exceed.
    pub p50_seconds: f64,
    /// The time that 95 of 100 sessions did not exceed.
    pub p95_seconds: f64,
}
