//! The text of cues: markup of SRT and WebVTT files as valid WebVTT cue text.
//!
//! The result has one normal form: only the tags that WebVTT knows, closed in order; only `&`,
//! `<` and `>` escaped; no empty line. So it never ends the block that it is in, and cleaning it
//! again changes nothing.

/// Elements that WebVTT knows (section 4.2.2) and that need no class to have an effect.
const KNOWN: [&str; 8] = ["b", "c", "i", "lang", "ruby", "rt", "u", "v"];

/// Elements of HTML whose tags are removed, while their text stays.
const REMOVED: [&str; 14] = [
    "a", "body", "br", "div", "em", "font", "html", "p", "s", "small", "span", "strike", "strong",
    "sync",
];

/// Cue text in its normal form, with the settings that the markup asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleaned {
    pub(crate) text: String,
    pub(crate) settings: String,
    /// Whether markup was removed or escaped.
    pub(crate) changed: bool,
}

/// Cleans the text of a cue.
pub(crate) fn clean(source: &str) -> Cleaned {
    let mut cleaner = Cleaner::default();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let taken = match c {
            '<' => cleaner.tag(rest),
            '&' => cleaner.reference(rest),
            '{' => cleaner.override_block(rest),
            c => {
                cleaner.push(c);
                None
            }
        };
        rest = &rest[taken.unwrap_or(c.len_utf8())..];
    }
    while let Some(open) = cleaner.open.pop() {
        cleaner.close(open);
    }
    Cleaned {
        text: without_empty_lines(&cleaner.out),
        settings: cleaner.settings,
        changed: cleaner.changed,
    }
}

/// Escapes a character for cue text (WebVTT, 3.1: `-->` cannot occur either).
pub(crate) fn push_escaped(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        c => out.push(c),
    }
}

/// The words of cue text: without tags and escapes.
pub(crate) fn plain(text: &str) -> String {
    let (mut out, mut in_tag) = (String::with_capacity(text.len()), false);
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if in_tag => {}
            c => out.push(c),
        }
    }
    let unescaped = out.replace("&lt;", "<").replace("&gt;", ">");
    unescaped.replace("&amp;", "&")
}

/// Lines without white space around them; those without text are left out.
pub(crate) fn without_empty_lines(text: &str) -> String {
    let lines = text.split('\n').map(str::trim);
    let lines: Vec<&str> = lines.filter(|it| !it.is_empty()).collect();
    lines.join("\n")
}

#[derive(Default)]
struct Cleaner<'a> {
    out: String,
    open: Vec<&'a str>,
    settings: String,
    changed: bool,
}

