//! Changes the URIs of a playlist that otherwise stays the same, in one pass.
//!
//! The edge does this for every playlist that a viewer loads, in WASM. It therefore copies unchanged bytes once, in
//! runs as long as possible, and allocates only the result.

use std::ops::Range;

use super::lines::{LineKind, lines};

/// A reference in a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Kind of the reference.
    pub kind: ReferenceKind,
    /// URI as written.
    pub uri: &'a str,
}

/// The kind of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// A separate line, after EXT-X-STREAM-INF.
    Variant,
    /// A separate line, in a media playlist.
    Segment,
    /// EXT-X-KEY.
    Key,
    /// EXT-X-SESSION-KEY.
    SessionKey,
    /// EXT-X-MAP.
    Map,
    /// EXT-X-MEDIA.
    Media,
    /// EXT-X-I-FRAME-STREAM-INF.
    IFrames,
    /// EXT-X-SESSION-DATA.
    SessionData,
    /// The URI of any other tag: EXT-X-PART, EXT-X-PRELOAD-HINT, future tags.
    Other,
}

/// The edit of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Keep it, after any text that was written.
    Keep,
    /// Replace it by the text that was written.
    Replace,
}

/// Passes every reference of a playlist to `edit`, which may write to the result in its place or before it.
///
/// Omits lines whose number is in `dropped` (ascending). Never fails: text that is not a reference stays.
pub fn rewrite(
    text: &str,
    dropped: &[u32],
    edit: impl FnMut(Reference<'_>, &mut String) -> Edit,
) -> String {
    let mut rewriter = Rewriter::new(text, edit);
    let mut dropped = dropped.iter().peekable();
    let mut after_stream_inf = false;
    for line in lines(text) {
        if dropped.next_if_eq(&&line.number).is_some() {
            rewriter.leave_out(line.offset..line.offset + line.text.len() + line.ending.len());
            continue;
        }
        match line.kind {
            LineKind::Uri(uri) => {
                let kind = if after_stream_inf {
                    ReferenceKind::Variant
                } else {
                    ReferenceKind::Segment
                };
                after_stream_inf = false;
                // White space around it is not part of the URI.
                let start = line.offset + (uri.len() - uri.trim_start().len());
                rewriter.offer(kind, start..start + uri.trim().len());
            }
            LineKind::Tag {
                name: "#EXT-X-STREAM-INF",
                ..
            } => after_stream_inf = true,
            kind => rewriter.offer_attribute(kind, line.offset),
        }
    }
    rewriter.finish()
}

/// Like [`rewrite`], but only for references in tags: lines that name a segment or a variant stay without inspection.
/// They are most of the playlist of a long film.
pub fn rewrite_tags(text: &str, edit: impl FnMut(Reference<'_>, &mut String) -> Edit) -> String {
    let mut rewriter = Rewriter::new(text, edit);
    let mut at = 0;
    while let Some(found) = text[at..].find(URI) {
        let start = text[at..at + found]
            .rfind('\n')
            .map_or(at, |newline| at + newline + 1);
        let Some(line) = lines(&text[start..]).next() else {
            break;
        };
        if !matches!(
            line.kind,
            LineKind::Tag {
                name: "#EXT-X-STREAM-INF",
                ..
            }
        ) {
            rewriter.offer_attribute(line.kind, start);
        }
        at = start + line.text.len() + line.ending.len();
    }
    rewriter.finish()
}

/// The attribute whose value is a reference.
const URI: &str = "URI";

/// The output so far, and the position in the playlist.
struct Rewriter<'a, F> {
    text: &'a str,
    out: String,
    copied: usize,
    edit: F,
}

impl<'a, F: FnMut(Reference<'_>, &mut String) -> Edit> Rewriter<'a, F> {
    fn new(text: &'a str, edit: F) -> Self {
        Self {
            text,
            out: String::with_capacity(text.len() + text.len() / 2 + 256),
            copied: 0,
            edit,
        }
    }

    fn leave_out(&mut self, range: Range<usize>) {
        self.out.push_str(&self.text[self.copied..range.start]);
        self.copied = range.end;
    }

    fn offer(&mut self, kind: ReferenceKind, range: Range<usize>) {
        self.out.push_str(&self.text[self.copied..range.start]);
        let reference = Reference {
            kind,
            uri: &self.text[range.clone()],
        };
        self.copied = match (self.edit)(reference, &mut self.out) {
            Edit::Keep => range.start,
            Edit::Replace => range.end,
        };
    }

    /// Passes the reference in an attribute of the line at `offset` to the edit, if there is one.
    fn offer_attribute(&mut self, line: LineKind<'_>, offset: usize) {
        let LineKind::Tag {
            name,
            value: Some(value),
        } = line
        else {
            return;
        };
        // The value of EXTINF is not an attribute list, and its title may look like one.
        if name.starts_with("#EXT-X-")
            && let Some(at) = uri_attribute(value)
        {
            let value = offset + name.len() + 1;
            self.offer(kind_of(name), value + at.start..value + at.end);
        }
    }

    fn finish(mut self) -> String {
        self.out.push_str(&self.text[self.copied..]);
        self.out
    }
}

