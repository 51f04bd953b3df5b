//! A writer of small transport streams (ISO/IEC 13818-1) with H.264 and AAC: valid headers, no real frames.

use std::collections::HashMap;

use media::ts::PACKET_BYTES;

use super::measured;
use crate::sink::PRESENTATION_START;

/// `stream_type` and PID of H.264.
pub(crate) const VIDEO: (u8, u16) = (0x1b, 0x100);
/// `stream_type` and PID of AAC in ADTS.
pub(crate) const AUDIO: (u8, u16) = (0x0f, 0x101);
/// What the parameter sets say (RFC 6381).
pub(crate) const VIDEO_CODEC: &str = "avc1.42c01f";
/// What the ADTS headers say.
pub(crate) const AUDIO_CODEC: &str = "mp4a.40.2";

const PMT: u16 = 0x1000;
/// Constrained Baseline, level 3.1, 320x192.
const SPS: [u8; 8] = [0x67, 0x42, 0xc0, 0x1f, 0xda, 0x05, 0x06, 0x44];
const PPS: [u8; 4] = [0x68, 0xce, 0x3c, 0x80];

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// Parameter sets, and a picture at which decoding can begin.
    Idr,
    /// Intra-coded, without being a place to begin.
    Intra,
    /// It needs others.
    Inter,
}

/// A transport stream that is being written. Times are ticks from the start of the presentation.
pub(crate) struct Transport {
    bytes: Vec<u8>,
    counters: HashMap<u16, u8>,
}

impl Transport {
    /// Begins with tables that name these streams.
    pub(crate) fn new(streams: &[(u8, u16)]) -> Self {
        let mut this = Self::without_tables();
        let program = [0, 1, 0xe0 | (PMT >> 8) as u8, PMT as u8];
        this.section(0, 0, &program);
        let mut map = vec![0xe1, 0x00, 0xf0, 0];
        for (kind, pid) in streams {
            map.extend([*kind, 0xe0 | (pid >> 8) as u8, *pid as u8, 0xf0, 0]);
        }
        this.section(PMT, 2, &map);
        this
    }

    pub(crate) fn without_tables() -> Self {
        Self {
            bytes: vec![],
            counters: HashMap::new(),
        }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes a frame; `filler` bytes make it larger.
    pub(crate) fn frame(mut self, kind: FrameKind, ticks: u64, filler: usize) -> Self {
        let mut payload = vec![];
        let mut nal = |bytes: &[u8]| {
            payload.extend([0, 0, 0, 1]);
            payload.extend_from_slice(bytes);
        };
        match kind {
            FrameKind::Idr => {
                nal(&SPS);
                nal(&PPS);
                nal(&[0x65, 0x88, 0x84]);
            }
            FrameKind::Intra => nal(&[0x41, 0x88, 0x84]),
            FrameKind::Inter => nal(&[0x41, 0x9a, 0x24]),
        }
        payload.extend(std::iter::repeat_n(0xab, 12 + filler));
        self.pes(VIDEO.1, 0xe0, ticks, &payload, false);
        self
    }

    /// Writes a frame that consists of these bytes.
    pub(crate) fn bytes(mut self, ticks: u64, payload: &[u8]) -> Self {
        self.pes(VIDEO.1, 0xe0, ticks, payload, false);
        self
    }

    /// Writes access units of AAC in one packet.
    pub(crate) fn audio(self, ticks: u64, units: u32, sample_rate: u32) -> Self {
        self.audio_of(2, ticks, units, sample_rate)
    }

    /// Writes access units of AAC with up to six channels in one packet.
    fn audio_of(mut self, channels: u8, ticks: u64, units: u32, sample_rate: u32) -> Self {
        let rate = if sample_rate == 44_100 { 4 } else { 3 };
        let unit = [
            0xff,
            0xf1,
            1 << 6 | rate << 2 | channels >> 2,
            channels << 6,
            15 >> 3,
            (15 & 7) << 5 | 0x1f,
            0xfc,
        ];
        let unit: Vec<u8> = unit.into_iter().chain([0x21; 8]).collect();
        self.pes(AUDIO.1, 0xc0, ticks, &unit.repeat(units as usize), true);
        self
    }

    fn pes(&mut self, pid: u16, stream: u8, ticks: u64, payload: &[u8], sized: bool) {
        let time = (ticks as i64 + PRESENTATION_START) as u64;
        let stamp = [
            0x21 | ((time >> 30 & 7) as u8) << 1,
            (time >> 22) as u8,
            ((time >> 15 & 0x7f) as u8) << 1 | 1,
            (time >> 7) as u8,
            ((time & 0x7f) as u8) << 1 | 1,
        ];
        let length = if sized { payload.len() + 8 } else { 0 };
        let mut packet = vec![
            0,
            0,
            1,
            stream,
            (length >> 8) as u8,
            length as u8,
            0x80,
            0x80,
            5,
        ];
        packet.extend(stamp);
        packet.extend_from_slice(payload);
        self.packets(pid, &packet);
    }

    fn section(&mut self, pid: u16, table: u8, body: &[u8]) {
        let length = body.len() + 9;
        let mut section = vec![
            table,
            0xb0 | (length >> 8) as u8,
            length as u8,
            0,
            1,
            0xc1,
            0,
            0,
        ];
        section.extend_from_slice(body);
        section.extend(crc32(&section).to_be_bytes());
        section.insert(0, 0);
        self.packets(pid, &section);
    }

    fn packets(&mut self, pid: u16, payload: &[u8]) {
        for (index, part) in payload.chunks(PACKET_BYTES - 4).enumerate() {
            let counter = self.counters.entry(pid).or_default();
            let start = u8::from(index == 0) << 6;
            let stuffing = PACKET_BYTES - 4 - part.len();
            let control = if stuffing > 0 { 0x30 } else { 0x10 };
            self.bytes.extend([
                0x47,
                start | (pid >> 8) as u8,
                pid as u8,
                control | *counter,
            ]);
            *counter = (*counter + 1) & 0xf;
            if stuffing > 0 {
                self.bytes.push(stuffing as u8 - 1);
                self.bytes.extend(
                    std::iter::once(0)
                        .chain(std::iter::repeat(0xff))
                        .take(stuffing - 1),
                );
            }
            self.bytes.extend_from_slice(part);
        }
    }
}

/// The checksum of tables (ISO/IEC 13818-1, annex A).
fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            if crc & 1 << 31 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x04c1_1db7
            }
        })
    })
}

