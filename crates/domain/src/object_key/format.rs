//! The format of segments, which decides their file extension and media type.

/// The container format of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentFormat {
    /// MPEG-2 transport stream: plays everywhere.
    MpegTs,
    /// WebVTT text: captions.
    WebVtt,
}

impl SegmentFormat {
    /// File extension of a segment.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::WebVtt => "vtt",
        }
    }

    /// The format of segments with this file extension.
    pub(super) fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "ts" => Some(Self::MpegTs),
            "vtt" => Some(Self::WebVtt),
            _ => None,
        }
    }

    /// Media type of a segment (Apple HLS authoring specification, 10.4).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
            Self::WebVtt => "text/vtt",
        }
    }
}
