//! Decoding times at the start of a presentation.

use super::packet::{PACKET_BYTES, Packet};
use super::pes::{self, Parsed};

/// A frame whose PES header is in one packet.
struct Frame {
    /// Offset of its PES header.
    header: usize,
    pts: u64,
    dts: u64,
    /// Whether the header has a field for the decoding time.
    has_dts: bool,
}

/// Moves the start of decoding to the first frame: the first decoding time becomes the first
/// presentation time, and the decoding times that would come before it are spread over the time
/// until the next one. Returns whether a byte changed.
///
/// An encoder that reorders frames sets the first decoding time before the presentation time of the
/// first frame. A player that counts from the lowest time of a segment (hls.js does) then starts a
/// few hundredths of a second before there is a frame. Decoding times only have to increase, and to
/// be no later than the presentation times (ISO/IEC 13818-1, 2.4.3.7), and both remain true. The
/// bytes stay unchanged if that is impossible, or if no frame is reordered.
pub fn begin_with_first_frame(bytes: &mut [u8]) -> bool {
    let early = early_pictures(bytes);
    let Some((first, others)) = early.frames.split_first() else {
        return false;
    };
    let base = first.pts;
    if !first.has_dts || first.dts >= base || others.iter().any(|it| it.pts <= base) {
        return false;
    }
    let count = early.frames.len() as u64;
    let until = others
        .iter()
        .map(|it| it.pts)
        .chain(early.next_dts)
        .min()
        .unwrap_or(base + count);
    // Every frame gets a distinct time.
    if until < base + count {
        return false;
    }
    if others.iter().any(|it| !it.has_dts) {
        return false;
    }
    without_dts(bytes, first.header);
    for (number, frame) in (1..).zip(others) {
        write_dts(bytes, frame.header, base + (until - base) * number / count);
    }
    true
}

/// The frames that would be decoded no later than the first one is shown.
struct Early {
    frames: Vec<Frame>,
    /// Decoding time of the frame after them.
    next_dts: Option<u64>,
}

fn early_pictures(bytes: &[u8]) -> Early {
    let mut early = Early {
        frames: vec![],
        next_dts: None,
    };
    for (number, packet) in bytes.chunks_exact(PACKET_BYTES).enumerate() {
        let Some(packet) = packet.first_chunk::<PACKET_BYTES>().and_then(Packet::parse) else {
            continue;
        };
        let is_video = packet
            .payload
            .first_chunk::<4>()
            .is_some_and(|it| it[..3] == [0, 0, 1] && it[3] & 0xf0 == 0xe0);
        if !packet.unit_start || !is_video {
            continue;
        }
        let Parsed::Header(header) = pes::parse(packet.payload) else {
            continue;
        };
        let Some(pts) = header.pts else { continue };
        let dts = header.dts.unwrap_or(pts);
        if early.frames.first().is_some_and(|first| dts > first.pts) {
            early.next_dts = Some(dts);
            return early;
        }
        let header_offset = (number + 1) * PACKET_BYTES - packet.payload.len();
        early.frames.push(Frame {
            header: header_offset,
            pts,
            dts,
            has_dts: header.dts.is_some(),
        });
    }
    early
}

/// Removes the decoding time from a PES header: it equals the presentation time (ISO/IEC 13818-1,
/// 2.7.5). Stuffing replaces it.
fn without_dts(bytes: &mut [u8], header: usize) {
    let Some(fields) = bytes.get_mut(header..header + 19) else {
        return;
    };
    fields[7] &= !0x40;
    fields[9] = fields[9] & 0x0f | 0x20;
    fields[14..19].fill(0xff);
}

