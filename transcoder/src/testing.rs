//! Fixtures that the unit tests of this crate share: plans, transport streams, and a stand-in for FFmpeg.

use domain::ids::{Generation, VideoId};
use domain::job::Mode;
use domain::object_key::RenditionName;
use domain::plan::{Boundary, ChunkPlan, EncodePlan, Rendition};
use domain::probe::cases::standard;
use domain::probe::{HighDynamicRange, Probe};
use domain::profile::Profile;
use domain::segment::{ChunkRecord, IFrameRecord, Lane, SegmentRecord, TICKS_PER_SECOND};
use media::segment::{Measured, Scanner};

use crate::ffmpeg::arguments::iframe_interval;
use crate::sink::{PRESENTATION_START, Stored, extent};

pub(crate) mod fake_ffmpeg;
pub(crate) mod services;
pub(crate) mod transport;
pub(crate) mod trial;
pub(crate) mod world;

/// The video of all tests.
pub(crate) fn video() -> VideoId {
    VideoId::new(1_700_000_000_000, [7; 10])
}

/// The generation of all tests.
pub(crate) fn generation() -> Generation {
    Generation::of("etag", "fingerprint")
}

pub(crate) fn name(text: &str) -> RenditionName {
    text.parse().unwrap()
}

/// The rendition with this name in one of the plans below.
pub(crate) fn rendition_named(text: &str) -> Rendition {
    [remuxed_plan(), encoded_plan()]
        .iter()
        .find_map(|it| it.rendition(&name(text)).cloned())
        .unwrap()
}

/// [`standard`], which cannot be remuxed.
pub(crate) fn foreign() -> Probe {
    let mut probe = standard();
    probe.video_mut().codec = "mpeg4".to_owned();
    probe
}

/// One minute: a remuxed rung with its sound, and three encoded rungs.
pub(crate) fn remuxed_plan() -> EncodePlan {
    EncodePlan::new(&standard(), &Profile::default(), Mode::Abr).unwrap()
}

/// One minute: a first rung, three others, and encoded audio. The first three segments are short.
pub(crate) fn plan_with_first_rung() -> EncodePlan {
    EncodePlan::new(&foreign(), &Profile::default(), Mode::Abr).unwrap()
}

/// One minute in ten equal segments: four encoded rungs that grow together, and encoded audio.
pub(crate) fn encoded_plan() -> EncodePlan {
    let chunks = |ends: &[u32]| -> Vec<ChunkPlan> {
        let starts = std::iter::once(&0).chain(ends);
        let chunks = starts.zip(ends).zip(0..);
        chunks
            .map(|((start, end), index)| ChunkPlan {
                index,
                segments: *start..*end,
            })
            .collect()
    };
    let boundary = |index: u64| Boundary {
        ticks: index * 6 * TICKS_PER_SECOND,
        frame: index * 180,
    };
    EncodePlan {
        boundaries: (0..=10).map(boundary).collect(),
        first: None,
        first_chunks: vec![],
        encode_chunks: chunks(&[1, 2, 3, 4, 5, 6, 8, 10]),
        audio_chunks: chunks(&[2, 10]),
        ..plan_with_first_rung()
    }
}

/// The measurements of a segment in clear.
pub(crate) fn measured(bytes: &[u8]) -> Measured {
    let mut scanner = Scanner::new(None);
    scanner.push(bytes).unwrap();
    scanner.finish().unwrap()
}

/// The record that the sink makes of a segment in clear.
pub(crate) fn stored(rendition: &RenditionName, index: u32, bytes: &[u8]) -> Stored {
    let measured = measured(bytes);
    let (start, duration, frames) = extent(&measured).unwrap_or_default();
    let cuts = media::ts::cut_iframes(bytes).unwrap_or_default();
    let iframes = (0..).zip(cuts.iter().filter(|_| rendition.as_str() == "iframes"));
    let iframes = iframes.map(|(sequence, cut)| IFrameRecord {
        sequence,
        offset: 0,
        bytes: cut.bytes.len() as u64,
        start: (cut.pts - PRESENTATION_START) as u64,
        duration: 90_000,
    });
    let record = SegmentRecord {
        rendition: rendition.clone(),
        index,
        attempt: 1,
        start,
        duration,
        bytes: bytes.len() as u64,
        sha256: String::new(),
        frames,
        iframes: iframes.collect(),
    };
    Stored { record, measured }
}

