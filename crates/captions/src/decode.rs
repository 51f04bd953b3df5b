//! The text of a file, whatever its encoding.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Number of bytes that show whether a file is UTF-16 without a byte order mark.
const HEAD: usize = 512;

/// A decoded file.
pub(crate) struct Decoded {
    /// Lines end with `\n`; without control characters.
    pub(crate) text: String,
    /// The encoding that was assumed, if the file neither is UTF-8 nor declares its encoding.
    pub(crate) assumed: Option<&'static str>,
}

/// Decodes a file: by its byte order mark, as UTF-8, as UTF-16 if every second byte is 0, and
/// otherwise as Windows-1252, which has a character for nearly every byte.
pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    let (encoding, assumed) = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => (encoding, None),
        None => match utf_16(bytes) {
            Some(encoding) => (encoding, Some(encoding.name())),
            None if std::str::from_utf8(bytes).is_ok() => (UTF_8, None),
            None => (WINDOWS_1252, Some(WINDOWS_1252.name())),
        },
    };
    let (text, _) = encoding.decode_with_bom_removal(bytes);
    Decoded {
        text: plain_lines(&text),
        assumed,
    }
}

fn utf_16(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(HEAD) & !1];
    let pairs = head.len() / 2;
    let zeros = |at: usize| {
        head.iter()
            .skip(at)
            .step_by(2)
            .filter(|it| **it == 0)
            .count()
    };
    let (first, second) = (zeros(0), zeros(1));
    match pairs {
        0 => None,
        _ if second * 2 > pairs && first == 0 => Some(UTF_16LE),
        _ if first * 2 > pairs && second == 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// One kind of line end, and no control characters: WebVTT does not allow NUL, and players show
/// the others as boxes.
fn plain_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                out.push('\n');
            }
            '\n' | '\t' => out.push(c),
            '\u{feff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_recognised() {
        let utf_16 = |text: &str, mark: bool| -> Vec<u8> {
            let marked = format!("{}{text}", if mark { "\u{feff}" } else { "" });
            marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        for (bytes, text, assumed) in [
            ("Größe".as_bytes().to_vec(), "Größe", None),
            ("\u{feff}Größe".as_bytes().to_vec(), "Größe", None),
            (utf_16("Größe", true), "Größe", None),
            (utf_16("1\n00:00", false), "1\n00:00", Some("UTF-16LE")),
            (
                b"Gr\xf6\xdfe \x80".to_vec(),
                "Größe €",
                Some("windows-1252"),
            ),
            (b"a\r\nb\rc\nd".to_vec(), "a\nb\nc\nd", None),
            (b"a\0b\x07c".to_vec(), "abc", None),
            (vec![], "", None),
        ] {
            let decoded = decode(&bytes);
            assert_eq!((decoded.text.as_str(), decoded.assumed), (text, assumed));
        }
    }
}
