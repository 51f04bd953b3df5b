//! Reads keys, initialisation sections and segments.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt as _;
use hls::MediaPlaylist;
use hls::SegmentDecryptor;
use hls::parse::{ByteRange, Key, KeyMethod};
use media::fmp4::Init;
use url::Url;

use crate::Options;
use crate::fetch::{Fetch, FetchError, read, resolve};
use crate::measure::{Context, measure};
use crate::tree::{Failure, KeyFacts, MapFacts, Received, Rendition, Tree};

use super::Progress;

/// Maximum size of a key file that is read to its end, bytes; a valid one has 16.
const MAX_KEY_BYTES: u64 = 4096;
const MAX_INIT_BYTES: u64 = 16 << 20;

type Keys = HashMap<Url, Result<Vec<u8>, FetchError>>;

type KeyAndIv = ([u8; 16], [u8; 16]);

/// A task: one segment of one rendition.
struct Job {
    rendition: usize,
    segment: usize,
}

/// Reads all objects of the media playlists.
pub(super) async fn load(
    fetch: &dyn Fetch,
    tree: &mut Tree,
    options: &Options,
    progress: &(dyn Fn(Progress) + Send + Sync),
) {
    let mut keys = Keys::new();
    let mut inits: Vec<Vec<Option<Init>>> = vec![];
    for rendition in &mut tree.renditions {
        load_keys(fetch, rendition, &mut keys).await;
        inits.push(load_maps(fetch, rendition, &keys, &mut tree.counts.bytes).await);
    }
    tree.counts.keys = keys.values().filter(|it| it.is_ok()).count() as u64;
    let jobs = jobs(tree, options.every.max(1));
    let (total, done) = (jobs.len(), AtomicUsize::new(0));
    let shared = &*tree;
    let outcomes: Vec<_> = futures::stream::iter(jobs)
        .map(|job| {
            let (keys, inits, done) = (&keys, &inits, &done);
            async move {
                let outcome =
                    read_segment(fetch, shared, &job, keys, &inits[job.rendition], options).await;
                progress(Progress::Segments {
                    done: done.fetch_add(1, Ordering::Relaxed) + 1,
                    total,
                });
                (job, outcome)
            }
        })
        .buffer_unordered(options.concurrency.max(1))
        .collect()
        .await;
    for (job, outcome) in outcomes {
        if let Ok(received) = &outcome {
            tree.counts.segments += 1;
            tree.counts.bytes += received.bytes;
            tree.counts.seconds += received.media.lead().map_or(0.0, |it| it.end - it.start);
        }
        tree.renditions[job.rendition].segments[job.segment].outcome = Some(outcome);
    }
    tree.renditions.iter_mut().for_each(unwrap_clock);
}

fn jobs(tree: &Tree, every: usize) -> Vec<Job> {
    let mut jobs = vec![];
    for (rendition, it) in tree.renditions.iter().enumerate() {
        let Some(said) = it.said() else { continue };
        let last = it.segments.len().saturating_sub(1);
        for segment in 0..it.segments.len() {
            let gap = said
                .segments
                .get(segment)
                .is_some_and(|it| it.gap.is_some());
            if !gap && (segment % every == 0 || segment == last) {
                jobs.push(Job { rendition, segment });
            }
        }
    }
    jobs
}

async fn load_keys(fetch: &dyn Fetch, rendition: &mut Rendition, keys: &mut Keys) {
    let Ok(playlist) = &rendition.playlist else {
        return;
    };
    let mut facts = vec![];
    for key in &playlist.keys {
        let mut outcome = None;
        if key.method == KeyMethod::Aes128
            && key.is_identity()
            && let Some(uri) = &key.uri
        {
            outcome = Some(match resolve(&rendition.document.url, uri) {
                Ok(url) => {
                    if !keys.contains_key(&url) {
                        let bytes = read_key(fetch, &url).await;
                        keys.insert(url.clone(), bytes);
                    }
                    keys.get(&url).map_or(Err(FetchError::NotFound), |it| {
                        it.as_ref().map(Vec::len).map_err(Clone::clone)
                    })
                }
                Err(error) => Err(error),
            });
        }
        facts.push(KeyFacts {
            line: key.line,
            outcome,
        });
    }
    rendition.keys = facts;
}

async fn read_key(fetch: &dyn Fetch, url: &Url) -> Result<Vec<u8>, FetchError> {
    read(fetch.open(url, None, false).await?, MAX_KEY_BYTES).await
}

