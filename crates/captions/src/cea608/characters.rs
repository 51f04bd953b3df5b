//! The characters of CEA-608.

/// A byte of the basic set, which is ASCII with other characters in ten places.
pub(super) fn basic(byte: u8) -> char {
    match byte {
        0x2a => 'á',
        0x5c => 'é',
        0x5e => 'í',
        0x5f => 'ó',
        0x60 => 'ú',
        0x7b => 'ç',
        0x7c => '÷',
        0x7d => 'Ñ',
        0x7e => 'ñ',
        0x7f => DAMAGED,
        byte => char::from(byte),
    }
}

/// A solid block: the last character of the basic set, which also takes the place of a damaged one.
pub(super) const DAMAGED: char = '█';

/// Special characters, from 0x30 on. One of them is a transparent space.
pub(super) const SPECIAL: [char; 16] = [
    '®', '°', '½', '¿', '™', '¢', '£', '♪', 'à', ' ', 'è', 'â', 'ê', 'î', 'ô', 'û',
];

/// The first extended set, Spanish and French, from 0x20 on.
pub(super) const SPANISH_AND_FRENCH: [char; 32] = [
    'Á', 'É', 'Ó', 'Ú', 'Ü', 'ü', '‘', '¡', '*', '’', '—', '©', '℠', '•', '“', '”', 'À', 'Â', 'Ç',
    'È', 'Ê', 'Ë', 'ë', 'Î', 'Ï', 'ï', 'Ô', 'Ù', 'ù', 'Û', '«', '»',
];

/// The second extended set, Portuguese, German and Danish, from 0x20 on.
pub(super) const PORTUGUESE_AND_GERMAN: [char; 32] = [
    'Ã', 'ã', 'Í', 'Ì', 'ì', 'Ò', 'ò', 'Õ', 'õ', '{', '}', '\\', '^', '_', '|', '~', 'Ä', 'ä', 'Ö',
    'ö', 'ß', '¥', '¤', '│', 'Å', 'å', 'Ø', 'ø', '┌', '┐', '└', '┘',
];
