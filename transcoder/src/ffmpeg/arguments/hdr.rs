//! Rungs that keep the dynamic range of an HDR source.
//!
//! Frames have the transfer function, primaries, matrix and range of the source, in 10 bits; the
//! encoders write these tags into the bitstream. The static metadata of HDR10 goes to the encoders as
//! options. FFmpeg from 7.1 on would also take it from the frames, and with it dynamic metadata
//! (HDR10+, Dolby Vision), which no longer applies to scaled frames; so the frames lose theirs.

use domain::plan::Size;
use domain::probe::{HdrColors, HighDynamicRange, LightLevels, MasteringDisplay, VideoStream};

use super::graph::fitted_to;

/// The pixel format of HDR rungs.
pub(crate) const TEN_BITS: &str = "yuv420p10le";

/// The filter that removes metadata from frames.
pub(crate) const METADATA_FILTER: &str = "sidedata";

/// Converts a decoded frame to 10-bit 4:2:0 of some size, in the colours of the source.
pub(super) fn kept(size: Size, video: &VideoStream, hdr: HighDynamicRange) -> String {
    let HdrColors {
        primaries,
        matrix,
        full_range,
        ..
    } = video.hdr_colors;
    let range = if full_range { "pc" } else { "tv" };
    // The scaler does not convert between two equal matrices, whichever they are. It converts RGB.
    let colors = format!("in_color_matrix=bt2020:out_color_matrix=bt2020:out_range={range}");
    format!(
        "{},format={TEN_BITS},setparams=range={range}:colorspace={}:color_primaries={}\
         :color_trc={},{METADATA_FILTER}=mode=delete",
        fitted_to(&colors, size),
        matrix.as_str(),
        primaries.as_str(),
        hdr.transfer()
    )
}

/// The settings of x265 for the static metadata; empty: the source has none. `repeat-headers`
/// writes it before every keyframe, where each segment begins.
pub(super) fn x265_metadata(colors: &HdrColors) -> String {
    let mut settings = String::new();
    if let Some(it) = colors.mastering_display {
        let (green, blue, red, white) =
            (pair(it.green), pair(it.blue), pair(it.red), pair(it.white));
        let (most, least) = (it.max_luminance, it.min_luminance);
        settings += &format!(":master-display=G{green}B{blue}R{red}WP{white}L({most},{least})");
    }
    if let Some(LightLevels {
        max_content,
        max_average,
    }) = colors.light_levels
    {
        settings += &format!(":max-cll={max_content},{max_average}");
    }
    match settings.is_empty() {
        true => settings,
        false => format!(":hdr10=1:repeat-headers=1{settings}"),
    }
}

/// The settings of SVT-AV1 for the static metadata; empty: the source has none. Its chromaticities
/// are fractions, its luminances cd/m².
pub(super) fn svt_av1_metadata(colors: &HdrColors) -> String {
    let mut settings = String::new();
    if let Some(it) = colors.mastering_display {
        let MasteringDisplay {
            max_luminance,
            min_luminance,
            ..
        } = it;
        let [green, blue, red, white] = [it.green, it.blue, it.red, it.white].map(fractions);
        let [most, least] = [max_luminance, min_luminance].map(|it| f64::from(it) / 10_000.0);
        settings +=
            &format!(":mastering-display=G{green}B{blue}R{red}WP{white}L({most:.4},{least:.4})");
    }
    if let Some(it) = colors.light_levels {
        settings += &format!(":content-light={},{}", it.max_content, it.max_average);
    }
    settings
}

fn pair((x, y): (u16, u16)) -> String {
    format!("({x},{y})")
}

fn fractions((x, y): (u16, u16)) -> String {
    let [x, y] = [x, y].map(|it| f64::from(it) / 50_000.0);
    format!("({x:.5},{y:.5})")
}
