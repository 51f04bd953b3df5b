//! The records of the catalog.

use domain::failure::Failure;
use domain::ids::{Generation, JobId, PosterId, VideoId};
use domain::job::{Generate, Job, JobReason, Mode, Source, Stage};
use domain::object_key::RenditionName;
pub use domain::plan::RenditionKind;
use domain::probe::HighDynamicRange;
use domain::retry::{Ended, PastAttempt};
use domain::state::VideoState;
use domain::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// The fields of a new video.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVideo {
    /// Id, chosen by the caller; it makes creation idempotent.
    pub id: VideoId,
    /// Owner; `None` in an installation with a single owner.
    pub owner: Option<String>,
    /// Display title.
    pub title: Option<String>,
    /// The customer's own id of the video.
    pub external_id: Option<String>,
    /// Free-form data of the customer.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Name of the encoding profile.
    pub profile: String,
    /// Whether to encode or only to remux.
    pub mode: Mode,
    /// Whether to transcode at once or at the first playback request.
    pub generate: Generate,
    /// File name as the owner supplied it.
    pub file_name: Option<String>,
    /// Object key of the source in its bucket.
    pub source_key: Option<String>,
    /// Size as announced, bytes.
    pub source_size: Option<u64>,
    /// MIME type as announced; never trusted.
    pub content_type: Option<String>,
}

/// A video's record in the catalog.
#[derive(Debug, Clone, PartialEq)]
pub struct Video {
    /// Id of the video.
    pub id: VideoId,
    /// Owner; also `None` while the video is known only from a bucket event.
    pub owner: Option<String>,
    /// Display title.
    pub title: Option<String>,
    /// The customer's own id of the video.
    pub external_id: Option<String>,
    /// Free-form data of the customer.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Current state.
    pub state: VideoState,
    /// Properties of the source.
    pub source: VideoSource,
    /// State of the upload; `None`: the source was not uploaded through the API.
    pub upload: Option<Upload>,
    /// Name of the encoding profile.
    pub profile: String,
    /// Whether to encode or only to remux.
    pub mode: Mode,
    /// Whether to transcode at once or at the first playback request.
    pub generate: Generate,
    /// The job that was last recorded, claimed or requested.
    pub job: Option<JobId>,
    /// The generation that the playlist points at: the published one, or the first one while it
    /// grows.
    pub generation: Option<Generation>,
    /// Progress of the current attempt; `None` when no worker holds the video.
    pub progress: Option<Progress>,
    /// Duration of the published generation, milliseconds; `None` before it is ready.
    pub duration_ms: Option<u64>,
    /// Width and height of the largest rung, pixels; `None` before it is ready.
    pub dimensions: Option<(u32, u32)>,
    /// Whether an automatic poster exists.
    pub has_poster: bool,
    /// The custom poster that viewers get in place of the automatic one.
    pub chosen_poster: Option<PosterId>,
    /// Creation time.
    pub created_ms: UnixMillis,
    /// Time of the last change of any kind.
    pub updated_ms: UnixMillis,
    /// Time of the last request for work.
    pub queued_ms: Option<UnixMillis>,
    /// Time at which it first became playable.
    pub playable_ms: Option<UnixMillis>,
    /// Time at which the published generation was verified.
    pub ready_ms: Option<UnixMillis>,
    /// Row version; each change increments it.
    pub version: u64,
}

impl Video {
    /// The job that transcodes this video with its settings; `None` while its source is unknown.
    pub fn to_job(&self, reason: JobReason) -> Option<Job> {
        let VideoSource {
            bucket,
            key,
            etag,
            size,
            ..
        } = &self.source;
        let source = Source {
            bucket: bucket.clone()?,
            key: key.clone()?,
            etag: etag.clone()?,
            size: (*size)?,
        };
        Some(Job::new(self.id, source, &self.profile, self.mode, reason))
    }
}

/// Properties of a source; complete once it has arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VideoSource {
    /// Name of its bucket.
    pub bucket: Option<String>,
    /// Object key in its bucket.
    pub key: Option<String>,
    /// File name as the owner supplied it.
    pub file_name: Option<String>,
    /// ETag, without quotes.
    pub etag: Option<String>,
    /// Size in bytes; the announced size until the source has arrived.
    pub size: Option<u64>,
    /// MIME type as announced; never trusted.
    pub content_type: Option<String>,
}

/// How a source is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Single request or multipart.
    pub kind: UploadKind,
    /// Expiry of the presigned URLs.
    pub expires_ms: UnixMillis,
}

/// Single request or multipart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UploadKind {
    /// One PUT request.
    Single,
    /// Parts of equal size, except the last.
    Multipart {
        /// The store's id of the multipart upload.
        upload_id: String,
        /// Part size, bytes.
        part_bytes: u64,
    },
    /// Parts of equal size, except the last; the uploader chooses the size.
    Open {
        /// The store's id of the multipart upload.
        upload_id: String,
    },
}

/// A poster that a user chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PosterRecord {
    /// The poster requested last.
    pub wanted: PosterId,
    /// The poster that viewers get; `None`: still the automatic one.
    pub shown: Option<PosterId>,
    /// Why the requested poster could not be rendered.
    pub failure: Option<Failure>,
}

