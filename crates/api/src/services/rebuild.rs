//! Rebuilds a lost catalog from the buckets.
//!
//! Published videos can be played without a catalog: playlists, segments and wrapped keys are in the buckets. So a lost
//! database can be rebuilt as far as the buckets contain the data: ids, renditions, durations, sources. Titles, owners,
//! metadata, API keys, share links and webhooks were only in the database.

use std::collections::BTreeSet;

use catalog::{
    Catalog, CatalogError, ClaimOutcome, NewVideo, RenditionKind, RenditionRecord, RenditionState,
    VideoFilter,
};
use config::Installation;
use domain::ids::{Generation, VideoId};
use domain::job::{Generate, Job, JobReason, Mode, Source};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix, RenditionName};
use domain::probe::HighDynamicRange;
use domain::receipt::Receipt;
use domain::time::UnixMillis;
use hls::parse::{MasterPlaylist, Media, MediaPlaylist, MediaType, Variant};
use platform::object_store::{Entry, ObjectStoreExt as _, SharedStore, StoreError};

/// Largest playlist in bytes: that of a 24 h video is far smaller.
const LARGEST_PLAYLIST: u64 = 16 << 20;

/// Name of the worker that claims a video while its row is written.
const WORKER: &str = "rebuild";

/// Lease of that claim.
const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

/// Rebuilds the catalog from the buckets.
pub struct Rebuild {
    /// The catalog to rebuild.
    pub catalog: Catalog,
    /// The buckets.
    pub store: SharedStore,
    /// The name of the private bucket.
    pub private_bucket: String,
}

/// The result of a rebuild.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RebuildSummary {
    /// Number of videos that were restored and are playable.
    pub videos: u64,
    /// Number of incomplete videos: upload or convert them again.
    pub incomplete: u64,
}

/// Why a rebuild failed; it can be run again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The buckets cannot be read.
    #[error("cannot read the buckets")]
    Store(#[from] StoreError),
    /// The catalog cannot be written.
    #[error("cannot write to the catalog")]
    Catalog(#[from] CatalogError),
}

impl Rebuild {
    /// The service of an installation.
    pub fn new(installation: &Installation) -> Self {
        Self {
            catalog: installation.catalog.clone(),
            store: installation.store.clone(),
            private_bucket: installation.private_bucket.clone(),
        }
    }

    /// Whether the catalog is empty although the buckets contain videos: the database was lost, or is a different one.
    ///
    /// # Errors
    /// [`RebuildError`]
    pub async fn is_needed(&self) -> Result<bool, RebuildError> {
        let any = self
            .catalog
            .list_videos(&VideoFilter {
                limit: 1,
                ..VideoFilter::default()
            })
            .await?;
        if !any.videos.is_empty() {
            return Ok(false);
        }
        Ok(!self
            .store
            .list(&ObjectPrefix::AllManifests, None)
            .await?
            .entries
            .is_empty())
    }

    /// Writes a row for each published video that the catalog lacks. Repeating it changes nothing.
    ///
    /// # Errors
    /// [`RebuildError`]
    pub async fn run(&self, now: UnixMillis) -> Result<RebuildSummary, RebuildError> {
        let mut done = RebuildSummary::default();
        for video in self.videos().await? {
            match self.catalog.get_video(video).await {
                Ok(_) => continue,
                Err(CatalogError::NotFound { .. }) => {}
                Err(problem) => return Err(problem.into()),
            }
            let count = match self.published(video).await? {
                Some(published) => {
                    self.write(video, published, now).await?;
                    &mut done.videos
                }
                None => &mut done.incomplete,
            };
            *count += 1;
        }
        Ok(done)
    }

    /// All generations with a manifest.
    async fn videos(&self) -> Result<BTreeSet<VideoId>, StoreError> {
        let entries = self.list(&ObjectPrefix::AllManifests).await?;
        let keys = entries
            .iter()
            .filter_map(|it| ObjectKey::parse(Bucket::Private, &it.path));
        // Plans have the same prefix, and are written before anything is published.
        let manifests = keys.filter(|it| matches!(it, ObjectKey::Manifest { .. }));
        Ok(manifests.map(|it| it.video()).collect())
    }

    async fn list(&self, prefix: &ObjectPrefix) -> Result<Vec<Entry>, StoreError> {
        let (mut entries, mut after) = (vec![], None);
        loop {
            let page = self.store.list(prefix, after.as_deref()).await?;
            entries.extend(page.entries);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(entries),
            }
        }
    }

    /// The data in the playlists of a complete video; `None`: it is incomplete.
    async fn published(&self, video: VideoId) -> Result<Option<Published>, StoreError> {
        let Some(text) = self
            .store
            .read_if_present(&ObjectKey::Master { video }, LARGEST_PLAYLIST)
            .await?
        else {
            return Ok(None);
        };
        let master = MasterPlaylist::parse(&String::from_utf8_lossy(&text)).playlist;
        let Some(first) = master.variants.first().and_then(|it| place(&it.uri)) else {
            return Ok(None);
        };
        let (generation, rendition) = first;
        let key = ObjectKey::MediaPlaylist {
            video,
            generation: generation.clone(),
            rendition,
        };
        let Some(text) = self.store.read_if_present(&key, LARGEST_PLAYLIST).await? else {
            return Ok(None);
        };
        let media = MediaPlaylist::parse(&String::from_utf8_lossy(&text)).playlist;
        if media.end_list.is_none() {
            return Ok(None);
        }
        Ok(Some(Published {
            generation,
            renditions: renditions(&master),
            seconds: media.duration(),
        }))
    }

    async fn write(
        &self,
        video: VideoId,
        published: Published,
        now: UnixMillis,
    ) -> Result<(), RebuildError> {
        let sources = self.list(&ObjectPrefix::Sources(video)).await?;
        let source = sources.into_iter().find_map(|entry| {
            match ObjectKey::parse(Bucket::Private, &entry.path)? {
                ObjectKey::Source { file_name, .. } => Some((file_name.to_string(), entry)),
                _ => None,
            }
        });
        let new = NewVideo {
            id: video,
            title: source.as_ref().map(|it| it.0.clone()),
            file_name: source.as_ref().map(|it| it.0.clone()),
            source_key: source.as_ref().map(|it| it.1.path.clone()),
            source_size: source.as_ref().map(|it| it.1.size),
            profile: "default".to_owned(),
            mode: Mode::Abr,
            generate: Generate::OnUpload,
            owner: None,
            external_id: None,
            metadata: serde_json::Map::new(),
            content_type: None,
        };
        self.catalog.create_video(&new, now).await?;
        let source = source.map_or_else(
            // The source was deleted or archived, or is an object of the customer.
            || Source {
                bucket: self.private_bucket.clone(),
                key: String::new(),
                etag: String::new(),
                size: 0,
            },
            |(_, entry)| Source {
                bucket: self.private_bucket.clone(),
                key: entry.path,
                etag: entry.etag.0,
                size: entry.size,
            },
        );
        let job = Job::new(video, source, &new.profile, new.mode, JobReason::Upload);
        let claimed = self
            .catalog
            .claim(&job, &published.generation, WORKER, LEASE, now)
            .await?;
        // Otherwise an event or a worker was faster.
        let ClaimOutcome::Claimed(claim) = claimed else {
            return Ok(());
        };
        // A production of the same generation must not write over the segments that are there.
        let objects = ObjectPrefix::Generation(video, published.generation.clone());
        let objects = self.list(&objects).await?;
        let attempts =
            objects
                .iter()
                .filter_map(|it| match ObjectKey::parse(Bucket::Media, &it.path)? {
                    ObjectKey::Segment { attempt, .. } => Some(attempt),
                    _ => None,
                });
        self.catalog
            .next_segment_attempt(&claim, attempts.max().unwrap_or(1))
            .await?;
        self.catalog
            .set_renditions(&claim, &published.renditions, now)
            .await?;
        let receipt = Receipt {
            source_ms: (published.seconds * 1000.0) as u64,
            ..Receipt::default()
        };
        self.catalog.mark_ready(&claim, &receipt, now).await?;
        Ok(())
    }
}

