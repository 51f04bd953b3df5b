//! The format of segments, which decides their file extension and media type.

/// The container format of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentFormat {
    /// MPEG-2 transport stream: plays everywhere.
    MpegTs,
    /// Fragmented MP4 (CMAF, ISO/IEC 23000-19), with an initialisation section for each rendition.
    Fmp4,
    /// WebVTT text: captions.
    WebVtt,
}

impl SegmentFormat {
    /// File extension of a segment.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::Fmp4 => "m4s",
            Self::WebVtt => "vtt",
        }
    }

    /// The format of segments with this file extension.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "ts" => Some(Self::MpegTs),
            "m4s" => Some(Self::Fmp4),
            "vtt" => Some(Self::WebVtt),
            _ => None,
        }
    }

    /// Media type of a segment (Apple HLS authoring specification, 10.4).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::Fmp4 => "video/iso.segment",
            Self::WebVtt => "text/vtt",
        }
    }
}
