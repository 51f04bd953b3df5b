//! Captions of a video, as the catalog records them.

use captions::Track;
use domain::caption::Language;
use domain::ids::{CaptionId, hex};
use domain::time::UnixMillis;
use sha2::{Digest as _, Sha256};

use super::CatalogError;

/// Words that the search of videos knows, in bytes: those of a film of five hours.
const MAX_WORDS: usize = 512 << 10;

/// Captions in one language. A language has at most one set of each kind: complete, for viewers who
/// are deaf (`sdh`), and `forced`.
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

/// Where captions or chapters come from, the strongest origin last: captions never replace those of
/// a stronger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CaptionOrigin {
    /// A transcriber made them of the audio.
    Machine,
    /// They are in the source.
    Embedded,
    /// They were uploaded.
    Uploaded,
}

impl CaptionOrigin {
    /// The origin of a row. Programs before migration 0032 know only two names.
    pub(super) fn of_row(name: &str, is_machine: bool) -> Result<Self, CatalogError> {
        match (name, is_machine) {
            ("uploaded", _) => Ok(Self::Uploaded),
            ("embedded", false) => Ok(Self::Embedded),
            ("embedded", true) => Ok(Self::Machine),
            _ => Err(CatalogError::Corrupt {
                detail: format!("the origin of captions or chapters is `{name}`"),
            }),
        }
    }

    /// The name in a row.
    pub(super) fn row_name(self) -> &'static str {
        match self {
            Self::Uploaded => "uploaded",
            Self::Embedded | Self::Machine => "embedded",
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

/// The settings of captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionSettings {
    /// Language of the text.
    pub language: Language,
    /// Name in the menus of players; `None`: that of the language.
    pub name: Option<String>,
    /// As in [`CaptionRecord`].
    pub default: bool,
    /// As in [`CaptionRecord`].
    pub forced: bool,
    /// As in [`CaptionRecord`].
    pub sdh: bool,
    /// Where they come from.
    pub origin: CaptionOrigin,
}

impl CaptionSettings {
    /// Name in the menus of players: names differ, so that viewers know which is which.
    fn name(&self) -> String {
        let name = self.name.as_deref().map(str::trim);
        if let Some(name) = name.filter(|it| !it.is_empty()) {
            return name.to_owned();
        }
        let language = self.language.display_name();
        match (self.forced, self.sdh) {
            (true, _) => format!("{language} (forced)"),
            (false, true) => format!("{language} (SDH)"),
            (false, false) if self.origin == CaptionOrigin::Machine => {
                format!("{language} (automatic)")
            }
            (false, false) => language,
        }
    }
}

impl NewCaptions {
    /// New captions, which were made now, and their text as a WebVTT file.
    pub fn new(settings: CaptionSettings, track: &Track, now: UnixMillis) -> (Self, String) {
        let name = settings.name();
        let CaptionSettings {
            language,
            default,
            forced,
            sdh,
            origin,
            ..
        } = settings;
        let text = track.to_vtt();
        let described = format!("{name}\n{default} {forced} {sdh}\n");
        let digest = Sha256::new().chain_update(described).chain_update(&text);
        let content = hex(&digest.finalize()[..16]);
        let record = CaptionRecord {
            id: CaptionId::of(language.as_str(), &content, now.get()),
            language,
            name,
            default,
            forced,
            sdh,
            origin,
            content,
            cues: track.cues.len() as u64,
            created_ms: now,
            published: false,
        };
        let words = track.search_text(MAX_WORDS);
        (Self { record, words }, text)
    }
}

/// Captions of a video, all of a language or some of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionChoice {
    /// Language of the text.
    pub language: Language,
    /// Only those that are forced, or are not; `None`: both.
    pub forced: Option<bool>,
    /// Only those that describe sounds, or do not; `None`: both.
    pub sdh: Option<bool>,
}

impl CaptionChoice {
    /// Whether these captions are among the chosen ones.
    pub fn includes(&self, record: &CaptionRecord) -> bool {
        self.language == record.language
            && self.forced.is_none_or(|it| it == record.forced)
            && self.sdh.is_none_or(|it| it == record.sdh)
    }
}

/// The result of storing captions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptionsStored {
    /// They are the captions of their language and kind now.
    Stored {
        /// Whether the language had captions of this kind before.
        replaced: bool,
    },
    /// The present captions have the same text and settings: these stay.
    Same(CaptionRecord),
    /// The present captions have a stronger origin: these stay.
    Kept,
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
