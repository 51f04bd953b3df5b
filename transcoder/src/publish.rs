//! Writes playlists, which only refer to stored objects.
//!
//! [`Presentation`] computes them; [`Publisher`] decides when to write them, and writes them.

use std::collections::HashSet;
use std::time::Instant;

use catalog::{RenditionRecord, RenditionState};
use domain::growth::{Growth, Shown, Work};
use domain::ids::hex;
use domain::object_key::{ObjectKey, RenditionName};
use domain::plan::{CopyDecision, EncodePlan};
use domain::segment::{ChunkRecord, Lane, SegmentRecord, TICKS_PER_SECOND};
use hls::write::{
    MasterPlaylistSpec, MediaPlaylistKind, MediaPlaylistSpec, SubtitleSpec, with_chapters,
    with_subtitles,
};
use sha2::{Digest as _, Sha256};

use crate::error::TranscodeError;
use crate::records::Records;
use crate::sink::GenerationWriter;

mod assumed;
mod estimate;
mod master;
mod places;
mod playlists;
mod presentation;
mod shown;

use playlists::Playlists;
pub(crate) use presentation::{Presentation, Rates, SourceFacts};
pub(crate) use shown::ShownSegment;
use shown::ShownSegments;

/// The records of a generation, and the segments that viewers have been shown.
pub(crate) struct Publisher {
    writer: GenerationWriter,
    plan: EncodePlan,
    source: SourceFacts,
    records: Records,
    playlists: Playlists,
    growth: Option<ShownState>,
}

/// A video that viewers may watch while it grows.
struct ShownState {
    growth: Growth,
    shown: Option<Shown>,
    segments: ShownSegments,
    started: Instant,
}

/// Maximum size of a segment, bytes: more than any source may have in one.
const LARGEST_SEGMENT: u64 = 1 << 30;
/// Maximum size of a playlist, bytes: a day of short segments.
pub(crate) const LARGEST_PLAYLIST: u64 = 16 << 20;

impl Publisher {
    /// A publisher of a generation of which nothing is published yet.
    pub(crate) fn new(writer: GenerationWriter, plan: &EncodePlan, source: SourceFacts) -> Self {
        Self {
            playlists: Playlists::new(writer.clone()),
            writer,
            plan: plan.clone(),
            source,
            records: Records::default(),
            growth: None,
        }
    }

    /// The records so far.
    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The records, to add to them.
    pub(crate) fn records_mut(&mut self) -> &mut Records {
        &mut self.records
    }

    /// Lets viewers watch the video while it grows; `encoders` parallel encoders produce it.
    ///
    /// Segments that an earlier attempt has shown stay: those of the unfinished chunk are produced
    /// again, but viewers keep those that they were shown ([`Self::keep_shown`]). If that attempt is not `trusted`, only
    /// the number of its segments stays, because their durations may be the problem. Returns
    /// whether an earlier attempt has shown the video.
    pub(crate) async fn watch(
        &mut self,
        encoders: usize,
        trusted: bool,
    ) -> Result<bool, TranscodeError> {
        let (names, mut segments) = (self.growing(), ShownSegments::default());
        let key = ObjectKey::Master {
            video: self.writer.video(),
        };
        let master = self.stored(&key).await?;
        if master.is_some() {
            self.playlists.note(key);
        }
        let is_named = |name: &RenditionName| {
            master
                .as_ref()
                .is_some_and(|it| it.contains(&self.presentation().variant_uri(name)))
        };
        if names.iter().all(is_named) {
            for name in &names {
                let key = self.playlist_key(name);
                if let Some(text) = self.stored(&key).await? {
                    segments.read(name, &key, &text);
                    self.playlists.note(key);
                }
            }
        }
        // A crash may have come between two playlists, and none of them may become shorter.
        let count = names.iter().map(|it| segments.count(it)).max().unwrap_or(0);
        let shown = (count > 0).then_some(Shown {
            segments: count,
            since_ms: 0,
        });
        if !trusted {
            segments = ShownSegments::default();
        }
        let growth = Growth::new(self.work(encoders), 0, self.ready());
        self.growth = Some(ShownState {
            growth,
            shown,
            segments,
            started: Instant::now(),
        });
        Ok(shown.is_some())
    }

