//! Version 1 of a plan, which is only read: it had one container for all renditions, and the kind
//! of a rendition followed from its name.

use std::ops::Range;

use domain::job::Mode;
use domain::object_key::{RenditionName, SegmentFormat};
use domain::plan::{
    AudioPlan, Boundary, ChunkPlan, Codec, CopyDecision, CopyRefusal, CopyRung, EncodePlan,
    IFramesPlan, Rendition, RenditionKind, RungPlan,
};
use domain::probe::Ratio;
use domain::watermark::ViewerText;
use serde::Deserialize;

use super::{BoundaryWire, FormatWire, RefusalWire, SizeWire, into_all};

/// An encode plan in version 1. Times are ticks of 1/90000 s.
#[derive(Debug, Deserialize)]
pub(crate) struct PlanV1 {
    mode: Mode,
    #[serde(with = "FormatWire")]
    container: SegmentFormat,
    frame_rate: Ratio,
    boundaries: Vec<BoundaryWire>,
    keyframe_interval: u64,
    longest_frame: u64,
    /// The first manifests did not have it.
    #[serde(default)]
    picture_end: u64,
    target_duration: u32,
    encrypt: bool,
    copy: Copied,
    rungs: Vec<Rung>,
    iframes: SizeWire,
    audio: Vec<Audio>,
    copy_chunks: Vec<Chunk>,
    encode_chunks: Vec<Chunk>,
    audio_chunks: Vec<Chunk>,
}

#[derive(Debug, Deserialize)]
enum Copied {
    Ok(Copy),
    Err(#[serde(with = "RefusalWire")] CopyRefusal),
}

#[derive(Debug, Deserialize)]
struct Copy {
    name: RenditionName,
    size: SizeWire,
    audio: Option<RenditionName>,
}

#[derive(Debug, Deserialize)]
struct Rung {
    name: RenditionName,
    size: SizeWire,
    video_kbps: u32,
    audio: Option<RenditionName>,
}

#[derive(Debug, Deserialize)]
struct Audio {
    name: RenditionName,
    kbps: u32,
    channels: u32,
    sample_rate: u32,
    copied: bool,
}

#[derive(Debug, Deserialize)]
struct Chunk {
    index: u32,
    segments: Range<u32>,
}

impl From<Chunk> for ChunkPlan {
    fn from(Chunk { index, segments }: Chunk) -> Self {
        Self { index, segments }
    }
}

impl TryFrom<PlanV1> for EncodePlan {
    type Error = domain::object_key::InvalidName;

    fn try_from(plan: PlanV1) -> Result<Self, Self::Error> {
        let format = plan.container;
        let video = |name| Rendition {
            name,
            kind: RenditionKind::Video,
            codec: Codec::H264,
            format,
        };
        let audio = |name| Rendition {
            name,
            kind: RenditionKind::Audio,
            codec: Codec::Aac,
            format,
        };
        let iframes = Rendition {
            kind: RenditionKind::IFrames,
            ..video("iframes".parse()?)
        };
        let rung = |it: Rung| RungPlan {
            rendition: video(it.name),
            size: it.size.into(),
            video_kbps: it.video_kbps,
            crf: None,
            hdr: None,
            audio: it.audio,
        };
        let encoded = |it: Audio| AudioPlan {
            track: 0,
            group: it.name.clone(),
            rendition: audio(it.name),
            kbps: it.kbps,
            channels: it.channels,
            sample_rate: it.sample_rate,
            copied: it.copied,
            gain: None,
        };
        Ok(Self {
            mode: plan.mode,
            frame_rate: plan.frame_rate,
            boundaries: into_all::<_, Boundary>(plan.boundaries),
            keyframe_interval: plan.keyframe_interval,
            longest_frame: plan.longest_frame,
            video_end: plan.picture_end,
            target_duration: plan.target_duration,
            encrypt: plan.encrypt,
            segments_per_key: None,
            watermark: None,
            viewer_text: ViewerText::Off,
            copy: match plan.copy {
                Copied::Ok(it) => CopyDecision::Remux(CopyRung {
                    rendition: video(it.name),
                    size: it.size.into(),
                    audio: it.audio,
                }),
                Copied::Err(refusal) => CopyDecision::Encode(refusal),
            },
            rungs: plan.rungs.into_iter().map(rung).collect(),
            per_title: None,
            first: None,
            iframes: Some(IFramesPlan {
                rendition: iframes,
                size: plan.iframes.into(),
            }),
            audio: plan.audio.into_iter().map(encoded).collect(),
            copy_chunks: into_all(plan.copy_chunks),
            first_chunks: vec![],
            encode_chunks: into_all(plan.encode_chunks),
            audio_chunks: into_all(plan.audio_chunks),
        })
    }
}