impl<'a> Cleaner<'a> {
    fn push(&mut self, c: char) {
        // Otherwise a text that spells an override would be one when it is cleaned again.
        if c == '\\' && self.out.ends_with('{') {
            self.changed = true;
            return;
        }
        push_escaped(&mut self.out, c);
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// Handles `<...>` at the start of `rest`; returns its length. `None`: the character is text.
    fn tag(&mut self, rest: &'a str) -> Option<usize> {
        let end = rest.find('>').filter(|it| !rest[1..*it].contains('<'));
        let Some(end) = end else {
            self.push('<');
            return None;
        };
        let (content, length) = (&rest[1..end], end + 1);
        if content.starts_with(|it: char| it.is_ascii_digit()) {
            // The time at which the rest of a karaoke line appears.
            return match crate::clock::read(content) {
                Some(ms) => {
                    self.out.push('<');
                    crate::clock::write(&mut self.out, ms);
                    self.out.push('>');
                    Some(length)
                }
                None => self.text(),
            };
        }
        let (closing, named) = match content.strip_prefix('/') {
            Some(named) => (true, named),
            None => (false, content),
        };
        let name_length = named
            .find(|it: char| !it.is_ascii_alphanumeric())
            .unwrap_or(named.len());
        let name = &named[..name_length];
        let known = KNOWN.into_iter().find(|it| it.eq_ignore_ascii_case(name));
        match known {
            Some(known) if closing => self.end_tag(known),
            Some(known) => self.start_tag(known, &named[name_length..]),
            None if REMOVED.iter().any(|it| it.eq_ignore_ascii_case(name)) => {
                self.changed = true;
                if ["br", "p", "div"]
                    .iter()
                    .any(|it| it.eq_ignore_ascii_case(name))
                {
                    self.out.push('\n');
                }
            }
            None => return self.text(),
        }
        Some(length)
    }

    fn text(&mut self) -> Option<usize> {
        self.changed = true;
        self.push('<');
        None
    }

    fn start_tag(&mut self, name: &'static str, rest: &str) {
        // Classes follow the name, an annotation follows white space.
        let (classes, annotation) = match rest.find(char::is_whitespace) {
            Some(at) => (&rest[..at], rest[at..].trim()),
            None => (rest, ""),
        };
        self.out.push('<');
        self.out.push_str(name);
        for class in classes.split('.').skip(1) {
            let is_plain = |it: char| it.is_alphanumeric() || it == '_' || it == '-';
            if !class.is_empty() && class.chars().all(is_plain) {
                self.out.push('.');
                self.out.push_str(class);
            } else {
                self.changed = true;
            }
        }
        if matches!(name, "v" | "lang") && !annotation.is_empty() {
            self.out.push(' ');
            let words: Vec<&str> = annotation.split_whitespace().collect();
            let words = unescaped_words(&words.join(" "));
            words.chars().for_each(|it| push_escaped(&mut self.out, it));
        } else {
            self.changed |= !annotation.is_empty();
        }
        self.out.push('>');
        self.open.push(name);
    }

    fn end_tag(&mut self, name: &str) {
        let Some(at) = self.open.iter().rposition(|it| *it == name) else {
            self.changed = true;
            return;
        };
        self.changed |= at + 1 != self.open.len();
        for open in self.open.split_off(at).into_iter().rev() {
            self.close(open);
        }
    }

    /// Handles `&...;`.
    fn reference(&mut self, rest: &str) -> Option<usize> {
        match reference(rest) {
            Some((c, length)) => {
                if !c.is_control() {
                    self.push(c);
                }
                Some(length)
            }
            None => {
                self.push('&');
                None
            }
        }
    }

    /// Handles `{\an8}`, the one override of SubStation Alpha that players of SRT know: at the
    /// top. Other overrides are removed.
    fn override_block(&mut self, rest: &str) -> Option<usize> {
        let end = rest.find('}').filter(|_| rest.starts_with("{\\"));
        let Some(end) = end else {
            self.push('{');
            return None;
        };
        let top = ["\\an7", "\\an8", "\\an9", "\\a5", "\\a6", "\\a7"];
        if top.iter().any(|it| rest[..end].contains(it)) {
            "line:0".clone_into(&mut self.settings);
        }
        self.changed = true;
        Some(end + 1)
    }
}

fn unescaped_words(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(c) = rest.chars().next() {
        let (c, length) = match c {
            '&' => reference(rest).unwrap_or(('&', 1)),
            c => (c, c.len_utf8()),
        };
        if !c.is_control() {
            out.push(c);
        }
        rest = &rest[length..];
    }
    out
}

/// The character of a reference (`&amp;`, `&#228;`, `&#xe4;`), and its length.
fn reference(rest: &str) -> Option<(char, usize)> {
    let end = rest.find(';').filter(|it| (2..=10).contains(it))?;
    let name = &rest[1..end];
    let number = name.strip_prefix('#').map(|it| {
        let hex = it
            .strip_prefix(['x', 'X'])
            .map(|it| u32::from_str_radix(it, 16));
        hex.unwrap_or_else(|| it.parse())
    });
    let c = match number {
        Some(number) => char::from_u32(number.ok()?)?,
        None => match name {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            "nbsp" => '\u{a0}',
            "lrm" => '\u{200e}',
            "rlm" => '\u{200f}',
            "hellip" => '…',
            "mdash" => '—',
            "ndash" => '–',
            _ => return None,
        },
    };
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_becomes_cue_text() {
        for (source, text, settings) in [
            ("plain", "plain", ""),
            ("<I>Hello</I>", "<i>Hello</i>", ""),
            ("<b><i>both</b> one</i>", "<b><i>both</i></b> one", ""),
            ("<i>open", "<i>open</i>", ""),
            ("closed</i>", "closed", ""),
            ("<font color=\"#fff\">white</font>", "white", ""),
            ("{\\an8}at the top", "at the top", "line:0"),
            ("{\\fad(1,2)}{a}", "{a}", ""),
            ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d", ""),
            ("I <3 you --> me", "I &lt;3 you --&gt; me", ""),
            ("<laughs> ha", "&lt;laughs&gt; ha", ""),
            (
                "&lt;x&gt; &auml; &#228; &#x2014;",
                "&lt;x&gt; &amp;auml; ä —",
                "",
            ),
            ("one<br/>two", "one\ntwo", ""),
            ("one\n\n  \n two ", "one\ntwo", ""),
            (
                "<v Mary &amp; Ann><c.yellow.bg_blue>Hi</c>",
                "<v Mary &amp; Ann><c.yellow.bg_blue>Hi</c></v>",
                "",
            ),
            ("<c.a&b>x</c>", "<c>x</c>", ""),
            ("<v.loud  Mary   Ann>x", "<v.loud Mary Ann>x</v>", ""),
            ("go <00:01.5>on", "go <00:00:01.500>on", ""),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
                "",
            ),
            ("<", "&lt;", ""),
            ("&#0;&#10;x", "x", ""),
            (
                "<ruby>漢<rt>kan</rt></ruby>",
                "<ruby>漢<rt>kan</rt></ruby>",
                "",
            ),
        ] {
            let cleaned = clean(source);
            assert_eq!(
                (cleaned.text.as_str(), cleaned.settings.as_str()),
                (text, settings),
                "{source}"
            );
        }
    }

    #[test]
    fn words_have_no_markup() {
        assert_eq!(plain("<v Mary><i>a &lt;b&gt;</i> &amp;lt;"), "a <b> &lt;");
    }

    proptest! {
        #[test]
        fn clean_text_stays_as_it_is(source in "[<>/&;{}\\\\a-c.# \nv0-9:]{0,60}") {
            let once = clean(&source).text;
            let again = clean(&once);
            prop_assert_eq!(&again.text, &once);
            prop_assert!(!once.contains("-->") && !once.contains("\n\n"));
        }
    }
}
