//! Writes playlists, which only refer to stored objects.

use std::collections::{BTreeMap, HashSet};
use std::time::Instant;

use catalog::{RenditionKind, RenditionRecord, RenditionState};
use domain::growth::{Growth, Shown, Work};
use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::{EncodePlan, Size};
use domain::probe::Ratio;
use domain::segment::{ChunkRecord, Lane, SegmentRecord, TICKS_PER_SECOND};
use hls::attributes::Resolution;
use hls::bandwidth::Bandwidth;
use hls::parse::ByteRange;
use hls::write::{
    AudioSpec, IFramesSpec, MasterPlaylistSpec, MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec, VariantSpec,
    target_duration,
};

use crate::error::TranscodeError;
use crate::sink::GenerationWriter;

mod estimate;
mod playlists;
mod shown;

use playlists::Playlists;
use shown::ShownSegments;

/// The renditions of a generation, and the segments that viewers have been shown.
pub struct Publisher {
    writer: GenerationWriter,
    plan: EncodePlan,
    language: Option<String>,
    source_rate: Ratio,
    gop_bytes: Vec<u64>,
    segments: BTreeMap<RenditionName, BTreeMap<u32, SegmentRecord>>,
    codecs: BTreeMap<RenditionName, String>,
    playlists: Playlists,
    growth: Option<Watched>,
}

/// A video that viewers may watch while it grows.
struct Watched {
    growth: Growth,
    shown: Option<Shown>,
    segments: ShownSegments,
    started: Instant,
}

/// Maximum size of a playlist, bytes: a day of short segments.
const LARGEST_PLAYLIST: u64 = 16 << 20;

/// Display name of the audio in a player's menu. There is one, at several rates.
const AUDIO_NAME: &str = "Audio";

impl Publisher {
    /// A publisher of a generation of which nothing is published yet.
    pub fn new(writer: GenerationWriter, plan: &EncodePlan, probe: &domain::probe::Probe) -> Self {
        Self {
            playlists: Playlists::new(writer.clone()),
            writer,
            plan: plan.clone(),
            language: probe.audio.as_ref().and_then(|it| it.language.clone()),
            source_rate: probe.video.source_rate,
            gop_bytes: estimate::segment_bytes(plan, &probe.index),
            segments: BTreeMap::new(),
            codecs: BTreeMap::new(),
            growth: None,
        }
    }

    /// Adds a finished chunk.
    pub fn add(&mut self, chunk: &ChunkRecord) {
        for segment in &chunk.segments {
            self.segments.entry(segment.rendition.clone()).or_default().insert(segment.index, segment.clone());
        }
        self.codecs.extend(chunk.codecs.clone());
    }

    /// Adds a segment whose chunk is not finished yet: it can be shown.
    pub fn add_segment(&mut self, segment: SegmentRecord, codecs: String) {
        self.codecs.entry(segment.rendition.clone()).or_insert(codecs);
        self.segments.entry(segment.rendition.clone()).or_default().insert(segment.index, segment);
    }

    /// All segments, for verification and the manifest.
    pub fn records(&self) -> Vec<SegmentRecord> {
        self.segments.values().flat_map(BTreeMap::values).cloned().collect()
    }

    /// Lets viewers watch the video while it grows; `workers` parallel encoders produce it.
    ///
    /// Segments that an earlier attempt has shown stay: those of the unfinished chunk are produced
    /// again, under the same names and with the same keys. If that attempt is not `trusted`, only
    /// the number of its segments stays, because their durations may be the problem. Returns
    /// whether an earlier attempt has shown the video.
    pub async fn watch(&mut self, workers: usize, trusted: bool) -> Result<bool, TranscodeError> {
        let (names, mut segments) = (self.growing(), ShownSegments::default());
        let key = ObjectKey::Master { video: self.writer.video() };
        let master = self.stored(&key).await?;
        if master.is_some() {
            self.playlists.note(key);
        }
        let is_named = |name: &RenditionName| master.as_ref().is_some_and(|it| it.contains(&self.variant_uri(name)));
        if names.iter().all(is_named) {
            for name in &names {
                let key = self.playlist_key(name);
                if let Some(text) = self.stored(&key).await? {
                    segments.read(name, &text);
                    self.playlists.note(key);
                }
            }
        }
        // A crash may have come between two playlists, and none of them may become shorter.
        let count = names.iter().map(|it| segments.count(it)).max().unwrap_or(0);
        let shown = (count > 0).then_some(Shown { segments: count, since_ms: 0 });
        if !trusted {
            segments = ShownSegments::default();
        }
        let growth = Growth::new(self.work(workers), 0, self.ready());
        self.growth = Some(Watched { growth, shown, segments, started: Instant::now() });
        Ok(shown.is_some())
    }

