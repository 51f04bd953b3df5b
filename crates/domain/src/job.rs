//! Jobs: the work to be done on a source, and the messages that carry them.
//!
//! Messages outlive deployments, so their format is frozen: a changed format is a new version, and
//! an unknown version is reported as such.

use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{Generation, JobId, VideoId};
use crate::object_key::{Bucket, ExternalPath, ObjectKey};
use crate::profile::Profile;

mod captions;
mod chunk;
mod download;
mod import;
mod message;
mod partial;
mod poster;
mod preview;
mod thumbnail;
mod transcription;

pub use captions::CaptionsJob;
pub use chunk::ChunkJob;
pub use download::DownloadJob;
pub use import::Import;
pub use message::{InvalidMessage, JobMessage};
pub use partial::Partial;
pub use poster::{PosterJob, PosterSource};
pub use preview::PreviewJob;
pub use thumbnail::ThumbnailJob;
pub use transcription::TranscriptionJob;

/// How the transcoder converts a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Adaptive bit rate: a ladder of rungs.
    #[default]
    Abr,
    /// One rung, remuxed: nothing is encoded.
    Copy,
}

impl Mode {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Abr => "abr",
            Self::Copy => "copy",
        }
    }
}

/// When the transcoder converts a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Generate {
    /// As soon as the source has arrived.
    #[default]
    OnUpload,
    /// At the first playback request.
    OnFirstView,
}

impl Generate {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnUpload => "on_upload",
            Self::OnFirstView => "on_first_view",
        }
    }
}

/// The reason for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobReason {
    /// The bucket reported a new object. The event may arrive several times, late, or after the
    /// video was deleted.
    Upload,
    /// A request to convert an object that was in the bucket already.
    Convert,
    /// A request to retry a failed video, or to re-encode a finished one.
    Retry,
    /// The first playback request of a video with `on_first_view`.
    OnDemand,
}

/// Which jobs workers take first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Users wait for it.
    #[default]
    Interactive,
    /// While interactive jobs wait, workers take few of these.
    Bulk,
}

impl Priority {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A newer sender may know other priorities.
fn known_priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Priority, D::Error> {
    let word = String::deserialize(deserializer)?;
    Ok(Priority::deserialize(word.into_deserializer())
        .unwrap_or_else(|_: D::Error| Priority::default()))
}

/// The object to transcode.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// Name of its bucket.
    pub bucket: String,
    /// Object key in that bucket.
    pub key: String,
    /// ETag, without quotes. Reads are conditional on it: an object with another ETag is another
    /// source.
    pub etag: String,
    /// Size in bytes.
    pub size: u64,
}

/// A unit of work for the transcoder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// Derived from source, profile, mode and reused renditions: two jobs with the same id are one
    /// run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the source.
    pub video: VideoId,
    /// The object to read.
    pub source: Source,
    /// Name of the encoding profile.
    pub profile: String,
    /// Whether to encode or only to remux.
    pub mode: Mode,
    /// The reason for the job. Not part of its identity.
    pub reason: JobReason,
    /// Which jobs go first. Not part of its identity.
    #[serde(
        default,
        deserialize_with = "known_priority",
        skip_serializing_if = "Priority::is_default"
    )]
    pub priority: Priority,
    /// The rungs to re-encode; `None`: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<Box<Partial>>,
}

impl Job {
    /// Creates a job with the id that follows from its fields.
    pub fn new(
        video: VideoId,
        source: Source,
        profile: &str,
        mode: Mode,
        reason: JobReason,
    ) -> Self {
        let id = job_id(&source, profile, mode, None);
        let priority = Priority::default();
        Self {
            id,
            video,
            source,
            profile: profile.to_owned(),
            mode,
            reason,
            priority,
            partial: None,
        }
    }

    /// The same job with another priority.
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// The typed key of its source: an upload of its own video, or an external object; `None` for
    /// anything else.
    pub fn source_key(&self) -> Option<ObjectKey> {
        if let Some(key) = ObjectKey::parse(Bucket::Private, &self.source.key) {
            return (key.video() == self.video).then_some(key);
        }
        let path = ExternalPath::try_from(self.source.key.clone()).ok()?;
        Some(ObjectKey::External {
            video: self.video,
            path,
        })
    }

    /// The id that follows from its fields.
    pub(crate) fn due_id(&self) -> JobId {
        job_id(
            &self.source,
            &self.profile,
            self.mode,
            self.partial.as_deref(),
        )
    }

    /// A job for the same source, restricted to some rungs. It has another id.
    #[must_use]
    pub fn with_partial(mut self, partial: Partial) -> Self {
        self.partial = Some(Box::new(partial));
        self.id = self.due_id();
        self
    }

    /// The generation that it produces, with the profile of that name.
    pub fn generation(&self, profile: &Profile) -> Generation {
        let fingerprint = profile.fingerprint(self.mode);
        match &self.partial {
            None => Generation::of(&self.source.etag, &fingerprint),
            Some(partial) => Generation::of(
                &self.source.etag,
                &format!("{fingerprint}/{}", partial.identity()),
            ),
        }
    }

    /// A job for the same source with other settings. It has another id unless they are the same.
    #[must_use]
    pub fn with_settings(&self, profile: &str, mode: Mode) -> Self {
        Self::new(self.video, self.source.clone(), profile, mode, self.reason)
            .with_priority(self.priority)
    }
}

fn job_id(source: &Source, profile: &str, mode: Mode, partial: Option<&Partial>) -> JobId {
    // The mode is a setting beside the profile: a copy must not be confused with a ladder that is
    // requested later. No profile name contains a slash, so the two are distinct.
    let settings = match (mode, partial) {
        (Mode::Abr, None) => profile.to_owned(),
        (Mode::Copy, None) => format!("{profile}/copy"),
        (_, Some(partial)) => format!("{profile}/{}/{}", mode.as_str(), partial.identity()),
    };
    JobId::of(&source.bucket, &source.key, &source.etag, &settings)
}

/// The stages of the work, in the order in which they start; some run in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Importing the source from a URL.
    Fetch,
    /// Reading the headers of the source, and planning.
    Probe,
    /// Measuring samples of the video, for per-title encoding.
    Measure,
    /// Remuxing the top rung.
    Copy,
    /// Encoding the video rungs.
    Encode,
    /// Encoding the audio renditions.
    Audio,
    /// Creating thumbnails, poster and storyboard.
    Stills,
    /// Verifying all outputs.
    Verify,
    /// Writing the final playlists and switching the pointer.
    Publish,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 9] = [
        Self::Fetch,
        Self::Probe,
        Self::Measure,
        Self::Copy,
        Self::Encode,
        Self::Audio,
        Self::Stills,
        Self::Verify,
        Self::Publish,
    ];

    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Probe => "probe",
            Self::Measure => "measure",
            Self::Copy => "copy",
            Self::Encode => "encode",
            Self::Audio => "audio",
            Self::Stills => "stills",
            Self::Verify => "verify",
            Self::Publish => "publish",
        }
    }
}

#[cfg(test)]
mod tests;
