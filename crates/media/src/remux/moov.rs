//! The index of the file: `ftyp` and `moov`, and the header of `mdat`.

use super::{Chunk, RemuxError, Remuxer};
use crate::aac::{AudioConfig, SAMPLES_PER_BLOCK};
use crate::mux::audio::AudioTrack;
use crate::mux::boxes::{boxed, full, runs, table, words};
use crate::mux::entries::{audio_entry, description, visual_entry};
use crate::mux::headers::{Media, TrackBoxes, movie, track};
use crate::mux::video::{DEFAULT_DURATION, VideoTrack};
use crate::ts::TICKS_PER_SECOND;

/// The header of `mdat` with a size of 64 bits.
const MDAT_HEADER: u64 = 16;
/// The header of `free`.
const FREE_HEADER: u64 = 8;
/// Room for everything except media data below which offsets have 32 bits.
const SMALL_FILE: u64 = u32::MAX as u64 - (256 << 20);
/// Both tracks of the file are numbered in this order.
const VIDEO_ID: u32 = 1;
const AUDIO_ID: u32 = 2;

pub(super) fn head(remuxer: &Remuxer, room: Option<u64>) -> Result<Vec<u8>, RemuxError> {
    let (brand, others): (&[u8; 4], &[u8]) = match remuxer.video {
        Some(_) => (b"isom", b"isomiso2avc1mp41"),
        None => (b"M4A ", b"M4A isomiso2mp42"),
    };
    let file_type = boxed(b"ftyp", &[brand, &512_u32.to_be_bytes(), others]);
    // The size of `moov` does not depend on the offsets in it.
    let size = file_type.len() as u64 + moov(remuxer, 0)?.len() as u64 + MDAT_HEADER;
    let padding = match room {
        None => 0,
        Some(room) => {
            let padding = room.checked_sub(size);
            padding
                .filter(|it| *it == 0 || *it >= FREE_HEADER)
                .ok_or(RemuxError::NoRoom { needed: size, room })?
        }
    };
    let mut head = file_type;
    head.extend_from_slice(&moov(remuxer, size + padding)?);
    if padding > 0 {
        head.extend_from_slice(&boxed(
            b"free",
            &[&vec![0; (padding - FREE_HEADER) as usize]],
        ));
    }
    head.extend_from_slice(&1_u32.to_be_bytes());
    head.extend_from_slice(b"mdat");
    head.extend_from_slice(&(remuxer.bytes + MDAT_HEADER).to_be_bytes());
    Ok(head)
}

/// Times of a track in the presentation, ticks.
struct Span {
    /// Time without media at the start.
    gap: u64,
    /// Duration of the media.
    duration: u64,
}

/// `base`: offset of the first byte of media data.
fn moov(remuxer: &Remuxer, base: u64) -> Result<Vec<u8>, RemuxError> {
    let wide = remuxer.bytes > SMALL_FILE;
    let (mut tracks, mut duration) = (vec![], 0);
    if let Some(video) = &remuxer.video {
        if video.sizes.is_empty() {
            return Err(RemuxError::Unsupported("no video was added"));
        }
        let chunks = chunk_tables(&remuxer.video_chunks, base, wide);
        let (track, end) = video_track(video, remuxer, &chunks)?;
        tracks.extend(track);
        duration = end;
    }
    match remuxer.audio.as_ref().map(|it| (it, it.config)) {
        Some((audio, Some(config))) => {
            let chunks = chunk_tables(&remuxer.audio_chunks, base, wide);
            let (track, end) = audio_track(audio, config, remuxer, &chunks);
            tracks.extend(track);
            duration = duration.max(end);
        }
        Some((_, None)) if remuxer.video.is_none() => {
            return Err(RemuxError::Unsupported("no audio was added"));
        }
        _ => {}
    }
    let header = movie(TICKS_PER_SECOND as u32, duration, AUDIO_ID + 1);
    Ok(boxed(b"moov", &[&header, &tracks]))
}

