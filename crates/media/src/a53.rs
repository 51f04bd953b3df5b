//! Caption data in video streams (ATSC A/53, part 4, 6.2.3; ANSI/CTA-708-E, 4.4): the SEI messages
//! of H.264 and HEVC, and the user data of MPEG-2 pictures.

use crate::h265;
use crate::nal::{sei_messages, without_emulation};

/// Two bytes of caption data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Triplet {
    /// The service to which the bytes belong (`cc_type`).
    pub kind: CaptionKind,
    /// The bytes (`cc_data_1`, `cc_data_2`); those of CEA-608 with their parity bits.
    pub data: [u8; 2],
}

/// The service to which caption data belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionKind {
    /// CEA-608, first field.
    FirstField,
    /// CEA-608, second field.
    SecondField,
    /// CEA-708, a part of a packet.
    Cea708 {
        /// Whether the packet begins here.
        begins: bool,
    },
}

/// A video codec that can carry caption data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    H264,
    Hevc,
    Mpeg2,
}

/// Maximum size of a unit with caption data, bytes. Its other messages may be larger than the
/// captions.
const LARGEST_UNIT: usize = 16 << 10;

/// Maximum number of triplets in an access unit: four messages, as both fields of a frame may have
/// some.
const MOST_TRIPLETS: usize = 4 * 31;

/// Start codes of MPEG-2 (ISO/IEC 13818-2, 6.2.1): a picture header, and user data.
const PICTURE: u8 = 0;
const USER_DATA: u8 = 0xb2;

/// `payloadType` of a registered user data message (ISO/IEC 14496-10, D.1.6).
const REGISTERED: u32 = 4;

/// `itu_t_t35_country_code` of the United States, and the provider code of the ATSC.
const ATSC: [u8; 3] = [0xb5, 0x00, 0x31];

/// `user_identifier` and `user_data_type_code` of caption data.
const CAPTIONS: [u8; 5] = *b"GA94\x03";

/// Finds the caption data of an access unit that arrives in pieces. Slices pass through without a
/// copy.
#[derive(Debug)]
pub(crate) struct CaptionFinder {
    carrier: Carrier,
    /// Zeros in front of the next byte, at most two.
    zeros: u8,
    state: State,
    /// The unit that is being collected, from the byte after its start code.
    unit: Vec<u8>,
    /// Whether the last picture header of MPEG-2 was that of a B-picture.
    is_b: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between units, or in one that cannot have captions.
    Skipping,
    /// The next byte is the first of a unit.
    Beginning,
    Collecting,
}

impl CaptionFinder {
    pub(crate) fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            zeros: 0,
            state: State::Skipping,
            unit: vec![],
            is_b: false,
        }
    }

    /// Whether the current picture is decoded before others that precede it: an I- or P-picture of
    /// MPEG-2. Its header must have been read.
    pub(crate) fn is_reference(&self) -> bool {
        self.carrier == Carrier::Mpeg2 && !self.is_b
    }

    /// Consumes the next bytes, and appends the triplets of each message that they complete.
    /// Returns whether there was a message.
    pub(crate) fn push(&mut self, bytes: &[u8], found: &mut Vec<Triplet>) -> bool {
        let mut any = false;
        for &byte in bytes {
            let starts = byte == 1 && self.zeros == 2;
            self.zeros = if byte == 0 {
                (self.zeros + 1).min(2)
            } else {
                0
            };
            if starts {
                any |= self.end(found);
                self.state = State::Beginning;
                continue;
            }
            match self.state {
                State::Skipping => {}
                State::Beginning if self.carrier.may_carry(byte) => {
                    self.state = State::Collecting;
                    self.unit.push(byte);
                }
                State::Collecting if self.unit.len() < LARGEST_UNIT => self.unit.push(byte),
                State::Beginning | State::Collecting => self.discard(),
            }
        }
        any
    }

    /// Ends the current unit, and with it the access unit. Returns whether it had a message.
    pub(crate) fn end(&mut self, found: &mut Vec<Triplet>) -> bool {
        let is_whole = self.state == State::Collecting;
        if let [PICTURE, _, second, ..] = self.unit[..] {
            // `picture_coding_type`, after the ten bits of `temporal_reference`.
            self.is_b = self.carrier == Carrier::Mpeg2 && second >> 3 & 7 == 3;
        }
        let any = is_whole && self.carrier.read(&self.unit, found);
        self.discard();
        any
    }

    /// Drops the current unit, of which bytes are missing.
    pub(crate) fn discard(&mut self) {
        self.state = State::Skipping;
        self.unit.clear();
    }
}

impl Carrier {
    /// Whether a unit that begins with this byte can have caption data.
    fn may_carry(self, first: u8) -> bool {
        match self {
            Self::H264 => first & 0x1f == 6,
            // A message before a frame, or after it.
            Self::Hevc => matches!(h265::nal_type(&[first]), Some(39 | 40)),
            Self::Mpeg2 => matches!(first, PICTURE | USER_DATA),
        }
    }

    /// Reads the caption data of a unit. Returns whether it has some.
    fn read(self, unit: &[u8], found: &mut Vec<Triplet>) -> bool {
        let header = match self {
            Self::H264 => 1,
            Self::Hevc => 2,
            Self::Mpeg2 => {
                let user_data = unit.strip_prefix(&[USER_DATA]).unwrap_or_default();
                return read_user_data(user_data, found);
            }
        };
        let rbsp = without_emulation(unit.get(header..).unwrap_or_default());
        let mut any = false;
        for (kind, payload) in sei_messages(&rbsp) {
            if kind == REGISTERED
                && let Some(user_data) = payload.strip_prefix(&ATSC)
            {
                any |= read_user_data(user_data, found);
            }
        }
        any
    }
}

/// Reads `ATSC_user_data` (A/53, table 6.7). Returns whether it is caption data. Data whose count
/// is larger than the message is ignored.
fn read_user_data(user_data: &[u8], found: &mut Vec<Triplet>) -> bool {
    match triplets(user_data) {
        Some(triplets) => {
            let room = MOST_TRIPLETS.saturating_sub(found.len());
            found.extend(triplets.take(room));
            true
        }
        None => false,
    }
}

/// The valid triplets of `cc_data` (CTA-708-E, table 2).
fn triplets(user_data: &[u8]) -> Option<impl Iterator<Item = Triplet>> {
    let cc_data = user_data.strip_prefix(&CAPTIONS)?;
    let flags = *cc_data.first()?;
    let count = match flags & 0x40 {
        // `process_cc_data_flag` is not set.
        0 => 0,
        _ => usize::from(flags & 0x1f),
    };
    // One byte of `em_data` follows the flags.
    let triplets = cc_data.get(2..2 + 3 * count)?;
    Some(triplets.chunks_exact(3).filter_map(|it| {
        let is_valid = it[0] & 4 != 0;
        let kind = match it[0] & 3 {
            0 => CaptionKind::FirstField,
            1 => CaptionKind::SecondField,
            kind => CaptionKind::Cea708 { begins: kind == 3 },
        };
        is_valid.then_some(Triplet {
            kind,
            data: [it[1], it[2]],
        })
    }))
}

#[cfg(test)]
pub(crate) mod tests;
