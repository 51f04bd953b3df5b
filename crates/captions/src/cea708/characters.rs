//! The characters of CEA-708 (CTA-708-E, 7.1).

/// A byte of G0, 0x20 to 0x7f: ASCII, and a note.
pub(super) fn g0(byte: u8) -> char {
    match byte {
        0x7f => '♪',
        byte => char::from(byte),
    }
}

/// A byte of G2, 0x20 to 0x7f. Undefined ones are shown as an underscore (CTA-708-E, 7.1.8).
pub(super) fn g2(byte: u8) -> char {
    match byte {
        // Transparent spaces.
        0x20 | 0x21 => ' ',
        0x25 => '…',
        0x2a => 'Š',
        0x2c => 'Œ',
        0x30 => '█',
        0x31 => '‘',
        0x32 => '’',
        0x33 => '“',
        0x34 => '”',
        0x35 => '•',
        0x39 => '™',
        0x3a => 'š',
        0x3c => 'œ',
        0x3d => '℠',
        0x3f => 'Ÿ',
        0x76 => '⅛',
        0x77 => '⅜',
        0x78 => '⅝',
        0x79 => '⅞',
        0x7a => '│',
        0x7b => '┐',
        0x7c => '└',
        0x7d => '─',
        0x7e => '┘',
        0x7f => '┌',
        _ => '_',
    }
}

/// A byte of G3, 0xa0 to 0xff: only the sign of closed captions is defined.
pub(super) fn g3(_byte: u8) -> char {
    '_'
}
