//! Jobs: what is to be done with which source, and the messages that carry them.
//!
//! Messages outlive deployments, so their format is frozen: a changed shape is a new version, and
//! an unknown one is an error that says so.

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, VideoId};
use crate::object_key::{Bucket, ExternalPath, ObjectKey};

/// How a source becomes a presentation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A ladder of rungs.
    #[default]
    Abr,
    /// One rung, remuxed: nothing is encoded.
    Copy,
}

impl Mode {
    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Abr => "abr",
            Self::Copy => "copy",
        }
    }
}

/// When a presentation is made of a source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Generate {
    /// As soon as it has arrived.
    #[default]
    OnUpload,
    /// When somebody wants to watch it for the first time.
    OnFirstView,
}

impl Generate {
    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnUpload => "on_upload",
            Self::OnFirstView => "on_first_view",
        }
    }
}

/// What brought a job about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobReason {
    /// The bucket told of a new object. May come several times, late, or after the video is gone.
    Upload,
    /// Somebody asked to convert an object that was there already.
    Convert,
    /// Somebody asked to try a failed video again, or to encode a finished one anew.
    Retry,
    /// Somebody wants to watch a video that is encoded on its first view.
    OnDemand,
}

/// The object to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The name of the bucket, as the store knows it.
    pub bucket: String,
    /// Path in that bucket.
    pub key: String,
    /// Entity tag, without quotes. Reading is conditional on it: another tag is another source.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

/// One piece of work for the transcoder.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// Follows from source, profile and mode: two jobs of one id are one run.
    #[serde(rename = "job")]
    pub id: JobId,
    /// Whose source it is.
    pub video: VideoId,
    /// What to read.
    pub source: Source,
    /// The name of the profile to encode by.
    pub profile: String,
    /// Encode, or only remux.
    pub mode: Mode,
    /// What brought it about. No part of the identity.
    pub reason: JobReason,
}

impl Job {
    /// Makes a job with the identity that follows from its parts.
    pub fn new(video: VideoId, source: Source, profile: &str, mode: Mode, reason: JobReason) -> Self {
        let id = job_id(&source, profile, mode);
        Self { id, video, source, profile: profile.to_owned(), mode, reason }
    }

    /// The typed key of its source: of its own video, or outside our layout; `None` for anything else.
    pub fn source_key(&self) -> Option<ObjectKey> {
        if let Some(key) = ObjectKey::parse(Bucket::Private, &self.source.key) {
            return (key.video() == self.video).then_some(key);
        }
        let path = ExternalPath::try_from(self.source.key.clone()).ok()?;
        Some(ObjectKey::External { video: self.video, path })
    }

    /// The same work by other settings; another job, unless they are the same.
    #[must_use]
    pub fn with_settings(&self, profile: &str, mode: Mode) -> Self {
        Self::new(self.video, self.source.clone(), profile, mode, self.reason)
    }
}

fn job_id(source: &Source, profile: &str, mode: Mode) -> JobId {
    // The mode is a setting beside the profile: a copy must not pass for the ladder that was asked
    // for later. No profile name contains a slash, so the two cannot be confused.
    match mode {
        Mode::Abr => JobId::of(&source.bucket, &source.key, &source.etag, profile),
        Mode::Copy => JobId::of(&source.bucket, &source.key, &source.etag, &format!("{profile}/copy")),
    }
}

/// What travels through a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum JobMessage {
    /// Make a presentation of a source.
    #[serde(rename = "transcode-v1")]
    TranscodeV1(Job),
}

/// A message body that this version cannot act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// Not a JSON object with a `type`.
    #[error("the message is not a job: {detail}")]
    NotAMessage {
        /// What the JSON parser found.
        detail: String,
    },
    /// Of a newer version, or of another program.
    #[error("messages of type `{found}` are unknown to this version")]
    UnknownType {
        /// Its `type`, at most 64 characters of it.
        found: String,
    },
    /// Of a known type, with fields missing or wrong.
    #[error("the `{of_type}` message is malformed: {detail}")]
    Malformed {
        /// Its `type`.
        of_type: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The id does not follow from the rest: two runs could pass for one, or one for two.
    #[error("the job id `{found}` does not belong to its source and profile")]
    ForeignId {
        /// As it stands in the message.
        found: JobId,
    },
}

impl JobMessage {
    const TRANSCODE_V1: &str = "transcode-v1";

    /// Reads a message body. Fields that are not known are passed over: a newer sender may add some.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let value: serde_json::Value =
            serde_json::from_str(body).map_err(|it| InvalidMessage::NotAMessage { detail: it.to_string() })?;
        let kind = value
            .get("type")
            .and_then(serde_json::Value::as_str)
            .ok_or_else(|| InvalidMessage::NotAMessage { detail: "it has no `type`".to_owned() })?;
        if kind != Self::TRANSCODE_V1 {
            return Err(InvalidMessage::UnknownType { found: kind.chars().take(64).collect() });
        }
        let job: Job = serde_json::from_value(value)
            .map_err(|it| InvalidMessage::Malformed { of_type: Self::TRANSCODE_V1, detail: it.to_string() })?;
        if job.id != job_id(&job.source, &job.profile, job.mode) {
            return Err(InvalidMessage::ForeignId { found: job.id });
        }
        Ok(Self::TranscodeV1(job))
    }

    /// The message body.
    pub fn to_body(&self) -> String {
        serde_json::to_string(self).expect("strings and numbers always serialise")
    }

    /// The job inside.
    pub fn job(&self) -> &Job {
        match self {
            Self::TranscodeV1(job) => job,
        }
    }
}

