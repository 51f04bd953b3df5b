//! CEA-608 captions (ANSI/CTA-608-E, 47 CFR 15.119): the byte pairs of line 21, as television and
//! ATSC video carry them, become tracks of cues.
//!
//! Each field has two channels: CC1 and CC2, CC3 and CC4. Text mode and extended data services
//! (XDS) are left out.

mod channel;
mod characters;
mod code;
mod screen;

use crate::Track;
use crate::limits::MAX_TIME_MS;

use channel::Channel;
use code::{Code, Pair};

/// The field of an interlaced frame to which a pair belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The first field: CC1 and CC2.
    First,
    /// The second field: CC3, CC4 and XDS.
    Second,
}

/// Codes are sent twice in a row. The second one is ignored if it comes within this time,
/// milliseconds: three frames, because some encoders put padding between the two.
const REPETITION_MS: u64 = 110;

/// Decodes the captions of both fields. Memory is bounded: each channel keeps its first
/// [`MAX_CUES`](crate::MAX_CUES) cues, with at most [`MAX_BYTES`](crate::MAX_BYTES) of text.
#[derive(Debug, Default)]
pub struct Cea608 {
    first: Line,
    second: Line,
    now_ms: u64,
}

/// The pairs of one field.
#[derive(Debug, Default)]
struct Line {
    channels: [Channel; 2],
    /// The channel to which characters belong: that of the last code.
    selected: Option<usize>,
    /// The last code and its time, unless a character followed or it was the repetition.
    last: Option<([u8; 2], u64)>,
    /// Whether characters belong to a packet of XDS.
    in_xds: bool,
}

impl Cea608 {
    /// A decoder without any captions on its screens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Consumes a pair of bytes with their parity bits, which arrives at `at_ms`, milliseconds from
    /// the start of the video. A time before that of the last pair counts as that time.
    pub fn push(&mut self, field: Field, pair: [u8; 2], at_ms: u64) {
        self.now_ms = at_ms.min(MAX_TIME_MS).max(self.now_ms);
        match field {
            Field::First => self.first.push(pair, field, self.now_ms),
            Field::Second => self.second.push(pair, field, self.now_ms),
        }
    }

    /// The channels with captions: number (1 for CC1, up to 4) and cues, which do not overlap.
    /// Captions that are still shown end at `end_ms`.
    pub fn finish(self, end_ms: u64) -> Vec<(u8, Track)> {
        let end_ms = end_ms.min(MAX_TIME_MS);
        let channels = self.first.channels.into_iter().chain(self.second.channels);
        let tracks = channels.map(|it| it.finish(end_ms));
        let numbered = (1..).zip(tracks);
        numbered.filter(|it| !it.1.cues.is_empty()).collect()
    }
}

impl Line {
    fn push(&mut self, pair: [u8; 2], field: Field, now: u64) {
        match Pair::read(pair) {
            Pair::Nothing => {}
            Pair::Code(first, second) => self.code(first, second, now),
            // Only the second field has XDS.
            Pair::Xds => self.in_xds = field == Field::Second,
            Pair::EndOfXds => self.in_xds = false,
            Pair::Characters(characters) => {
                self.last = None;
                if let (Some(selected), false) = (self.selected, self.in_xds) {
                    for c in characters.into_iter().flatten() {
                        self.channels[selected].apply(Code::Character(c), now);
                    }
                }
            }
        }
    }

    fn code(&mut self, first: u8, second: u8, now: u64) {
        let is_repetition = |(last, at)| last == [first, second] && now - at <= REPETITION_MS;
        if self.last.is_some_and(is_repetition) {
            self.last = None;
            return;
        }
        self.last = Some(([first, second], now));
        self.in_xds = false;
        // The codes of the two channels differ in this bit.
        let channel = usize::from(first & 8 != 0);
        self.selected = Some(channel);
        if let Some(code) = Code::read(first & !8, second) {
            self.channels[channel].apply(code, now);
        }
    }
}

#[cfg(test)]
mod tests;