struct Published {
    generation: Generation,
    renditions: Vec<RenditionRecord>,
    seconds: f64,
}

/// Generation and rendition of a media playlist, by its URI in the master playlist: `GENERATION/NAME/NAME.m3u8`.
fn place(uri: &str) -> Option<(Generation, RenditionName)> {
    let mut parts = uri.split('/');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn renditions(master: &MasterPlaylist) -> Vec<RenditionRecord> {
    let of = |variant: &Variant, kind| {
        let (_, name) = place(&variant.uri)?;
        Some(RenditionRecord {
            kind,
            width: variant.resolution.map(|it| it.width),
            height: variant.resolution.map(|it| it.height),
            copied: matches!(name.as_str(), "source" | "audio-source"),
            frame_rate: variant.frame_rate,
            codecs: variant.codecs.clone(),
            hdr: match variant.video_range.as_deref() {
                Some("PQ") => Some(HighDynamicRange::Pq),
                Some("HLG") => Some(HighDynamicRange::Hlg),
                _ => None,
            },
            bandwidth: variant.bandwidth,
            average_bandwidth: variant.average_bandwidth,
            state: RenditionState::Complete,
            name,
        })
    };
    // A presentation that has only audio declares no size.
    let videos = master.variants.iter().filter_map(|it| {
        let kind = match it.resolution {
            Some(_) => RenditionKind::Video,
            None => RenditionKind::Audio,
        };
        of(it, kind)
    });
    let audio = |it: &&Media| it.media_type == Some(MediaType::Audio);
    let sounds = master.media.iter().filter(audio).filter_map(|media| {
        let (_, name) = place(media.uri.as_deref()?)?;
        Some(RenditionRecord {
            name,
            kind: RenditionKind::Audio,
            width: None,
            height: None,
            copied: false,
            frame_rate: None,
            codecs: None,
            hdr: None,
            bandwidth: None,
            average_bandwidth: None,
            state: RenditionState::Complete,
        })
    });
    let iframes = master
        .iframes
        .iter()
        .filter_map(|it| of(it, RenditionKind::IFrames));
    let mut seen = BTreeSet::new();
    // A variant is listed once per audio group.
    videos
        .chain(sounds)
        .chain(iframes)
        .filter(|it| seen.insert(it.name.clone()))
        .collect()
}
