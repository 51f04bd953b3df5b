//! The index of the file: `ftyp` and `moov`, and the header of `mdat`.

use super::audio::AudioTrack;
use super::boxes::{boxed, full, runs, table, words};
use super::video::VideoTrack;
use super::{Chunk, RemuxError, Remuxer};
use crate::aac::SAMPLES_PER_BLOCK;
use crate::h264::Sps;
use crate::ts::TICKS_PER_SECOND;

/// The header of `mdat` with a size of 64 bits.
const MDAT_HEADER: u64 = 16;
/// The header of `free`.
const FREE_HEADER: u64 = 8;
/// Room for everything except media data below which offsets have 32 bits.
const SMALL_FILE: u64 = u32::MAX as u64 - (256 << 20);
/// The unity matrix of `mvhd` and `tkhd`.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// Both tracks of the file are numbered in this order.
const VIDEO_ID: u32 = 1;
const AUDIO_ID: u32 = 2;

pub(super) fn head(remuxer: &Remuxer, room: Option<u64>) -> Result<Vec<u8>, RemuxError> {
    let file_type = boxed(
        b"ftyp",
        &[b"isom", &512_u32.to_be_bytes(), b"isomiso2avc1mp41"],
    );
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
    let (video, origin) = (&remuxer.video, remuxer.origin);
    let wide = remuxer.bytes > SMALL_FILE;
    let sps = video.sps.first().and_then(|it| Sps::parse(it));
    let sps = sps.ok_or(RemuxError::Unsupported("no video was added"))?;
    let last = video.durations.last().copied().unwrap_or(3_000);
    let mut durations = video.durations.clone();
    durations.push(last);
    let end = video.max_pts.0 + i64::from(durations[video.max_pts.1]);
    let start = video.min_pts.max(origin);
    let span = Span {
        gap: (start - origin) as u64,
        duration: (end - start).max(0) as u64,
    };
    let media_time = (start - video.first_dts).max(0) as u64;
    let entry = visual_entry(video, &sps);
    let (wide_pixels, high_pixels) = display_size(&sps);
    let tables = video_tables(video, &durations, &entry);
    let mut tracks = vec![track(&TrackBoxes {
        id: VIDEO_ID,
        volume: 0,
        size: (wide_pixels, high_pixels),
        timescale: TICKS_PER_SECOND as u32,
        media_duration: durations.iter().map(|it| u64::from(*it)).sum(),
        media_time,
        handler: (b"vide", b"VideoHandler\0"),
        media_header: full(b"vmhd", 0, 1, &[&[0; 8]]),
        tables: [tables, chunk_tables(&video.chunks, base, wide)].concat(),
        span: &span,
    })];
    let mut duration = span.gap + span.duration;
    if let Some(audio) = &remuxer.audio
        && let Some(header) = &audio.header
    {
        let rate = i64::from(header.sample_rate);
        let ticks = TICKS_PER_SECOND as i64;
        let end = audio.first_pts + (audio.duration * ticks + rate / 2) / rate;
        let start = audio.first_pts.max(origin);
        let span = Span {
            gap: (start - origin) as u64,
            duration: (end - start).max(0) as u64,
        };
        duration = duration.max(span.gap + span.duration);
        tracks.push(track(&TrackBoxes {
            id: AUDIO_ID,
            volume: 0x100,
            size: (0, 0),
            timescale: header.sample_rate,
            media_duration: audio.duration as u64,
            media_time: (((start - audio.first_pts) * rate + ticks / 2) / ticks) as u64,
            handler: (b"soun", b"SoundHandler\0"),
            media_header: full(b"smhd", 0, 0, &[&[0; 4]]),
            tables: [audio_tables(audio), chunk_tables(&audio.chunks, base, wide)].concat(),
            span: &span,
        }));
    }
    let mut rest = vec![];
    words(&mut rest, &[0x1_0000, 0x100_0000, 0, 0]);
    words(&mut rest, &MATRIX);
    words(&mut rest, &[0, 0, 0, 0, 0, 0, AUDIO_ID + 1]);
    let times = times(&[0, 0], &[TICKS_PER_SECOND as u32], duration);
    let header = full(b"mvhd", times.0, 0, &[&times.1, &rest]);
    Ok(boxed(b"moov", &[&header, &tracks.concat()]))
}

