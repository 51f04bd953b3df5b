//! Converts objects that are in the private bucket already, through the API.
//!
//! The API is the only truth: the list of objects names the video of each object, so a run that was killed at any
//! moment is continued by the next one. The report is written for people, and never read.

mod budget;
mod counts;
mod engine;
mod inventory;
mod report;
mod request;
mod select;

use domain::ids::VideoId;
use domain::job::Mode;

pub use budget::Budget;
pub use counts::Counts;
pub use engine::{Ended, Engine, Notice};
pub use inventory::{Inventory, take};
pub use report::{Report, Row};
pub use select::Selection;

/// How objects are converted.
#[derive(Debug, Clone, Default)]
pub struct ConvertOptions {
    /// Name of the profile. Default: the profile of the installation.
    pub profile: Option<String>,
    /// How to convert. Default: the mode of the installation.
    pub mode: Option<Mode>,
    /// Owner of the videos.
    pub owner: Option<String>,
    /// Whether the external id of a video is the key of its object.
    pub keys_are_external_ids: bool,
    /// Videos that are converted at the same time; at least 1.
    pub rate: usize,
}

/// An object, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Key in the private bucket.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
    /// Identifier of the content.
    pub etag: String,
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

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemState {
    /// It will be converted. `Some`: a request that was cut off has created the video with these ids.
    Waiting(Option<Ids>),
    /// Its video is being made.
    InFlight,
    /// Its video is ready.
    Ready,
    /// Its video is made on the first view.
    Stored,
    /// Its video failed or was cancelled, or the request for it was rejected.
    Failed,
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

/// Why an object was not converted in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The budget does not suffice.
    Budget,
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
            Self::InFlight => "in-flight",
            Self::Ready => "ready",
            Self::Stored => "stored",
            Self::Failed => "failed",
            Self::Changed => "changed",
            Self::Duplicate(_) => "duplicate",
            Self::Skipped => "skipped",
            Self::NotStarted(Reason::Budget) => "not-started: budget",
            Self::NotStarted(Reason::Interrupted) => "not-started: interrupted",
            Self::NotStarted(Reason::Error) => "not-started: error",
            Self::NotStarted(Reason::DryRun) => "not-started: dry-run",
        }
    }
}
