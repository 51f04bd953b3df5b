//! Chunks of a video that is encoded by several transcoders.

use serde::{Deserialize, Serialize};

use crate::ids::{Generation, JobId, PlanId, VideoId};

/// Encodes a chunk of a video. The catalog has a row for each chunk that is not done; the message
/// only wakes a transcoder, so losing or repeating it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChunkJob {
    /// Derived from the other fields.
    #[serde(rename = "job")]
    pub id: JobId,
    /// The video of the chunk.
    pub video: VideoId,
    /// The generation that is encoded. If the video is at another one, the job is obsolete.
    pub generation: Generation,
    /// The plan of the encoding: all transcoders of a video must follow the same one.
    pub plan: PlanId,
    /// Index of the chunk in its lane, from 0.
    pub index: u32,
}

impl ChunkJob {
    /// A job for a chunk of a plan.
    pub fn new(video: VideoId, generation: Generation, plan: PlanId, index: u32) -> Self {
        let name = format!("{plan}/{index}");
        Self {
            id: JobId::of("chunk", &video.to_string(), generation.as_str(), &name),
            video,
            generation,
            plan,
            index,
        }
    }
}
