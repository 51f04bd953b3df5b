//! The colours that ffprobe reports of a video stream.

use domain::probe::{ColorMatrix, HdrColors, HdrMatrix, HdrPrimaries, HighDynamicRange};

use super::raw::{RawStream, SideData};

/// Colour spaces that decoders pass on unchanged and no filter of FFmpeg converts: the result would
/// be green and violet. Dolby Vision without a compatible base layer (profile 5) is in IPT-PQ-c2.
pub(super) fn unknown_colors(video: &RawStream) -> Option<String> {
    let incompatible =
        |it: &&SideData| it.dv_profile.is_some() && it.dv_bl_signal_compatibility_id == Some(0);
    let vision = video
        .side_data_list
        .iter()
        .find(incompatible)
        .and_then(|it| it.dv_profile);
    let intensity = video
        .color_space
        .as_deref()
        .filter(|it| matches!(*it, "ictcp" | "ipt-c2"));
    vision
        .map(|it| format!("Dolby Vision profile {it}"))
        .or_else(|| intensity.map(str::to_uppercase))
}

/// The transfer function of HDR video; `None`: SDR.
pub(super) fn hdr_of(video: &RawStream) -> Option<HighDynamicRange> {
    let mut all = [HighDynamicRange::Pq, HighDynamicRange::Hlg].into_iter();
    all.find(|it| video.color_transfer.as_deref() == Some(it.transfer()))
}

/// The colours of HDR video; the defaults for SDR.
pub(super) fn hdr_colors(video: &RawStream) -> HdrColors {
    if hdr_of(video).is_none() {
        return HdrColors::default();
    }
    let name = |tag: &Option<String>| tag.clone().unwrap_or_default();
    let mut colors = HdrColors {
        primaries: HdrPrimaries::of_name(&name(&video.color_primaries)),
        matrix: HdrMatrix::of_name(&name(&video.color_space)),
        // RGB is converted to the usual range.
        full_range: video.color_range.as_deref() == Some("pc") && !is_rgb(video),
        ..HdrColors::default()
    };
    video
        .side_data_list
        .iter()
        .for_each(|it| it.hdr.add_to(&mut colors));
    colors
}

fn is_rgb(video: &RawStream) -> bool {
    let format = video.pix_fmt.as_deref();
    format.is_some_and(|it| it.contains("rgb") || it.contains("bgr") || it.starts_with("gbr"))
}

/// The colour matrix. RGB declares one too: the identity.
pub(super) fn matrix_of(video: &RawStream, height: u32) -> Option<ColorMatrix> {
    let rgb = is_rgb(video);
    match video.color_space.as_deref() {
        _ if rgb => None,
        Some("bt709") => Some(ColorMatrix::Bt709),
        Some("smpte170m") => Some(ColorMatrix::Smpte170m),
        Some("bt470bg") => Some(ColorMatrix::Bt470bg),
        _ if !is_known(&video.color_space) => Some(ColorMatrix::of_untagged(height)),
        _ => None,
    }
}

/// Whether a tag has a value.
pub(super) fn is_known(tag: &Option<String>) -> bool {
    tag.as_deref()
        .is_some_and(|it| !matches!(it, "unknown" | "unspecified" | "reserved"))
}
