//! The incremental scanner: consumes bytes in pieces of any size, and returns one report.

use super::clock::Clock;
use super::elementary::Elementary;
use super::packet::{PACKET_BYTES, Packet, SYNC_BYTE};
use super::psi::{SectionBuffer, crc32, parse_pat, parse_pmt};
use super::report::TsReport;

/// Maximum number of programs in one PAT that are examined; no broadcast has more.
const MAX_PMTS: usize = 16;
const MAX_STREAMS: usize = 64;

/// Lower PIDs are reserved for tables.
const FIRST_FREE_PID: u16 = 0x20;
const NULL_PID: u16 = 0x1fff;

const NOTHING: u8 = 0;
const PAT: u8 = 1;
const PMT: u8 = 2;
/// The service description table: read for its checksum only.
const SDT: u8 = 3;
const SDT_PID: usize = 0x11;
/// Slots from here on are elementary streams.
const FIRST_STREAM: u8 = 16;

/// Scans a transport stream that arrives in pieces. Memory does not grow with the stream, except
/// eight bytes per PES packet (at most [`EsReport::MAX_TIMES`](super::EsReport::MAX_TIMES) of
/// them).
#[derive(Debug)]
pub struct TsScanner {
    report: TsReport,
    carry: [u8; PACKET_BYTES],
    carried: usize,
    in_sync: bool,
    /// The role of each PID.
    slots: Box<[u8; 8192]>,
    pat: SectionBuffer,
    sdt: SectionBuffer,
    pmts: Vec<(u16, SectionBuffer)>,
    streams: Vec<Elementary>,
    payload_before_tables: bool,
    first_pid: Option<u16>,
    clock: Clock,
}

impl Default for TsScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl TsScanner {
    /// A scanner at the start of a stream.
    pub fn new() -> Self {
        let mut slots = Box::new([NOTHING; 8192]);
        slots[0] = PAT;
        slots[SDT_PID] = SDT;
        Self {
            report: TsReport::default(),
            carry: [0; PACKET_BYTES],
            carried: 0,
            in_sync: true,
            slots,
            pat: SectionBuffer::default(),
            sdt: SectionBuffer::default(),
            pmts: Vec::new(),
            streams: Vec::new(),
            payload_before_tables: false,
            first_pid: None,
            clock: Clock::default(),
        }
    }

    /// Consumes the next bytes.
    pub fn push(&mut self, mut bytes: &[u8]) {
        if self.carried > 0 {
            let wanted = PACKET_BYTES - self.carried;
            let taken = wanted.min(bytes.len());
            self.carry[self.carried..self.carried + taken].copy_from_slice(&bytes[..taken]);
            self.carried += taken;
            bytes = &bytes[taken..];
            if self.carried < PACKET_BYTES {
                return;
            }
            self.carried = 0;
            let packet = self.carry;
            self.packet(&packet);
        }
        while !bytes.is_empty() {
            if bytes[0] != SYNC_BYTE {
                bytes = self.resynchronise(bytes);
                continue;
            }
            self.in_sync = true;
            let Some((packet, rest)) = bytes.split_first_chunk::<PACKET_BYTES>() else {
                self.carry[..bytes.len()].copy_from_slice(bytes);
                self.carried = bytes.len();
                return;
            };
            self.packet(packet);
            bytes = rest;
        }
    }

    /// The report of the stream, after its end.
    pub fn finish(mut self) -> TsReport {
        self.length_faults(true);
        let mut report = self.report;
        report.trailing_bytes = self.carried;
        report.bytes += self.carried as u64;
        report.streams = self.streams.into_iter().map(Elementary::finish).collect();
        report
    }

    /// Drops bytes up to the next one that may start a packet.
    fn resynchronise<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.in_sync {
            self.report.sync_errors += 1;
            self.report.starts_damaged |= self.report.bytes == 0;
            self.in_sync = false;
        }
        let lost = bytes
            .iter()
            .position(|&it| it == SYNC_BYTE)
            .unwrap_or(bytes.len());
        self.report.bytes += lost as u64;
        &bytes[lost..]
    }

    #[inline]
    fn packet(&mut self, bytes: &[u8; PACKET_BYTES]) {
        let offset = self.report.bytes;
        self.report.bytes += PACKET_BYTES as u64;
        self.report.packets += 1;
        let Some(packet) = Packet::parse(bytes) else {
            self.report.bad_packets += 1;
            self.report.starts_damaged |= offset == 0;
            return;
        };
        if offset == 0 {
            self.first_pid = Some(packet.pid);
        }
        match self.slots[usize::from(packet.pid)] {
            NOTHING
                if packet.unit_start && self.streams.is_empty() && packet.pid >= FIRST_FREE_PID =>
            {
                self.payload_before_tables |= packet.pid != NULL_PID;
            }
            NOTHING => {}
            table @ (PAT | PMT | SDT) => {
                match table {
                    PAT => self.pat_packet(&packet),
                    PMT => self.pmt_packet(&packet),
                    _ => self.sdt_packet(&packet),
                }
                self.length_faults(false);
            }
            slot => {
                self.report.starts_with_tables = !self.payload_before_tables;
                let stream = &mut self.streams[usize::from(slot - FIRST_STREAM)];
                stream.push(&packet, offset, &mut self.clock);
            }
        }
    }

    fn bad_table(&mut self) {
        self.report.bad_tables += 1;
        self.report.starts_damaged |= self.report.packets == 1;
    }

    /// Counts sections with an impossible length.
    fn length_faults(&mut self, at_end: bool) {
        let pmts = self.pmts.iter_mut().map(|(pid, buffer)| (*pid, buffer));
        for (pid, buffer) in [(0, &mut self.pat), (SDT_PID as u16, &mut self.sdt)]
            .into_iter()
            .chain(pmts)
        {
            if buffer.take_fault(at_end) {
                self.report.bad_tables += 1;
                self.report.starts_damaged |=
                    self.first_pid == Some(pid) && buffer.is_first_faulty();
            }
        }
    }

    fn sdt_packet(&mut self, packet: &Packet<'_>) {
        let section = self.sdt.push(packet.payload, packet.unit_start);
        if section.is_some_and(|it| crc32(it) != 0) {
            self.bad_table();
        }
    }

    fn pat_packet(&mut self, packet: &Packet<'_>) {
        let Some(section) = self.pat.push(packet.payload, packet.unit_start) else {
            return;
        };
        let Ok(pids) = parse_pat(section) else {
            self.bad_table();
            return;
        };
        for pid in pids {
            let slot = &mut self.slots[usize::from(pid)];
            if *slot == NOTHING && self.pmts.len() < MAX_PMTS {
                *slot = PMT;
                self.pmts.push((pid, SectionBuffer::default()));
            }
        }
    }

    fn pmt_packet(&mut self, packet: &Packet<'_>) {
        let Some((_, buffer)) = self.pmts.iter_mut().find(|(pid, _)| *pid == packet.pid) else {
            return;
        };
        let Some(section) = buffer.push(packet.payload, packet.unit_start) else {
            return;
        };
        let Ok(streams) = parse_pmt(section) else {
            self.bad_table();
            return;
        };
        for stream in streams {
            let slot = &mut self.slots[usize::from(stream.pid)];
            if *slot == NOTHING && self.streams.len() < MAX_STREAMS {
                *slot = FIRST_STREAM + self.streams.len() as u8;
                self.streams.push(Elementary::new(stream));
            }
        }
    }
}