    /// The number of segments to show now; `None`: no more than before.
    ///
    /// The renditions that grow together are shown, as far as all of them are available: the
    /// remuxed rung or the first one, with its audio, or else all rungs.
    pub(crate) fn segments_to_show(&mut self) -> Option<u32> {
        let ready = self.ready();
        let may_write = self
            .growing()
            .iter()
            .all(|it| self.playlists.may_write(&self.playlist_key(it)));
        let ShownState {
            growth,
            shown,
            started,
            ..
        } = self.growth.as_mut()?;
        let now_ms = started.elapsed().as_millis() as u64;
        growth.note(now_ms, ready);
        let count = growth.to_show(now_ms, *shown);
        (may_write && count > shown.map_or(0, |it| it.segments)).then_some(count)
    }

    /// Shows the first segments of the renditions that grow together. Returns whether the video has
    /// just become playable.
    pub(crate) async fn show(&mut self, count: u32) -> Result<bool, TranscodeError> {
        let growing = self.growing();
        let kind = if count == self.plan.segments() {
            MediaPlaylistKind::Vod
        } else {
            MediaPlaylistKind::Event
        };
        let text = |name| {
            (
                self.playlist_key(name),
                self.media_playlist(name, kind, count).render(),
            )
        };
        let playlists = growing.iter().map(text).collect();
        self.playlists.put(playlists).await?;
        let segments = growing
            .iter()
            .map(|it| (it.clone(), self.first_segments(it, count)))
            .collect::<Vec<_>>();
        let Some(watched) = self.growth.as_mut() else {
            return Ok(false);
        };
        let first = watched.shown.is_none();
        for (name, segments) in segments {
            watched.segments.show(&name, segments);
        }
        watched.shown = Some(Shown {
            segments: count,
            since_ms: watched.started.elapsed().as_millis() as u64,
        });
        if first {
            let master = self
                .presentation()
                .master(&growing.into_iter().collect(), Rates::Planned);
            let key = ObjectKey::Master {
                video: self.writer.video(),
            };
            let growing = kind == MediaPlaylistKind::Event;
            self.playlists
                .put(vec![(
                    key,
                    MasterPlaylistSpec { growing, ..master }.render(),
                )])
                .await?;
        }
        Ok(first)
    }

    /// Writes the playlists of the whole generation, except for the master playlist.
    pub(crate) async fn publish_media(&mut self) -> Result<(), TranscodeError> {
        let text = |name| {
            let playlist =
                self.media_playlist(name, MediaPlaylistKind::Vod, self.records.frontier(name));
            (self.playlist_key(name), playlist.render())
        };
        let playlists = self.records.renditions().map(text).collect();
        self.playlists.put(playlists).await
    }

    /// Writes the master playlist, which points viewers to the whole generation, with these subtitles.
    pub(crate) async fn publish_master(
        &mut self,
        subtitles: &[SubtitleSpec],
        chapters: Option<&str>,
    ) -> Result<Vec<RenditionRecord>, TranscodeError> {
        let names = self.records.renditions().cloned().collect();
        let master = self.presentation().master(&names, Rates::Measured);
        let text = with_chapters(&with_subtitles(&master.render(), subtitles), chapters);
        let key = ObjectKey::Master {
            video: self.writer.video(),
        };
        self.playlists.put(vec![(key, text)]).await?;
        Ok(self
            .presentation()
            .rendition_records(&names, RenditionState::Complete))
    }

    /// The planned renditions.
    pub(crate) fn planned_renditions(&self) -> Vec<RenditionRecord> {
        let names: HashSet<_> = self
            .plan
            .all_renditions()
            .into_iter()
            .map(|it| it.name.clone())
            .collect();
        self.presentation()
            .rendition_records(&names, RenditionState::Planned)
    }

