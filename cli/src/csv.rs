//! Comma-separated values (RFC 4180).

/// A cell of CSV. One that a spreadsheet would read as a formula begins with an apostrophe, as in the web app. One with
/// a semicolon or a tab is quoted too: some spreadsheets split lines there.
pub(crate) fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    match safe.contains(['"', ',', ';', '\t', '\r', '\n']) {
        true => format!("\"{}\"", safe.replace('"', "\"\"")),
        false => safe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_needed() {
        for (text, expected) in [
            ("", ""),
            ("a b", "a b"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("a;=1+1", "\"a;=1+1\""),
            ("a\t=1+1", "\"a\t=1+1\""),
            ("\t=1+1", "\"'\t=1+1\""),
            ("=1+1", "'=1+1"),
            ("-a,b", "\"'-a,b\""),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
