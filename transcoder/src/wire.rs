//! The JSON of an encode plan, as the manifest and the stored plan contain it.
//!
//! These types belong to the documents, and [`EncodePlan`] belongs to the code: a change of the
//! plan must not make older generations unreadable. Documents are written in version 2 to 4. Version 1
//! is still read, because the renditions of older generations can be re-encoded one by one.

use std::num::NonZeroU32;

use domain::job::Mode;
use domain::loudness::Gain;
use domain::object_key::{RenditionName, SegmentFormat};
use domain::per_title::PerTitle;
use domain::plan::{
    AudioPlan, Boundary, ChunkPlan, Codec, CopyDecision, CopyRefusal, CopyRung, EncodePlan,
    IFramesPlan, Rendition, RenditionKind, RungPlan, Size,
};
use domain::probe::{HighDynamicRange, Ratio};
use domain::watermark::{ViewerText, Watermark};
use serde::{Deserialize, Serialize};

mod version_1;

pub(crate) use version_1::PlanV1;

/// The version of documents that contain a plan.
const VERSION: u32 = 2;

/// The version of documents whose plan has several keys for a rendition, HDR or a watermark: programs
/// that know only version 2 would pass these fields over, and publish or decrypt other segments.
const VERSION_OF_KEYS_AND_LOOKS: u32 = 3;

/// The version of documents whose plan has the measurements of per-title encoding: programs that know
/// only version 3 would lose the choices when they re-encode single rungs.
const VERSION_OF_PER_TITLE: u32 = 4;

/// The version of a document with this plan.
pub(crate) fn version(plan: &EncodePlan) -> u32 {
    if plan.per_title.is_some() {
        return VERSION_OF_PER_TITLE;
    }
    let has_hdr = plan.rungs.iter().any(|it| it.hdr.is_some());
    let is_marked = plan.watermark.is_some() || !plan.viewer_text.is_off();
    if plan.segments_per_key.is_some() || has_hdr || is_marked {
        VERSION_OF_KEYS_AND_LOOKS
    } else {
        VERSION
    }
}

/// Whether [`PlanV2`] reads the plan of a document of this version.
pub(crate) fn is_known(version: u32) -> bool {
    (VERSION..=VERSION_OF_PER_TITLE).contains(&version)
}

