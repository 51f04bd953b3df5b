//! Compares EXT-X-VERSION with the features used (RFC 8216, 7).

use hls::MediaPlaylist;
use hls::parse::KeyMethod;

use crate::report::Findings;
use crate::rules::RFC_7;
use crate::tree::{Document, Tree};

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    for rendition in &tree.renditions {
        let Some(said) = rendition.said() else {
            continue;
        };
        let declared = said.version.as_ref().map(|it| (it.line, it.value));
        if let Some((needed, feature)) = needed_by_media(said) {
            require(&rendition.document, declared, needed, feature, findings);
        }
    }
    let Some(master) = &tree.master else { return };
    let declared = master
        .playlist
        .version
        .as_ref()
        .map(|it| (it.line, it.value));
    let services = master
        .playlist
        .media
        .iter()
        .filter_map(|it| it.instream_id.as_deref());
    if services.into_iter().any(|it| it.starts_with("SERVICE")) {
        require(
            &master.document,
            declared,
            7,
            "SERVICE values of INSTREAM-ID",
            findings,
        );
    }
    if !master.playlist.defines.is_empty() {
        require(&master.document, declared, 8, "EXT-X-DEFINE", findings);
    }
}

/// The highest version that a feature of the playlist needs.
fn needed_by_media(said: &MediaPlaylist) -> Option<(u64, &'static str)> {
    let keys = || said.keys.iter();
    let has_map = !said.maps.is_empty();
    let fraction = said
        .segments
        .iter()
        .any(|it| it.duration.is_some_and(|it| it.value.fract() != 0.0));
    let features = [
        (8, "EXT-X-DEFINE", !said.defines.is_empty()),
        (
            6,
            "EXT-X-MAP outside of I-frame playlists",
            has_map && said.iframes_only.is_none(),
        ),
        (5, "EXT-X-MAP", has_map),
        (
            5,
            "SAMPLE-AES",
            keys().any(|it| it.method == KeyMethod::SampleAes),
        ),
        (
            5,
            "KEYFORMAT",
            keys().any(|it| it.key_format.is_some() || it.key_format_versions.is_some()),
        ),
        (
            4,
            "EXT-X-BYTERANGE",
            said.segments.iter().any(|it| it.byte_range.is_some()),
        ),
        (4, "EXT-X-I-FRAMES-ONLY", said.iframes_only.is_some()),
        (3, "decimal EXTINF", fraction),
        (2, "the IV of EXT-X-KEY", keys().any(|it| it.iv.is_some())),
    ];
    features
        .into_iter()
        .find(|it| it.2)
        .map(|(version, feature, _)| (version, feature))
}

fn require(
    document: &Document,
    declared: Option<(u32, u64)>,
    needed: u64,
    feature: &str,
    findings: &mut Findings,
) {
    let (line, version) = declared.map_or((None, 1), |(line, version)| (Some(line), version));
    if version < needed {
        findings.add(
            &RFC_7,
            document.at(line),
            format!("{feature} needs version {needed}, the playlist declares {version}"),
            format!("Write #EXT-X-VERSION:{needed}."),
        );
    }
}
