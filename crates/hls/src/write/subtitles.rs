//! The subtitles of a master playlist, which change while everything else in it stays.

use std::fmt::Write as _;

use crate::{LineKind, lines};

use super::media::quotable;

/// A subtitle rendition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleSpec {
    /// Display name; unique among the subtitles of a presentation (RFC 8216, 4.3.4.1.1).
    pub name: String,
    /// Language (BCP 47).
    pub language: String,
    /// URI of its media playlist, relative to the master playlist.
    pub uri: String,
    /// Whether to show it if the user has no preference. At most one rendition is the default.
    pub default: bool,
    /// Whether it has only what viewers need who understand the audio: signs, other languages.
    pub forced: bool,
    /// Whether it also describes sounds, for viewers who do not hear them.
    pub sdh: bool,
}

/// The group of all subtitles.
const GROUP: &str = "subtitles";

/// CHARACTERISTICS of subtitles that replace the audio (Apple HLS authoring specification, 4.4).
const SDH: &str =
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";

/// The master playlist `text`, with these subtitles instead of the ones that it has. Every other
/// character stays, so the result does not depend on earlier changes.
pub fn with_subtitles(text: &str, subtitles: &[SubtitleSpec]) -> String {
    let mut out = String::with_capacity(text.len() + subtitles.len() * 256);
    let mut are_written = false;
    for line in lines(text) {
        match line.kind {
            LineKind::Tag {
                name: "#EXT-X-MEDIA",
                value: Some(value),
            } if is_subtitles(value) => continue,
            LineKind::Tag {
                name: "#EXT-X-STREAM-INF",
                value: Some(value),
            } => {
                if !are_written {
                    subtitles.iter().for_each(|it| it.write(&mut out));
                    are_written = true;
                }
                out.push_str("#EXT-X-STREAM-INF:");
                out.push_str(&without_group(value));
                if !subtitles.is_empty() {
                    let _ = write!(out, ",SUBTITLES=\"{GROUP}\"");
                }
                out.push_str(line.ending);
            }
            _ => {
                out.push_str(line.text);
                out.push_str(line.ending);
            }
        }
    }
    out
}

fn is_subtitles(attributes: &str) -> bool {
    // This module writes the type first.
    attributes.starts_with("TYPE=SUBTITLES,")
}

/// The attributes without `SUBTITLES`, which this module writes as the last one.
fn without_group(attributes: &str) -> String {
    attributes.replace(&format!(",SUBTITLES=\"{GROUP}\""), "")
}

impl SubtitleSpec {
    fn write(&self, out: &mut String) {
        let Self {
            name,
            language,
            uri,
            ..
        } = self;
        // Writing into a `String` cannot fail.
        let _ = write!(
            out,
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{GROUP}\",NAME=\"{}\",LANGUAGE=\"{}\"",
            quotable(name),
            quotable(language)
        );
        if self.default {
            out.push_str(",DEFAULT=YES");
        }
        out.push_str(",AUTOSELECT=YES");
        if self.forced {
            out.push_str(",FORCED=YES");
        }
        if self.sdh {
            let _ = write!(out, ",CHARACTERISTICS=\"{SDH}\"");
        }
        let _ = writeln!(out, ",URI=\"{}\"", quotable(uri));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MasterPlaylist;

    const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:4\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Audio, TYPE=SUBTITLES\",URI=\"g/a/a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\",CLOSED-CAPTIONS=NONE\ng/v/v.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO=\"a\",CLOSED-CAPTIONS=NONE\ng/w/w.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"g/i/i.m3u8\"\n";

    fn subtitles(language: &str) -> SubtitleSpec {
        SubtitleSpec {
            name: format!("\"{language}\""),
            language: language.to_owned(),
            uri: format!("g/{language}/{language}.m3u8"),
            default: false,
            forced: false,
            sdh: false,
        }
    }

    #[test]
    fn subtitles_are_added_to_every_variant() {
        let all = [
            SubtitleSpec {
                default: true,
                sdh: true,
                ..subtitles("en")
            },
            SubtitleSpec {
                forced: true,
                ..subtitles("pt-BR")
            },
        ];
        let text = with_subtitles(MASTER, &all);
        insta::assert_snapshot!(text, @r#"
        #EXTM3U
        #EXT-X-VERSION:4
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Audio, TYPE=SUBTITLES",URI="g/a/a.m3u8"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="_en_",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,CHARACTERISTICS="public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound",URI="g/en/en.m3u8"
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="_pt-BR_",LANGUAGE="pt-BR",AUTOSELECT=YES,FORCED=YES,URI="g/pt-BR/pt-BR.m3u8"
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a",CLOSED-CAPTIONS=NONE,SUBTITLES="subtitles"
        g/v/v.m3u8
        #EXT-X-STREAM-INF:BANDWIDTH=2,AUDIO="a",CLOSED-CAPTIONS=NONE,SUBTITLES="subtitles"
        g/w/w.m3u8
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="g/i/i.m3u8"
        "#);
        let parsed = MasterPlaylist::parse(&text);
        assert_eq!(parsed.problems, vec![]);
        assert_eq!(parsed.playlist.media.len(), 3);
    }

    #[test]
    fn subtitles_are_replaced_and_removed() {
        let first = with_subtitles(MASTER, &[subtitles("en"), subtitles("de")]);
        let second = with_subtitles(&first, &[subtitles("fr")]);
        assert_eq!(second, with_subtitles(MASTER, &[subtitles("fr")]));
        assert_eq!(with_subtitles(&second, &[]), MASTER);
        assert_eq!(
            with_subtitles(&first, &[subtitles("en"), subtitles("de")]),
            first
        );
    }
}