fn write_dts(bytes: &mut [u8], header: usize, dts: u64) {
    let Some(field) = bytes.get_mut(header + 14..header + 19) else {
        return;
    };
    let part = |shift: u32, mask: u64| (dts >> shift & mask) as u8;
    field[0] = 0x10 | part(30, 0x7) << 1 | 1;
    field[1] = part(22, 0xff);
    field[2] = part(15, 0x7f) << 1 | 1;
    field[3] = part(7, 0xff);
    field[4] = part(0, 0x7f) << 1 | 1;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ts::packet::SYNC_BYTE;
    use crate::ts::scan;

    fn stamp(prefix: u8, time: u64) -> [u8; 5] {
        [
            prefix << 4 | ((time >> 30 & 7) as u8) << 1 | 1,
            (time >> 22) as u8,
            ((time >> 15 & 0x7f) as u8) << 1 | 1,
            (time >> 7) as u8,
            ((time & 0x7f) as u8) << 1 | 1,
        ]
    }

    fn packet(pts: u64, dts: Option<u64>) -> Vec<u8> {
        let mut pes = vec![0, 0, 1, 0xe0, 0, 0, 0x80];
        match dts {
            Some(dts) => {
                pes.extend([0xc0, 10]);
                pes.extend(stamp(3, pts));
                pes.extend(stamp(1, dts));
            }
            None => {
                pes.extend([0x80, 5]);
                pes.extend(stamp(2, pts));
            }
        }
        let mut packet = vec![SYNC_BYTE, 0x41, 0, 0x30];
        let stuffing = PACKET_BYTES - 5 - pes.len();
        packet.push(stuffing as u8);
        packet.extend(
            std::iter::once(0)
                .chain(std::iter::repeat(0xff))
                .take(stuffing),
        );
        packet.extend(pes);
        packet
    }

    fn times(bytes: &[u8]) -> Vec<(u64, u64)> {
        let packets = bytes
            .chunks_exact(PACKET_BYTES)
            .map(|it| Packet::parse(it.first_chunk().unwrap()).unwrap());
        let headers = packets.map(|it| match pes::parse(it.payload) {
            Parsed::Header(header) => header,
            other => panic!("{other:?}"),
        });
        headers
            .map(|it| (it.pts.unwrap(), it.dts.or(it.pts).unwrap()))
            .collect()
    }

    #[test]
    fn two_reordered_pictures_move_behind_the_first() {
        let order = [
            (10_000, 7_600),
            (14_800, 8_800),
            (12_400, 10_000),
            (11_200, 11_200),
            (13_600, 12_400),
        ];
        let mut bytes: Vec<u8> = order
            .iter()
            .flat_map(|(pts, dts)| packet(*pts, (pts != dts).then_some(*dts)))
            .collect();
        assert!(begin_with_first_frame(&mut bytes));
        let expected = [
            (10_000, 10_000),
            (14_800, 10_400),
            (12_400, 10_800),
            (11_200, 11_200),
            (13_600, 12_400),
        ];
        assert_eq!(times(&bytes), expected);
        let once = bytes.clone();
        assert!(
            !begin_with_first_frame(&mut bytes),
            "there is nothing left to move"
        );
        assert_eq!(bytes, once);
    }

    #[test]
    fn immovable_times_stay() {
        let cases: [&[(u64, Option<u64>)]; 4] = [
            // No frame is reordered.
            &[(10_000, None), (11_200, None)],
            // The second frame is shown before the first.
            &[(10_000, Some(7_600)), (9_000, Some(8_800)), (12_400, None)],
            // There is no time between the first two frames.
            &[
                (10_000, Some(9_998)),
                (10_001, Some(9_999)),
                (10_002, Some(10_000)),
                (10_003, Some(10_001)),
            ],
            &[],
        ];
        for case in cases {
            let bytes: Vec<u8> = case
                .iter()
                .flat_map(|(pts, dts)| packet(*pts, *dts))
                .collect();
            let mut after = bytes.clone();
            assert!(!begin_with_first_frame(&mut after), "{case:?}");
            assert_eq!(after, bytes, "{case:?}");
        }
    }

    #[test]
    fn a_real_segment_decodes_as_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ts");
        let made = std::process::Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-y",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=160x90:r=24",
                "-t",
                "2",
            ])
            .args(["-c:v", "libx264", "-bf", "3", "-output_ts_offset", "10"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(made.success());
        let bytes = std::fs::read(path).unwrap();
        let (before, mut after) = (scan(&bytes), bytes.clone());
        assert!(before.video().unwrap().first_dts < before.video().unwrap().min_pts);
        assert!(begin_with_first_frame(&mut after));
        let report = scan(&after);
        let video = report.video().unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(video.first_dts, video.min_pts);
        assert_eq!((video.dts_steps_back, video.frames), (0, 48));
        assert_eq!(
            (video.min_pts, video.max_pts),
            (
                before.video().unwrap().min_pts,
                before.video().unwrap().max_pts
            )
        );
        let changed = bytes.iter().zip(&after).filter(|(a, b)| a != b).count();
        assert!(changed < 40, "{changed} bytes changed");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in prop::collection::vec(any::<u8>(), 0..1200), packets in any::<bool>()) {
            if packets {
                for at in (0..bytes.len()).step_by(PACKET_BYTES) {
                    bytes[at] = SYNC_BYTE;
                }
            }
            begin_with_first_frame(&mut bytes);
        }

        #[test]
        fn decoding_times_grow_and_precede_frames(delay in 1_u64..5, frame in 1_500_u64..6_000, count in 6_usize..20) {
            // The first frame, then anchors, each followed by one frame that is shown before it.
            let mut shown = vec![0_u64];
            let mut next = 1;
            while shown.len() < count {
                shown.extend([next + 1, next]);
                next += 2;
            }
            let mut bytes = vec![];
            for (number, at) in shown.iter().enumerate() {
                let (pts, dts) = (900_000 + at * frame, 900_000 + number as u64 * frame - delay * frame);
                bytes.extend(packet(pts, (pts != dts).then_some(dts)));
            }
            begin_with_first_frame(&mut bytes);
            let times = times(&bytes);
            prop_assert_eq!(times[0], (900_000, 900_000));
            prop_assert!(times.windows(2).all(|it| it[0].1 < it[1].1), "{:?}", times);
            prop_assert!(times.iter().all(|it| it.1 <= it.0), "{:?}", times);
        }
    }
}
