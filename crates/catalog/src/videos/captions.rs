//! Captions of a video, as the catalog records them.

use domain::caption::Language;
use domain::ids::CaptionId;
use domain::time::UnixMillis;

/// Captions in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionRecord {
    /// Id of this version.
    pub id: CaptionId,
    /// Language of the text.
    pub language: Language,
    /// Name in the menus of players.
    pub name: String,
    /// Whether players show it if the viewer has no preference. At most one of a video is the
    /// default.
    pub default: bool,
    /// Whether it has only what viewers need who understand the audio.
    pub forced: bool,
    /// Whether it also describes sounds.
    pub sdh: bool,
    /// Where it comes from.
    pub origin: CaptionOrigin,
    /// Digest of the text and the settings.
    pub content: String,
    /// Number of cues.
    pub cues: u64,
    /// When it was stored.
    pub created_ms: UnixMillis,
    /// Whether the master playlist names it.
    pub published: bool,
}

/// Where captions come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionOrigin {
    /// A file that was uploaded.
    Uploaded,
    /// A text stream of the source.
    Embedded,
}

impl CaptionOrigin {
    /// Stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Embedded => "embedded",
        }
    }
}

/// Captions to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCaptions {
    /// The captions; `published` is false.
    pub record: CaptionRecord,
    /// The words of all cues, folded.
    pub words: String,
}

/// The result of storing captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptionsStored {
    /// They are the captions of their language now.
    Stored {
        /// Whether the language had captions before.
        replaced: bool,
    },
    /// The captions of the language have the same text and settings: these stay.
    Same(CaptionRecord),
    /// Captions of the language were uploaded, so those of the source are not used.
    Uploaded,
}

/// Captions that were replaced or deleted, and whose objects still exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedCaptions {
    /// Id of the version.
    pub id: CaptionId,
    /// Language of the text.
    pub language: Language,
    /// When they were replaced or deleted.
    pub removed_ms: UnixMillis,
    /// Whether the master playlist still names them.
    pub published: bool,
}
