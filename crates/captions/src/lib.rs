//! Captions, without I/O: a file in SRT, WebVTT or TTML, or the closed captions in a video
//! (CEA-608 and CEA-708), become a [`Track`] of cues, which is written as WebVTT, cut into the
//! segments of an HLS rendition, and searched.
//!
//! Files come from users and from tools of every age. So the content decides about the format,
//! and faults that lose nothing are corrected with a [`Warning`]; all others are a
//! [`CaptionError`] with the line. No input panics, and the limits bound its cost.

mod cea608;
mod cea708;
mod cells;
mod clock;
mod closed;
mod decode;
mod limits;
mod markup;
mod parse;
mod search;
mod segments;
mod settings;
mod srt;
mod timeline;
mod ttml;
mod vtt;

#[cfg(test)]
mod tests;

pub use cea608::{Cea608, Field};
pub use cea708::Cea708;
pub use closed::{CaptionChannel, ClosedCaptions};
pub use limits::{MAX_BYTES, MAX_CUE_CHARACTERS, MAX_CUES, MAX_TIME_MS};
pub use parse::{CaptionError, Format, Parsed, Reason, Warning, parse, parse_stored};
pub use search::{Found, fold};
pub use segments::{ReadSegment, Segments, read_segment};

/// The cues of one language, ordered by their start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// The cues. They may overlap: two persons speak at once.
    pub cues: Vec<Cue>,
}

/// A text and the time for which it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// When it appears, milliseconds from the start of the video.
    pub start_ms: u64,
    /// When it disappears, milliseconds; after `start_ms`.
    pub end_ms: u64,
    /// WebVTT cue settings, such as `line:0`; empty: the player's default position.
    pub settings: String,
    /// WebVTT cue text: one line or more, none of them empty.
    pub text: String,
}

impl Track {
    /// The track as a WebVTT file. [`parse`] reads the same cues from it.
    pub fn to_vtt(&self) -> String {
        let mut out = String::from("WEBVTT\n");
        for cue in &self.cues {
            cue.write(&mut out);
        }
        out
    }
}

impl Cue {
    /// Appends the cue as a block of a WebVTT file.
    fn write(&self, out: &mut String) {
        out.push('\n');
        clock::write(out, self.start_ms);
        out.push_str(" --> ");
        clock::write(out, self.end_ms);
        if !self.settings.is_empty() {
            out.push(' ');
            out.push_str(&self.settings);
        }
        out.push('\n');
        out.push_str(&self.text);
        out.push('\n');
    }
}