    /// The number of segments to show now; `None`: no more than before.
    ///
    /// The renditions that grow together are shown, as far as all of them are available: the
    /// remuxed rung with its audio, or else all rungs.
    pub fn due(&mut self) -> Option<u32> {
        let ready = self.ready();
        let may_write = self.growing().iter().all(|it| self.playlists.may_write(&self.playlist_key(it)));
        let Watched { growth, shown, started, .. } = self.growth.as_mut()?;
        let now_ms = started.elapsed().as_millis() as u64;
        growth.note(now_ms, ready);
        let count = growth.to_show(now_ms, *shown);
        (may_write && count > shown.map_or(0, |it| it.segments)).then_some(count)
    }

    /// Shows the first segments of the renditions that grow together. Returns whether the video has
    /// just become playable.
    pub async fn show(&mut self, count: u32) -> Result<bool, TranscodeError> {
        let growing = self.growing();
        let kind = if count == self.plan.segments() { MediaPlaylistKind::Vod } else { MediaPlaylistKind::Event };
        let text = |name| (self.playlist_key(name), self.media_playlist(name, kind, count).render());
        let playlists = growing.iter().map(text).collect();
        self.playlists.put(playlists).await?;
        let durations = growing.iter().map(|it| (it.clone(), self.durations(it, count))).collect::<Vec<_>>();
        let Some(watched) = self.growth.as_mut() else { return Ok(false) };
        let first = watched.shown.is_none();
        for (name, durations) in durations {
            watched.segments.show(&name, durations);
        }
        watched.shown = Some(Shown { segments: count, since_ms: watched.started.elapsed().as_millis() as u64 });
        if first {
            let master = self.master(&growing.into_iter().collect(), false);
            let key = ObjectKey::Master { video: self.writer.video() };
            let growing = kind == MediaPlaylistKind::Event;
            self.playlists.put(vec![(key, MasterPlaylistSpec { growing, ..master }.render())]).await?;
        }
        Ok(first)
    }

    /// Writes the playlists of the whole generation, and then the master playlist, which points viewers to it.
    pub async fn publish_all(&mut self) -> Result<Vec<RenditionRecord>, TranscodeError> {
        let text = |name| {
            let playlist = self.media_playlist(name, MediaPlaylistKind::Vod, self.frontier(name));
            (self.playlist_key(name), playlist.render())
        };
        let playlists = self.segments.keys().map(text).collect();
        self.playlists.put(playlists).await?;
        let master = self.master(&self.segments.keys().cloned().collect(), true);
        let key = ObjectKey::Master { video: self.writer.video() };
        self.playlists.put(vec![(key, master.render())]).await?;
        Ok(self.rendition_records(&master, RenditionState::Complete))
    }

    /// The planned renditions.
    pub fn planned(&self) -> Vec<RenditionRecord> {
        let all = [Lane::Copy, Lane::Encode, Lane::Audio].into_iter().filter(|it| !self.plan.chunks(*it).is_empty());
        let names = all.flat_map(|it| self.plan.renditions(it)).collect();
        self.rendition_records(&self.master(&names, false), RenditionState::Planned)
    }

    fn growing(&self) -> Vec<RenditionName> {
        let (video, audio): (Vec<_>, Vec<_>) = match &self.plan.copy {
            Ok(copy) => (vec![copy.name.clone()], copy.audio.iter().cloned().collect()),
            Err(_) => (
                self.plan.rungs.iter().map(|it| it.name.clone()).collect(),
                self.plan.audio.iter().map(|it| it.name.clone()).collect(),
            ),
        };
        video.into_iter().chain(audio).collect()
    }

    /// The number of segments available without a gap.
    fn frontier(&self, rendition: &RenditionName) -> u32 {
        let Some(segments) = self.segments.get(rendition) else { return 0 };
        segments.keys().zip(0..).take_while(|(index, place)| **index == *place).count() as u32
    }

