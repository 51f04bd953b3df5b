//! The head of a video access unit: just enough NAL units to decide whether decoding can start
//! there.

use super::EsCodec;
use crate::av1;
use crate::h265::{self, FrameKind};

/// Maximum size of a head: an access unit without a slice up to there is not examined further.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The facts from the NAL units up to the first slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct HeadFacts {
    pub(crate) sps: bool,
    pub(crate) pps: bool,
    /// Whether the first slice belongs to an IDR frame (HEVC: IDR, BLA or CRA).
    pub(crate) random_access: bool,
    /// HEVC: whether frames that follow may still be undecodable after a start here.
    pub(crate) open: bool,
    /// HEVC: whether this frame is undecodable after a start at the random access frame before it.
    pub(crate) skipped: bool,
    /// Whether the first slice is intra-coded, IDR or not.
    pub(crate) intra: bool,
    /// Whether a slice was found.
    pub(crate) has_frame: bool,
}

/// Collects the beginnings of access units, one after the other, until the first slice of each.
#[derive(Debug, Clone)]
pub(crate) struct HeadScanner {
    codec: EsCodec,
    head: Vec<u8>,
    searched: usize,
    open_sps: Option<usize>,
    facts: HeadFacts,
    done: bool,
    /// The first sequence parameter set of the stream, without its start code.
    pub(crate) first_sps: Option<Vec<u8>>,
    /// Number of later parameter sets that differ from the first.
    pub(crate) sps_changes: u64,
}

impl HeadScanner {
    pub(crate) fn new(codec: EsCodec) -> Self {
        Self {
            codec,
            head: Vec::new(),
            searched: 0,
            open_sps: None,
            facts: HeadFacts::default(),
            done: true,
            first_sps: None,
            sps_changes: 0,
        }
    }

    /// Starts the next access unit.
    pub(crate) fn begin(&mut self) {
        self.head.clear();
        self.searched = 0;
        self.open_sps = None;
        self.facts = HeadFacts::default();
        self.done = !matches!(self.codec, EsCodec::H264 | EsCodec::Hevc | EsCodec::Av1);
    }

    /// Whether more bytes of this access unit are needed.
    #[inline]
    pub(crate) fn wants_more(&self) -> bool {
        !self.done
    }

    /// Consumes more bytes; returns the facts once the first slice is found.
    pub(crate) fn push(&mut self, payload: &[u8]) -> Option<HeadFacts> {
        if self.done {
            return None;
        }
        self.head.extend_from_slice(payload);
        if self.codec == EsCodec::Av1 {
            self.done = self.visit_obus() || self.head.len() > MAX_HEAD_BYTES;
            return self.facts.has_frame.then_some(self.facts);
        }
        while let Some(start) = self.next_nal() {
            self.close_sps(start - 3);
            if self.visit(start) {
                self.done = true;
                return Some(self.facts);
            }
        }
        self.done = self.head.len() > MAX_HEAD_BYTES;
        None
    }

    /// Index just after the next start code, once enough bytes follow it to classify the NAL unit.
    fn next_nal(&mut self) -> Option<usize> {
        const LOOK_AHEAD: usize = 8;
        let found = self
            .head
            .get(self.searched..)?
            .windows(3)
            .position(|it| it == [0, 0, 1]);
        match found {
            Some(at) if self.searched + at + 3 + LOOK_AHEAD <= self.head.len() => {
                self.searched += at + 3;
                Some(self.searched)
            }
            Some(at) => {
                self.searched += at;
                None
            }
            None => {
                self.searched = self.head.len().saturating_sub(2).max(self.searched);
                None
            }
        }
    }

    /// Whether the NAL unit at `start` is the first slice.
    fn visit(&mut self, start: usize) -> bool {
        let nal = &self.head[start..];
        match self.codec {
            EsCodec::Hevc => {
                let kind = (nal[0] >> 1) & 0x3f;
                match h265::frame_kind(kind) {
                    Some(frame) => {
                        self.facts.open = frame == FrameKind::Open;
                        self.facts.random_access = self.facts.open || frame == FrameKind::Closed;
                        self.facts.intra = self.facts.random_access || frame == FrameKind::Intra;
                        self.facts.skipped = frame == FrameKind::Skipped;
                        self.facts.has_frame = true;
                    }
                    None if kind == 33 => {
                        self.facts.sps = true;
                        self.open_sps = Some(start);
                    }
                    None => self.facts.pps |= kind == 34,
                }
            }
            _ => match nal[0] & 0x1f {
                kind @ 1..=5 => {
                    self.facts.random_access = kind == 5;
                    self.facts.intra = kind == 5 || h264_slice_is_intra(&nal[1..]);
                    self.facts.has_frame = true;
                }
                7 => {
                    self.facts.sps = true;
                    self.open_sps = Some(start);
                }
                8 => self.facts.pps = true,
                _ => {}
            },
        }
        self.facts.has_frame
    }

    /// Reads the OBUs up to the first frame header; `false` if more bytes are needed.
    fn visit_obus(&mut self) -> bool {
        self.facts = HeadFacts::default();
        let mut header = None;
        for obu in av1::obus(&self.head) {
            if obu.kind == av1::SEQUENCE_HEADER && !obu.truncated {
                header = Some(obu.whole);
            }
            let Some(frame) = av1::frame_kind(&obu) else {
                continue;
            };
            let has_header = header.is_some();
            self.facts = HeadFacts {
                // A sequence header holds everything.
                sps: has_header,
                pps: has_header,
                random_access: has_header && frame == av1::FrameKind::Key,
                intra: frame != av1::FrameKind::Inter,
                has_frame: true,
                ..HeadFacts::default()
            };
            break;
        }
        if self.facts.has_frame {
            match (&self.first_sps, header) {
                (None, Some(header)) => self.first_sps = Some(header.to_vec()),
                (Some(first), Some(header)) if first != header => self.sps_changes += 1,
                _ => {}
            }
        }
        self.facts.has_frame
    }

    fn close_sps(&mut self, end: usize) {
        let Some(start) = self.open_sps.take() else {
            return;
        };
        // The zero before a four-byte start code is not part of the NAL unit.
        let sps = without_trailing_zeros(&self.head[start..end]);
        match &self.first_sps {
            None => self.first_sps = Some(sps.to_vec()),
            Some(first) if first != sps => self.sps_changes += 1,
            Some(_) => {}
        }
    }
}

fn without_trailing_zeros(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&it| it != 0).map_or(0, |at| at + 1);
    &bytes[..end]
}

/// Reads `first_mb_in_slice` and `slice_type` (ISO/IEC 14496-10, 7.3.3).
fn h264_slice_is_intra(header: &[u8]) -> bool {
    let mut bits = crate::bits::BitReader::new(header);
    let Some(_first_macroblock) = bits.ue() else {
        return false;
    };
    matches!(bits.ue(), Some(2 | 4 | 7 | 9))
}
