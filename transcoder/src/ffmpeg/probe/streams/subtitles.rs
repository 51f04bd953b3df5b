//! The subtitle streams of a source.

use captions::CaptionChannel;
use domain::caption::Language;

use super::raw::{RawProbe, RawStream};

/// Codecs that FFmpeg (5.1 to 9.0) converts to WebVTT.
const TEXT: [&str; 8] = [
    "subrip", "ass", "ssa", "webvtt", "mov_text", "text", "eia_608", "ttml",
];

/// Maximum number of text streams that are read: Matroska files of films have up to 40.
const MOST_TRACKS: usize = 50;

/// Longest title, characters.
const LONGEST_TITLE: usize = 60;

/// Codecs whose stream can have closed captions in its frames (ATSC A/53).
const CAPTIONED: [&str; 3] = ["h264", "hevc", "mpeg2video"];

/// The subtitle streams of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subtitles {
    /// Streams of text, in the order of the file.
    pub tracks: Vec<TextTrack>,
    /// Whether there are streams that cannot become text: images, teletext, or an unknown codec.
    pub others: bool,
    /// The video stream, if its codec can have closed captions in its frames.
    pub captioned: Option<CaptionedVideo>,
}

/// A video stream that may have closed captions in its frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaptionedVideo {
    /// Stream index in the container.
    pub index: u32,
    /// Language that the container declares.
    pub language: Option<Language>,
}

/// A stream of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextTrack {
    /// Stream index in the container.
    pub index: u32,
    /// Language of the text; `und`: the container does not declare it. Captions of a language and
    /// kind that an earlier stream has get a private subtag: `en-x-2`.
    pub language: Language,
    /// Title in the container.
    pub title: Option<String>,
    /// Whether it has only what viewers need who understand the audio.
    pub forced: bool,
    /// Whether it also describes sounds.
    pub sdh: bool,
}

impl Subtitles {
    /// Those of a source. `video`: its video stream; `None`: it has only audio.
    pub(super) fn of(raw: &RawProbe, video: Option<&RawStream>) -> Self {
        let can_have = |it: &&RawStream| it.codec().is_some_and(|it| CAPTIONED.contains(&it));
        let captioned = video.filter(can_have).map(|it| CaptionedVideo {
            index: it.index,
            language: language(it),
        });
        let mut found = Self {
            captioned,
            ..Self::default()
        };
        for stream in raw.streams.iter().filter(|it| it.is("subtitle")) {
            if !stream.codec().is_some_and(|it| TEXT.contains(&it)) {
                found.others = true;
            } else if found.tracks.len() < MOST_TRACKS {
                let track = found.track(stream);
                found.tracks.push(track);
            }
        }
        found
    }

    fn track(&self, stream: &RawStream) -> TextTrack {
        let (forced, sdh) = (
            stream.disposition.forced != 0,
            stream.disposition.hearing_impaired != 0,
        );
        let language = free(&self.tracks, language(stream), (forced, sdh));
        let title = stream.tags.title.as_deref().map(|it| {
            let visible = it.chars().filter(|it| !it.is_control());
            visible
                .take(LONGEST_TITLE)
                .collect::<String>()
                .trim()
                .to_owned()
        });
        TextTrack {
            index: stream.index,
            language,
            title: title.filter(|it| !it.is_empty()),
            forced,
            sdh,
        }
    }

    /// The tracks of channels of closed captions. The main channel has the language of the video
    /// stream. Those that are too many are left out.
    pub(crate) fn closed_captions(&self, channels: &[CaptionChannel]) -> Vec<TextTrack> {
        let Some(video) = &self.captioned else {
            return vec![];
        };
        let mut tracks = self.tracks.clone();
        for channel in channels {
            let language = video.language.clone().filter(|_| channel.is_main());
            let track = TextTrack {
                index: video.index,
                language: free(&tracks, language, (false, false)),
                title: Some(channel.to_string()),
                forced: false,
                sdh: false,
            };
            tracks.push(track);
        }
        tracks.truncate(MOST_TRACKS);
        tracks.split_off(self.tracks.len())
    }
}

/// The language that the container declares for a stream.
fn language(stream: &RawStream) -> Option<Language> {
    let code = stream.tags.language.as_deref();
    code.and_then(Language::of_stream)
}

/// A language for another track of a kind (forced, sdh): the declared one or `und`, with a number
/// if a track has it already.
fn free(tracks: &[TextTrack], declared: Option<Language>, kind: (bool, bool)) -> Language {
    let language = declared.unwrap_or_else(|| "und".parse().expect("a tag"));
    let taken = |language: &Language| {
        let same = |it: &TextTrack| it.language == *language && (it.forced, it.sdh) == kind;
        tracks.iter().any(same)
    };
    let numbered = (2..).filter_map(|it| format!("{language}-x-{it}").parse().ok());
    std::iter::once(language.clone())
        .chain(numbered)
        .find(|it| !taken(it))
        .unwrap_or(language)
}