/// A segment as FFmpeg delivers it when all goes well.
pub(crate) fn planned_segment(
    plan: &EncodePlan,
    lane: Lane,
    rendition: &RenditionName,
    index: u32,
) -> Vec<u8> {
    let rate = plan.frame_rate;
    if plan.is_iframes(rendition) {
        let span = plan.span(&plan.encode_chunks[index as usize].segments);
        let frames = (span.start.frame..span.end.frame).step_by(iframe_interval(plan) as usize);
        return transport::iframes(&frames.map(|it| rate.ticks_of_frame(it)).collect::<Vec<_>>());
    }
    let (this, next) = (
        plan.boundaries[index as usize],
        plan.boundaries[index as usize + 1],
    );
    if let Some(audio) = plan.audio.iter().find(|it| it.rendition.name == *rendition) {
        let rate = u64::from(audio.sample_rate);
        let unit = |ticks: u64| (ticks * rate + 1024 * 45_000) / (1024 * 90_000);
        let (first, last) = (unit(this.ticks), unit(next.ticks));
        return transport::audio_of(
            // The samples of mono are in stereo, too.
            audio.channels.max(2) as u8,
            first * 1024 * 90_000 / rate,
            (last - first) as u32,
            audio.sample_rate,
        );
    }
    let start = if lane == Lane::Copy {
        this.ticks
    } else {
        rate.ticks_of_frame(this.frame)
    };
    transport::video(
        start,
        (next.frame - this.frame) as u32,
        rate.ticks_of_frame(1),
    )
}

/// Every object that a lane makes: of each rendition, with its index.
pub(crate) fn objects_of(plan: &EncodePlan, lane: Lane) -> Vec<(RenditionName, u32)> {
    let count = |it: &RenditionName| match plan.is_iframes(it) {
        true => plan.encode_chunks.len() as u32,
        false => plan.segments(),
    };
    if plan.chunks(lane).is_empty() {
        return vec![];
    }
    plan.renditions(lane)
        .into_iter()
        .map(|it| it.name.clone())
        .flat_map(|it| (0..count(&it)).map(move |index| (it.clone(), index)))
        .collect()
}

/// The records of a generation that came out as planned.
pub(crate) fn planned_records(plan: &EncodePlan) -> Vec<SegmentRecord> {
    let objects = Lane::ALL
        .into_iter()
        .flat_map(|lane| objects_of(plan, lane).into_iter().map(move |it| (lane, it)));
    let record = |(lane, (rendition, index)): (Lane, (RenditionName, u32))| {
        let mut stored = stored(
            &rendition,
            index,
            &planned_segment(plan, lane, &rendition, index),
        );
        let mut rungs = plan.rungs.iter();
        let hdr = rungs
            .find(|it| it.rendition.name == rendition)
            .and_then(|it| it.hdr);
        if let (Some(hdr), Some(video)) = (hdr, &mut stored.measured.video) {
            let transfer = match hdr {
                HighDynamicRange::Pq => 16,
                HighDynamicRange::Hlg => 18,
            };
            (video.bit_depth, video.color) = (Some(10), Some((9, transfer, 9)));
        }
        crate::verify::segment(plan, lane, &stored).unwrap()
    };
    objects.map(record).collect()
}

/// The recorded chunks of a generation that came out as planned.
pub(crate) fn chunk_records(plan: &EncodePlan) -> Vec<ChunkRecord> {
    let records = planned_records(plan);
    let chunks = Lane::ALL
        .into_iter()
        .flat_map(|lane| plan.chunks(lane).iter().map(move |it| (lane, it)));
    let record = |(lane, chunk): (Lane, &ChunkPlan)| {
        let own = |it: &&SegmentRecord| {
            let is_planned = plan
                .renditions(lane)
                .iter()
                .any(|planned| planned.name == it.rendition);
            is_planned
                && match plan.is_iframes(&it.rendition) {
                    true => it.index == chunk.index,
                    false => chunk.segments.contains(&it.index),
                }
        };
        let codecs = plan
            .renditions(lane)
            .into_iter()
            .map(|it| (it.name.clone(), format!("codec of {}", it.name)));
        ChunkRecord {
            lane,
            index: chunk.index,
            cpu_ms: 9,
            wall_ms: 9,
            segments: records.iter().filter(own).cloned().collect(),
            codecs: codecs.collect(),
            traffic: None,
        }
    };
    chunks.map(record).collect()
}
