//! The meaning of a byte pair.

use super::characters::{DAMAGED, PORTUGUESE_AND_GERMAN, SPANISH_AND_FRENCH, SPECIAL, basic};
use crate::cells::Style;

/// A pair of bytes, without parity bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pair {
    /// Padding, or a pair that is damaged.
    Nothing,
    /// A code of two bytes.
    Code(u8, u8),
    /// A packet of extended data services begins or continues.
    Xds,
    /// The end of such a packet, with its checksum.
    EndOfXds,
    /// One or two characters.
    Characters([Option<char>; 2]),
}

impl Pair {
    /// Checks the parity, which is odd. A code counts only if both of its bytes are whole. A
    /// damaged second character becomes a block; a damaged first byte may have been a code.
    pub(super) fn read(bytes: [u8; 2]) -> Self {
        let [first, second] = bytes.map(|it| (it.count_ones() % 2 == 1).then_some(it & 0x7f));
        match (first, second) {
            (None | Some(0), _) | (Some(0x10..=0x1f), None) => Self::Nothing,
            (Some(0x0f), _) => Self::EndOfXds,
            (Some(0x01..=0x0e), _) => Self::Xds,
            (Some(first @ 0x10..=0x1f), Some(second)) => Self::Code(first, second),
            (Some(first), second) => {
                let second = match second {
                    None => Some(DAMAGED),
                    Some(second) => (second >= 0x20).then(|| basic(second)),
                };
                Self::Characters([Some(basic(first)), second])
            }
        }
    }
}

/// A character or a command of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// A character of the basic set, or a special one.
    Character(char),
    /// A character that replaces the one before it, which is for decoders without this set.
    Extended(char),
    /// RCL: captions are prepared out of view.
    PopOn,
    /// RU2, RU3, RU4: captions roll up in a window of so many rows.
    RollUp(usize),
    /// RDC: captions are written in view.
    PaintOn,
    /// TR, RTD: text mode begins, whose characters are not captions.
    Text,
    /// BS: deletes the character before the cursor.
    Backspace,
    /// DER: deletes from the cursor to the end of the row.
    DeleteToEnd,
    /// CR: the window rolls up by one row.
    CarriageReturn,
    /// EDM: erases what is shown.
    EraseDisplayed,
    /// ENM: erases what is prepared.
    EraseHidden,
    /// EOC: shows what is prepared.
    EndOfCaption,
    /// PAC: moves the cursor to a row and a column, both from 0.
    Address {
        row: usize,
        column: usize,
        style: Style,
    },
    /// A change of the style, which takes the place of a space.
    MidRow(Style),
    /// TO1, TO2, TO3: moves the cursor to the right.
    Tab(usize),
}

/// The rows of preamble codes, from 0, by the low bits of the first byte. The second row of each
/// pair has the bit 0x20 in the second byte.
const ROWS: [usize; 8] = [10, 0, 2, 11, 13, 4, 6, 8];

impl Code {
    /// Reads a code of the first channel of a field: the first byte is 0x10 to 0x17. `None`: it has
    /// no effect here, as colours, or is undefined.
    pub(super) fn read(first: u8, second: u8) -> Option<Self> {
        let low = usize::from(second & 0x0f);
        match (first, second) {
            // The second field has other codes for the same commands; not all encoders use them.
            (0x14 | 0x15, 0x20..=0x2f) => Self::command(second),
            (0x11, 0x20..=0x2f) => Some(Self::MidRow(Style {
                italic: second & 0x0e == 0x0e,
                underline: second & 1 == 1,
            })),
            (0x11, 0x30..=0x3f) => Some(Self::Character(SPECIAL[low])),
            (0x12 | 0x13, 0x20..=0x3f) => {
                let set = match first {
                    0x12 => SPANISH_AND_FRENCH,
                    _ => PORTUGUESE_AND_GERMAN,
                };
                Some(Self::Extended(set[usize::from(second & 0x1f)]))
            }
            (0x17, 0x21..=0x23) => Some(Self::Tab(low)),
            (0x10, 0x60..) => None,
            (0x10..=0x17, 0x40..=0x7f) => {
                let is_indent = second & 0x10 != 0;
                let number = usize::from(second >> 1 & 7);
                Some(Self::Address {
                    row: ROWS[usize::from(first & 7)] + usize::from(second & 0x20 != 0),
                    column: if is_indent { 4 * number } else { 0 },
                    style: Style {
                        italic: !is_indent && number == 7,
                        underline: second & 1 == 1,
                    },
                })
            }
            _ => None,
        }
    }