    fn presentation(&self) -> Presentation<'_> {
        Presentation {
            video: self.writer.video(),
            generation: self.writer.generation(),
            plan: &self.plan,
            source: &self.source,
            records: &self.records,
        }
    }

    /// The renditions between which players switch while the video grows.
    fn growing(&self) -> Vec<RenditionName> {
        match &self.plan.copy {
            CopyDecision::Remux(copy) => self.with_audio(&copy.rendition.name, copy.audio.as_ref()),
            CopyDecision::Encode(_) if let Some(first) = self.plan.rungs_of(Lane::First).next() => {
                self.with_audio(&first.rendition.name, first.audio.as_ref())
            }
            CopyDecision::Encode(_) => {
                let rungs = self.plan.rungs.iter().map(|it| &it.rendition);
                let all = rungs.chain(self.plan.audio.iter().map(|it| &it.rendition));
                all.map(|it| it.name.clone()).collect()
            }
        }
    }

    /// A rung, all tracks of its audio group, and those of the surround group, unless that group also
    /// has tracks of another stereo group.
    fn with_audio(
        &self,
        rung: &RenditionName,
        group: Option<&RenditionName>,
    ) -> Vec<RenditionName> {
        let members = |group: &RenditionName| {
            let members = self.plan.audio_of_group(group).into_iter();
            members.map(|it| &it.rendition.name).collect::<Vec<_>>()
        };
        let stereo = group.map(members).unwrap_or_default();
        let surround = self.plan.surround_group().filter(|_| group.is_some());
        let surround = surround.map(members).unwrap_or_default();
        let is_known = |it: &&RenditionName| it.is_surround() || stereo.contains(it);
        let is_whole = surround.iter().all(is_known);
        let mut names = vec![rung];
        names.extend(&stereo);
        let more = surround.into_iter().filter(|it| !stereo.contains(it));
        names.extend(more.filter(|_| is_whole));
        names.into_iter().cloned().collect()
    }

    /// The number of segments of all renditions that grow together, available without a gap.
    fn ready(&self) -> u32 {
        self.growing()
            .iter()
            .map(|it| self.records.frontier(it))
            .min()
            .unwrap_or(0)
    }

    /// The work that determines how fast the video grows: the run of the remuxed or the first rung or
    /// of the audio, if there is only audio, or else parallel chunks.
    fn work(&self, encoders: usize) -> Work {
        let ends = self.plan.boundaries.iter().skip(1);
        let ends_ms = ends.map(|it| it.ticks * 1000 / TICKS_PER_SECOND).collect();
        let chunks = &self.plan.encode_chunks;
        if self.plan.copy.is_remux() || self.plan.first.is_some() || chunks.is_empty() {
            return Work {
                ends_ms,
                chunk_ends: vec![],
                side_by_side: 1,
            };
        }
        let chunk_ends = chunks.iter().map(|it| it.segments.end).collect();
        Work {
            ends_ms,
            chunk_ends,
            side_by_side: encoders.min(chunks.len()) as u32,
        }
    }

    async fn stored(&self, key: &ObjectKey) -> Result<Option<String>, TranscodeError> {
        let body = self.writer.read_if_present(key, LARGEST_PLAYLIST).await?;
        Ok(body.map(|it| String::from_utf8_lossy(&it).into_owned()))
    }

    /// A segment as viewers were shown it, or else as it is recorded.
    fn shown(&self, record: &SegmentRecord) -> ShownSegment {
        let growth = self.growth.as_ref();
        growth
            .and_then(|it| it.segments.segment(&record.rendition, record.index))
            .unwrap_or_else(|| record.into())
    }

    fn first_segments(&self, rendition: &RenditionName, count: u32) -> Vec<ShownSegment> {
        self.records
            .segments(rendition)
            .take(count as usize)
            .map(|it| self.shown(it))
            .collect()
    }

    /// A chunk to record. A segment that an earlier attempt has shown to viewers stays the object
    /// that it is, since a playlist's segments never change: the record describes that object.
    pub(crate) async fn keep_shown(
        &self,
        chunk: &ChunkRecord,
    ) -> Result<ChunkRecord, TranscodeError> {
        let mut chunk = chunk.clone();
        for record in &mut chunk.segments {
            let attempt = self.shown(record).attempt;
            let Some(rendition) = self.plan.rendition(&record.rendition) else {
                continue;
            };
            if attempt == record.attempt {
                continue;
            }
            let mut kept = record.clone();
            kept.attempt = attempt;
            let key = self.writer.recorded_key(rendition, &kept);
            if let Some(body) = self.writer.read_if_present(&key, LARGEST_SEGMENT).await? {
                kept.bytes = body.len() as u64;
                kept.sha256 = hex(&Sha256::digest(&body));
                *record = kept;
            }
        }
        Ok(chunk)
    }

    fn media_playlist(
        &self,
        rendition: &RenditionName,
        kind: MediaPlaylistKind,
        count: u32,
    ) -> MediaPlaylistSpec {
        self.presentation()
            .media_playlist(rendition, kind, count, |it| self.shown(it))
    }

    fn playlist_key(&self, rendition: &RenditionName) -> ObjectKey {
        self.presentation().playlist_key(rendition)
    }
}

#[cfg(test)]
mod tests;