fn kind_of(tag: &str) -> ReferenceKind {
    match tag {
        "#EXT-X-KEY" => ReferenceKind::Key,
        "#EXT-X-SESSION-KEY" => ReferenceKind::SessionKey,
        "#EXT-X-MAP" => ReferenceKind::Map,
        "#EXT-X-MEDIA" => ReferenceKind::Media,
        "#EXT-X-I-FRAME-STREAM-INF" => ReferenceKind::IFrames,
        "#EXT-X-SESSION-DATA" => ReferenceKind::SessionData,
        _ => ReferenceKind::Other,
    }
}

/// The range of the content of `URI="..."` in an attribute list. Names in quoted values are skipped.
fn uri_attribute(list: &str) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let rest = &list[at..];
        let name_length = rest.find(['=', ','])?;
        if rest.as_bytes().get(name_length) == Some(&b',') {
            at += name_length + 1;
            continue;
        }
        let value = at + name_length + 1;
        match list[value..].strip_prefix('"') {
            Some(inside) => {
                let length = inside.find('"')?;
                if rest[..name_length].trim() == URI {
                    return Some(value + 1..value + 1 + length);
                }
                at = value + length + 2;
            }
            None => at = value + list[value..].find(',')?,
        }
        at += list[at..].find(',')? + 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: &str = "#EXTM3U\r
#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=no\",URI=\"g/a/a.m3u8\"\r
#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\r
g/v/v.m3u8\r
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"g/i/i.m3u8\"
#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"
#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI=\"d.json\"
#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"1@0\"
#EXT-X-KEY:METHOD=AES-128,URI=\"k.key\",IV=0x01
#EXT-X-PART:DURATION=1,URI=\"part\"
#EXT-X-KEY:METHOD=NONE
#EXTINF:6,URI=\"title\"
 v_0.ts
# URI=\"comment\"
v_1.ts";

    #[test]
    fn every_reference_is_offered_and_only_references() {
        let mut seen = String::new();
        rewrite(BOTH, &[], |it, _| {
            seen += &format!("{:?} {}\n", it.kind, it.uri);
            Edit::Keep
        });
        insta::assert_snapshot!(seen, @"
        Media g/a/a.m3u8
        Variant g/v/v.m3u8
        IFrames g/i/i.m3u8
        SessionKey k
        SessionData d.json
        Map init.mp4
        Key k.key
        Other part
        Segment v_0.ts
        Segment v_1.ts
        ");
    }

    #[test]
    fn uris_are_replaced_prefixed_and_dropped() {
        let text = rewrite(BOTH, &[3, 4, 6], |it, out| match it.kind {
            ReferenceKind::Key => {
                out.push_str("/k/1");
                Edit::Replace
            }
            ReferenceKind::Segment | ReferenceKind::Media => {
                out.push_str("/s/pass/");
                Edit::Keep
            }
            _ => Edit::Keep,
        });
        insta::assert_snapshot!(text, @r#"
        #EXTM3U
        #EXT-X-MEDIA:TYPE=AUDIO,NAME="a,URI=no",URI="/s/pass/g/a/a.m3u8"
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="g/i/i.m3u8"
        #EXT-X-SESSION-DATA:DATA-ID="x",URI="d.json"
        #EXT-X-MAP:URI="init.mp4",BYTERANGE="1@0"
        #EXT-X-KEY:METHOD=AES-128,URI="/k/1",IV=0x01
        #EXT-X-PART:DURATION=1,URI="part"
        #EXT-X-KEY:METHOD=NONE
        #EXTINF:6,URI="title"
         /s/pass/v_0.ts
        # URI="comment"
        /s/pass/v_1.ts
        "#);
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "((#EXT(INF:|-X-(KEY|MAP|STREAM-INF|MEDIA):)|[A-Z=\",x]|URI=\"|\\PC){0,8}\r?\n){0,8}") {
            prop_assert_eq!(&rewrite(&text, &[], |_, _| Edit::Keep), &text);
            let longer = rewrite(&text, &[], |it, out| { out.push_str(it.uri); Edit::Replace });
            prop_assert_eq!(&longer, &text);
            let only_tags = |it: Reference<'_>, out: &mut String| match it.kind {
                ReferenceKind::Segment | ReferenceKind::Variant => Edit::Keep,
                kind => { out.push_str(&format!("{kind:?}")); if it.uri.len().is_multiple_of(2) { Edit::Keep } else { Edit::Replace } }
            };
            prop_assert_eq!(rewrite_tags(&text, only_tags), rewrite(&text, &[], only_tags));
            let all: Vec<u32> = (1..=text.lines().count() as u32 + 1).collect();
            prop_assert_eq!(rewrite(&text, &all, |_, _| Edit::Keep), "");
        }
    }
}