impl Remuxer {
    /// The end of a track that has media until `end`, in the presentation of the file.
    fn shown_until(&self, end: i64) -> i64 {
        match self.part.filter(|it| it.exact) {
            Some(part) => end.min(part.end as i64),
            None => end,
        }
    }
}

/// The track, and its end in the presentation, ticks.
fn video_track(
    video: &VideoTrack,
    remuxer: &Remuxer,
    chunks: &[u8],
) -> Result<(Vec<u8>, u64), RemuxError> {
    let origin = remuxer.origin;
    let entry = visual_entry(&video.sets)?;
    let exact = remuxer.part.filter(|it| it.exact);
    let last = video.durations.last().copied().unwrap_or(DEFAULT_DURATION);
    let mut durations = video.durations.clone();
    // The last frame stands until the end of the part.
    let stands = exact.filter(|_| video.max_pts.1 == durations.len());
    let stands = stands.and_then(|it| u32::try_from(it.end as i64 - video.max_pts.0).ok());
    durations.push(last.max(stands.unwrap_or(0)));
    let end = remuxer.shown_until(video.max_pts.0 + i64::from(durations[video.max_pts.1]));
    let start = video.min_pts.max(origin);
    let span = Span {
        gap: (start - origin) as u64,
        duration: (end - start).max(0) as u64,
    };
    let media_time = (start - video.first_dts).max(0) as u64;
    let offsets = match exact {
        Some(_) => offsets_from(video, origin),
        None => video.offsets.clone(),
    };
    let tables = video_tables(video, (&durations, &offsets), &entry.bytes);
    let track = track(&TrackBoxes {
        id: VIDEO_ID,
        media: Media::Video(entry.display),
        duration: span.gap + span.duration,
        timescale: TICKS_PER_SECOND as u32,
        media_duration: durations.iter().map(|it| u64::from(*it)).sum(),
        edits: &edit_list(&span, media_time),
        tables: &[&tables, chunks].concat(),
    });
    Ok((track, span.gap + span.duration))
}

/// As [`video_track`].
fn audio_track(
    audio: &AudioTrack,
    config: AudioConfig,
    remuxer: &Remuxer,
    chunks: &[u8],
) -> (Vec<u8>, u64) {
    let origin = remuxer.origin;
    let (rate, ticks) = (i64::from(config.sample_rate), TICKS_PER_SECOND as i64);
    let end = audio.first_pts + (audio.duration * ticks + rate / 2) / rate;
    let end = remuxer.shown_until(end);
    let start = audio.first_pts.max(origin);
    let span = Span {
        gap: (start - origin) as u64,
        duration: (end - start).max(0) as u64,
    };
    let media_time = (((start - audio.first_pts) * rate + ticks / 2) / ticks) as u64;
    let tables = audio_tables(audio, config);
    let track = track(&TrackBoxes {
        id: AUDIO_ID,
        media: Media::Audio,
        duration: span.gap + span.duration,
        timescale: config.sample_rate,
        media_duration: audio.duration as u64,
        edits: &edit_list(&span, media_time),
        tables: &[&tables, chunks].concat(),
    });
    (track, span.gap + span.duration)
}

/// `edts`, which lets the presentation begin at its origin, to the tick. `media_time`: the part of
/// the media before the presentation (priming of audio, and reordering), in the track's timescale.
fn edit_list(span: &Span, media_time: u64) -> Vec<u8> {
    let empty = (span.gap > 0).then_some((span.gap, -1));
    let media = (span.duration, media_time as i64);
    let edits: Vec<(u64, i64)> = empty.into_iter().chain([media]).collect();
    let wide = edits
        .iter()
        .any(|(duration, time)| u32::try_from(*duration).is_err() || i32::try_from(*time).is_err());
    let mut bytes = (edits.len() as u32).to_be_bytes().to_vec();
    for (duration, time) in edits {
        match wide {
            true => {
                bytes.extend_from_slice(&duration.to_be_bytes());
                bytes.extend_from_slice(&time.to_be_bytes());
            }
            false => words(&mut bytes, &[duration as u32, time as i32 as u32]),
        }
        words(&mut bytes, &[0x1_0000]);
    }
    boxed(b"edts", &[&full(b"elst", u8::from(wide), 0, &[&bytes])])
}

