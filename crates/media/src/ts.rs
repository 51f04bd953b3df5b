//! MPEG-2 transport streams (ISO/IEC 13818-1): the contents of a segment, found without decoding
//! it.
//!
//! [`TsScanner`] processes every byte that is published or checked, so it reads only packet
//! headers, PES headers and the first bytes of video access units.

mod access_unit;
mod captions;
mod clock;
mod decode_times;
mod elementary;
mod iframes;
mod packet;
mod pes;
mod psi;
mod renumber;
mod report;
mod scanner;
mod units;

pub use captions::{CaptionScanner, CaptionUnit};
pub use decode_times::begin_with_first_frame;
pub use iframes::{CutError, IFrameCut, cut_iframes};
pub use packet::{NULL_PACKET, PACKET_BYTES, SYNC_BYTE};
pub use renumber::{Renumbering, renumber};
pub use report::{EsCodec, EsKind, EsReport, RandomAccess, TsReport};
pub use scanner::TsScanner;
pub use units::{PesUnit, SplitError, pes_units};

/// Ticks per second of every time in a transport stream.
pub const TICKS_PER_SECOND: u64 = 90_000;

/// Scans a whole transport stream in memory.
pub fn scan(bytes: &[u8]) -> TsReport {
    let mut scanner = TsScanner::new();
    scanner.push(bytes);
    scanner.finish()
}

#[cfg(test)]
mod tests;
