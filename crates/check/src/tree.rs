//! The facts that the rules judge: the declarations of playlists, and the measurements of media.

use hls::parse::{ByteRange, Media, Problem, Variant};
use hls::{MasterPlaylist, MediaPlaylist};
use media::segment::{Measured, StreamInfo};
use url::Url;

use crate::fetch::FetchError;
use crate::report::{Counts, Place};

/// A presentation that was read.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The target, as a report may show it.
    pub(crate) target: String,
    pub(crate) master: Option<Master>,
    /// Media playlists, each once, in the order of the master playlist.
    pub(crate) renditions: Vec<Rendition>,
    pub(crate) counts: Counts,
}

/// A playlist's text, and its response headers.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Name in reports.
    pub(crate) place: String,
    pub(crate) url: Url,
    pub(crate) content_type: Option<String>,
    pub(crate) gzip: bool,
    pub(crate) not_utf8: bool,
    pub(crate) problems: Vec<Problem>,
    /// URIs as written, with their lines.
    pub(crate) uris: Vec<(u32, String)>,
}

impl Document {
    pub(crate) fn at(&self, line: impl Into<Option<u32>>) -> Place {
        Place {
            playlist: self.place.clone(),
            line: line.into(),
            segment: None,
        }
    }
}

/// A master playlist.
#[derive(Debug)]
pub(crate) struct Master {
    pub(crate) document: Document,
    pub(crate) playlist: MasterPlaylist,
}

/// The role of a media playlist in a master playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Index into the master's variants.
    Variant(usize),
    /// Index into the master's I-frame variants.
    IFrames(usize),
    /// Index into the master's EXT-X-MEDIA.
    Media(usize),
    /// There is no master playlist.
    Alone,
}

/// A media playlist and its segments.
#[derive(Debug)]
pub(crate) struct Rendition {
    pub(crate) document: Document,
    /// All its roles: two variants may share a playlist.
    pub(crate) roles: Vec<Role>,
    /// Where the master playlist names it first; the start of the playlist itself if there is none.
    pub(crate) named_at: Place,
    pub(crate) playlist: Result<MediaPlaylist, FetchError>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) maps: Vec<MapFacts>,
    pub(crate) keys: Vec<KeyFacts>,
}

/// An EXT-X-MAP.
#[derive(Debug)]
pub(crate) struct MapFacts {
    pub(crate) line: u32,
    pub(crate) uri: String,
    /// Facts of its video; or the reason why it is unusable.
    pub(crate) outcome: Result<(), Failure>,
    pub(crate) content_type: Option<String>,
}

/// An EXT-X-KEY.
#[derive(Debug)]
pub(crate) struct KeyFacts {
    pub(crate) line: u32,
    /// Size of the key file; or the reason why it could not be read. `None`: the method needs no
    /// key file, or the format is unknown.
    pub(crate) outcome: Option<Result<usize, FetchError>>,
}

/// One entry of a media playlist.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) line: u32,
    pub(crate) uri: String,
    pub(crate) byte_range: Option<ByteRange>,
    /// Declared duration (EXTINF), seconds.
    pub(crate) extinf: Option<f64>,
    pub(crate) discontinuity: bool,
    pub(crate) encrypted: bool,
    /// The measurements; `None`: skipped, by option or by EXT-X-GAP.
    pub(crate) outcome: Option<Result<Received, Failure>>,
}

impl Segment {
    pub(crate) fn received(&self) -> Option<&Received> {
        self.outcome.as_ref()?.as_ref().ok()
    }

    pub(crate) fn measured(&self) -> Option<&Measured> {
        self.received().map(|it| &it.media)
    }

    /// Name in reports.
    pub(crate) fn name(&self) -> String {
        let uri = crate::place::written(&self.uri);
        match self.byte_range {
            Some(range) => format!("{uri} [{}@{}]", range.length, range.offset),
            None => uri,
        }
    }
}

/// The reason why a segment or an initialisation section could not be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Fetch(FetchError),
    Empty,
    /// The key is missing; reported at the key.
    NoKey,
    /// The encryption method or key format is not supported.
    CannotDecrypt(String),
    /// The length of the ciphertext, which is not a multiple of 16.
    NotWholeBlocks(u64),
    Padding,
    /// It decrypts, but not to media.
    Garbled,
    /// The format is unknown.
    UnknownFormat,
    /// The initialisation section is missing or unusable.
    NoInit,
    /// An initialisation section is needed, but the playlist has none.
    NoMap,
    /// The container is damaged; a description.
    Damaged(String),
}

