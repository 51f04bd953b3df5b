//! The frames of an elementary stream of audio: AAC in ADTS, AC-3 and Enhanced AC-3.

use crate::aac::AdtsHeader;
use crate::ac3::Ac3Header;
use crate::ts::EsCodec;

/// Length of a header, bytes: that of ADTS without its optional checksum, and all that is read of AC-3.
const HEADER_BYTES: usize = crate::aac::HEADER_BYTES;
const _: () = assert!(HEADER_BYTES == crate::ac3::HEADER_BYTES);

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameHeader {
    /// AAC.
    Adts(AdtsHeader),
    /// AC-3 or Enhanced AC-3.
    Ac3(Ac3Header),
}

impl FrameHeader {
    /// Parses the header at the start of `bytes`; `None`: it is not a valid one of this codec.
    pub fn parse(codec: EsCodec, bytes: &[u8]) -> Option<Self> {
        match codec {
            EsCodec::AacAdts => AdtsHeader::parse(bytes).map(Self::Adts),
            EsCodec::Ac3 | EsCodec::Eac3 => Ac3Header::parse(bytes).map(Self::Ac3),
            _ => None,
        }
    }

    /// Length of the whole frame in bytes, header included.
    pub fn frame_bytes(&self) -> usize {
        usize::from(match self {
            Self::Adts(it) => it.frame_bytes,
            Self::Ac3(it) => it.frame_bytes,
        })
    }

    /// Samples per channel in this frame.
    pub fn samples(&self) -> u32 {
        match self {
            Self::Adts(it) => it.samples(),
            Self::Ac3(it) => it.samples(),
        }
    }

    /// Sample rate, Hz.
    pub fn sample_rate(&self) -> u32 {
        match self {
            Self::Adts(it) => it.sample_rate,
            Self::Ac3(it) => it.sample_rate,
        }
    }

    /// Number of channels; 0: the stream itself declares them.
    pub fn channels(&self) -> u8 {
        match self {
            Self::Adts(it) => it.channels,
            Self::Ac3(it) => it.channels,
        }
    }

    /// The codec as RFC 6381 writes it, such as `mp4a.40.2`.
    pub fn codec_string(&self) -> String {
        match self {
            Self::Adts(it) => it.codec_string(),
            Self::Ac3(it) => it.codec_string(),
        }
    }
}

/// Counts the frames of an elementary stream that arrives in pieces of any size.
///
/// A frame belongs to the piece in which its header begins.
#[derive(Debug, Clone)]
pub struct FrameCounter {
    codec: EsCodec,
    first: Option<FrameHeader>,
    frames: u64,
    samples: u64,
    lost_bytes: u64,
    changes: u64,
    skip: usize,
    header: [u8; HEADER_BYTES],
    header_len: usize,
}

impl FrameCounter {
    /// A counter for a stream of this codec; `None`: the frames of the codec are unknown.
    pub fn new(codec: EsCodec) -> Option<Self> {
        let is_known = matches!(codec, EsCodec::AacAdts | EsCodec::Ac3 | EsCodec::Eac3);
        is_known.then_some(Self {
            codec,
            first: None,
            frames: 0,
            samples: 0,
            lost_bytes: 0,
            changes: 0,
            skip: 0,
            header: [0; HEADER_BYTES],
            header_len: 0,
        })
    }

    /// Consumes the next bytes of the stream.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                self.skip -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            self.header[self.header_len] = bytes[0];
            self.header_len += 1;
            bytes = &bytes[1..];
            if self.header_len == HEADER_BYTES {
                self.end_of_header();
            }
        }
    }

    /// The header of the first frame.
    pub fn first(&self) -> Option<FrameHeader> {
        self.first
    }

    /// Frames begun so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Samples per channel of all frames begun so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Number of bytes outside any frame: more than zero means damage.
    pub fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// Number of changes of the rate or of the number of channels.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Number of bytes that the last frame still lacks: more than zero at the end means truncation.
    pub fn missing_bytes(&self) -> usize {
        self.skip
    }

    fn end_of_header(&mut self) {
        let Some(header) = FrameHeader::parse(self.codec, &self.header) else {
            // Not a frame: advances by one byte until a header fits again.
            self.lost_bytes += 1;
            self.header.copy_within(1.., 0);
            self.header_len = HEADER_BYTES - 1;
            return;
        };
        self.header_len = 0;
        self.skip = header.frame_bytes() - HEADER_BYTES;
        self.frames += 1;
        self.samples += u64::from(header.samples());
        let first = *self.first.get_or_insert(header);
        let format = |it: FrameHeader| (it.sample_rate(), it.channels());
        if format(first) != format(header) {
            self.changes += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 48 kHz stereo AAC-LC, 20 bytes in all.
    const AAC: [u8; 20] = [
        0xff, 0xf1, 0x4c, 0x80, 0x02, 0x9f, 0xfc, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
    ];

    /// 5.1 of 192 kbit/s in AC-3 at 48 kHz.
    fn ac3() -> Vec<u8> {
        let mut frame = vec![0; 768];
        frame[..7].copy_from_slice(&[0x0b, 0x77, 0, 0, 0x14, 0x40, 0xe1]);
        frame
    }

    proptest! {
        #[test]
        fn counting_does_not_depend_on_how_the_bytes_are_cut(
            cuts in proptest::collection::vec(1usize..1000, 0..40),
            is_aac in any::<bool>(),
        ) {
            let (frame, codec, samples) = match is_aac {
                true => (AAC.to_vec(), EsCodec::AacAdts, 1024),
                false => (ac3(), EsCodec::Ac3, 1536),
            };
            let stream = frame.repeat(30);
            let mut counter = FrameCounter::new(codec).unwrap();
            let mut rest = stream.as_slice();
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                counter.push(head);
                rest = tail;
            }
            counter.push(rest);
            prop_assert_eq!(counter.frames(), 30);
            prop_assert_eq!(counter.samples(), 30 * samples);
            prop_assert_eq!((counter.lost_bytes(), counter.missing_bytes(), counter.changes()), (0, 0, 0));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            for codec in [EsCodec::AacAdts, EsCodec::Ac3, EsCodec::Eac3] {
                FrameCounter::new(codec).unwrap().push(&bytes);
            }
            prop_assert!(FrameCounter::new(EsCodec::H264).is_none());
        }
    }
}
