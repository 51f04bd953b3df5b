//! The headers of a movie and of its tracks: `mvhd`, and `trak` with everything except the tables
//! of its samples.

use super::boxes::{boxed, full, words};

/// The unity matrix of `mvhd` and `tkhd`.
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];

/// The kind of a track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Media {
    /// With width and height for display, pixels.
    Video((u32, u32)),
    Audio,
}

/// The properties of a track.
pub(crate) struct TrackBoxes<'a> {
    pub(crate) id: u32,
    pub(crate) media: Media,
    /// Duration of the track in the movie's timescale.
    pub(crate) duration: u64,
    pub(crate) timescale: u32,
    /// Duration of the media in units of `timescale`.
    pub(crate) media_duration: u64,
    /// `edts`, or nothing.
    pub(crate) edits: &'a [u8],
    /// The content of `stbl`.
    pub(crate) tables: &'a [u8],
}

/// `mvhd`. `next_id`: above the number of every track.
pub(crate) fn movie(timescale: u32, duration: u64, next_id: u32) -> Vec<u8> {
    let mut rest = vec![];
    words(&mut rest, &[0x1_0000, 0x100_0000, 0, 0]);
    words(&mut rest, &MATRIX);
    words(&mut rest, &[0, 0, 0, 0, 0, 0, next_id]);
    let (version, times) = times(&[0, 0], &[timescale], duration);
    full(b"mvhd", version, 0, &[&times, &rest])
}

/// `trak`.
pub(crate) fn track(it: &TrackBoxes<'_>) -> Vec<u8> {
    let (volume, size, handler, media_header) = match it.media {
        Media::Video(size) => (
            0_u16,
            size,
            &b"vide\0\0\0\0\0\0\0\0\0\0\0\0VideoHandler\0"[..],
            full(b"vmhd", 0, 1, &[&[0; 8]]),
        ),
        Media::Audio => (
            0x100,
            (0, 0),
            &b"soun\0\0\0\0\0\0\0\0\0\0\0\0SoundHandler\0"[..],
            full(b"smhd", 0, 0, &[&[0; 4]]),
        ),
    };
    let (version, bytes) = times(&[0, 0], &[it.id, 0], it.duration);
    let mut rest = vec![0; 12];
    rest.extend_from_slice(&volume.to_be_bytes());
    rest.extend_from_slice(&[0; 2]);
    words(&mut rest, &MATRIX);
    words(&mut rest, &[size.0 << 16, size.1 << 16]);
    // Enabled, and in the presentation.
    let header = full(b"tkhd", version, 3, &[&bytes, &rest]);
    let (version, bytes) = times(&[0, 0], &[it.timescale], it.media_duration);
    // The language is undetermined.
    let media = full(b"mdhd", version, 0, &[&bytes, &[0x55, 0xc4, 0, 0]]);
    let handler = full(b"hdlr", 0, 0, &[&[0; 4], handler]);
    // The media is in this file.
    let location = full(b"url ", 0, 1, &[]);
    let reference = full(b"dref", 0, 0, &[&1_u32.to_be_bytes(), &location]);
    let data = boxed(b"dinf", &[&reference]);
    let tables = boxed(b"stbl", &[it.tables]);
    let information = boxed(b"minf", &[&media_header, &data, &tables]);
    let media = boxed(b"mdia", &[&media, &handler, &information]);
    boxed(b"trak", &[&header, it.edits, &media])
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
