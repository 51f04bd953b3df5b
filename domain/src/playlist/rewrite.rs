//! Changing the URIs of a playlist that otherwise stays as it is, in one pass.
//!
//! The edge does this for every playlist that a viewer loads, in WASM, so bytes that stay are copied once, in runs
//! as long as possible, and nothing is allocated but the answer.

use super::lines::{LineKind, lines};

/// Something in a playlist that refers to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// What refers.
    pub kind: ReferenceKind,
    /// As written.
    pub uri: &'a str,
    /// From 1.
    pub line: u32,
}

/// What refers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// A line of its own, after EXT-X-STREAM-INF.
    Variant,
    /// A line of its own, in a media playlist.
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
    /// The URI of any other tag: EXT-X-PART, EXT-X-PRELOAD-HINT, EXT-X-CONTENT-STEERING, tags yet to come.
    Other,
}

/// What becomes of a URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It stays, behind whatever was written.
    Keep,
    /// What was written stands in its place.
    Replace,
}

/// Gives every reference of a playlist to `edit`, which may write to the answer in its place or before it.
///
/// Lines whose number is in `dropped` (ascending) are left out. Never fails: what is not a reference stays.
pub fn rewrite(text: &str, dropped: &[u32], mut edit: impl FnMut(Reference<'_>, &mut String) -> Edit) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 2 + 256);
    let mut copied = 0;
    let mut dropped = dropped.iter().peekable();
    let mut after_stream_inf = false;
    for line in lines(text) {
        if dropped.next_if_eq(&&line.number).is_some() {
            out.push_str(&text[copied..line.offset]);
            copied = line.offset + line.text.len() + line.ending.len();
            continue;
        }
        let (kind, start, uri) = match line.kind {
            LineKind::Uri(uri) => {
                let kind = if after_stream_inf { ReferenceKind::Variant } else { ReferenceKind::Segment };
                after_stream_inf = false;
                // White space around it is not the URI's.
                let trimmed = uri.trim();
                (kind, line.offset + (uri.len() - uri.trim_start().len()), trimmed)
            }
            LineKind::Tag { name, value: Some(value) } => {
                if name == "#EXT-X-STREAM-INF" {
                    after_stream_inf = true;
                    continue;
                }
                // The value of EXTINF is no attribute list, and its title may look like one.
                let attributes = if name.starts_with("#EXT-X-") { value } else { "" };
                let Some(at) = uri_attribute(attributes) else { continue };
                let uri = &value[at.clone()];
                (kind_of(name), line.offset + name.len() + 1 + at.start, uri)
            }
            _ => continue,
        };
        out.push_str(&text[copied..start]);
        copied = match edit(Reference { kind, uri, line: line.number }, &mut out) {
            Edit::Keep => start,
            Edit::Replace => start + uri.len(),
        };
    }
    out.push_str(&text[copied..]);
    out
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

/// Where the content of `URI="..."` stands in an attribute list. A name in a quoted value is not taken for it.
fn uri_attribute(list: &str) -> Option<std::ops::Range<usize>> {
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
                if rest[..name_length].trim() == "URI" {
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
            seen += &format!("{} {:?} {}\n", it.line, it.kind, it.uri);
            Edit::Keep
        });
        insta::assert_snapshot!(seen, @"
        2 Media g/a/a.m3u8
        4 Variant g/v/v.m3u8
        5 IFrames g/i/i.m3u8
        6 SessionKey k
        7 SessionData d.json
        8 Map init.mp4
        9 Key k.key
        10 Other part
        13 Segment v_0.ts
        15 Segment v_1.ts
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
            let all: Vec<u32> = (1..=text.lines().count() as u32 + 1).collect();
            prop_assert_eq!(rewrite(&text, &all, |_, _| Edit::Keep), "");
        }
    }
}
