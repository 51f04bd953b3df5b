//! The records of the catalog.

use domain::failure::Failure;
use domain::ids::{Generation, JobId, PosterId, VideoId};
use domain::job::{Generate, Job, JobReason, Mode, Source, Stage};
use domain::object_key::RenditionName;
use domain::retry::{Ended, PastAttempt};
use domain::state::{StateName, VideoState};
use serde::{Deserialize, Serialize};

/// What is said of a video when it is created.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVideo {
    /// Chosen by the caller, so that asking again is the same wish.
    pub id: VideoId,
    /// Whose it is; `None` in an installation of one owner.
    pub owner: Option<String>,
    /// For people.
    pub title: Option<String>,
    /// The customer's own id for it.
    pub external_id: Option<String>,
    /// The customer's own facts.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The name of the profile to encode by.
    pub profile: String,
    /// Encode, or only remux.
    pub mode: Mode,
    /// At once, or when somebody wants to watch.
    pub generate: Generate,
    /// The name of the file, as its owner calls it.
    pub file_name: Option<String>,
    /// Where the source will be.
    pub source_key: Option<String>,
    /// As announced, bytes.
    pub source_size: Option<u64>,
    /// As announced; never trusted.
    pub content_type: Option<String>,
}

/// A video as the catalog knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// Its id.
    pub id: VideoId,
    /// Whose it is; `None` too while it is only known from an event.
    pub owner: Option<String>,
    /// For people.
    pub title: Option<String>,
    /// The customer's own id for it.
    pub external_id: Option<String>,
    /// The customer's own facts.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Where it stands.
    pub state: VideoState,
    /// What is known of its source.
    pub source: VideoSource,
    /// How the bytes arrive.
    pub upload: Option<Upload>,
    /// The name of the profile to encode by.
    pub profile: String,
    /// Encode, or only remux.
    pub mode: Mode,
    /// At once, or when somebody wants to watch.
    pub generate: Generate,
    /// The job that was last noted, claimed or asked for.
    pub job: Option<JobId>,
    /// What its playlist points at: the published generation, or the first one while it grows.
    pub generation: Option<Generation>,
    /// Of the attempt at work; `None` when nobody works on it.
    pub progress: Option<Progress>,
    /// Of what plays, milliseconds; `None` before it is ready.
    pub duration_ms: Option<u64>,
    /// Width and height of the largest rung, pixels; `None` before it is ready.
    pub dimensions: Option<(u32, u32)>,
    /// Whether a poster was made of it.
    pub has_poster: bool,
    /// The chosen poster that viewers get in place of the automatic one.
    pub chosen_poster: Option<PosterId>,
    /// Unix milliseconds.
    pub created_ms: u64,
    /// Last change of any kind, Unix milliseconds.
    pub updated_ms: u64,
    /// When work was last asked for, Unix milliseconds.
    pub queued_ms: Option<u64>,
    /// When it could first be watched, Unix milliseconds.
    pub playable_ms: Option<u64>,
    /// When the published generation was verified, Unix milliseconds.
    pub ready_ms: Option<u64>,
    /// Counts its changes.
    pub version: u64,
}

impl Video {
    /// The job that makes it, by its settings; `None` while its source is not known.
    pub fn to_job(&self, reason: JobReason) -> Option<Job> {
        let VideoSource { bucket, key, etag, size, .. } = &self.source;
        let source = Source { bucket: bucket.clone()?, key: key.clone()?, etag: etag.clone()?, size: (*size)? };
        Some(Job::new(self.id, source, &self.profile, self.mode, reason))
    }
}

/// What is known of a source; all of it once it has arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoSource {
    /// The name of its bucket.
    pub bucket: Option<String>,
    /// Path in its bucket.
    pub key: Option<String>,
    /// The name of the file, as its owner calls it.
    pub file_name: Option<String>,
    /// Entity tag, without quotes.
    pub etag: Option<String>,
    /// Bytes; as announced until it has arrived.
    pub size: Option<u64>,
    /// As announced; never trusted.
    pub content_type: Option<String>,
}

/// How the bytes of a source arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// In one request or in several.
    pub kind: UploadKind,
    /// When its URLs end, Unix milliseconds.
    pub expires_ms: u64,
}

/// In one request or in several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UploadKind {
    /// One PUT.
    Single,
    /// Equal parts, but for the last.
    Multipart {
        /// The store's name for it.
        upload_id: String,
        /// Bytes of a part.
        part_bytes: u64,
    },
    /// Equal parts, but for the last, of a size that the uploader chooses.
    Open {
        /// The store's name for it.
        upload_id: String,
    },
}

/// A poster that somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterRecord {
    /// The last wish.
    pub wanted: PosterId,
    /// What viewers get; `None`: still the one that was made of the video.
    pub shown: Option<PosterId>,
    /// Why the last wish cannot be fulfilled.
    pub failure: Option<Failure>,
}

/// What became of a poster that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PosterShown {
    /// Viewers get it from now on, instead of this one: nobody needs that any more.
    InsteadOf(Option<PosterId>),
    /// Somebody wants another one by now, or none.
    Overtaken,
}

/// A source that is fetched from a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportRecord {
    /// May be a permission: not for logs, nor for answers. `Debug` leaves it out.
    pub url: String,
    /// What has arrived, if something has.
    pub transfer: Option<Transfer>,
}

