//! A catalogue of sources that become videos: with estimates of their cost, a budget, and a report.
//!
//! `convert` makes videos of objects in the bucket, and `import` of the assets of other services. Both read from the API
//! what became of each source, so a run that was killed at any moment is continued by the next one. The report is
//! written for people, and never read.

mod budget;
mod counts;
mod engine;
mod outcome;
mod report;
mod sheet;

use domain::ids::VideoId;

pub use budget::Budget;
pub use counts::Counts;
pub use engine::{Ended, Engine, Notice, Sent, Source};
pub(crate) use outcome::{outcome, receipts};
pub use report::{Columns, Report, Row};
pub use sheet::{Catalogue, Left};

/// Requests at the same time.
pub(crate) const AT_ONCE: usize = 8;

/// A source, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Key in the private bucket; of an asset, the external id of its video.
    pub key: String,
    /// Size in bytes; 0: unknown.
    pub size: u64,
    /// Identifier of the content of an object.
    pub etag: String,
    /// The asset of another service, if it is one.
    pub asset: Option<Box<Asset>>,
    /// What became of it.
    pub state: ItemState,
    /// Its video; of a duplicate, the video of the other object.
    pub video: Option<VideoId>,
    /// Duration of the video, seconds, if it is ready.
    pub seconds: Option<f64>,
    /// One-time cost of the video, US dollars, if it is ready.
    pub usd: Option<f64>,
    /// What is wrong, and what to do.
    pub problem: Option<String>,
}

/// An asset of another video service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asset {
    /// Its id at the service.
    pub id: String,
    /// The ids under which viewers play it.
    pub playback_ids: Vec<String>,
    /// Its title.
    pub title: Option<String>,
    /// Its creator, as the customer names it.
    pub creator: Option<String>,
    /// When it was created: RFC 3339.
    pub created_at: Option<String>,
    /// Its duration in seconds.
    pub seconds: Option<f64>,
    /// Whether the service serves its files only to signed requests.
    pub is_signed: bool,
    /// What the video keeps of it, as metadata.
    pub metadata: api_types::Metadata,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    /// It will be sent. `Some`: a request that was cut off has created the video with these ids.
    Waiting(Option<Ids>),
    /// The other service prepares its file.
    Preparing,
    /// Its video is being made.
    InFlight,
    /// Its video is ready.
    Ready,
    /// Its video is made on the first view.
    Stored,
    /// Its video failed or was cancelled, or the request for it was rejected.
    Failed,
    /// The other service does not provide its file.
    Unavailable,
    /// It was replaced after its video was made.
    Changed,
    /// It has the content of another object, with this key.
    Duplicate(String),
    /// It is not converted: it is empty, or its name is not that of a video.
    Skipped,
    /// The run ended before.
    NotStarted(Reason),
}

/// The ids that a video was created with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    /// Its owner.
    pub owner: Option<String>,
    /// Its external id.
    pub external_id: Option<String>,
}

/// Why a source was not sent in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The budget does not suffice.
    Budget,
    /// The run sends a limited number of sources.
    Limit,
    /// A signal ended the run.
    Interrupted,
    /// The run failed.
    Error,
    /// It was a dry run.
    DryRun,
}

impl ItemState {
    /// The state as it is reported.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting(_) => "waiting",
            Self::Preparing => "preparing",
            Self::InFlight => "in-flight",
            Self::Ready => "ready",
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Changed => "changed",
            Self::Duplicate(_) => "duplicate",
            Self::Skipped => "skipped",
            Self::NotStarted(Reason::Budget) => "not-started: budget",
            Self::NotStarted(Reason::Limit) => "not-started: limit",
            Self::NotStarted(Reason::Interrupted) => "not-started: interrupted",
            Self::NotStarted(Reason::Error) => "not-started: error",
            Self::NotStarted(Reason::DryRun) => "not-started: dry-run",
        }
    }

    /// Whether the run has begun with it and it has not ended.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Preparing | Self::InFlight)
    }

    /// Whether it is still to be sent, by this run or a later one.
    pub fn is_left(&self) -> bool {
        matches!(self, Self::Waiting(_) | Self::NotStarted(_))
    }
}

#[cfg(test)]
pub(crate) mod cases {
    use super::*;

    /// An object of five bytes in this state.
    pub(crate) fn object(key: &str, state: ItemState) -> Item {
        Item {
            key: key.to_owned(),
            size: 5,
            etag: "abc".to_owned(),
            asset: None,
            state,
            video: None,
            seconds: None,
            usd: None,
            problem: None,
        }
    }
}
