//! Finds Info, Tracks and Cues without doing I/O: from the start to the first cluster, then by
//! `SeekHead`.

use super::ebml::{Head, MAX_HEAD_BYTES, children, head, unsigned};
use super::elements::MkvIndex;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const SEEK_HEAD: u32 = 0x114d_9b74;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CUES: u32 = 0x1c53_bb6b;
const CLUSTER: u32 = 0x1f43_b675;

/// Maximum size of an element: Cues of a day with a keyframe every second and several tracks are
/// smaller.
const MAX_ELEMENT_BYTES: u64 = 16 << 20;
const READ_BYTES: u64 = 64 << 10;
const MAX_ELEMENTS: u32 = 10_000;

/// The file has no usable head.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MkvError {
    /// The first bytes are not an EBML head.
    #[error("this is not a Matroska or WebM file")]
    NotMatroska,
    /// The file ends within its head.
    #[error("the file is cut off in its head")]
    Truncated,
    /// The head contains impossible sizes.
    #[error("the head of the file is damaged")]
    Damaged,
}

/// The next step of the caller.
#[derive(Debug)]
pub enum MkvStep {
    /// Read these bytes and pass them to [`MkvWalker::supply`].
    Need {
        /// Offset from the start of the file, bytes.
        offset: u64,
        /// Number of bytes; at least one.
        len: u64,
    },
    /// The index is complete.
    Done(Box<MkvIndex>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    /// Reading the children of the segment from the front.
    Head,
    /// Reading the elements that `SeekHead` refers to.
    Seek,
}

/// Reads a file's head, then its Cues. Damage after the tracks only costs the Cues.
#[derive(Debug)]
pub struct MkvWalker {
    file_bytes: u64,
    position: u64,
    buffer: Vec<u8>,
    buffer_offset: u64,
    stage: Stage,
    segment_start: u64,
    /// Offsets of elements that `SeekHead` refers to and that have not been read, last first.
    seeks: Vec<(u32, u64)>,
    read: Vec<u32>,
    elements: u32,
    index: MkvIndex,
}

impl MkvWalker {
    /// A walker at the start of a file of `file_bytes` bytes.
    pub fn new(file_bytes: u64) -> Self {
        Self {
            file_bytes,
            position: 0,
            buffer: Vec::new(),
            buffer_offset: 0,
            stage: Stage::Start,
            segment_start: 0,
            seeks: Vec::new(),
            read: Vec::new(),
            elements: 0,
            index: MkvIndex::default(),
        }
    }

    /// Parses the available bytes and returns what is needed next.
    ///
    /// # Errors
    /// [`MkvError`], only for problems before the tracks.
    pub fn step(&mut self) -> Result<MkvStep, MkvError> {
        loop {
            self.elements += 1;
            if self.position >= self.file_bytes || self.elements > MAX_ELEMENTS {
                if self.stage == Stage::Start {
                    return Err(MkvError::NotMatroska);
                }
                if self.next_seek() {
                    continue;
                }
                return self.done();
            }
            let wanted = MAX_HEAD_BYTES.min(self.file_bytes - self.position);
            let Some(bytes) = self.at_hand(wanted) else {
                return Ok(self.need(wanted));
            };
            let Some(element) = head(bytes) else {
                if self.stage == Stage::Start {
                    return Err(MkvError::NotMatroska);
                }
                if self.next_seek() {
                    continue;
                }
                return self.done();
            };
            if let Some(step) = self.visit(element)? {
                return Ok(step);
            }
        }
    }

    /// Supplies bytes of the file that begin at `offset`; fewer than requested means that the file
    /// ends there.
    pub fn supply(&mut self, offset: u64, bytes: &[u8]) {
        let continues = offset == self.buffer_offset + self.buffer.len() as u64;
        if !continues || self.position >= offset {
            self.buffer.clear();
            self.buffer_offset = offset;
        }
        self.buffer.extend_from_slice(bytes);
        if bytes.is_empty() {
            self.file_bytes = self.file_bytes.min(offset);
        }
    }

