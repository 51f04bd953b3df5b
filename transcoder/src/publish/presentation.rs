//! The playlists of a generation, as functions of its plan and its records.

use std::collections::HashSet;

use catalog::{RenditionRecord, RenditionState};
use domain::ids::{Generation, VideoId};
use domain::object_key::{RenditionName, SegmentFormat};
use domain::plan::{AudioPlan, AudioTrack, EncodePlan, Rendition, RenditionKind, Size};
use domain::probe::{HighDynamicRange, Probe, Ratio};
use domain::segment::SegmentRecord;
use hls::attributes::Resolution;
use hls::bandwidth::Bandwidth;
use hls::parse::ByteRange;
use hls::write::{
    AudioSpec, IFramesSpec, MasterPlaylistSpec, MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec,
    VariantSpec, VideoSpec, target_duration,
};

use super::assumed::{assumed_codecs, range};
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
struct Description<'a> {
    rendition: &'a Rendition,
    copied: bool,
    size: Option<Size>,
    frame_rate: Option<Ratio>,
    /// The HDR transfer function; `None`: SDR, or audio.
    hdr: Option<HighDynamicRange>,
    /// The audio rendition of a rung.
    audio: Option<&'a RenditionName>,
    sound: Option<&'a AudioPlan>,
    bandwidth: Bandwidth,
    codecs: String,
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
        let key = self.plan.encrypt.then(|| format!("{name}.key"));
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
                        key: key.clone(),
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
                        key: key.clone(),
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

    /// The master playlist of the named renditions.
    pub(crate) fn master(
        &self,
        names: &HashSet<RenditionName>,
        rates: Rates,
    ) -> MasterPlaylistSpec {
        let (mut variants, mut audio, mut iframes) = (vec![], vec![], vec![]);
        for it in self
            .descriptions(rates)
            .into_iter()
            .filter(|it| names.contains(&it.rendition.name))
        {
            let (uri, bandwidth, codecs) = (
                self.variant_uri(&it.rendition.name),
                it.bandwidth,
                it.codecs,
            );
            match (it.rendition.kind, it.size.map(resolution), it.frame_rate) {
                (RenditionKind::Video, Some(size), Some(frame_rate)) => {
                    let audio = it.audio.map(ToString::to_string);
                    variants.push(VariantSpec {
                        uri,
                        bandwidth,
                        codecs,
                        video: Some(VideoSpec {
                            size,
                            frame_rate,
                            range: range(it.hdr),
                        }),
                        audio,
                    });
                }
                (RenditionKind::IFrames, Some(size), _) => iframes.push(IFramesSpec {
                    uri,
                    bandwidth,
                    codecs,
                    size,
                }),
                (RenditionKind::Audio, ..) => {
                    let Some(sound) = it.sound else { continue };
                    if self.plan.iframes.is_none() && sound.track == 0 {
                        variants.push(self.audio_variant(sound, &uri, bandwidth, &codecs));
                    }
                    if !self.is_alone(sound) {
                        audio.push(self.audio_spec(sound, uri, bandwidth, codecs));
                    }
                }
                (RenditionKind::Video | RenditionKind::IFrames, ..) => {}
            }
        }
        MasterPlaylistSpec {
            growing: false,
            variants,
            audio,
            iframes,
        }
    }

    /// Whether an audio rendition is a variant by itself, without a group.
    fn is_alone(&self, sound: &AudioPlan) -> bool {
        self.plan.iframes.is_none() && self.plan.audio_of_group(&sound.group).count() == 1
    }

    /// The variant of a presentation that has only audio: the first track, with the group of all
    /// tracks if there are several. The writer adds the bandwidth of the group.
    fn audio_variant(
        &self,
        sound: &AudioPlan,
        uri: &str,
        bandwidth: Bandwidth,
        codecs: &str,
    ) -> VariantSpec {
        let is_alone = self.is_alone(sound);
        VariantSpec {
            uri: uri.to_owned(),
            bandwidth: if is_alone {
                bandwidth
            } else {
                Bandwidth::default()
            },
            codecs: codecs.to_owned(),
            video: None,
            audio: (!is_alone).then(|| sound.group.to_string()),
        }
    }

    /// A track of an audio group.
    fn audio_spec(
        &self,
        sound: &AudioPlan,
        uri: String,
        bandwidth: Bandwidth,
        codecs: String,
    ) -> AudioSpec {
        let track = self.source.tracks.get(sound.track as usize);
        let track = track.cloned().unwrap_or_else(AudioTrack::unknown);
        AudioSpec {
            group: sound.group.to_string(),
            name: track.name,
            language: track.language,
            uri,
            channels: sound.channels,
            default: sound.track == 0,
            auto_select: track.auto_select,
            characteristics: track.characteristics,
            bandwidth,
            codecs,
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
    fn descriptions(&self, rates: Rates) -> Vec<Description<'a>> {
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

fn resolution(size: Size) -> Resolution {
    Resolution {
        width: size.width,
        height: size.height,
    }
}