    /// The number of segments of all renditions that grow together, available without a gap.
    fn ready(&self) -> u32 {
        self.growing().iter().map(|it| self.frontier(it)).min().unwrap_or(0)
    }

    /// The work that determines how fast the video grows: one remuxing run, or parallel encoding
    /// chunks.
    fn work(&self, workers: usize) -> Work {
        let ends = self.plan.boundaries.iter().skip(1);
        let ends_ms = ends.map(|it| it.ticks * 1000 / TICKS_PER_SECOND).collect();
        if self.plan.copy.is_ok() {
            return Work { ends_ms, chunk_ends: vec![], side_by_side: 1 };
        }
        let chunks = &self.plan.encode_chunks;
        let chunk_ends = chunks.iter().map(|it| it.segments.end).collect();
        Work { ends_ms, chunk_ends, side_by_side: workers.min(chunks.len()) as u32 }
    }

    async fn stored(&self, key: &ObjectKey) -> Result<Option<String>, TranscodeError> {
        let body = self.writer.read_if_present(key, LARGEST_PLAYLIST).await?;
        Ok(body.map(|it| String::from_utf8_lossy(&it).into_owned()))
    }

    /// The duration that viewers were shown, or else the measured one.
    fn duration(&self, record: &SegmentRecord) -> u64 {
        let shown = self.growth.as_ref().and_then(|it| it.segments.duration(&record.rendition, record.index));
        shown.unwrap_or(record.duration)
    }

    fn durations(&self, rendition: &RenditionName, count: u32) -> Vec<u64> {
        let records = self.segments.get(rendition).into_iter().flat_map(BTreeMap::values);
        records.take(count as usize).map(|it| self.duration(it)).collect()
    }

    fn media_playlist(&self, rendition: &RenditionName, kind: MediaPlaylistKind, count: u32) -> MediaPlaylistSpec {
        let key = self.plan.encrypt.then(|| format!("{rendition}.key"));
        let records = self.segments.get(rendition).into_iter().flat_map(BTreeMap::values).take(count as usize);
        let uri = |record: &SegmentRecord| last_part(&self.writer.segment_key(rendition, record.index).path());
        if *rendition != RenditionName::iframes() {
            let segments = records
                .map(|it| SegmentSpec { uri: uri(it), duration: self.duration(it), byte_range: None, key: key.clone() })
                .collect();
            let target_duration = self.plan.target_duration;
            return MediaPlaylistSpec { target_duration, kind, iframes_only: false, segments };
        }
        let segments: Vec<SegmentSpec> = records
            .flat_map(|record| {
                record.iframes.iter().map(|it| SegmentSpec {
                    uri: uri(record),
                    duration: it.duration,
                    byte_range: Some(ByteRange { length: it.bytes, offset: it.offset }),
                    key: key.clone(),
                })
            })
            .collect();
        let target_duration = target_duration(segments.iter().map(|it| it.duration));
        MediaPlaylistSpec { target_duration, kind, iframes_only: true, segments }
    }

    /// `measured`: all segments are known; otherwise rates are the maxima of the plan.
    fn master(&self, names: &HashSet<RenditionName>, measured: bool) -> MasterPlaylistSpec {
        let bandwidth = |name: &RenditionName, planned: Bandwidth| match measured {
            true => self.measure(name),
            false => planned,
        };
        let codecs = |name: &RenditionName, otherwise: &str| {
            self.codecs.get(name).cloned().unwrap_or_else(|| otherwise.to_owned())
        };
        let mut variants = vec![];
        if let Ok(copy) = self.plan.copy.as_ref() {
            variants.push(VariantSpec {
                uri: self.variant_uri(&copy.name),
                bandwidth: bandwidth(&copy.name, estimate::copied(&self.plan, &self.gop_bytes)),
                codecs: codecs(&copy.name, "avc1.640028"),
                size: resolution(copy.size),
                frame_rate: self.source_rate,
                audio: copy.audio.as_ref().map(ToString::to_string),
            });
        }
        variants.extend(self.plan.rungs.iter().map(|rung| VariantSpec {
            uri: self.variant_uri(&rung.name),
            bandwidth: bandwidth(&rung.name, estimate::encoded(rung.video_kbps)),
            codecs: codecs(&rung.name, "avc1.640028"),
            size: resolution(rung.size),
            frame_rate: self.plan.frame_rate,
            audio: rung.audio.as_ref().map(ToString::to_string),
        }));
        variants.retain(|it| names.iter().any(|name| it.uri == self.variant_uri(name)));
        let audio = self.plan.audio.iter().filter(|it| names.contains(&it.name));
        let audio = audio.map(|audio| AudioSpec {
            group: audio.name.to_string(),
            name: AUDIO_NAME.to_owned(),
            // `und` (undetermined) is a valid language too (Apple 8.10).
            language: Some(self.language.clone().unwrap_or_else(|| "und".to_owned())),
            uri: self.variant_uri(&audio.name),
            channels: audio.channels,
            default: true,
            bandwidth: bandwidth(&audio.name, estimate::encoded(audio.kbps)),
            codecs: codecs(&audio.name, "mp4a.40.2"),
        });
        let iframes = RenditionName::iframes();
        let iframes = names.contains(&iframes).then(|| IFramesSpec {
            uri: self.variant_uri(&iframes),
            bandwidth: bandwidth(&iframes, estimate::encoded(300)),
            codecs: codecs(&iframes, "avc1.64001e"),
            size: resolution(self.plan.iframes),
        });
        MasterPlaylistSpec { growing: false, variants, audio: audio.collect(), iframes: iframes.into_iter().collect() }
    }