    fn visit(&mut self, element: Head) -> Result<Option<MkvStep>, MkvError> {
        if self.stage == Stage::Start {
            return self.visit_start(element).map(|()| None);
        }
        let interesting = [SEEK_HEAD, INFO, TRACKS, CUES].contains(&element.id);
        match element.size {
            Some(size) if interesting && size <= MAX_ELEMENT_BYTES => {
                let whole = element.head_bytes + size;
                if self.position + whole > self.file_bytes {
                    self.position = self.file_bytes;
                    return Ok(None);
                }
                let Some(bytes) = self.at_hand(whole) else {
                    return Ok(Some(self.need(whole)));
                };
                let payload = bytes[element.head_bytes as usize..].to_vec();
                self.read_element(element.id, &payload);
                self.position += whole;
                if self.stage == Stage::Seek || self.is_complete() {
                    self.position = self.file_bytes;
                }
            }
            // The head ends with the first cluster; an element of unknown size cannot be skipped.
            Some(size) if element.id != CLUSTER && self.stage == Stage::Head => {
                self.position = self
                    .position
                    .saturating_add(element.head_bytes)
                    .saturating_add(size);
            }
            _ => self.position = self.file_bytes,
        }
        Ok(None)
    }

    fn visit_start(&mut self, element: Head) -> Result<(), MkvError> {
        match (element.id, element.size) {
            (EBML, Some(size)) if self.position == 0 && size < READ_BYTES => {
                self.position = element.head_bytes + size;
                Ok(())
            }
            (SEGMENT, _) if self.position > 0 => {
                self.position += element.head_bytes;
                self.segment_start = self.position;
                self.stage = Stage::Head;
                Ok(())
            }
            (_, Some(size)) if self.position > 0 => {
                self.position = self
                    .position
                    .saturating_add(element.head_bytes)
                    .saturating_add(size);
                Ok(())
            }
            _ if self.position == 0 => Err(MkvError::NotMatroska),
            _ => Err(MkvError::Damaged),
        }
    }

    fn read_element(&mut self, id: u32, payload: &[u8]) {
        if id != SEEK_HEAD && self.read.contains(&id) {
            return;
        }
        self.read.push(id);
        match id {
            INFO => self.index.read_info(payload),
            TRACKS => self.index.read_tracks(payload),
            CUES => self.index.read_cues(payload, self.segment_start),
            _ => self.read_seek_head(payload),
        }
    }

    fn read_seek_head(&mut self, payload: &[u8]) {
        for (_, seek) in children(payload).filter(|(id, _)| *id == 0x4dbb) {
            let field = |wanted| {
                children(seek)
                    .find(|(id, _)| *id == wanted)
                    .and_then(|(_, it)| unsigned(it))
            };
            let (Some(id), Some(position)) = (field(0x53ab), field(0x53ac)) else {
                continue;
            };
            if [u64::from(INFO), u64::from(TRACKS), u64::from(CUES)].contains(&id)
                && self.seeks.len() < 16
            {
                self.seeks
                    .push((id as u32, position.saturating_add(self.segment_start)));
            }
        }
    }

    fn is_complete(&self) -> bool {
        [INFO, TRACKS, CUES].iter().all(|it| self.read.contains(it))
    }

    /// Moves to the next element that `SeekHead` refers to and that has not been read.
    fn next_seek(&mut self) -> bool {
        if self.elements > MAX_ELEMENTS {
            return false;
        }
        while let Some((id, position)) = self.seeks.pop() {
            if !self.read.contains(&id) && position < self.file_bytes {
                self.position = position;
                self.stage = Stage::Seek;
                return true;
            }
        }
        false
    }

    fn done(&mut self) -> Result<MkvStep, MkvError> {
        if !self.read.contains(&TRACKS) {
            return Err(MkvError::Truncated);
        }
        Ok(MkvStep::Done(Box::new(std::mem::take(&mut self.index))))
    }

    fn at_hand(&self, len: u64) -> Option<&[u8]> {
        let start = usize::try_from(self.position.checked_sub(self.buffer_offset)?).ok()?;
        self.buffer.get(start..start.checked_add(len as usize)?)
    }

    fn need(&mut self, len: u64) -> MkvStep {
        let buffered_end = self.buffer_offset + self.buffer.len() as u64;
        let offset = if (self.buffer_offset..buffered_end).contains(&self.position) {
            self.buffer
                .drain(..(self.position - self.buffer_offset) as usize);
            self.buffer_offset = self.position;
            buffered_end
        } else {
            self.position
        };
        let end = (self.position + len)
            .max(offset + READ_BYTES)
            .min(self.file_bytes);
        MkvStep::Need {
            offset,
            len: end - offset,
        }
    }
}
