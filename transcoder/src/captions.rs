//! The renditions of captions in a generation: WebVTT segments with their media playlist, and the
//! entries of the master playlist.
//!
//! The text belongs to the video and is in the private bucket. A rendition is made from it for each
//! generation, because it is as long as the generation, and encrypted with a key of its own if the
//! generation is. Writing a rendition again gives the same objects.

use std::collections::HashSet;

use captions::{MAX_BYTES, Segments, Track};
use catalog::CaptionRecord;
use domain::caption;
use domain::object_key::{ObjectKey, RenditionName, SegmentFormat};
use domain::plan::EncodePlan;
use domain::segment::TICKS_PER_SECOND;
use futures::{StreamExt as _, TryStreamExt as _};
use hls::SegmentEncryptor;
use hls::write::{
    MediaPlaylistKind, MediaPlaylistSpec, SegmentSpec, SubtitleSpec, target_duration,
};
use platform::object_store::{ObjectStoreExt as _, StoreError};

use crate::content_keys::ContentKeyStore;
use crate::error::TranscodeError;
use crate::sink::{GenerationWriter, PRESENTATION_START};

/// Duration of a segment, milliseconds. Text is small, so segments are longer than those of video
/// (RFC 8216, 6.2.4 permits that for subtitles), and cost fewer writes and requests.
const SEGMENT_MS: u64 = 30_000;

/// Maximum size of stored captions, bytes: a clean file may be longer than the uploaded one, as
/// times and escapes have one form.
const LARGEST_TEXT: u64 = 4 * MAX_BYTES as u64;

/// Number of segments that are stored in parallel.
const SIDE_BY_SIDE: usize = 4;

/// Writes the renditions of captions of one generation.
pub(crate) struct CaptionWriter<'a> {
    writer: GenerationWriter,
    keys: &'a dyn ContentKeyStore,
    /// Duration of the presentation, ticks.
    duration: u64,
    encrypt: bool,
}

impl<'a> CaptionWriter<'a> {
    /// For the generation of `writer`, whose plan is `plan`.
    pub(crate) fn new(
        writer: GenerationWriter,
        keys: &'a dyn ContentKeyStore,
        plan: &EncodePlan,
    ) -> Self {
        Self {
            writer,
            keys,
            duration: plan.duration(),
            encrypt: plan.encrypt,
        }
    }

    /// Makes sure that the rendition of captions exists. Its playlist is written last, so it is
    /// complete if the playlist exists.
    pub(crate) async fn write(&self, record: &CaptionRecord) -> Result<(), TranscodeError> {
        let rendition = caption::rendition(&record.id);
        let playlist = self.playlist_key(&rendition);
        match self.writer.store().head(&playlist).await {
            Ok(_) => return Ok(()),
            Err(StoreError::NotFound { .. }) => {}
            Err(problem) => return Err(problem.into()),
        }
        let track = self.track(record).await?;
        let segments = Segments {
            total_ms: (self.duration * 1000).div_ceil(TICKS_PER_SECOND),
            length_ms: SEGMENT_MS,
            begins_at_ticks: PRESENTATION_START as u64,
        };
        let key = match self.encrypt {
            true => Some(self.keys.content_key(&rendition, &rendition).await?),
            false => None,
        };
        let stored = segments
            .cut(&track)
            .into_iter()
            .zip(0..)
            .map(|(text, index)| {
                let body = match &key {
                    Some(key) => {
                        SegmentEncryptor::encrypt(key.expose(), index.into(), text.as_bytes())
                    }
                    None => text.into_bytes(),
                };
                let key = self.segment_key(&rendition, index);
                async move { self.writer.put(&key, body.into()).await }
            });
        futures::stream::iter(stored)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect::<()>()
            .await?;
        let text = self.media_playlist(&rendition, &segments).render();
        self.writer.put(&playlist, text.into()).await
    }

    async fn track(&self, record: &CaptionRecord) -> Result<Track, TranscodeError> {
        let key = ObjectKey::Captions {
            video: self.writer.video(),
            language: record.language.clone(),
            captions: record.id.clone(),
        };
        let text = self.writer.store().read(&key, LARGEST_TEXT).await?;
        captions::parse_stored(&text).map_err(|problem| {
            TranscodeError::Verification(format!("the captions `{}`: {problem}", key.path()))
        })
    }

    fn media_playlist(&self, rendition: &RenditionName, segments: &Segments) -> MediaPlaylistSpec {
        let ticks = |ms: u64| (ms * TICKS_PER_SECOND / 1000).min(self.duration);
        let entries = (0..segments.count()).map(|index| {
            let (start, end) = segments.range(index);
            let path = self.segment_key(rendition, index as u32).path();
            SegmentSpec {
                uri: path.rsplit('/').next().unwrap_or_default().to_owned(),
                duration: ticks(end) - ticks(start),
                byte_range: None,
                map: None,
                key: self.encrypt.then(|| format!("{rendition}.key")),
            }
        });
        let entries: Vec<SegmentSpec> = entries.collect();
        MediaPlaylistSpec {
            target_duration: target_duration(entries.iter().map(|it| it.duration)),
            kind: MediaPlaylistKind::Vod,
            iframes_only: false,
            segments: entries,
        }
    }

    fn playlist_key(&self, rendition: &RenditionName) -> ObjectKey {
        ObjectKey::MediaPlaylist {
            video: self.writer.video(),
            generation: self.writer.generation().clone(),
            rendition: rendition.clone(),
        }
    }

    fn segment_key(&self, rendition: &RenditionName, index: u32) -> ObjectKey {
        ObjectKey::Segment {
            video: self.writer.video(),
            generation: self.writer.generation().clone(),
            rendition: rendition.clone(),
            index,
            attempt: 1,
            format: SegmentFormat::WebVtt,
        }
    }

    /// The entries of the master playlist for these captions, whose renditions exist.
    pub(crate) fn entries(&self, records: &[CaptionRecord]) -> Vec<SubtitleSpec> {
        let mut names = HashSet::new();
        let entries = records.iter().map(|it| {
            let rendition = caption::rendition(&it.id);
            let mut name = it.name.clone();
            // Names differ in a group (RFC 8216, 4.3.4.1.1), and each language is there once.
            if !names.insert(name.clone()) {
                name = format!("{name} ({})", it.language);
                names.insert(name.clone());
            }
            SubtitleSpec {
                name,
                language: it.language.to_string(),
                uri: format!("{}/{rendition}/{rendition}.m3u8", self.writer.generation()),
                default: it.default,
                forced: it.forced,
                sdh: it.sdh,
            }
        });
        entries.collect()
    }
}
