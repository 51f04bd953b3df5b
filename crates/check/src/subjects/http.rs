//! Checks the HTTP headers: content types (Apple 10.4; RFC 8216, 4) and gzip (Apple 10.1). Does not
//! apply to files.

use media::segment::Packing;

use crate::report::Findings;
use crate::rules::{APPLE_10_1, APPLE_10_4, RFC_4};
use crate::tree::{Document, Tree};

const PLAYLIST_TYPES: [&str; 2] = ["application/vnd.apple.mpegurl", "audio/mpegurl"];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    if let Some(master) = &tree.master {
        playlist(&master.document, findings);
    }
    for rendition in tree.renditions.iter().filter(|it| it.said().is_some()) {
        playlist(&rendition.document, findings);
        for segment in &rendition.segments {
            let Some(received) = segment.received() else {
                continue;
            };
            let Some(found) = media_type(received.content_type.as_deref()) else {
                continue;
            };
            let allowed: &[&str] = match received.media.packing {
                Packing::Ts => &["video/mp2t"],
                Packing::Fmp4 => &["video/mp4", "video/iso.segment", "audio/mp4"],
                Packing::WebVtt => &["text/vtt"],
                Packing::PackedAudio => &["audio/aac", "audio/mpeg", "audio/ac3", "audio/eac3"],
            };
            if !allowed.contains(&found.as_str()) {
                let what = format!("Content-Type is {found}");
                findings.add(
                    &APPLE_10_4,
                    rendition.at_segment(segment),
                    what,
                    format!("Serve it as {}.", allowed[0]),
                );
            }
        }
        for map in &rendition.maps {
            if let Some(found) = media_type(map.content_type.as_deref())
                && !["video/mp4", "video/iso.segment", "audio/mp4", "video/mp2t"]
                    .contains(&found.as_str())
            {
                let what = format!("Content-Type of the initialisation section is {found}");
                findings.add(
                    &APPLE_10_4,
                    rendition.document.at(map.line),
                    what,
                    "Serve it as video/mp4.",
                );
            }
        }
    }
}

fn playlist(document: &Document, findings: &mut Findings) {
    if document.url.scheme() == "file" {
        return;
    }
    let found = media_type(document.content_type.as_deref());
    let right = found
        .as_ref()
        .is_some_and(|it| PLAYLIST_TYPES.contains(&it.as_str()));
    let named = [".m3u8", ".m3u"]
        .iter()
        .any(|it| document.url.path().ends_with(it));
    let shown = found.as_deref().unwrap_or("missing");
    let fix = "Serve playlists as application/vnd.apple.mpegurl.";
    if !right && !named {
        let what = format!("the name does not end in .m3u8 and Content-Type is {shown}");
        findings.add(&RFC_4, document.at(None), what, fix);
    } else if !right {
        findings.add(
            &APPLE_10_4,
            document.at(None),
            format!("Content-Type of the playlist is {shown}"),
            fix,
        );
    }
    if !document.gzip {
        findings.add(
            &APPLE_10_1,
            document.at(None),
            "the playlist came without Content-Encoding: gzip, though gzip was offered",
            "Serve playlists with gzip compression.",
        );
    }
}

/// The media type without parameters, in lower case. `None` for files and for servers that send
/// none.
fn media_type(header: Option<&str>) -> Option<String> {
    header.map(|it| {
        it.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    })
}
