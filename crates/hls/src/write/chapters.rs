//! The chapters of a master playlist, which change while everything else in it stays.

use crate::{LineKind, lines};

use super::media::quotable;

/// DATA-ID of the chapters (Apple, "Providing JavaScript Object Notation Chapters").
const DATA_ID: &str = "com.apple.hls.chapters";

/// The master playlist `text`, with a reference to the chapters at `uri` (JSON) instead of the one
/// that it has; `None`: without one. Every other character stays.
pub fn with_chapters(text: &str, uri: Option<&str>) -> String {
    let mut out = String::with_capacity(text.len() + 128);
    let mut wanted = uri;
    for line in lines(text) {
        match line.kind {
            LineKind::Tag {
                name: "#EXT-X-SESSION-DATA",
                value: Some(value),
            } if is_chapters(value) => continue,
            // The first tag that describes a rendition.
            LineKind::Tag {
                name: "#EXT-X-MEDIA" | "#EXT-X-STREAM-INF",
                ..
            } => {
                if let Some(uri) = wanted.take() {
                    out.push_str("#EXT-X-SESSION-DATA:DATA-ID=\"");
                    out.push_str(DATA_ID);
                    out.push_str("\",URI=\"");
                    out.push_str(&quotable(uri));
                    out.push('"');
                    out.push_str(line.ending);
                }
            }
            _ => {}
        }
        out.push_str(line.text);
        out.push_str(line.ending);
    }
    out
}

fn is_chapters(attributes: &str) -> bool {
    // This module writes the id first.
    attributes
        .strip_prefix("DATA-ID=\"")
        .and_then(|it| it.strip_prefix(DATA_ID))
        .is_some_and(|it| it.starts_with('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterPlaylist;

    const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:4\n\
        #EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters.other\",VALUE=\"x\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"A\",URI=\"g/a/a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\ng/v/v.m3u8\n";

    #[test]
    fn chapters_are_added_replaced_and_removed() {
        let first = with_chapters(MASTER, Some("chapters/1.json"));
        insta::assert_snapshot!(first, @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters.other",VALUE="x"
        #EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="chapters/1.json"
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",URI="g/a/a.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
        g/v/v.m3u8
        "#);
        assert_eq!(MasterPlaylist::parse(&first).problems, vec![]);
        let second = with_chapters(&first, Some("chapters/2.json"));
        assert_eq!(second, with_chapters(MASTER, Some("chapters/2.json")));
        assert_eq!(with_chapters(&second, None), MASTER);
        assert_eq!(with_chapters(MASTER, None), MASTER);
    }
}
