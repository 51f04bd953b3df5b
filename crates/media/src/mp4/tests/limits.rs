//! Large and malformed indexes.

use super::*;

/// An hour at 60 frames per second, as tables without media.
fn hour() -> Vec<u8> {
    let frames = 216_000u32;
    let full = |kind: &[u8; 4], rows: Vec<u32>| {
        let mut body = vec![0; 4];
        rows.iter().for_each(|it| body.extend(it.to_be_bytes()));
        boxed(kind, &body)
    };
    let mut ctts = vec![frames];
    (0..frames).for_each(|it| ctts.extend([1, if it % 3 == 0 { 2000 } else { 1000 }]));
    let mut sizes = vec![0, frames];
    sizes.extend((0..frames).map(|it| 1000 + it % 500));
    let mut sync = vec![frames / 120];
    sync.extend((0..frames).step_by(120).map(|it| it + 1));
    let mut chunks = vec![frames / 60];
    chunks.extend((0..frames / 60).map(|it| it * 100_000 + 48));
    let tables = [
        full(b"stsd", vec![0]),
        full(b"stts", vec![1, frames, 1000]),
        full(b"ctts", ctts),
        full(b"stss", sync),
        full(b"stsz", sizes),
        full(b"stsc", vec![1, 1, 60, 1]),
        full(b"stco", chunks),
    ];
    let stbl = boxed(b"stbl", &tables.concat());
    let mdia = [
        full(b"mdhd", vec![0, 0, 60_000, frames * 1000, 0]),
        boxed(b"hdlr", b"\0\0\0\0\0\0\0\0vide"),
        boxed(b"minf", &stbl),
    ];
    let trak = [full(b"tkhd", vec![0; 20]), boxed(b"mdia", &mdia.concat())];
    let moov = [
        full(b"mvhd", vec![0, 0, 1000, 3_600_000]),
        boxed(b"trak", &trak.concat()),
    ];
    [boxed(b"ftyp", b"isom"), boxed(b"moov", &moov.concat())].concat()
}

pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

#[test]
fn an_hour_takes_milliseconds() {
    let bytes = hour();
    let started = Instant::now();
    let (moov, requests, _) = walk(&bytes).unwrap();
    let index = VideoIndex::new(moov.video().unwrap()).unwrap();
    let took = started.elapsed();
    assert_eq!(
        (index.frame_count, index.keyframes.len(), requests),
        (216_000, 1800, 2)
    );
    assert!(took.as_millis() < 250, "{took:?}");
    assert!(
        matches!(moov.check_complete(), Err(Mp4Error::Truncated { .. })),
        "there is no media in this file"
    );
}

#[test]
fn tables_that_claim_billions_are_refused_at_once() {
    let mut bytes = hour();
    let at = |bytes: &[u8], kind: &[u8]| bytes.windows(4).position(|it| it == kind).unwrap();
    let stsz = at(&bytes, b"stsz");
    bytes[stsz + 8..stsz + 16].copy_from_slice(&[0, 0, 0, 1, 255, 255, 255, 255]);
    let (moov, ..) = walk(&bytes).unwrap();
    let refused = VideoIndex::new(moov.video().unwrap());
    assert_eq!(
        refused,
        Err(Mp4Error::TooManySamples {
            samples: u64::from(u32::MAX)
        })
    );

    let mut bytes = hour();
    let stts = at(&bytes, b"stts");
    bytes[stts + 8..stts + 12].copy_from_slice(&[255; 4]);
    assert_eq!(
        walk(&bytes).map(|_| ()),
        Err(Mp4Error::Damaged { what: "stts" })
    );
}

#[test]
fn of_very_many_keyframes_some_are_kept() {
    let mut bytes = hour();
    let at = |bytes: &[u8], kind: &[u8]| bytes.windows(4).position(|it| it == kind).unwrap();
    // Without a list, every sample is a sync sample.
    let stss = at(&bytes, b"stss");
    bytes[stss..stss + 4].copy_from_slice(b"free");
    let all = VideoIndex::new(walk(&bytes).unwrap().0.video().unwrap()).unwrap();
    assert_eq!(all.keyframes.len(), 216_000);
    // One frame more than the limit.
    let count = 216_001_u32.to_be_bytes();
    let stsz = at(&bytes, b"stsz");
    bytes[stsz + 8..stsz + 12].copy_from_slice(&[0, 0, 0, 1]);
    bytes[stsz + 12..stsz + 16].copy_from_slice(&count);
    let stsc = at(&bytes, b"stsc");
    bytes[stsc + 16..stsc + 20].copy_from_slice(&count);
    let stts = at(&bytes, b"stts");
    bytes[stts + 12..stts + 16].copy_from_slice(&count);
    let some = VideoIndex::new(walk(&bytes).unwrap().0.video().unwrap()).unwrap();
    assert_eq!(some.frame_count, 216_001);
    assert!(
        (7_000..7_300).contains(&some.keyframes.len()),
        "{}",
        some.keyframes.len()
    );
    assert_eq!(
        some.bytes_between(0, some.keyframes.len()),
        Some(some.bytes)
    );
}

pub(super) fn survive(bytes: &[u8]) {
    let Ok((moov, ..)) = walk(bytes) else { return };
    let _ = moov.check_complete();
    for track in &moov.tracks {
        let _ = VideoIndex::new(track);
        let _ = AudioIndex::new(track).bit_rate();
    }
}
