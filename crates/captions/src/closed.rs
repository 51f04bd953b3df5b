//! The closed captions in a video: channels of CEA-608, and services of CEA-708.

use std::collections::HashSet;
use std::fmt;

use crate::{Cea608, Cea708, Field, Track};

/// Where closed captions come from. `Display` is the usual name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptionChannel {
    /// A channel of CEA-608, 1 to 4: `CC1`.
    Cea608(u8),
    /// A service of CEA-708, 1 to 63: `Service 1`.
    Cea708(u8),
}

impl CaptionChannel {
    /// Whether it has the main language of the programme.
    pub fn is_main(self) -> bool {
        matches!(self, Self::Cea608(1) | Self::Cea708(1))
    }
}

impl fmt::Display for CaptionChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cea608(number) => write!(f, "CC{number}"),
            Self::Cea708(number) => write!(f, "Service {number}"),
        }
    }
}

/// Decodes all closed captions of a video.
#[derive(Debug, Default)]
pub struct ClosedCaptions {
    cea608: Cea608,
    cea708: Cea708,
}

impl ClosedCaptions {
    /// Decoders without any captions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Consumes a pair of bytes of CEA-608, as [`Cea608::push`] does.
    pub fn push_cea608(&mut self, field: Field, pair: [u8; 2], at_ms: u64) {
        self.cea608.push(field, pair, at_ms);
    }

    /// Consumes two bytes of CEA-708, as [`Cea708::push`] does.
    pub fn push_cea708(&mut self, begins: bool, data: [u8; 2], at_ms: u64) {
        self.cea708.push(begins, data, at_ms);
    }

    /// The channels with captions, and their cues, which do not overlap: those of CEA-608, and the
    /// services of CEA-708 with another text. (Broadcasts send the same text in both.) Captions
    /// that are still shown end at `end_ms`.
    pub fn finish(self, end_ms: u64) -> Vec<(CaptionChannel, Track)> {
        let channels = self.cea608.finish(end_ms).into_iter();
        let mut found: Vec<_> = channels
            .map(|(number, it)| (CaptionChannel::Cea608(number), it))
            .collect();
        let words: Vec<_> = found.iter().map(|it| words(&it.1)).collect();
        for (number, track) in self.cea708.finish(end_ms) {
            if !words.iter().any(|it| has_text_of(it, &track)) {
                found.push((CaptionChannel::Cea708(number), track));
            }
        }
        found
    }
}

/// The different words of a track.
fn words(track: &Track) -> HashSet<String> {
    let text = track.search_text(usize::MAX);
    let words = text.split(|it: char| !it.is_alphanumeric());
    words
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a track has few other words than these: one in five. Encoders that derive one of the two
/// from the other cut lines, and characters get lost.
fn has_text_of(channel: &HashSet<String>, track: &Track) -> bool {
    let words = words(track);
    let others = words.difference(channel).count();
    5 * others <= words.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cue;

    fn track(texts: &[&str]) -> Track {
        let cues = (0..).zip(texts).map(|(number, text)| Cue {
            start_ms: 1_000 * number,
            end_ms: 1_000 * (number + 1),
            settings: String::new(),
            text: (*text).to_owned(),
        });
        Track {
            cues: cues.collect(),
        }
    }

    #[test]
    fn the_same_text_is_recognised() {
        let channel = words(&track(&["Hello, <i>WORLD</i>", "how are you?", "Fine."]));
        for (texts, expected) in [
            (&["hello world how", "are you fine"][..], true),
            // The end is missing.
            (&["Hello, world"], true),
            (&["Hello, world, how are they"], true),
            (&["Hola, mundo", "¿cómo estás?"], false),
            (&["Hello, world", "and something more"], false),
            // Only signs.
            (&["♪"], true),
        ] {
            assert_eq!(has_text_of(&channel, &track(texts)), expected, "{texts:?}");
        }
        assert!(!has_text_of(&HashSet::new(), &track(&["Hello"])));
    }

    #[test]
    fn names() {
        let names = [CaptionChannel::Cea608(3), CaptionChannel::Cea708(12)];
        assert_eq!(names.map(|it| it.to_string()), ["CC3", "Service 12"]);
    }
}