/// Times of creation and change, numbers, and a duration, of 32 bits if possible: version and
/// content of a box.
fn times(changed: &[u64; 2], numbers: &[u32], duration: u64) -> (u8, Vec<u8>) {
    let mut bytes = vec![];
    if let Ok(duration) = u32::try_from(duration) {
        words(&mut bytes, &changed.map(|it| it as u32));
        words(&mut bytes, numbers);
        words(&mut bytes, &[duration]);
        return (0, bytes);
    }
    changed
        .iter()
        .for_each(|it| bytes.extend_from_slice(&it.to_be_bytes()));
    words(&mut bytes, numbers);
    bytes.extend_from_slice(&duration.to_be_bytes());
    (1, bytes)
}

struct TrackBoxes<'a> {
    id: u32,
    volume: u16,
    size: (u32, u32),
    timescale: u32,
    /// In units of `timescale`, as `media_time`.
    media_duration: u64,
    /// The part of the media before the presentation: priming of audio, and reordering.
    media_time: u64,
    handler: (&'static [u8; 4], &'static [u8]),
    media_header: Vec<u8>,
    /// The content of `stbl`.
    tables: Vec<u8>,
    span: &'a Span,
}

fn track(it: &TrackBoxes<'_>) -> Vec<u8> {
    let (version, bytes) = times(&[0, 0], &[it.id, 0], it.span.gap + it.span.duration);
    let mut rest = vec![0; 8];
    rest.extend_from_slice(&[0; 4]);
    rest.extend_from_slice(&it.volume.to_be_bytes());
    rest.extend_from_slice(&[0; 2]);
    words(&mut rest, &MATRIX);
    words(&mut rest, &[it.size.0 << 16, it.size.1 << 16]);
    // Enabled, and in the presentation.
    let header = full(b"tkhd", version, 3, &[&bytes, &rest]);
    let edits = boxed(b"edts", &[&edit_list(it)]);
    let (version, bytes) = times(&[0, 0], &[it.timescale], it.media_duration);
    // The language is undetermined.
    let media = full(b"mdhd", version, 0, &[&bytes, &[0x55, 0xc4, 0, 0]]);
    let (kind, name) = it.handler;
    let handler = full(b"hdlr", 0, 0, &[&[0; 4], kind, &[0; 12], name]);
    // The media is in this file.
    let location = full(b"url ", 0, 1, &[]);
    let reference = full(b"dref", 0, 0, &[&1_u32.to_be_bytes(), &location]);
    let data = boxed(b"dinf", &[&reference]);
    let tables = boxed(b"stbl", &[&it.tables]);
    let information = boxed(b"minf", &[&it.media_header, &data, &tables]);
    let media = boxed(b"mdia", &[&media, &handler, &information]);
    boxed(b"trak", &[&header, &edits, &media])
}

/// Lets the presentation begin at its origin, to the tick.
fn edit_list(it: &TrackBoxes<'_>) -> Vec<u8> {
    let empty = (it.span.gap > 0).then_some((it.span.gap, -1));
    let media = (it.span.duration, it.media_time as i64);
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
    full(b"elst", u8::from(wide), 0, &[&bytes])
}

fn video_tables(video: &VideoTrack, durations: &[u32], entry: &[u8]) -> Vec<u8> {
    let rows: Vec<_> = runs(durations.iter().copied())
        .iter()
        .map(|(count, duration)| [*count, *duration])
        .collect();
    let times = full(b"stts", 0, 0, &[&table(&rows)]);
    let offsets: Vec<_> = runs(video.offsets.iter().copied())
        .iter()
        .map(|(count, offset)| [*count, *offset as u32])
        .collect();
    // Version 1 has signed offsets.
    let signed = u8::from(video.offsets.iter().any(|it| *it < 0));
    let offsets = full(b"ctts", signed, 0, &[&table(&offsets)]);
    let sync: Vec<_> = video.sync.iter().map(|it| [it + 1]).collect();
    let sync = full(b"stss", 0, 0, &[&table(&sync)]);
    let entries = full(b"stsd", 0, 0, &[&1_u32.to_be_bytes(), entry]);
    [entries, times, offsets, sync, sizes(&video.sizes)].concat()
}