    fn command(second: u8) -> Option<Self> {
        Some(match second & 0x0f {
            0x0 => Self::PopOn,
            0x1 => Self::Backspace,
            0x4 => Self::DeleteToEnd,
            rows @ 0x5..=0x7 => Self::RollUp(usize::from(rows) - 3),
            // FON: the characters that follow flash. It takes the place of a space.
            0x8 => Self::Character(' '),
            0x9 => Self::PaintOn,
            0xa | 0xb => Self::Text,
            0xc => Self::EraseDisplayed,
            0xd => Self::CarriageReturn,
            0xe => Self::EraseHidden,
            0xf => Self::EndOfCaption,
            // AOF, AON: reserved.
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_told_apart_by_their_first_byte() {
        let two = |first, second| Pair::Characters([Some(first), Some(second)]);
        for (bytes, pair) in [
            ([0x80, 0x80], Pair::Nothing),
            ([0x80, 0xc1], Pair::Nothing),
            ([0x00, 0x00], Pair::Nothing),
            ([0x94, 0x2c], Pair::Code(0x14, 0x2c)),
            ([0x14, 0x2c], Pair::Nothing),
            ([0x94, 0xac], Pair::Nothing),
            ([0xc1, 0xc2], two('A', 'B')),
            ([0xc1, 0x80], Pair::Characters([Some('A'), None])),
            ([0xc1, 0x42], two('A', DAMAGED)),
            ([0x41, 0xc2], Pair::Nothing),
            ([0x01, 0x02], Pair::Xds),
            ([0x8f, 0x1c], Pair::EndOfXds),
        ] {
            assert_eq!(Pair::read(bytes), pair, "{bytes:02x?}");
        }
    }

    #[test]
    fn preambles_have_a_row_a_column_and_a_style() {
        let (plain, italic, underlined) = (
            Style::default(),
            Style {
                italic: true,
                underline: false,
            },
            Style {
                italic: false,
                underline: true,
            },
        );
        for (first, second, row, column, style) in [
            (0x11, 0x40, 1, 0, plain),
            (0x11, 0x60, 2, 0, plain),
            (0x12, 0x50, 3, 0, plain),
            (0x12, 0x72, 4, 4, plain),
            (0x15, 0x54, 5, 8, plain),
            (0x15, 0x76, 6, 12, plain),
            (0x16, 0x58, 7, 16, plain),
            (0x16, 0x7a, 8, 20, plain),
            (0x17, 0x5c, 9, 24, plain),
            (0x17, 0x7e, 10, 28, plain),
            (0x10, 0x42, 11, 0, plain),
            (0x13, 0x4e, 12, 0, italic),
            (0x13, 0x61, 13, 0, underlined),
            (0x14, 0x51, 14, 0, underlined),
            (0x14, 0x70, 15, 0, plain),
        ] {
            let expected = Code::Address {
                row: row - 1,
                column,
                style,
            };
            assert_eq!(
                Code::read(first, second),
                Some(expected),
                "{first:x} {second:x}"
            );
        }
        assert_eq!(Code::read(0x10, 0x60), None);
    }

    #[test]
    fn every_code_is_survived() {
        for (first, second) in (0x10..=0x17).flat_map(|it| (0..=0x7f).map(move |to| (it, to))) {
            if let Some(Code::Address { row, column, .. }) = Code::read(first, second) {
                assert!(row < 15 && column < 32, "{first:x} {second:x}");
            }
        }
    }
}
