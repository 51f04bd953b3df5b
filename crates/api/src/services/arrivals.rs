//! Finds sources that have arrived but were not reported by an event.
//!
//! A store without events, a lost event, and a client that stops after its last byte have the same effect: the object
//! is in the bucket, and its video is `uploading`. A check is cheap (one HEAD per open upload). If an event reports the
//! same source concurrently, both result in the same job.

use std::collections::HashMap;
use std::time::Duration;

use catalog::{CatalogError, Video, VideoFilter};
use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey};
use domain::state::StateName;
use domain::time::UnixMillis;

use crate::services::ingest::{Ingest, IngestError, Ingested};

/// Time from the start of an upload to the first check.
const FIRST_CHECK: Duration = Duration::from_secs(5);
/// Longest time between two checks of an upload.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Videos per page.
const PAGE: u32 = 200;

/// Checks uploads whose source may have arrived. Remembers when to check each upload again.
pub struct Arrivals {
    ingest: Ingest,
    next_look_ms: HashMap<VideoId, UnixMillis>,
}

impl Arrivals {
    /// Creates a checker that hands sources to `ingest`.
    pub fn new(ingest: Ingest) -> Self {
        Self {
            ingest,
            next_look_ms: HashMap::new(),
        }
    }

    /// Checks the uploads that are due and returns how many sources it ingested. An upload whose check fails is checked
    /// again later.
    ///
    /// # Errors
    /// If the catalog cannot list the uploads.
    pub async fn check(&mut self, now: UnixMillis) -> Result<u64, CatalogError> {
        let mut filter = VideoFilter {
            states: vec![StateName::Uploading],
            limit: PAGE,
            ..VideoFilter::default()
        };
        let (mut taken, mut open) = (0, HashMap::new());
        loop {
            let page = self.ingest.catalog.list_videos(&filter).await?;
            for video in page.videos {
                let first = video.created_ms + FIRST_CHECK;
                let due = self.next_look_ms.get(&video.id).copied().unwrap_or(first);
                if now < due {
                    open.insert(video.id, due);
                    continue;
                }
                match ingest_if_stored(&self.ingest, &video, now).await {
                    Ok(true) => taken += 1,
                    Ok(false) => drop(open.insert(video.id, now + pause(&video, now))),
                    Err(error) => {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(video.id = %video.id, "cannot check whether the source of {} has arrived: {error:#}", video.id);
                        open.insert(video.id, now + pause(&video, now));
                    }
                }
            }
            match page.next {
                Some(next) => filter.after = Some(next),
                None => break,
            }
        }
        self.next_look_ms = open;
        Ok(taken)
    }
}

/// Ingests the source of an `uploading` video if it is in the store. Returns whether it is.
///
/// # Errors
/// See [`IngestError`].
pub(crate) async fn ingest_if_stored(
    ingest: &Ingest,
    video: &Video,
    now: UnixMillis,
) -> Result<bool, IngestError> {
    let Some(key @ ObjectKey::Source { .. }) = video
        .source
        .key
        .as_deref()
        .and_then(|it| ObjectKey::parse(Bucket::Private, it))
    else {
        return Ok(false);
    };
    let Some(taken) = ingest.ingest_stored(&key, video.source.size, now).await? else {
        return Ok(false);
    };
    match taken {
        Ingested::Queued(_) | Ingested::Waiting(_) => {
            tracing::info!(video.id = %video.id, "found the source of {} in the bucket without an event", video.id);
        }
        Ingested::Duplicate(_)
        | Ingested::AlreadyDone(_)
        | Ingested::VideoGone(_)
        | Ingested::SourceAfterReady(_)
        | Ingested::Ignored(_) => {}
    }
    Ok(true)
}

/// An eighth of the age of the upload: short uploads are found within seconds, and one day of waiting costs about 100
/// checks.
fn pause(video: &Video, now: UnixMillis) -> Duration {
    (now.since(video.created_ms) / 8).clamp(FIRST_CHECK, LONGEST_PAUSE)
}
