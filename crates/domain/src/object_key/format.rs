//! The format of segments, which decides their file extension and media type.

/// The container format of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentFormat {
    /// MPEG-2 transport stream: plays everywhere.
    MpegTs,
}

impl SegmentFormat {
    /// File extension of a segment.
    pub fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
        }
    }

    /// Media type of a segment (Apple HLS authoring specification, 10.4).
    pub fn content_type(self) -> &'static str {
        match self {
            Self::MpegTs => "video/mp2t",
        }
    }
}