impl From<Job> for JobMessage {
    fn from(job: Job) -> Self {
        Self::TranscodeV1(job)
    }
}

/// The steps of the work, in the order in which they begin; some run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Reading the head of the source and planning.
    Probe,
    /// Remuxing the top rung.
    Copy,
    /// Encoding the rungs.
    Encode,
    /// Encoding the audio renditions.
    Audio,
    /// Thumbnails, poster, storyboard.
    Stills,
    /// Checking all that was made.
    Verify,
    /// Writing the final playlists and moving the pointer.
    Publish,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Self; 7] =
        [Self::Probe, Self::Copy, Self::Encode, Self::Audio, Self::Stills, Self::Verify, Self::Publish];

    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Probe => "probe",
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
mod tests {
    use super::*;

    fn job() -> Job {
        let video = VideoId::new(1_700_000_000_000, [7; 10]);
        let source = Source {
            bucket: "edgereel-private".to_owned(),
            key: format!("uploads/{video}/film.mp4"),
            etag: "d41d8cd98f00b204e9800998ecf8427e-3".to_owned(),
            size: 1_234_567,
        };
        Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
    }

    #[test]
    fn the_wire_format_is_frozen() {
        // Never update this text: a message of this shape may be waiting in somebody's queue.
        let json = serde_json::to_string_pretty(&JobMessage::from(job())).unwrap();
        insta::assert_snapshot!(json, @r#"
        {
          "type": "transcode-v1",
          "job": "142a84d39c50f1797d701232211ac10b",
          "video": "vid_018bcfe5680077078707070707070707",
          "source": {
            "bucket": "edgereel-private",
            "key": "uploads/vid_018bcfe5680077078707070707070707/film.mp4",
            "etag": "d41d8cd98f00b204e9800998ecf8427e-3",
            "size": 1234567
          },
          "profile": "default",
          "mode": "abr",
          "reason": "upload"
        }
        "#);
        assert_eq!(JobMessage::parse(&json), Ok(JobMessage::from(job())));
    }

    #[test]
    fn fields_of_a_newer_sender_are_passed_over() {
        let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
        value["priority"] = "high".into();
        assert_eq!(JobMessage::parse(&value.to_string()), Ok(JobMessage::from(job())));
    }

    #[test]
    fn what_is_no_message_is_a_typed_error() {
        let broken = |change: fn(&mut serde_json::Value)| {
            let mut value = serde_json::to_value(JobMessage::from(job())).unwrap();
            change(&mut value);
            value.to_string()
        };
        let table: String = [
            String::new(),
            "[]".to_owned(),
            "{\"type\":7}".to_owned(),
            broken(|it| it["type"] = "transcode-v2".into()),
            broken(|it| it["video"] = "../x".into()),
            broken(|it| it["source"]["size"] = (-1).into()),
            broken(|it| it["profile"] = "other".into()),
            broken(|it| drop(it.as_object_mut().unwrap().remove("source"))),
        ]
        .iter()
        .map(|body| format!("{}\n", JobMessage::parse(body).unwrap_err()))
        .collect();
        insta::assert_snapshot!(table, @"
        the message is not a job: EOF while parsing a value at line 1 column 0
        the message is not a job: it has no `type`
        the message is not a job: it has no `type`
        messages of type `transcode-v2` are unknown to this version
        the `transcode-v1` message is malformed: `../x` is not a video id: expected `vid_` and 32 lower-case hex digits
        the `transcode-v1` message is malformed: invalid value: integer `-1`, expected u64
        the job id `142a84d39c50f1797d701232211ac10b` does not belong to its source and profile
        the `transcode-v1` message is malformed: missing field `source`
        ");
    }

    #[test]
    fn identity_is_source_profile_and_mode() {
        let job = job();
        let retry = Job { reason: JobReason::Retry, ..job.clone() };
        assert_eq!(Job::new(job.video, job.source.clone(), "default", Mode::Abr, JobReason::Retry), retry);
        assert_eq!(job.with_settings("default", Mode::Abr).id, job.id);
        assert_ne!(job.with_settings("small", Mode::Abr).id, job.id);
        assert_ne!(job.with_settings("default", Mode::Copy).id, job.id);
        let newer = Source { etag: "another".to_owned(), ..job.source.clone() };
        assert_ne!(Job::new(job.video, newer, "default", Mode::Abr, JobReason::Upload).id, job.id);
    }

    #[test]
    fn a_source_knows_its_typed_key() {
        let job = job();
        assert_eq!(job.source_key().unwrap().video(), job.video);
        let keyed = |key: &str| {
            let source = Source { key: key.to_owned(), ..job.source.clone() };
            Job { source, ..job.clone() }.source_key()
        };
        // What is not ours is read where it stands; what is another video's, is not read at all.
        assert_eq!(keyed("elsewhere/film.mp4").map(|it| it.path()).as_deref(), Some("elsewhere/film.mp4"));
        assert_eq!(keyed("elsewhere/film.mp4").unwrap().video(), job.video);
        let other = VideoId::new(7, [7; 10]);
        for foreign in [format!("uploads/{other}/film.mp4"), "uploads/film.mp4".to_owned(), "../film.mp4".to_owned()] {
            assert_eq!(keyed(&foreign), None, "{foreign}");
        }
    }
}
