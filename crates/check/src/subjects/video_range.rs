//! Compares VIDEO-RANGE with the colour description of the segments (RFC 8216bis, 4.4.6.2).

use hls::parse::Variant;

use crate::report::{Findings, Place};
use crate::rules::BIS_4_4_6_2;
use crate::tree::{Rendition, Tree};

/// `TransferCharacteristics` (ISO/IEC 23091-2).
const PQ: u8 = 16;
const HLG: u8 = 18;
/// That of BT.2020 for 10 bits. HLG for older decoders declares it too, and HLG in a message.
const BT2020: u8 = 14;

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let Some(master) = &tree.master else { return };
    for (rendition, variant) in tree.variants().chain(tree.iframes()) {
        let place = master.document.at(variant.line);
        range(&place, rendition, variant, findings);
    }
}

fn range(place: &Place, rendition: &Rendition, variant: &Variant, findings: &mut Findings) {
    let videos = rendition.segments.iter().filter_map(|it| {
        let video = it.measured()?.video.as_ref()?;
        Some((it.name(), video.color?.1))
    });
    // A variant of PQ may have segments of HLG and SDR, and one of HLG those of SDR.
    let Some((segment, transfer)) = videos.max_by_key(|(_, transfer)| rank(*transfer)) else {
        return;
    };
    let actual = ["SDR", "HLG", "PQ"][rank(transfer)];
    let declared = variant.video_range.as_deref();
    let is_compatible_hlg = declared == Some("HLG") && transfer == BT2020;
    if declared.unwrap_or("SDR") == actual || is_compatible_hlg {
        return;
    }
    let said = declared.map_or("VIDEO-RANGE is missing".to_owned(), |it| {
        format!("VIDEO-RANGE is {it}")
    });
    findings.add(
        &BIS_4_4_6_2,
        place.clone(),
        format!("{said}, and `{segment}` is {actual} (transfer characteristics {transfer})"),
        format!("Write VIDEO-RANGE={actual}."),
    );
}

fn rank(transfer: u8) -> usize {
    match transfer {
        PQ => 2,
        HLG => 1,
        _ => 0,
    }
}
