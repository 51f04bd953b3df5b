//! The state of one elementary stream during a scan.

use crate::audio_frames::FrameCounter;
use crate::av1;

use super::access_unit::HeadScanner;
use super::clock::{Clock, near};
use super::packet::Packet;
use super::pes::{self, Parsed, PesHeader};
use super::psi::{PRIVATE_DATA, PmtStream};
use super::report::{EsCodec, EsKind, EsReport, RandomAccess};

/// Maximum length of a PES header: nine fixed bytes and 255 optional ones.
const MAX_PES_HEADER_BYTES: usize = 264;

pub(crate) struct Elementary {
    report: EsReport,
    counter: Option<u8>,
    duplicate_seen: bool,
    /// A PES header that continues in the next packet.
    header: Vec<u8>,
    in_header: bool,
    /// Payload bytes that the current PES packet still lacks, if its header declared a length.
    missing: Option<usize>,
    pes_offset: u64,
    pes_pts: Option<i64>,
    samples_before_pes: u64,
    head: HeadScanner,
    /// The last random access frame may turn out not to start a closed group.
    open_access: bool,
    frames: Option<FrameCounter>,
}

impl Elementary {
    pub(crate) fn new(stream: PmtStream) -> Self {
        Self {
            report: EsReport {
                pid: stream.pid,
                stream_type: stream.stream_type,
                codec: stream.codec,
                pes_count: 0,
                frames: 0,
                pts: Vec::new(),
                first_pts: None,
                last_pts: None,
                min_pts: None,
                max_pts: None,
                first_dts: None,
                last_dts: None,
                dts_steps_back: 0,
                starts_with_idr: false,
                starts_with_intra: false,
                random_access: Vec::new(),
                intra_frames: 0,
                sps: None,
                sps_changes: 0,
                frame_header: None,
                samples: 0,
                lost_audio_bytes: 0,
                end_pts: None,
                continuity_errors: 0,
                short_pes: 0,
                bad_pes: 0,
            },
            counter: None,
            duplicate_seen: false,
            header: Vec::new(),
            in_header: false,
            missing: None,
            pes_offset: 0,
            pes_pts: None,
            samples_before_pes: 0,
            head: HeadScanner::new(stream.codec),
            open_access: false,
            frames: FrameCounter::new(stream.codec),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, packet: &Packet<'_>, offset: u64, clock: &mut Clock) {
        if !packet.has_payload || self.is_repeat(packet) {
            return;
        }
        if packet.unit_start {
            self.end_of_pes();
            self.pes_offset = offset;
            self.header.clear();
            self.in_header = true;
        }
        if self.in_header {
            self.push_header(packet.payload, clock);
        } else {
            self.push_body(packet.payload);
        }
    }

    pub(crate) fn finish(mut self) -> EsReport {
        self.end_of_pes();
        let mut report = self.report;
        report.sps = self.head.first_sps;
        report.sps_changes = self.head.sps_changes;
        match &self.frames {
            Some(frames) => {
                report.frame_header = frames.first();
                report.frames = frames.frames();
                report.samples = frames.samples();
                report.lost_audio_bytes = frames.lost_bytes();
                report.end_pts = self.pes_pts.zip(frames.first()).map(|(pts, header)| {
                    let samples = frames.samples() - self.samples_before_pes;
                    let rate = u64::from(header.sample_rate());
                    pts + ((samples * super::TICKS_PER_SECOND + rate / 2) / rate) as i64
                });
            }
            None => report.frames = report.pes_count,
        }
        report
    }

    /// Follows the continuity counter. A packet may be repeated once (2.4.3.3); the repetition is
    /// dropped.
    #[inline]
    fn is_repeat(&mut self, packet: &Packet<'_>) -> bool {
        let previous = self.counter.replace(packet.counter);
        let Some(previous) = previous else {
            return false;
        };
        if packet.counter == (previous + 1) & 0xf || packet.discontinuity {
            self.duplicate_seen = false;
            return false;
        }
        if packet.counter == previous && !self.duplicate_seen && !packet.unit_start {
            self.duplicate_seen = true;
            return true;
        }
        self.duplicate_seen = false;
        self.report.continuity_errors += 1;
        false
    }

    fn push_header(&mut self, payload: &[u8], clock: &mut Clock) {
        if self.header.is_empty()
            && let Parsed::Header(header) = pes::parse(payload)
        {
            return self.begin_pes(header, &payload[header.header_bytes..], clock);
        }
        self.header.extend_from_slice(payload);
        match pes::parse(&self.header) {
            Parsed::Header(header) => {
                let bytes = std::mem::take(&mut self.header);
                self.begin_pes(header, &bytes[header.header_bytes..], clock);
            }
            Parsed::Incomplete if self.header.len() < MAX_PES_HEADER_BYTES => {}
            Parsed::Incomplete | Parsed::Invalid => {
                self.in_header = false;
                self.missing = None;
                self.report.bad_pes += 1;
            }
        }
    }

    fn begin_pes(&mut self, header: PesHeader, payload: &[u8], clock: &mut Clock) {
        self.in_header = false;
        self.missing = header.payload_bytes;
        self.report.pes_count += 1;
        let dts = header.dts.or(header.pts).map(|raw| clock.advance(raw));
        let pts = header.pts.zip(dts).map(|(raw, dts)| near(dts, raw));
        self.note_times(pts, dts);
        let is_first = self.report.pes_count == 1;
        if is_first && is_private(self.report.stream_type, self.report.codec) {
            self.recognise(payload);
        }
        self.head.begin();
        self.push_body(payload);
    }

    /// Recognises AV1 by the first bytes of the stream.
    fn recognise(&mut self, payload: &[u8]) {
        if payload.starts_with(&av1::START) {
            self.report.codec = EsCodec::Av1;
            self.head = HeadScanner::new(EsCodec::Av1);
        }
    }

    fn note_times(&mut self, pts: Option<i64>, dts: Option<i64>) {
        let report = &mut self.report;
        if let Some(dts) = dts {
            if report.last_dts.is_some_and(|last| dts <= last) {
                report.dts_steps_back += 1;
            }
            report.first_dts.get_or_insert(dts);
            report.last_dts = Some(dts);
        }
        let Some(pts) = pts else { return };
        report.first_pts.get_or_insert(pts);
        report.last_pts = Some(pts);
        report.min_pts = Some(report.min_pts.map_or(pts, |it| it.min(pts)));
        report.max_pts = Some(report.max_pts.map_or(pts, |it| it.max(pts)));
        if report.pts.len() < EsReport::MAX_TIMES {
            report.pts.push(pts);
        }
        self.pes_pts = Some(pts);
        self.samples_before_pes = self.frames.as_ref().map_or(0, FrameCounter::samples);
    }

    #[inline]
    fn push_body(&mut self, payload: &[u8]) {
        let mut payload = payload;
        if let Some(missing) = &mut self.missing {
            payload = &payload[..payload.len().min(*missing)];
            *missing -= payload.len();
        }
        if self.head.wants_more() {
            self.push_head(payload);
        }
        if let Some(frames) = &mut self.frames {
            frames.push(payload);
        }
    }

    fn push_head(&mut self, payload: &[u8]) {
        let Some(facts) = self.head.push(payload) else {
            return;
        };
        let report = &mut self.report;
        if facts.skipped && std::mem::take(&mut self.open_access) {
            report.random_access.pop();
            report.starts_with_idr &= !report.random_access.is_empty();
        }
        if report.pes_count == 1 {
            report.starts_with_idr = facts.random_access && facts.sps && facts.pps;
            report.starts_with_intra = facts.intra;
        }
        report.intra_frames += u64::from(facts.intra);
        if facts.random_access
            && report.random_access.len() < EsReport::MAX_TIMES
            && let Some(pts) = self.pes_pts
        {
            report.random_access.push(RandomAccess {
                pts,
                offset: self.pes_offset,
            });
            self.open_access = facts.open;
        }
    }

    fn end_of_pes(&mut self) {
        if self.in_header || self.missing.take().is_some_and(|it| it > 0) {
            self.report.short_pes += 1;
            self.in_header = false;
        }
    }
}

impl std::fmt::Debug for Elementary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elementary")
            .field("pid", &self.report.pid)
            .finish_non_exhaustive()
    }
}

/// Whether a stream is private data of an unknown codec.
pub(crate) fn is_private(stream_type: u8, codec: EsCodec) -> bool {
    stream_type == PRIVATE_DATA && codec == EsCodec::Other
}

/// Whether a stream can be scanned for frames.
pub(crate) fn is_video(stream: &PmtStream) -> bool {
    stream.codec.kind() == EsKind::Video
}