/// The offsets of a track that is shown from `start`. The frame that is shown then begins there:
/// readers leave out a frame that begins before the start of an edit, although it is still shown.
fn offsets_from(video: &VideoTrack, start: i64) -> Vec<i32> {
    let mut dts = video.first_dts;
    let mut shown: Option<(usize, i64, i64)> = None;
    for (number, offset) in video.offsets.iter().enumerate() {
        let pts = dts + i64::from(*offset);
        if pts <= start && shown.is_none_or(|it| it.1 < pts) {
            shown = Some((number, pts, dts));
        }
        dts += video.durations.get(number).map_or(0, |it| i64::from(*it));
    }
    let mut offsets = video.offsets.clone();
    if let Some((number, _, dts)) = shown
        && let Ok(offset) = i32::try_from(start - dts)
    {
        offsets[number] = offset;
    }
    offsets
}

fn video_tables(
    video: &VideoTrack,
    (durations, offsets): (&[u32], &[i32]),
    entry: &[u8],
) -> Vec<u8> {
    let rows: Vec<_> = runs(durations.iter().copied())
        .iter()
        .map(|(count, duration)| [*count, *duration])
        .collect();
    let times = full(b"stts", 0, 0, &[&table(&rows)]);
    let rows: Vec<_> = runs(offsets.iter().copied())
        .iter()
        .map(|(count, offset)| [*count, *offset as u32])
        .collect();
    // Version 1 has signed offsets.
    let signed = u8::from(offsets.iter().any(|it| *it < 0));
    let offsets = full(b"ctts", signed, 0, &[&table(&rows)]);
    let sync: Vec<_> = video.sync().map(|it| [it + 1]).collect();
    let sync = full(b"stss", 0, 0, &[&table(&sync)]);
    let entries = description(entry);
    [entries, times, offsets, sync, sizes(&video.sizes)].concat()
}

fn audio_tables(audio: &AudioTrack, config: AudioConfig) -> Vec<u8> {
    let (mut rows, mut next) = (vec![], 0);
    for (number, duration) in &audio.odd_durations {
        if *number > next {
            rows.push([number - next, SAMPLES_PER_BLOCK]);
        }
        rows.push([1, *duration]);
        next = number + 1;
    }
    let rest = audio.sizes.len() as u32 - next;
    if rest > 0 {
        rows.push([rest, SAMPLES_PER_BLOCK]);
    }
    let times = full(b"stts", 0, 0, &[&table(&rows)]);
    let bytes: u64 = audio.sizes.iter().map(|it| u64::from(*it)).sum();
    let rate = bytes * 8 * u64::from(config.sample_rate) / (audio.duration.max(1) as u64);
    let rate = u32::try_from(rate).unwrap_or(u32::MAX);
    let entries = description(&audio_entry(config, rate));
    [entries, times, sizes(&audio.sizes)].concat()
}

fn sizes(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![];
    words(&mut bytes, &[0, sizes.len() as u32]);
    words(&mut bytes, sizes);
    full(b"stsz", 0, 0, &[&bytes])
}

fn chunk_tables(chunks: &[Chunk], base: u64, wide: bool) -> Vec<u8> {
    let mut first = 1;
    let mut rows = vec![];
    for (count, samples) in runs(chunks.iter().map(|it| it.samples)) {
        rows.push([first, samples, 1]);
        first += count;
    }
    let samples = full(b"stsc", 0, 0, &[&table(&rows)]);
    let mut offsets = (chunks.len() as u32).to_be_bytes().to_vec();
    for chunk in chunks {
        let offset = base + chunk.offset;
        match wide {
            true => offsets.extend_from_slice(&offset.to_be_bytes()),
            false => words(&mut offsets, &[offset as u32]),
        }
    }
    let kind = if wide { b"co64" } else { b"stco" };
    [samples, full(kind, 0, 0, &[&offsets])].concat()
}