/// The result of showing a rendered poster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PosterShown {
    /// Viewers get it from now on. It replaces this poster, which can be removed.
    InsteadOf(Option<PosterId>),
    /// A later request asked for another poster, or for the automatic one.
    Overtaken,
}

/// A source that is imported from a URL.
#[derive(Clone, PartialEq, Eq)]
pub struct ImportRecord {
    /// The URL. It may carry credentials, so it must not reach logs or responses; `Debug` omits it.
    pub url: String,
    /// The started transfer, if there is one.
    pub transfer: Option<Transfer>,
}

impl std::fmt::Debug for ImportRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportRecord")
            .field("transfer", &self.transfer)
            .finish_non_exhaustive()
    }
}

/// A file that is being uploaded to the store. The store knows which parts have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The store's id of the multipart upload.
    pub upload_id: String,
    /// Part size, bytes.
    pub part_bytes: u64,
    /// Size of the file in bytes, if its server reports it.
    pub size: Option<u64>,
    /// Strong ETag of the file, with its quotes: only a response with the same ETag continues the
    /// file.
    pub etag: Option<String>,
}

/// Progress of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Current stage; `None` before the worker has reported one.
    pub stage: Option<Stage>,
    /// Percentage of the whole work, 0 to 100.
    pub percent: u8,
}

/// A change by an owner; `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// New title; `Some(None)` removes it.
    pub title: Option<Option<String>>,
    /// New external id; `Some(None)` removes it.
    pub external_id: Option<Option<String>>,
    /// New metadata; replaces all of it.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The limits of one owner; `None` means unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnerLimits {
    /// Open uploads: announced, and neither completed nor expired.
    pub open_uploads: Option<u32>,
    /// Videos that are not deleted.
    pub videos: Option<u64>,
    /// Bytes of their sources, announced or arrived.
    pub source_bytes: Option<u64>,
}

/// The result of recording a bucket event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UploadEventOutcome {
    /// Send this job. It may have been sent before: the sender cannot know whether that message
    /// arrived.
    Send(Job),
    /// The source is stored until the first playback request: send nothing.
    Waits,
    /// The source was processed, successfully or not, or a worker holds it: send nothing.
    AlreadyDone,
    /// The video is deleted or cancelled: send nothing.
    VideoGone,
    /// Another source for a video that has been ready: send nothing. The published video does not
    /// change, even if an upload URL is still valid.
    SourceAfterReady,
}

/// One attempt at a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Number of the attempt at the video, from 1: the fence of its claim.
    pub fence: u64,
    /// The job that was attempted.
    pub job: JobId,
    /// The generation that was to be produced.
    pub generation: Generation,
    /// The worker that made the attempt.
    pub worker: String,
    /// Start.
    pub started_ms: UnixMillis,
    /// End; `None` while it runs, or if its worker vanished unnoticed.
    pub ended_ms: Option<UnixMillis>,
    /// How it ended; `None` while it has no end.
    pub outcome: Option<AttemptOutcome>,
    /// Progress that it reached.
    pub progress: Progress,
    /// The last lines of FFmpeg's log, for the operator.
    pub log_tail: Option<String>,
}

impl Attempt {
    /// The attempt as the retry policy sees it. An attempt without an end counts as one whose
    /// worker vanished.
    pub fn past(&self) -> PastAttempt {
        let ended = match &self.outcome {
            Some(AttemptOutcome::Failed(failure)) => Ended::Failed(failure.code),
            Some(AttemptOutcome::Lost) | None => Ended::Vanished,
            Some(
                AttemptOutcome::Ready
                | AttemptOutcome::Fetched
                | AttemptOutcome::Released
                | AttemptOutcome::Stopped,
            ) => Ended::Otherwise,
        };
        PastAttempt {
            ended,
            percent: self.progress.percent,
        }
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The generation was verified and published.
    Ready,
    /// The source was imported.
    Fetched,
    /// The attempt failed.
    Failed(Failure),
    /// The worker released its claim.
    Released,
    /// Its lease expired and another worker claimed the video, or its worker was known to be dead.
    Lost,
    /// The video was cancelled or deleted.
    Stopped,
}

impl AttemptOutcome {
    /// Stable name, stored in the database.
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
pub struct RenditionRecord {
    /// Name of the rendition and of its directory.
    pub name: RenditionName,
    /// Kind of media.
    pub kind: RenditionKind,
    /// Width in pixels; `None` for audio.
    pub width: Option<u32>,
    /// Height in pixels; `None` for audio.
    pub height: Option<u32>,
    /// Whether it was remuxed instead of encoded.
    pub copied: bool,
    /// Frames per second; `None` for audio.
    pub frame_rate: Option<f64>,
    /// `CODECS` as in the playlist (RFC 6381); `None` before it is known.
    pub codecs: Option<String>,
    /// The HDR transfer function of its video; `None`: it is SDR, or audio.
    #[serde(default)]
    pub hdr: Option<HighDynamicRange>,
    /// Measured peak, bits per second; `None` before it is known.
    pub bandwidth: Option<u64>,
    /// Measured average, bits per second; `None` before it is known.
    pub average_bandwidth: Option<u64>,
    /// State of publishing.
    pub state: RenditionState,
}

/// State of publishing of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenditionState {
    /// Nothing is published yet.
    Planned,
    /// It can be watched while it grows.
    Playable,
    /// It is published completely.
    Complete,
}