    fn measure(&self, rendition: &RenditionName) -> Bandwidth {
        let spec = self.segments.get(rendition).into_iter().flat_map(BTreeMap::values);
        if *rendition == RenditionName::iframes() {
            let iframes: Vec<(u64, u64)> = spec.flat_map(|it| &it.iframes).map(|it| (it.duration, it.bytes)).collect();
            return Bandwidth::measure(&iframes, target_duration(iframes.iter().map(|it| it.0)));
        }
        let segments: Vec<(u64, u64)> = spec.map(|it| (it.duration, it.bytes)).collect();
        Bandwidth::measure(&segments, self.plan.target_duration)
    }

    fn rendition_records(&self, master: &MasterPlaylistSpec, state: RenditionState) -> Vec<RenditionRecord> {
        let measured = state == RenditionState::Complete;
        let named = |uri: &str| uri.split('/').nth(1).and_then(|it| it.parse::<RenditionName>().ok());
        let record =
            |uri: &str, kind, size: Option<Resolution>, rate: Option<Ratio>, codecs: &str, rates: Bandwidth| {
                let name = named(uri)?;
                let copied = self.plan.copy.as_ref().is_ok_and(|it| it.name == name)
                    || self.plan.audio.iter().any(|it| it.name == name && it.copied);
                Some(RenditionRecord {
                    copied,
                    kind,
                    width: size.map(|it| it.width),
                    height: size.map(|it| it.height),
                    frame_rate: rate.map(Ratio::as_f64),
                    codecs: self.codecs.contains_key(&name).then(|| codecs.to_owned()),
                    bandwidth: measured.then_some(rates.peak),
                    average_bandwidth: measured.then_some(rates.average),
                    state,
                    name,
                })
            };
        let video = master.variants.iter().filter_map(|it| {
            record(&it.uri, RenditionKind::Video, Some(it.size), Some(it.frame_rate), &it.codecs, it.bandwidth)
        });
        let audio = master
            .audio
            .iter()
            .filter_map(|it| record(&it.uri, RenditionKind::Audio, None, None, &it.codecs, it.bandwidth));
        let iframes = master
            .iframes
            .iter()
            .filter_map(|it| record(&it.uri, RenditionKind::IFrames, Some(it.size), None, &it.codecs, it.bandwidth));
        video.chain(audio).chain(iframes).collect()
    }

    fn playlist_key(&self, rendition: &RenditionName) -> ObjectKey {
        ObjectKey::MediaPlaylist {
            video: self.writer.video(),
            generation: self.writer.generation().clone(),
            rendition: rendition.clone(),
        }
    }

    /// URI of a media playlist, relative to the master playlist.
    fn variant_uri(&self, rendition: &RenditionName) -> String {
        let master = ObjectKey::Master { video: self.writer.video() }.path();
        let folder = master.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = self.playlist_key(rendition).path();
        path.strip_prefix(folder).unwrap_or(&path).trim_start_matches('/').to_owned()
    }
}

fn resolution(size: Size) -> Resolution {
    Resolution { width: size.width, height: size.height }
}

fn last_part(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
