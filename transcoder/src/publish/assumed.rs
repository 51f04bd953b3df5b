//! What playlists state about the video of a rendition because of its plan.

use domain::plan::{Codec, Rendition, RenditionKind};
use domain::probe::HighDynamicRange;
use hls::write::VideoRange;

/// `CODECS` before a segment is measured: the highest level that our encoder may use.
pub(super) fn assumed_codecs(rendition: &Rendition, hdr: Option<HighDynamicRange>) -> String {
    let codecs = match (rendition.codec, hdr) {
        (Codec::H264, _) if rendition.kind == RenditionKind::IFrames => "avc1.64001e",
        (Codec::H264, _) => "avc1.640028",
        (Codec::Hevc, None) => "hvc1.1.6.L120.90",
        (Codec::Hevc, Some(_)) => "hvc1.2.4.L120.90",
        (Codec::Av1, None) => "av01.0.08M.08",
        (Codec::Av1, Some(HighDynamicRange::Pq)) => "av01.0.08M.10.0.110.09.16.09.0",
        (Codec::Av1, Some(HighDynamicRange::Hlg)) => "av01.0.08M.10.0.110.09.18.09.0",
        (Codec::Aac, _) => "mp4a.40.2",
        (Codec::Ac3, _) => "ac-3",
        (Codec::Eac3, _) => "ec-3",
    };
    codecs.to_owned()
}

/// VIDEO-RANGE of a rendition.
pub(super) fn range(hdr: Option<HighDynamicRange>) -> VideoRange {
    match hdr {
        None => VideoRange::Sdr,
        Some(HighDynamicRange::Hlg) => VideoRange::Hlg,
        Some(HighDynamicRange::Pq) => VideoRange::Pq,
    }
}