/// A segment of video: one IDR picture, and others after it.
pub(crate) fn video(start: u64, frames: u32, frame_ticks: u64) -> Vec<u8> {
    let frames = (0..u64::from(frames)).fold(Transport::new(&[VIDEO]), |stream, number| {
        let kind = if number == 0 {
            FrameKind::Idr
        } else {
            FrameKind::Inter
        };
        stream.frame(kind, start + number * frame_ticks, 0)
    });
    frames.into_bytes()
}

/// A segment of AAC.
pub(crate) fn audio(start: u64, units: u32, sample_rate: u32) -> Vec<u8> {
    audio_of(2, start, units, sample_rate)
}

/// A segment of AAC with up to six channels.
pub(crate) fn audio_of(channels: u8, start: u64, units: u32, sample_rate: u32) -> Vec<u8> {
    let mut stream = Transport::new(&[AUDIO]);
    for first in (0..units).step_by(16) {
        let ticks = start + u64::from(first) * 1024 * 90_000 / u64::from(sample_rate);
        stream = stream.audio_of(channels, ticks, 16.min(units - first), sample_rate);
    }
    stream.into_bytes()
}

/// A chunk of the trick-play rendition.
pub(crate) fn iframes(starts: &[u64]) -> Vec<u8> {
    starts
        .iter()
        .fold(Transport::new(&[VIDEO]), |stream, at| {
            stream.frame(FrameKind::Idr, *at, 0)
        })
        .into_bytes()
}

#[test]
fn what_is_written_is_read_back() {
    let segment = measured(&video(540_000, 180, 3_000));
    assert!(
        segment.damage.is_none() && segment.starts_with_tables,
        "{segment:?}"
    );
    let stream = segment.video.unwrap();
    assert_eq!(
        (stream.frames, stream.intra_frames, stream.starts_with_idr),
        (180, 1, true)
    );
    assert_eq!(
        (stream.start_ticks(), stream.duration_ticks()),
        (PRESENTATION_START + 540_000, 540_000)
    );
    assert_eq!(stream.codec.as_deref(), Some(VIDEO_CODEC));

    let segment = measured(&audio(0, 281, 48_000));
    assert!(
        segment.damage.is_none() && segment.lost_audio_bytes == 0,
        "{segment:?}"
    );
    let stream = segment.audio.unwrap();
    assert_eq!((stream.frames, stream.samples), (281, 281 * 1024));
    assert_eq!(stream.codec.as_deref(), Some(AUDIO_CODEC));
}