impl std::fmt::Debug for ImportRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportRecord").field("transfer", &self.transfer).finish_non_exhaustive()
    }
}

/// A file on its way into the store. Which parts have arrived, the store knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The store's name for the upload.
    pub upload_id: String,
    /// Bytes of a part.
    pub part_bytes: u64,
    /// Of the file, where its server says so.
    pub size: Option<u64>,
    /// Of the file, strong, with its quotes: only what has the same is the rest of it.
    pub etag: Option<String>,
}

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What it does; `None` before it has said.
    pub stage: Option<Stage>,
    /// Of the whole work, 0 to 100.
    pub percent: u8,
}

/// Which videos to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoFilter {
    /// Only of this owner.
    pub owner: Option<String>,
    /// Only in this state.
    pub state: Option<StateName>,
    /// Only with this external id.
    pub external_id: Option<String>,
    /// Only those whose title contains this, in any case of any script.
    pub title_contains: Option<String>,
    /// The `next` of the page before.
    pub after: Option<VideoId>,
    /// At most so many, 1 to 1,000; 0 means 100.
    pub limit: u32,
}

/// Some videos, newest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VideoPage {
    /// At most as many as asked for.
    pub videos: Vec<Video>,
    /// Pass it to get the next page; `None` on the last one.
    pub next: Option<VideoId>,
}

/// What an owner changes; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// `Some(None)` removes it.
    pub title: Option<Option<String>>,
    /// `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// Replaces all of it.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// How much one owner may have. What is `None` has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnerLimits {
    /// Uploads that are under way: announced, and neither arrived nor expired.
    pub open_uploads: Option<u32>,
    /// Videos that are not deleted.
    pub videos: Option<u64>,
    /// Bytes of their sources, as they were announced or have arrived.
    pub source_bytes: Option<u64>,
}

/// What became of an event of the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Noted {
    /// Send this job. It may have been sent before: nobody can know whether that message arrived.
    Send(Job),
    /// The source is kept until somebody wants to watch it: send nothing.
    Waits,
    /// The source is done with, well or badly, or a worker has it in hand: send nothing.
    AlreadyDone,
    /// The video is deleted or cancelled: send nothing.
    Gone,
    /// Another source for a video that has been ready: send nothing. What was published does not change, even if
    /// a permission to upload is still good.
    Unwanted,
}

/// One try at a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Counts the attempts at the video, from 1: the fence of its claim.
    pub fence: u64,
    /// For this job.
    pub job: JobId,
    /// What was being made.
    pub generation: Generation,
    /// Who did it.
    pub worker: String,
    /// Unix milliseconds.
    pub started_ms: u64,
    /// Unix milliseconds; `None` while it goes on, or its worker vanished unnoticed.
    pub ended_ms: Option<u64>,
    /// How it ended.
    pub outcome: Option<AttemptOutcome>,
    /// How far it came.
    pub progress: Progress,
    /// The last lines of its log, for the operator.
    pub log_tail: Option<String>,
}

impl Attempt {
    /// As the decision about another attempt sees it. One that has no end is taken for one whose worker vanished.
    pub fn past(&self) -> PastAttempt {
        let ended = match &self.outcome {
            Some(AttemptOutcome::Failed(failure)) => Ended::Failed(failure.code),
            Some(AttemptOutcome::Lost) | None => Ended::Vanished,
            Some(
                AttemptOutcome::Ready | AttemptOutcome::Fetched | AttemptOutcome::Released | AttemptOutcome::Stopped,
            ) => Ended::Otherwise,
        };
        PastAttempt { ended, percent: self.progress.percent }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Verified and published.
    Ready,
    /// The source was fetched.
    Fetched,
    /// It failed.
    Failed(Failure),
    /// Given back.
    Released,
    /// Its lease ended and somebody else took over, or its worker was known to be dead.
    Lost,
    /// The video was cancelled or deleted.
    Stopped,
}

impl AttemptOutcome {
    /// Its stable name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Fetched => "fetched",
            Self::Failed(_) => "failed",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
        }
    }
}

/// A rendition of a generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RenditionRecord {
    /// Its name and folder.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "1080p"))]
    pub name: RenditionName,
    /// What is in it.
    pub kind: RenditionKind,
    /// Pixels; `None` for audio.
    pub width: Option<u32>,
    /// Pixels; `None` for audio.
    pub height: Option<u32>,
    /// Remuxed, not encoded.
    pub copied: bool,
    /// Frames per second; `None` for audio.
    pub frame_rate: Option<f64>,
    /// As in the playlist (RFC 6381); `None` before it is known.
    pub codecs: Option<String>,
    /// Measured peak, bits per second; `None` before it is known.
    pub bandwidth: Option<u64>,
    /// Measured average, bits per second; `None` before it is known.
    pub average_bandwidth: Option<u64>,
    /// How far it is.
    pub state: RenditionState,
}

/// What is in a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of the playlist")]
pub enum RenditionKind {
    Video,
    Audio,
    IFrames,
}

/// How far a rendition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RenditionState {
    /// Nothing of it is published.
    Planned,
    /// It can be watched, and grows.
    Playable,
    /// All of it is published.
    Complete,
}