/// An encode plan in version 2. Times are ticks of 1/90000 s.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanV2 {
    mode: Mode,
    frame_rate: Ratio,
    boundaries: Vec<BoundaryWire>,
    keyframe_interval: u64,
    longest_frame: u64,
    video_end: u64,
    target_duration: u32,
    encrypt: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segments_per_key: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watermark: Option<Watermark>,
    #[serde(default, skip_serializing_if = "ViewerText::is_off")]
    viewer_text: ViewerText,
    copy: CopyWire,
    rungs: Vec<RungWire>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_title: Option<PerTitle>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<RenditionName>,
    /// Missing if the source has only audio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iframes: Option<IFramesWire>,
    audio: Vec<AudioWire>,
    copy_chunks: Vec<ChunkWire>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    first_chunks: Vec<ChunkWire>,
    encode_chunks: Vec<ChunkWire>,
    audio_chunks: Vec<ChunkWire>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BoundaryWire {
    ticks: u64,
    frame: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct SizeWire {
    width: u32,
    height: u32,
}

/// A chunk, with its segments from `start` to before `end`.
#[derive(Debug, Serialize, Deserialize)]
struct ChunkWire {
    index: u32,
    start: u32,
    end: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct RenditionWire {
    name: RenditionName,
    kind: RenditionKind,
    #[serde(with = "CodecWire")]
    codec: Codec,
    #[serde(with = "FormatWire")]
    format: SegmentFormat,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Codec", rename_all = "kebab-case")]
enum CodecWire {
    H264,
    Hevc,
    Av1,
    Aac,
    #[serde(rename = "ac-3")]
    Ac3,
    #[serde(rename = "ec-3")]
    Eac3,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "SegmentFormat", rename_all = "kebab-case")]
enum FormatWire {
    MpegTs,
    Fmp4,
    WebVtt,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "CopyRefusal", rename_all = "kebab-case")]
enum RefusalWire {
    Disabled,
    Watermark,
    Codec,
    Interlaced,
    Geometry,
    HighDynamicRange,
    BitRate,
    FrameRate,
    NoIndex,
    KeyframeGap,
    OpenGroups,
    NoVideo,
    /// Its name in version 1 is the alias.
    #[serde(alias = "sound-outside-picture")]
    AudioOutsideVideo,
    Replaced,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum CopyWire {
    Remux(CopyRungWire),
    Encode(#[serde(with = "RefusalWire")] CopyRefusal),
}

#[derive(Debug, Serialize, Deserialize)]
struct CopyRungWire {
    rendition: RenditionWire,
    size: SizeWire,
    audio: Option<RenditionName>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RungWire {
    rendition: RenditionWire,
    size: SizeWire,
    video_kbps: u32,
    /// Missing if it is that of the profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crf: Option<u8>,
    /// Missing if the rung is SDR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hdr: Option<HighDynamicRange>,
    audio: Option<RenditionName>,
}

#[derive(Debug, Serialize, Deserialize)]
struct IFramesWire {
    rendition: RenditionWire,
    size: SizeWire,
}

#[derive(Debug, Serialize, Deserialize)]
struct AudioWire {
    rendition: RenditionWire,
    /// Position of the track, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    track: u32,
    /// The group of a further track; the first one has the name of the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<RenditionName>,
    kbps: u32,
    channels: u32,
    sample_rate: u32,
    copied: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gain: Option<Gain>,
}

fn all<'a, T, U: From<&'a T>>(items: &'a [T]) -> Vec<U> {
    items.iter().map(U::from).collect()
}

fn into_all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

impl From<&EncodePlan> for PlanV2 {
    fn from(plan: &EncodePlan) -> Self {
        // Without `..`: a new field of the plan has to be considered here.
        let EncodePlan {
            mode,
            frame_rate,
            boundaries,
            keyframe_interval,
            longest_frame,
            video_end,
            target_duration,
            encrypt,
            segments_per_key,
            watermark,
            viewer_text,
            copy,
            rungs,
            per_title,
            first,
            iframes,
            audio,
            copy_chunks,
            first_chunks,
            encode_chunks,
            audio_chunks,
        } = plan;
        Self {
            mode: *mode,
            frame_rate: *frame_rate,
            boundaries: all(boundaries),
            keyframe_interval: *keyframe_interval,
            longest_frame: *longest_frame,
            video_end: *video_end,
            target_duration: *target_duration,
            encrypt: *encrypt,
            segments_per_key: *segments_per_key,
            watermark: watermark.clone(),
            viewer_text: *viewer_text,
            copy: copy.into(),
            rungs: all(rungs),
            per_title: per_title.clone(),
            first: first.clone(),
            iframes: iframes.as_ref().map(IFramesWire::from),
            audio: all(audio),
            copy_chunks: all(copy_chunks),
            first_chunks: all(first_chunks),
            encode_chunks: all(encode_chunks),
            audio_chunks: all(audio_chunks),
        }
    }
}

impl From<PlanV2> for EncodePlan {
    fn from(wire: PlanV2) -> Self {
        Self {
            mode: wire.mode,
            frame_rate: wire.frame_rate,
            boundaries: into_all(wire.boundaries),
            keyframe_interval: wire.keyframe_interval,
            longest_frame: wire.longest_frame,
            video_end: wire.video_end,
            target_duration: wire.target_duration,
            encrypt: wire.encrypt,
            segments_per_key: wire.segments_per_key,
            watermark: wire.watermark,
            viewer_text: wire.viewer_text,
            copy: wire.copy.into(),
            rungs: into_all(wire.rungs),
            per_title: wire.per_title,
            first: wire.first,
            iframes: wire.iframes.map(IFramesPlan::from),
            audio: into_all(wire.audio),
            copy_chunks: into_all(wire.copy_chunks),
            first_chunks: into_all(wire.first_chunks),
            encode_chunks: into_all(wire.encode_chunks),
            audio_chunks: into_all(wire.audio_chunks),
        }
    }
}

/// Conversions between a type of the plan and its wire type with the same fields: `name` is
/// converted, `name = copy` is copied, `name = clone` is cloned.
macro_rules! same_fields {
    ($plan:ident, $wire:ident { $($field:ident $(= $how:ident)?),+ }) => {
        impl From<&$plan> for $wire {
            fn from(it: &$plan) -> Self {
                Self { $($field: same_fields!(@to it.$field $($how)?)),+ }
            }
        }
        impl From<$wire> for $plan {
            fn from(it: $wire) -> Self {
                Self { $($field: same_fields!(@from it.$field $($how)?)),+ }
            }
        }
    };
    (@to $it:ident.$field:ident) => { (&$it.$field).into() };
    (@to $it:ident.$field:ident copy) => { $it.$field };
    (@to $it:ident.$field:ident clone) => { $it.$field.clone() };
    (@from $it:ident.$field:ident) => { $it.$field.into() };
    (@from $it:ident.$field:ident $how:ident) => { $it.$field };
}

same_fields!(Boundary, BoundaryWire { ticks = copy, frame = copy });
same_fields!(Size, SizeWire { width = copy, height = copy });
same_fields!(Rendition, RenditionWire { name = clone, kind = copy, codec = copy, format = copy });
same_fields!(CopyRung, CopyRungWire { rendition, size, audio = clone });
same_fields!(RungPlan, RungWire {
    rendition, size, video_kbps = copy, crf = copy, hdr = copy, audio = clone
});
same_fields!(IFramesPlan, IFramesWire { rendition, size });

fn is_first(track: &u32) -> bool {
    *track == 0
}

impl From<&AudioPlan> for AudioWire {
    fn from(audio: &AudioPlan) -> Self {
        let AudioPlan {
            rendition,
            track,
            group,
            kbps,
            channels,
            sample_rate,
            copied,
            gain,
        } = audio;
        Self {
            rendition: rendition.into(),
            track: *track,
            group: Some(group.clone()).filter(|it| *it != rendition.name),
            kbps: *kbps,
            channels: *channels,
            sample_rate: *sample_rate,
            copied: *copied,
            gain: *gain,
        }
    }
}

impl From<AudioWire> for AudioPlan {
    fn from(wire: AudioWire) -> Self {
        let rendition: Rendition = wire.rendition.into();
        Self {
            track: wire.track,
            group: wire.group.unwrap_or_else(|| rendition.name.clone()),
            rendition,
            kbps: wire.kbps,
            channels: wire.channels,
            sample_rate: wire.sample_rate,
            copied: wire.copied,
            gain: wire.gain,
        }
    }
}

impl From<&ChunkPlan> for ChunkWire {
    fn from(chunk: &ChunkPlan) -> Self {
        Self {
            index: chunk.index,
            start: chunk.segments.start,
            end: chunk.segments.end,
        }
    }
}

impl From<ChunkWire> for ChunkPlan {
    fn from(wire: ChunkWire) -> Self {
        Self {
            index: wire.index,
            segments: wire.start..wire.end,
        }
    }
}

impl From<&CopyDecision> for CopyWire {
    fn from(decision: &CopyDecision) -> Self {
        match decision {
            CopyDecision::Remux(rung) => Self::Remux(rung.into()),
            CopyDecision::Encode(refusal) => Self::Encode(*refusal),
        }
    }
}

impl From<CopyWire> for CopyDecision {
    fn from(wire: CopyWire) -> Self {
        match wire {
            CopyWire::Remux(rung) => Self::Remux(rung.into()),
            CopyWire::Encode(refusal) => Self::Encode(refusal),
        }
    }
}
