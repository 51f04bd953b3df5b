//! Removes segments that nothing names: those of attempts that ended before their chunk was
//! recorded.
//!
//! Every production of a generation has a number, which its segments have in their names, so it
//! never writes over the segments of another one. What it stored without a record stays in the
//! store until one of two workers removes it: the worker that completes the generation, or the
//! worker that lost its claim.

use std::collections::HashSet;

use catalog::{Catalog, Claim};
use domain::ids::{Generation, VideoId};
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix, RenditionName, SegmentFormat};
use domain::segment::SegmentRecord;
use futures::{StreamExt as _, TryStreamExt as _};
use hls::MediaPlaylist;
use platform::object_store::{ObjectStoreExt as _, SharedStore, StoreError};

use crate::error::TranscodeError;
use crate::manifest;
use crate::publish::LARGEST_PLAYLIST;
use crate::reused::LARGEST_MANIFEST;
use crate::sink::GenerationWriter;

/// Number of objects that are deleted in parallel.
const SIDE_BY_SIDE: usize = 8;

/// Rendition, index and number of the production. Without an index: the initialisation section of
/// its segments.
type Name = (RenditionName, Option<u32>, u32);

/// The segments of earlier productions that a complete generation does not name.
pub(crate) struct Unnamed<'a> {
    writer: &'a GenerationWriter,
    last: u32,
    named: HashSet<Name>,
}

impl<'a> Unnamed<'a> {
    /// Of the generation that `writer` completes, before its manifest is written: the segments of an
    /// earlier manifest stay, because viewers may play them. `last`: the number of the last production
    /// at a moment at which the claim was held.
    pub(crate) async fn of(
        writer: &'a GenerationWriter,
        last: u32,
    ) -> Result<Self, TranscodeError> {
        let mut named = HashSet::new();
        if last > 1 {
            let (video, generation) = (writer.video(), writer.generation().clone());
            let key = ObjectKey::Manifest { video, generation };
            let earlier = writer.read_if_present(&key, LARGEST_MANIFEST).await?;
            let segments = earlier.iter().flat_map(|it| manifest::segments_of(it));
            named.extend(segments.flat_map(|(name, index, attempt)| names(name, index, attempt)));
        }
        Ok(Self {
            writer,
            last,
            named,
        })
    }

    /// Keeps these segments.
    pub(crate) fn keep(&mut self, records: &[SegmentRecord]) {
        self.named.extend(records.iter().flat_map(names_of));
    }

    /// Removes all others up to the last production. A later one belongs to a worker that has the
    /// claim now. Before the first production there was none.
    pub(crate) async fn remove(self) {
        let (writer, last) = (self.writer, self.last);
        if last == 1 {
            return;
        }
        let (store, place) = (writer.store(), (writer.video(), writer.generation()));
        let removed = async {
            let is_unnamed = |name: &Name| name.2 <= last && !self.named.contains(name);
            delete(store, objects(store, place).await?, is_unnamed).await
        };
        report(removed.await);
    }
}

/// Removes what a worker stored under a claim that it lost, except for what the worker that has the
/// claim now may name: recorded segments, and those in playlists. `attempts`: the numbers of its
/// productions.
pub(crate) async fn remove_lost(
    store: &SharedStore,
    catalog: &Catalog,
    claim: &Claim,
    attempts: &[u32],
) {
    if attempts.is_empty() {
        return;
    }
    let removed = async {
        let objects = objects(store, (claim.video, &claim.generation)).await?;
        let chunks = catalog.chunks(claim.video, &claim.generation).await?;
        let records = chunks.iter().flat_map(|it| &it.segments);
        let mut named: HashSet<Name> = records.flat_map(names_of).collect();
        for key in &objects {
            if matches!(key, ObjectKey::MediaPlaylist { .. })
                && let Some(text) = store.read_if_present(key, LARGEST_PLAYLIST).await?
            {
                named.extend(names_in(key, &String::from_utf8_lossy(&text)));
            }
        }
        let is_unnamed = |name: &Name| attempts.contains(&name.2) && !named.contains(name);
        Ok::<_, TranscodeError>(delete(store, objects, is_unnamed).await?)
    };
    report(removed.await);
}

fn report<E: std::error::Error + 'static>(removed: Result<usize, E>) {
    match removed {
        Ok(0) => {}
        Ok(count) => tracing::info!("removed {count} segments that no playlist names"),
        // They cost storage until the generation is removed, and nothing else.
        Err(problem) => tracing::warn!(
            error = &problem as &dyn std::error::Error,
            "could not remove the segments that no playlist names"
        ),
    }
}

fn names_of(record: &SegmentRecord) -> [Name; 2] {
    names(record.rendition.clone(), record.index, record.attempt)
}

/// A segment, and its initialisation section.
fn names(rendition: RenditionName, index: u32, attempt: u32) -> [Name; 2] {
    [
        (rendition.clone(), Some(index), attempt),
        (rendition, None, attempt),
    ]
}

/// `None`: not a segment of a production. Captions are not: the catalog knows the current ones.
fn name_of_key(key: &ObjectKey) -> Option<Name> {
    match key {
        ObjectKey::Segment {
            rendition,
            index,
            attempt,
            format: SegmentFormat::MpegTs | SegmentFormat::Fmp4,
            ..
        } => Some((rendition.clone(), Some(*index), *attempt)),
        ObjectKey::InitSegment {
            rendition, attempt, ..
        } => Some((rendition.clone(), None, *attempt)),
        _ => None,
    }
}

/// The segments that a stored playlist names.
fn names_in(playlist: &ObjectKey, text: &str) -> Vec<Name> {
    let path = playlist.path();
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let segments = MediaPlaylist::parse(text).playlist.segments;
    let keys = segments
        .iter()
        .filter_map(|it| ObjectKey::parse(Bucket::Media, &format!("{folder}/{}", it.uri)));
    let segments = keys.filter_map(|it| name_of_key(&it));
    let segments = segments.filter_map(|(name, index, attempt)| Some((name, index?, attempt)));
    segments
        .flat_map(|(name, index, attempt)| names(name, index, attempt))
        .collect()
}

/// The published objects of a generation.
async fn objects(
    store: &SharedStore,
    (video, generation): (VideoId, &Generation),
) -> Result<Vec<ObjectKey>, StoreError> {
    let prefix = ObjectPrefix::Generation(video, generation.clone());
    let (mut keys, mut after) = (vec![], None);
    loop {
        let page = store.list(&prefix, after.as_deref()).await?;
        let entries = page.entries.iter();
        keys.extend(entries.filter_map(|it| ObjectKey::parse(Bucket::Media, &it.path)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(keys),
        }
    }
}

/// Deletes segments, and returns their number.
async fn delete(
    store: &SharedStore,
    objects: Vec<ObjectKey>,
    is_unnamed: impl Fn(&Name) -> bool,
) -> Result<usize, StoreError> {
    let unnamed: Vec<ObjectKey> = objects
        .into_iter()
        .filter(|it| name_of_key(it).is_some_and(|name| is_unnamed(&name)))
        .collect();
    let deletions: Vec<_> = unnamed.iter().map(|it| store.delete(it)).collect();
    futures::stream::iter(deletions)
        .buffer_unordered(SIDE_BY_SIDE)
        .try_collect::<()>()
        .await?;
    Ok(unnamed.len())
}