fn audio_tables(audio: &AudioTrack) -> Vec<u8> {
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
    let entries = full(b"stsd", 0, 0, &[&1_u32.to_be_bytes(), &audio_entry(audio)]);
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

fn display_size(sps: &Sps) -> (u32, u32) {
    let (across, down) = sps.pixel_aspect.unwrap_or((1, 1));
    let width = u64::from(sps.width) * u64::from(across) / u64::from(down.max(1));
    (width.clamp(1, 0xffff) as u32, sps.height.min(0xffff))
}

/// `avc1`, with the parameter sets (ISO/IEC 14496-15, 5.3.3.1).
fn visual_entry(video: &VideoTrack, sps: &Sps) -> Vec<u8> {
    // Lengths of NAL units have four bytes.
    let mut avcc = vec![1, sps.profile, sps.constraints, sps.level, 0xff];
    avcc.push(0xe0 | video.sps.len().min(31) as u8);
    let push = |avcc: &mut Vec<u8>, set: &Vec<u8>| {
        avcc.extend_from_slice(&(set.len() as u16).to_be_bytes());
        avcc.extend_from_slice(set);
    };
    video.sps.iter().take(31).for_each(|it| push(&mut avcc, it));
    avcc.push(video.pps.len().min(255) as u8);
    video
        .pps
        .iter()
        .take(255)
        .for_each(|it| push(&mut avcc, it));
    if matches!(sps.profile, 100 | 110 | 122 | 144 | 244) {
        let depth = sps.bit_depth.saturating_sub(8) & 7;
        avcc.extend_from_slice(&[0xfc | sps.chroma_format, 0xf8 | depth, 0xf8 | depth, 0]);
    }
    let mut bytes = vec![0; 6];
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&[0; 16]);
    bytes.extend_from_slice(&(sps.width.min(0xffff) as u16).to_be_bytes());
    bytes.extend_from_slice(&(sps.height.min(0xffff) as u16).to_be_bytes());
    // 72 dots per inch, and one frame per sample.
    words(&mut bytes, &[72 << 16, 72 << 16, 0]);
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&[0, 24, 0xff, 0xff]);
    let configuration = boxed(b"avcC", &[&avcc]);
    let aspect = sps
        .pixel_aspect
        .map(|(across, down)| boxed(b"pasp", &[&across.to_be_bytes(), &down.to_be_bytes()]));
    boxed(
        b"avc1",
        &[&bytes, &configuration, &aspect.unwrap_or_default()],
    )
}

/// `mp4a`, with an elementary stream descriptor (ISO/IEC 14496-1, 7.2.6.5).
fn audio_entry(audio: &AudioTrack) -> Vec<u8> {
    let Some(header) = &audio.header else {
        return vec![];
    };
    let bytes: u64 = audio.sizes.iter().map(|it| u64::from(*it)).sum();
    let rate = bytes * 8 * u64::from(header.sample_rate) / (audio.duration.max(1) as u64);
    let rate = u32::try_from(rate).unwrap_or(u32::MAX);
    let described = |tag: u8, content: &[u8]| [&[tag, content.len() as u8][..], content].concat();
    let specific = described(5, &AudioTrack::specific_config(header));
    // MPEG-4 audio, in an audio stream.
    let mut decoder = vec![0x40, 0x15, 0, 0, 0];
    words(&mut decoder, &[rate, rate]);
    decoder.extend_from_slice(&specific);
    let stream = [&[0, 0, 0][..], &described(4, &decoder), &described(6, &[2])].concat();
    let descriptor = full(b"esds", 0, 0, &[&described(3, &stream)]);
    let mut entry = vec![0; 6];
    entry.extend_from_slice(&[0, 1]);
    entry.extend_from_slice(&[0; 8]);
    entry.extend_from_slice(&u16::from(header.channels).to_be_bytes());
    entry.extend_from_slice(&[0, 16, 0, 0, 0, 0]);
    entry.extend_from_slice(&(header.sample_rate.min(0xffff) << 16).to_be_bytes());
    boxed(b"mp4a", &[&entry, &descriptor])
}
