//! `Content-Disposition`: the name under which a browser saves a file.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters that an extended value may contain literally (RFC 8187, 3.2.1: `attr-char`).
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The header value for a download with a file name (RFC 6266): in ASCII for old clients, and in
/// full.
pub(crate) fn attachment(file_name: &str) -> String {
    let name: String = file_name.chars().filter(|it| !it.is_control()).collect();
    // Characters with a special meaning in a quoted string or to old clients.
    let plain: String = name
        .chars()
        .map(|it| {
            if it.is_ascii() && !"\"\\%/".contains(it) {
                it
            } else {
                '_'
            }
        })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!(
        "attachment; filename=\"{plain}\"; filename*=UTF-8''{}",
        utf8_percent_encode(&name, EXTENDED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_for_old_and_new_clients() {
        for (name, value) in [
            ("film.mp4", r#"attachment; filename="film.mp4""#),
            (
                "My Film (1).mp4",
                r#"attachment; filename="My Film (1).mp4""#,
            ),
            (
                "Über uns.mp4",
                r#"attachment; filename="_ber uns.mp4"; filename*=UTF-8''%C3%9Cber%20uns.mp4"#,
            ),
            (
                "日本.mp4",
                r#"attachment; filename="__.mp4"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.mp4"#,
            ),
            (
                "a\"b\\c%41.mp4",
                r#"attachment; filename="a_b_c_41.mp4"; filename*=UTF-8''a%22b%5Cc%2541.mp4"#,
            ),
            (
                "a\r\nset-cookie: b",
                r#"attachment; filename="aset-cookie: b""#,
            ),
        ] {
            assert_eq!(attachment(name), value, "{name}");
        }
    }
}
