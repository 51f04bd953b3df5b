//! Animated previews that clients request by start, length and width.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, JobId, VideoId};
use crate::preview::Preview;

/// Makes a preview of a span. The object exists, or the job makes it: repeating the message changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreviewJob {
    /// Derived from the other fields.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the span.
    pub video: VideoId,
    /// The generation from which the frames are taken. If another one plays, the job is obsolete.
    pub generation: Generation,
    /// Start, length and width.
    #[serde(flatten)]
    pub preview: Preview,
}

impl PreviewJob {
    /// A job for a span of a generation.
    pub fn new(video: VideoId, generation: Generation, preview: Preview) -> Self {
        let Preview {
            start_tenths,
            length_tenths,
            width,
        } = preview;
        let name = format!("{start_tenths}/{length_tenths}/{width}");
        Self {
            id: JobId::of("preview", &video.to_string(), generation.as_str(), &name),
            video,
            generation,
            preview,
        }
    }
}
