//! Downloads: a rung as one MP4 file.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, JobId, VideoId};
use crate::object_key::{ObjectKey, RenditionName};

/// Writes a rung of the generation that plays as an MP4 file. The catalog knows which files were
/// requested: repeating the message changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DownloadJob {
    /// Derived from the other fields.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video.
    pub video: VideoId,
    /// The generation that is read. If another one plays, the job is obsolete.
    pub generation: Generation,
    /// Name of the rung.
    pub rung: RenditionName,
}

impl DownloadJob {
    /// A job for a rung of a generation.
    pub fn new(video: VideoId, generation: Generation, rung: RenditionName) -> Self {
        let (of, name) = (video.to_string(), rung.as_str());
        Self {
            id: JobId::of("download", &of, generation.as_str(), name),
            video,
            generation,
            rung,
        }
    }

    /// The file.
    pub fn object(&self) -> ObjectKey {
        ObjectKey::Download {
            video: self.video,
            generation: self.generation.clone(),
            rung: self.rung.clone(),
        }
    }
}
