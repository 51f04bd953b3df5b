//! Reads the content of an object, or a range of it, from its files.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use bytes::Bytes;
use futures::Stream;
use tokio::task::{JoinHandle, spawn_blocking};

use super::epochs::Reading;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) path: PathBuf,
    /// Bytes to skip.
    pub(super) start: u64,
    /// Bytes to read.
    pub(super) size: u64,
}

impl Slice {
    /// The part of a piece, which begins at `at` in the object and has `size` bytes, that overlaps
    /// `range`.
    pub(super) fn of_piece(path: PathBuf, at: u64, size: u64, range: &Range<u64>) -> Option<Self> {
        let (start, end) = (range.start.max(at), range.end.min(at + size));
        (start < end).then(|| Self {
            path,
            start: start - at,
            size: end - start,
        })
    }
}

/// Read size, bytes. One chunk is read ahead, so memory is twice this for any size of object.
const READ_SIZE: u64 = 256 << 10;

/// Streams slices one after the other. A file that is shorter than expected is an error.
pub(super) fn stream(
    slices: Vec<Slice>,
    reading: Reading,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let reader = Reader {
        slices: slices.into_iter(),
        open: None,
        _reading: reading,
    };
    futures::stream::try_unfold(reader.ahead(), async |ahead: Ahead| {
        let Some((chunk, reader)) = ahead.await.map_err(io::Error::other)?? else {
            return Ok(None);
        };
        Ok(Some((chunk, reader.ahead())))
    })
}

type Ahead = JoinHandle<io::Result<Option<(Bytes, Reader)>>>;

struct Reader {
    slices: std::vec::IntoIter<Slice>,
    open: Option<(File, Slice)>,
    _reading: Reading,
}

impl Reader {
    fn ahead(self) -> Ahead {
        spawn_blocking(move || self.next())
    }

    fn next(mut self) -> io::Result<Option<(Bytes, Self)>> {
        let (mut file, mut slice) = match self.open.take() {
            Some(open) => open,
            None => match self.slices.next() {
                Some(slice) => {
                    let mut file = File::open(&slice.path)?;
                    file.seek(SeekFrom::Start(slice.start))?;
                    (file, slice)
                }
                None => return Ok(None),
            },
        };
        let wanted = slice.size.min(READ_SIZE);
        let mut chunk = Vec::with_capacity(usize::try_from(wanted).map_err(io::Error::other)?);
        (&mut file).take(wanted).read_to_end(&mut chunk)?;
        if (chunk.len() as u64) < wanted {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("`{}` is too short", slice.path.display()),
            ));
        }
        slice.size -= wanted;
        if slice.size > 0 {
            self.open = Some((file, slice));
        }
        Ok(Some((chunk.into(), self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: u64, size: u64, range: Range<u64>, expected: Option<(u64, u64)>) {
        let slice = Slice::of_piece(PathBuf::new(), at, size, &range).map(|it| (it.start, it.size));
        assert_eq!(slice, expected);
    }

    #[test]
    fn a_range_takes_its_part_of_each_piece() {
        check(0, 10, 0..10, Some((0, 10)));
        check(0, 10, 9..20, Some((9, 1)));
        check(10, 10, 9..20, Some((0, 10)));
        check(10, 10, 12..13, Some((2, 1)));
        check(0, 10, 10..20, None);
        check(10, 10, 0..10, None);
    }
}
