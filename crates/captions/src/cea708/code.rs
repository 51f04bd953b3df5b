//! The codes of a service (CTA-708-E, 7 and 8.10).

use crate::cells::Style;

use super::characters::{g0, g2, g3};
use super::window::Definition;

/// Windows by their numbers: bit 0 is window 0.
pub(super) type Windows = u8;

/// A code, as far as it matters for text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    Character(char),
    Backspace,
    /// Deletes the text of the current window.
    FormFeed,
    CarriageReturn,
    /// Deletes the text of the current row.
    HorizontalCarriageReturn,
    /// Makes a window the current one.
    Current(usize),
    Clear(Windows),
    Display(Windows),
    Hide(Windows),
    Toggle(Windows),
    Delete(Windows),
    Reset,
    Pen(Style),
    PenLocation {
        row: usize,
        column: usize,
    },
    Define(usize, Definition),
    /// A code without a meaning for text, or a delay: a damaged one would silence the service, and
    /// other decoders pass it over, too.
    Nothing,
}

impl Code {
    /// The first code of these bytes, and its size, bytes. `None`: it is not complete.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let first = *bytes.first()?;
        let size = size(bytes)?;
        let parameters = bytes.get(1..size)?;
        Some((Self::of(first, parameters), size))
    }

    /// A character; every kind of space is a plain one.
    fn character(character: char) -> Self {
        Self::Character(match character.is_whitespace() {
            true => ' ',
            false => character,
        })
    }

    fn of(first: u8, parameters: &[u8]) -> Self {
        match (first, parameters) {
            (0x08, _) => Self::Backspace,
            (0x0c, _) => Self::FormFeed,
            (0x0d, _) => Self::CarriageReturn,
            (0x0e, _) => Self::HorizontalCarriageReturn,
            (0x10, [second, ..]) => match second {
                0x20..=0x7f => Self::Character(g2(*second)),
                0xa0.. => Self::Character(g3(*second)),
                _ => Self::Nothing,
            },
            (0x18, &[high, low]) => {
                let code = u32::from(u16::from_be_bytes([high, low]));
                let visible = char::from_u32(code).filter(|it| !it.is_control());
                visible.map_or(Self::Nothing, Self::character)
            }
            (0x20..=0x7f, _) => Self::Character(g0(first)),
            (0x80..=0x87, _) => Self::Current(usize::from(first & 7)),
            (0x88, &[windows]) => Self::Clear(windows),
            (0x89, &[windows]) => Self::Display(windows),
            (0x8a, &[windows]) => Self::Hide(windows),
            (0x8b, &[windows]) => Self::Toggle(windows),
            (0x8c, &[windows]) => Self::Delete(windows),
            (0x8f, _) => Self::Reset,
            (0x90, &[_, second]) => Self::Pen(Style {
                italic: second & 0x80 != 0,
                underline: second & 0x40 != 0,
            }),
            (0x92, &[row, column]) => Self::PenLocation {
                row: usize::from(row & 0xf),
                column: usize::from(column & 0x3f),
            },
            (0x98..=0x9f, &[a, b, c, d, e, f]) => {
                Self::Define(usize::from(first & 7), Definition::read([a, b, c, d, e, f]))
            }
            (0xa0.., _) => Self::character(char::from(first)),
            _ => Self::Nothing,
        }
    }
}

/// Size of the first code, bytes. `None`: more bytes are needed to know.
fn size(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        // C0 (CTA-708-E, table 11). The byte after EXT1 is another code.
        0x10 => 1 + extended_size(bytes.get(1..)?)?,
        0x11..=0x17 => 2,
        0x18..=0x1f => 3,
        // C1 (CTA-708-E, table 13).
        0x88..=0x8d => 2,
        0x90 | 0x92 => 3,
        0x91 => 4,
        0x97 => 5,
        0x98..=0x9f => 7,
        _ => 1,
    })
}

/// Size of a code of C2, G2, C3 or G3, bytes (CTA-708-E, 7.1.6 and 7.1.7).
fn extended_size(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        0x08..=0x0f => 2,
        0x10..=0x17 => 3,
        0x18..=0x1f => 4,
        0x80..=0x87 => 5,
        0x88..=0x8f => 6,
        // The next byte has the number of bytes after it.
        0x90..=0x9f => 2 + usize::from(bytes.get(1)? & 0x3f),
        _ => 1,
    })
}
