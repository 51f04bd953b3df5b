//! Finds the `moov` box without doing I/O: the walker requests bytes, the caller reads them.

use super::boxes::{BoxHeader, MAX_HEADER_BYTES};
use super::{Moov, Mp4Error};

/// Maximum size of the index, bytes: ten hours of video with audio need some 30 MiB.
const MAX_MOOV_BYTES: u64 = 64 << 20;

/// Maximum size of a request, bytes: the supplied bytes are copied, so they are in memory twice for
/// a moment.
const MAX_READ_BYTES: u64 = 4 << 20;

/// Size of the first request, and of the one after `mdat`: small enough for one round trip, large
/// enough that a short file needs no second one.
const FIRST_READ_BYTES: u64 = 64 << 10;
const TAIL_READ_BYTES: u64 = 512 << 10;

/// Maximum number of top-level boxes: a valid file has a handful of them, a fragmented one two per
/// fragment.
const MAX_TOP_LEVEL_BOXES: u32 = 100_000;

/// The next step of the caller.
#[derive(Debug)]
pub enum Step {
    /// Read these bytes and pass them to [`BoxWalker::supply`]. They are inside the file.
    Need {
        /// Offset from the start of the file, bytes.
        offset: u64,
        /// Number of bytes; at least one.
        len: u64,
    },
    /// The index is complete.
    Done(Box<Moov>),
}

/// Walks the boxes at the top level of a file until it has `moov`.
///
/// ```no_run
/// # fn read(offset: u64, len: u64) -> Vec<u8> { vec![] }
/// # fn main() -> Result<(), media::mp4::Mp4Error> {
/// use media::mp4::{BoxWalker, Step};
/// let mut walker = BoxWalker::new(1_000_000);
/// let moov = loop {
///     match walker.step()? {
///         Step::Need { offset, len } => walker.supply(offset, &read(offset, len)),
///         Step::Done(moov) => break moov,
///     }
/// };
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct BoxWalker {
    file_bytes: u64,
    /// Offset of the next box.
    position: u64,
    /// Available bytes, and their offset.
    buffer: Vec<u8>,
    buffer_offset: u64,
    boxes: u32,
    fragments: bool,
}

impl BoxWalker {
    /// A walker at the start of a file of `file_bytes` bytes.
    pub fn new(file_bytes: u64) -> Self {
        Self {
            file_bytes,
            position: 0,
            buffer: Vec::new(),
            buffer_offset: 0,
            boxes: 0,
            fragments: false,
        }
    }

    /// Parses the available bytes and returns what is needed next.
    ///
    /// # Errors
    /// Any [`Mp4Error`] except those about samples, which come from reading the tables.
    pub fn step(&mut self) -> Result<Step, Mp4Error> {
        while self.position < self.file_bytes {
            let wanted = MAX_HEADER_BYTES.min(self.file_bytes - self.position);
            let Some(head) = self.at_hand(self.position, wanted) else {
                return Ok(self.need(wanted));
            };
            let Some(header) = BoxHeader::parse(head) else {
                return Err(self.not_a_box());
            };
            if self.boxes == 0 && !starts_a_file(header.kind) {
                return Err(Mp4Error::NotMp4);
            }
            let size = header.size.unwrap_or(self.file_bytes - self.position);
            if &header.kind == b"moov" {
                return self.moov(header, size);
            }
            self.fragments |= &header.kind == b"moof";
            self.boxes += 1;
            let end = self.position.saturating_add(size);
            if end > self.file_bytes {
                return Err(Mp4Error::Truncated {
                    expected: end,
                    actual: self.file_bytes,
                });
            }
            if self.boxes > MAX_TOP_LEVEL_BOXES {
                return Err(Mp4Error::Damaged {
                    what: "too many boxes",
                });
            }
            self.position = end;
        }
        Err(if self.boxes == 0 {
            Mp4Error::NotMp4
        } else {
            Mp4Error::NoMoov
        })
    }

    /// Supplies bytes of the file that begin at `offset`. Fewer than requested means that the file
    /// ends there; more are accepted.
    pub fn supply(&mut self, offset: u64, bytes: &[u8]) {
        let continues = offset == self.buffer_offset + self.buffer.len() as u64;
        if !continues || self.position >= offset {
            self.buffer.clear();
            self.buffer_offset = offset;
        }
        self.buffer.extend_from_slice(bytes);
        if bytes.is_empty() {
            // The file is shorter than declared; the same bytes must not be requested twice.
            self.file_bytes = self.file_bytes.min(offset);
        }
    }

    fn moov(&mut self, header: BoxHeader, size: u64) -> Result<Step, Mp4Error> {
        if size > MAX_MOOV_BYTES {
            return Err(Mp4Error::MoovTooLarge { bytes: size });
        }
        let end = self.position + size;
        if end > self.file_bytes {
            return Err(Mp4Error::Truncated {
                expected: end,
                actual: self.file_bytes,
            });
        }
        if self.at_hand(self.position, size).is_none() {
            return Ok(self.need(size));
        }
        let start = (self.position - self.buffer_offset) as usize;
        let mut payload = std::mem::take(&mut self.buffer);
        payload.truncate(start + size as usize);
        payload.drain(..start + header.header_bytes as usize);
        let moov = Moov::parse(&payload, self.file_bytes, self.fragments)?;
        Ok(Step::Done(Box::new(moov)))
    }

    fn at_hand(&self, offset: u64, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(offset.checked_sub(self.buffer_offset)?).ok()?;
        self.buffer
            .get(start..start.checked_add(usize::try_from(len).ok()?)?)
    }

    /// Requests the missing part of the `len` bytes at the position, and some more.
    fn need(&mut self, len: u64) -> Step {
        let buffered_end = self.buffer_offset + self.buffer.len() as u64;
        let offset = if (self.buffer_offset..buffered_end).contains(&self.position) {
            // Keeps the available bytes of this box, and drops the boxes before it.
            self.buffer
                .drain(..(self.position - self.buffer_offset) as usize);
            self.buffer_offset = self.position;
            buffered_end
        } else {
            self.position
        };
        let generous = if self.position == 0 {
            FIRST_READ_BYTES
        } else {
            TAIL_READ_BYTES
        };
        let end = (self.position + len)
            .max(offset + generous)
            .min(self.file_bytes);
        let exact_end = self.position + len;
        // A box of known size is requested exactly; a header is requested with the bytes around it.
        let end = if len > MAX_HEADER_BYTES {
            exact_end
        } else {
            end
        };
        Step::Need {
            offset,
            len: (end - offset).min(MAX_READ_BYTES),
        }
    }

    fn not_a_box(&self) -> Mp4Error {
        if self.boxes == 0 {
            Mp4Error::NotMp4
        } else {
            Mp4Error::Damaged { what: "box sizes" }
        }
    }
}

/// Whether an ISO or QuickTime file may begin with this box.
fn starts_a_file(kind: [u8; 4]) -> bool {
    [
        *b"ftyp", *b"moov", *b"mdat", *b"free", *b"skip", *b"wide", *b"pnot", *b"styp", *b"uuid",
        *b"pdin",
    ]
    .contains(&kind)
}
