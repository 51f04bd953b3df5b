//! Sources that arrived, and that no event reported.
//!
//! A store without events, a lost event, and an uploader that ends after its last byte all leave the same trace: the
//! object stands in the bucket, and its video is `uploading`. Looking is cheap (one HEAD per open upload), and what an
//! event reports at the same time is the same job.

use std::collections::HashMap;
use std::time::Duration;

use domain::ids::VideoId;
use domain::object_key::{Bucket, ObjectKey};
use domain::state::StateName;
use platform::catalog::{CatalogError, Video, VideoFilter};

use crate::ingest::{Ingest, IngestError, Ingested};

/// The first look at an upload, after it began.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// The longest time between two looks at the same upload.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Videos read at once.
const PAGE: u32 = 200;

/// Looks for sources that arrived. Remembers when to look at each upload again.
pub struct Arrivals {
    ingest: Ingest,
    next_look_ms: HashMap<VideoId, u64>,
}

impl Arrivals {
    /// Looks with what takes events in.
    pub fn new(ingest: Ingest) -> Self {
        Self { ingest, next_look_ms: HashMap::new() }
    }

    /// Looks at the uploads that are due, and says how many sources it took in. An upload that cannot be looked at now
    /// is looked at later.
    ///
    /// # Errors
    /// The catalog does not list the uploads.
    pub async fn look(&mut self, now_ms: u64) -> Result<u64, CatalogError> {
        let mut filter = VideoFilter { state: Some(StateName::Uploading), limit: PAGE, ..VideoFilter::default() };
        let (mut taken, mut open) = (0, HashMap::new());
        loop {
            let page = self.ingest.catalog.list_videos(&filter).await?;
            for video in page.videos {
                let first = video.created_ms.saturating_add(millis(FIRST_LOOK));
                let due = self.next_look_ms.get(&video.id).copied().unwrap_or(first);
                if now_ms < due {
                    open.insert(video.id, due);
                    continue;
                }
                match take_if_stored(&self.ingest, &video, now_ms).await {
                    Ok(true) => taken += 1,
                    Ok(false) => drop(open.insert(video.id, now_ms.saturating_add(pause(&video, now_ms)))),
                    Err(error) => {
                        let error = anyhow::Error::from(error);
                        tracing::warn!(video.id = %video.id, "cannot check whether the source of {} has arrived: {error:#}", video.id);
                        open.insert(video.id, now_ms.saturating_add(pause(&video, now_ms)));
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

/// Takes in the source of a video that is `uploading`, if it stands in the store. Says whether it does.
///
/// # Errors
/// See [`IngestError`].
pub(crate) async fn take_if_stored(ingest: &Ingest, video: &Video, now_ms: u64) -> Result<bool, IngestError> {
    let Some(key @ ObjectKey::Source { .. }) =
        video.source.key.as_deref().and_then(|it| ObjectKey::parse(Bucket::Private, it))
    else {
        return Ok(false);
    };
    let Some(taken) = ingest.take_stored(&key, video.source.size, now_ms).await? else { return Ok(false) };
    match taken {
        Ingested::Queued(_) | Ingested::Waiting(_) => {
            tracing::info!(video.id = %video.id, "the source of {} arrived, but its event did not", video.id);
        }
        Ingested::Duplicate(_)
        | Ingested::AlreadyDone(_)
        | Ingested::Gone(_)
        | Ingested::Unwanted(_)
        | Ingested::Ignored(_) => {}
    }
    Ok(true)
}

/// An eighth of the age of the upload: an upload of seconds is found in seconds, and one of a day costs some 100 looks.
fn pause(video: &Video, now_ms: u64) -> u64 {
    let age = now_ms.saturating_sub(video.created_ms);
    (age / 8).clamp(millis(FIRST_LOOK), millis(LONGEST_PAUSE))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
