//! The playlists of a generation, as functions of its plan and its records.

use std::collections::HashSet;

use catalog::{RenditionRecord, RenditionState};
use domain::ids::{Generation, VideoId};
use domain::object_key::{RenditionName, SegmentFormat};
use domain::plan::{AudioPlan, AudioTrack, EncodePlan, Rendition, RenditionKind, Size};
use domain::probe::{HighDynamicRange, Probe, Ratio};
use domain::segment::SegmentRecord;
use hls::bandwidth::Bandwidth;
use hls::parse::ByteRange;
use hls::write::{MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec, target_duration};

use super::assumed::assumed_codecs;
use super::estimate;
use super::places::last_part;
use super::shown::ShownSegment;
use crate::records::Records;

/// Maximum rate of the trick-play rendition, kbit/s.
const IFRAMES_KBPS: u32 = 300;

/// The properties of a source that playlists state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFacts {
    /// The audio tracks, as players list them.
    pub(crate) tracks: Vec<AudioTrack>,
    /// Frame rate of the source.
    pub(crate) frame_rate: Ratio,
    /// Bytes of the source in each segment; empty: unknown.
    pub(crate) segment_bytes: Vec<u64>,
}

impl SourceFacts {
    pub(crate) fn new(plan: &EncodePlan, probe: &Probe) -> Self {
        Self {
            tracks: AudioTrack::list(&probe.audio),
            frame_rate: probe
                .video
                .as_ref()
                .map_or(plan.frame_rate, |it| it.source_rate),
            segment_bytes: estimate::segment_bytes(plan, &probe.index),
        }
    }
}

/// The inputs of all playlists.
#[derive(Clone, Copy)]
pub(crate) struct Presentation<'a> {
    pub(crate) video: VideoId,
    pub(crate) generation: &'a Generation,
    pub(crate) plan: &'a EncodePlan,
    pub(crate) source: &'a SourceFacts,
    pub(crate) records: &'a Records,
}

/// Where the rates of a master playlist come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rates {
    /// The maxima of the plan.
    Planned,
    /// All segments, which are known.
    Measured,
}

/// A rendition with all that playlists and the catalog state about it.
pub(super) struct Description<'a> {
    pub(super) rendition: &'a Rendition,
    copied: bool,
    pub(super) size: Option<Size>,
    pub(super) frame_rate: Option<Ratio>,
    /// The HDR transfer function; `None`: SDR, or audio.
    pub(super) hdr: Option<HighDynamicRange>,
    /// The audio group of a rung.
    pub(super) audio: Option<&'a RenditionName>,
    pub(super) sound: Option<&'a AudioPlan>,
    pub(super) bandwidth: Bandwidth,
    pub(super) codecs: String,
}

impl<'a> Presentation<'a> {
    /// A media playlist with the first `count` segments, as `shown` presents each.
    pub(crate) fn media_playlist(
        &self,
        name: &RenditionName,
        kind: MediaPlaylistKind,
        count: u32,
        shown: impl Fn(&SegmentRecord) -> ShownSegment,
    ) -> MediaPlaylistSpec {
        let records = self.records.segments(name).take(count as usize);
        let Some(rendition) = self.plan.rendition(name) else {
            let target_duration = self.plan.target_duration;
            return MediaPlaylistSpec {
                target_duration,
                kind,
                iframes_only: false,
                segments: vec![],
            };
        };
        let uri = |record: &SegmentRecord, attempt: u32| {
            last_part(&self.segment_key(rendition, record.index, attempt).path())
        };
        let key = |record: &SegmentRecord| {
            let name = || self.plan.key_name(rendition, record.index);
            self.plan.encrypt.then(|| format!("{}.key", name()))
        };
        let map = |attempt: u32| {
            let is_needed = rendition.format == SegmentFormat::Fmp4;
            is_needed.then(|| last_part(&self.init_key(rendition, attempt).path()))
        };
        match rendition.kind {
            RenditionKind::Video | RenditionKind::Audio => {
                let segment = |it| {
                    let ShownSegment { duration, attempt } = shown(it);
                    SegmentSpec {
                        uri: uri(it, attempt),
                        duration,
                        byte_range: None,
                        map: map(attempt),
                        key: key(it),
                    }
                };
                let segments = records.map(segment).collect();
                let target_duration = self.plan.target_duration;
                MediaPlaylistSpec {
                    target_duration,
                    kind,
                    iframes_only: false,
                    segments,
                }
            }
            RenditionKind::IFrames => {
                let iframes =
                    records.flat_map(|record| record.iframes.iter().map(move |it| (record, it)));
                let segments: Vec<SegmentSpec> = iframes
                    .map(|(record, it)| SegmentSpec {
                        uri: uri(record, record.attempt),
                        duration: it.duration,
                        byte_range: Some(ByteRange {
                            length: it.bytes,
                            offset: it.offset,
                        }),
                        map: map(record.attempt),
                        key: key(record),
                    })
                    .collect();
                let target_duration = target_duration(segments.iter().map(|it| it.duration));
                MediaPlaylistSpec {
                    target_duration,
                    kind,
                    iframes_only: true,
                    segments,
                }
            }
        }
    }