async fn load_maps(
    fetch: &dyn Fetch,
    rendition: &mut Rendition,
    keys: &Keys,
    bytes: &mut u64,
) -> Vec<Option<Init>> {
    let Ok(playlist) = &rendition.playlist else {
        return vec![];
    };
    let (mut inits, mut facts) = (vec![], vec![]);
    for map in &playlist.maps {
        let mut content_type = None;
        let outcome = async {
            let base = &rendition.document.url;
            // An initialisation section needs an explicit IV (4.3.2.5); without one, zero is
            // assumed.
            let cipher = cipher_of(playlist, &map.keys, base, keys, None)?;
            let url = resolve(base, &map.uri).map_err(Failure::Fetch)?;
            let resource = fetch
                .open(&url, range(map.byte_range), false)
                .await
                .map_err(Failure::Fetch)?;
            content_type.clone_from(&resource.content_type);
            let mut init = read(resource, MAX_INIT_BYTES)
                .await
                .map_err(Failure::Fetch)?;
            *bytes += init.len() as u64;
            if let Some((key, iv)) = cipher {
                init = SegmentDecryptor::decrypt(&key, iv, &init).map_err(|_| Failure::Padding)?;
            }
            // A transport stream may have one too: PAT and PMT.
            if init.first() == Some(&media::ts::SYNC_BYTE) {
                return Ok(None);
            }
            Init::parse(&init)
                .map(Some)
                .map_err(|error| Failure::Damaged(error.to_string()))
        };
        let outcome: Result<Option<Init>, Failure> = outcome.await;
        facts.push(MapFacts {
            line: map.line,
            uri: map.uri.clone(),
            outcome: outcome.as_ref().map(|_| ()).map_err(Clone::clone),
            content_type,
        });
        inits.push(outcome.ok().flatten());
    }
    rendition.maps = facts;
    inits
}

async fn read_segment(
    fetch: &dyn Fetch,
    tree: &Tree,
    job: &Job,
    keys: &Keys,
    inits: &[Option<Init>],
    options: &Options,
) -> Result<Received, Failure> {
    let rendition = &tree.renditions[job.rendition];
    let Some(playlist) = rendition.said() else {
        return Err(Failure::Empty);
    };
    let Some(segment) = playlist.segments.get(job.segment) else {
        return Err(Failure::Empty);
    };
    let base = &rendition.document.url;
    let key = cipher_of(playlist, &segment.keys, base, keys, Some(segment.sequence))?;
    let url = resolve(base, &segment.uri).map_err(Failure::Fetch)?;
    let byte_range = segment.byte_range.as_ref().map(|it| it.value);
    let resource = fetch
        .open(&url, range(byte_range), false)
        .await
        .map_err(Failure::Fetch)?;
    let context = Context {
        key,
        init: segment.map.and_then(|it| inits.get(it)?.as_ref()),
        has_map: segment.map.is_some(),
        max_bytes: options.max_segment_bytes,
        content_type: resource.content_type.clone(),
    };
    let received = measure(resource.body, context).await?;
    match byte_range {
        Some(range) if range.length != received.bytes => Err(Failure::Fetch(FetchError::Range {
            wanted: range.offset.saturating_add(range.length),
        })),
        _ => Ok(received),
    }
}

fn range(range: Option<ByteRange>) -> Option<std::ops::Range<u64>> {
    range.map(|it| it.offset..it.offset.saturating_add(it.length))
}

/// Key and IV for the range of `in_force`: the IV of the key, or else the media sequence number
/// (5.2).
fn cipher_of(
    playlist: &MediaPlaylist,
    in_force: &[usize],
    base: &Url,
    keys: &Keys,
    sequence: Option<u64>,
) -> Result<Option<KeyAndIv>, Failure> {
    let in_force: Vec<&Key> = in_force
        .iter()
        .filter_map(|&it| playlist.keys.get(it))
        .collect();
    let Some(first) = in_force.first() else {
        return Ok(None);
    };
    let Some(key) = in_force
        .iter()
        .find(|it| it.is_identity() && it.method == KeyMethod::Aes128)
    else {
        return match &first.method {
            KeyMethod::None => Ok(None),
            method => Err(Failure::CannotDecrypt(format!("{method:?}"))),
        };
    };
    let url = key
        .uri
        .as_deref()
        .and_then(|it| resolve(base, it).ok())
        .ok_or(Failure::NoKey)?;
    let bytes = keys
        .get(&url)
        .and_then(|it| it.as_ref().ok())
        .ok_or(Failure::NoKey)?;
    let octets: [u8; 16] = bytes.as_slice().try_into().map_err(|_| Failure::NoKey)?;
    let iv = key.iv_at(sequence.unwrap_or(0));
    Ok(Some((octets, iv)))
}

/// Unwraps time stamps of transport streams, which wrap every 26.5 hours: puts each segment near
/// the end of the previous one.
fn unwrap_clock(rendition: &mut Rendition) {
    const WRAP: f64 = (1u64 << 33) as f64 / 90_000.0;
    let mut expected: Option<f64> = None;
    for segment in &mut rendition.segments {
        let Some(Ok(Received {
            media: measured, ..
        })) = &mut segment.outcome
        else {
            continue;
        };
        let Some(start) = measured.lead().map(|it| it.start) else {
            continue;
        };
        let shift = expected.map_or(0.0, |it| ((it - start) / WRAP).round() * WRAP);
        for essence in [&mut measured.video, &mut measured.audio]
            .into_iter()
            .flatten()
        {
            essence.start += shift;
            essence.end += shift;
            essence.keyframes.iter_mut().for_each(|it| *it += shift);
        }
        expected = measured.lead().map(|it| it.end);
    }
}
