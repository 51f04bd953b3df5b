//! Captions.

use serde::{Deserialize, Serialize};

use crate::videos::VideoFailure;
use crate::{MaybeKnown, Timestamp};

/// The settings of uploaded captions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct CaptionParams {
    /// Name in the menus of players. Default: the name of the language, with `(SDH)` or `(forced)`.
    #[serde(default)]
    pub name: Option<String>,
    /// Show them unless the viewer chooses otherwise. Those of other languages are then no longer the default.
    #[serde(default)]
    pub default: bool,
    /// They have only what viewers need who understand the audio, such as signs: players show them
    /// without a choice of the viewer.
    #[serde(default)]
    pub forced: bool,
    /// They also describe sounds, for viewers who are deaf or hard of hearing.
    #[serde(default)]
    pub sdh: bool,
}

/// Chooses among the captions of a language.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct CaptionChoiceParams {
    /// Only those that are forced (`true`), or are not.
    #[serde(default)]
    pub forced: Option<bool>,
    /// Only those that describe sounds (`true`), or do not.
    #[serde(default)]
    pub sdh: Option<bool>,
}

/// Parameters of the list of captions.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListCaptions {
    /// Text to find in the captions, without regard to case and accents.
    #[serde(default)]
    pub text: Option<String>,
}

/// The captions of a video.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaptionList {
    /// By language; complete ones first, forced ones last.
    pub captions: Vec<CaptionTrack>,
    /// Captions that a transcriber makes of the audio, until they are in `captions`.
    #[serde(default)]
    pub transcriptions: Vec<Transcription>,
    /// Where `text` is said, at most 100 places in each of the captions; empty without `text`.
    pub matches: Vec<CaptionMatch>,
}

/// Captions in one language, of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaptionTrack {
    /// Language tag (BCP 47).
    pub language: String,
    /// Name in the menus of players.
    pub name: String,
    /// Whether players show them unless the viewer chooses otherwise.
    pub default: bool,
    /// Whether they have only what viewers need who understand the audio.
    pub forced: bool,
    /// Whether they also describe sounds.
    pub sdh: bool,
    #[cfg_attr(feature = "openapi", schema(value_type = CaptionOrigin))]
    pub origin: MaybeKnown<CaptionOrigin>,
    #[cfg_attr(feature = "openapi", schema(value_type = CaptionStatus))]
    pub status: MaybeKnown<CaptionStatus>,
    /// Number of cues.
    pub cues: u64,
    pub created_at: Timestamp,
}

/// Where captions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaptionOrigin {
    /// A file that was uploaded.
    Uploaded,
    /// A text stream of the source.
    Embedded,
    /// The audio: a transcriber made them.
    Machine,
}

/// Whether viewers get captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CaptionStatus {
    /// Players that load the video now have them.
    Published,
    /// They are published soon, or when the video is ready.
    Pending,
}

/// A request for captions that are made of the audio.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TranscriptionRequest {
    /// Language of the speech, and of the captions: a tag (BCP 47).
    #[cfg_attr(feature = "openapi", schema(example = "en"))]
    pub language: String,
}

/// Captions that a transcriber makes of the audio.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Transcription {
    /// Language tag (BCP 47).
    pub language: String,
    #[cfg_attr(feature = "openapi", schema(value_type = TranscriptionStatus))]
    pub status: MaybeKnown<TranscriptionStatus>,
    /// Why it failed.
    pub failure: Option<VideoFailure>,
}

/// The status of a transcription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TranscriptionStatus {
    /// It waits for a transcoder, or is being made.
    Pending,
    /// It failed. Another request tries again.
    Failed,
}

/// The result of an upload of captions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StoredCaptions {
    pub captions: CaptionTrack,
    /// The format that the content of the file has: `SRT`, `WebVTT` or `TTML`.
    pub format: String,
    /// Faults of the file that were corrected, with their lines.
    pub warnings: Vec<String>,
}

/// A place in captions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CaptionMatch {
    /// Language tag (BCP 47).
    pub language: String,
    /// Name of the captions in the menus of players.
    #[serde(default)]
    pub name: String,
    /// When the cue appears, seconds.
    pub start: f64,
    /// When the cue disappears, seconds.
    pub end: f64,
    /// The words of the cue.
    pub text: String,
}