    /// The records of the named renditions for the catalog.
    pub(crate) fn rendition_records(
        &self,
        names: &HashSet<RenditionName>,
        state: RenditionState,
    ) -> Vec<RenditionRecord> {
        let rates = if state == RenditionState::Complete {
            Rates::Measured
        } else {
            Rates::Planned
        };
        let measured = |rate: u64| (rates == Rates::Measured).then_some(rate);
        let described = self
            .descriptions(rates)
            .into_iter()
            .filter(|it| names.contains(&it.rendition.name));
        described
            .map(|it| RenditionRecord {
                name: it.rendition.name.clone(),
                kind: it.rendition.kind,
                width: it.size.map(|it| it.width),
                height: it.size.map(|it| it.height),
                copied: it.copied,
                frame_rate: it.frame_rate.map(Ratio::as_f64),
                codecs: self.records.codecs(&it.rendition.name).cloned(),
                hdr: it.hdr,
                bandwidth: measured(it.bandwidth.peak),
                average_bandwidth: measured(it.bandwidth.average),
                state,
            })
            .collect()
    }

    /// All renditions of the plan: rungs, audio, I-frames.
    pub(super) fn descriptions(&self, rates: Rates) -> Vec<Description<'a>> {
        let plan = self.plan;
        let describe = |rendition: &'a Rendition, hdr, planned: Bandwidth| Description {
            rendition,
            copied: false,
            size: None,
            frame_rate: None,
            hdr,
            audio: None,
            sound: None,
            bandwidth: match rates {
                Rates::Measured => self.measure(rendition),
                Rates::Planned => planned,
            },
            codecs: self
                .records
                .codecs(&rendition.name)
                .cloned()
                .unwrap_or_else(|| assumed_codecs(rendition, hdr)),
        };
        let copied = plan.copy.rung().map(|rung| Description {
            copied: true,
            size: Some(rung.size),
            frame_rate: Some(self.source.frame_rate),
            audio: rung.audio.as_ref(),
            ..describe(
                &rung.rendition,
                // The source is encoded if it is HDR.
                None,
                estimate::copied(plan, &self.source.segment_bytes),
            )
        });
        let rungs = plan.rungs.iter().map(|rung| Description {
            size: Some(rung.size),
            frame_rate: Some(plan.frame_rate),
            audio: rung.audio.as_ref(),
            ..describe(
                &rung.rendition,
                rung.hdr,
                estimate::encoded(rung.video_kbps),
            )
        });
        let audio = plan.audio.iter().map(|audio| Description {
            copied: audio.copied,
            sound: Some(audio),
            ..describe(&audio.rendition, None, estimate::encoded(audio.kbps))
        });
        let iframes = plan.iframes.as_ref().map(|iframes| Description {
            size: Some(iframes.size),
            ..describe(&iframes.rendition, None, estimate::encoded(IFRAMES_KBPS))
        });
        copied
            .into_iter()
            .chain(rungs)
            .chain(audio)
            .chain(iframes)
            .collect()
    }

    fn measure(&self, rendition: &Rendition) -> Bandwidth {
        let records = self.records.segments(&rendition.name);
        match rendition.kind {
            RenditionKind::Video | RenditionKind::Audio => {
                let segments: Vec<(u64, u64)> = records.map(|it| (it.duration, it.bytes)).collect();
                Bandwidth::measure(&segments, self.plan.target_duration)
            }
            RenditionKind::IFrames => {
                let iframes: Vec<(u64, u64)> = records
                    .flat_map(|it| &it.iframes)
                    .map(|it| (it.duration, it.bytes))
                    .collect();
                Bandwidth::measure(&iframes, target_duration(iframes.iter().map(|it| it.0)))
            }
        }
    }
}