/// A segment that was read: its measurements, and the facts of its transfer.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) media: Measured,
    /// The clear text of a WebVTT segment.
    pub(crate) text: Option<Vec<u8>>,
    /// Size in bytes, as stored.
    pub(crate) bytes: u64,
    pub(crate) content_type: Option<String>,
}

impl Rendition {
    /// The parsed playlist; `None` if it could not be read.
    pub(crate) fn said(&self) -> Option<&MediaPlaylist> {
        self.playlist.as_ref().ok()
    }

    pub(crate) fn at_segment(&self, segment: &Segment) -> Place {
        Place {
            playlist: self.document.place.clone(),
            line: Some(segment.line),
            segment: Some(segment.name()),
        }
    }

    pub(crate) fn is_iframes(&self) -> bool {
        self.roles.iter().any(|it| matches!(it, Role::IFrames(_)))
            || self.said().is_some_and(|it| it.iframes_only.is_some())
    }

    pub(crate) fn target_duration(&self) -> Option<u64> {
        self.said()?.target_duration.as_ref().map(|it| it.value)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.said().is_some_and(|it| it.end_list.is_some())
    }

    /// All segments as received; `None` unless all were read.
    pub(crate) fn all_received(&self) -> Option<Vec<(&Segment, &Received)>> {
        self.segments
            .iter()
            .map(|it| Some((it, it.received()?)))
            .collect()
    }

    /// The leading essence of the first measured segment: video if there is some.
    pub(crate) fn first_essence(&self) -> Option<&StreamInfo> {
        self.segments.iter().find_map(|it| it.measured()?.lead())
    }

    pub(crate) fn has_video(&self) -> bool {
        self.segments
            .iter()
            .any(|it| it.measured().is_some_and(|it| it.video.is_some()))
    }

    pub(crate) fn has_audio(&self) -> bool {
        self.segments
            .iter()
            .any(|it| it.measured().is_some_and(|it| it.audio.is_some()))
    }
}

impl Tree {
    /// Renditions that are variants, with their declarations in the master playlist. A rendition
    /// may occur more than once.
    pub(crate) fn variants(&self) -> impl Iterator<Item = (&Rendition, &Variant)> {
        let variants = self
            .master
            .as_ref()
            .map_or(&[][..], |it| &it.playlist.variants);
        self.renditions.iter().flat_map(move |rendition| {
            rendition.roles.iter().filter_map(move |role| match role {
                Role::Variant(index) => Some((rendition, variants.get(*index)?)),
                _ => None,
            })
        })
    }

    /// I-frame renditions, with their declarations in the master playlist.
    pub(crate) fn iframes(&self) -> impl Iterator<Item = (&Rendition, &Variant)> {
        let variants = self
            .master
            .as_ref()
            .map_or(&[][..], |it| &it.playlist.iframes);
        self.renditions.iter().flat_map(move |rendition| {
            rendition.roles.iter().filter_map(move |role| match role {
                Role::IFrames(index) => Some((rendition, variants.get(*index)?)),
                _ => None,
            })
        })
    }

    /// Renditions of EXT-X-MEDIA, with their declarations in the master playlist.
    pub(crate) fn media(&self) -> impl Iterator<Item = (&Rendition, &Media)> {
        let media = self
            .master
            .as_ref()
            .map_or(&[][..], |it| &it.playlist.media);
        self.renditions.iter().flat_map(move |rendition| {
            rendition.roles.iter().filter_map(move |role| match role {
                Role::Media(index) => Some((rendition, media.get(*index)?)),
                _ => None,
            })
        })
    }

    /// The audio renditions with which a variant can be played.
    pub(crate) fn audio_of<'a>(
        &'a self,
        variant: &'a Variant,
    ) -> impl Iterator<Item = (&'a Rendition, &'a Media)> {
        let group = variant.audio.as_deref();
        self.media().filter(move |(_, media)| {
            group.is_some()
                && media.group.as_deref() == group
                && media.media_type == Some(hls::parse::MediaType::Audio)
        })
    }
}
