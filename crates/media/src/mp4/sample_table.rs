//! Sample tables (`stbl`): size, position and times of every sample, decoded while iterating.

mod tables;

use crate::read::Reader;

use super::Mp4Error;
use super::boxes::child;
use tables::{ChunkOffsets, Sizes, chunk_offsets, sizes};

/// Maximum number of samples: fourteen hours at 60 frames per second. Uniform tables can declare
/// billions of samples in twenty bytes.
const MAX_SAMPLES: u64 = 3_000_000;

/// One sample. Times in the track's timescale, before edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Position in decode order, from 0.
    pub index: u32,
    /// Offset in the file, bytes.
    pub offset: u64,
    /// Size, bytes.
    pub bytes: u32,
    /// Decode time.
    pub dts: i64,
    /// Composition time.
    pub cts: i64,
    /// Duration until the next sample in decode order.
    pub duration: u32,
    /// Whether decoding can start here.
    pub sync: bool,
}

/// The tables of one track.
#[derive(Debug, Clone, Default)]
pub struct SampleTable {
    sample_count: u32,
    sizes: Sizes,
    /// (samples, duration of each)
    durations: Vec<(u32, u32)>,
    /// (samples, composition time minus decode time)
    offsets: Vec<(u32, i32)>,
    /// Numbers of sync samples, from 1, increasing; `None`: all are sync samples.
    sync: Option<Vec<u32>>,
    /// (first chunk from 1, samples per chunk)
    runs: Vec<(u32, u32)>,
    chunks: ChunkOffsets,
}

impl SampleTable {
    pub(crate) fn parse(stbl: &[u8]) -> Result<Self, Mp4Error> {
        let (sample_count, sizes) = sizes(stbl).ok_or(Mp4Error::Damaged { what: "stsz" })?;
        let damaged = |what| Mp4Error::Damaged { what };
        let sync = match child(stbl, b"stss") {
            Some(payload) => Some(rows(payload, 4, |it| it.u32()).ok_or(damaged("stss"))?),
            None => None,
        };
        let offsets = match child(stbl, b"ctts") {
            // Version 0 means unsigned, but writers store negative numbers there all the same.
            Some(payload) => {
                rows(payload, 8, |it| Some((it.u32()?, it.i32()?))).ok_or(damaged("ctts"))?
            }
            None => Vec::new(),
        };
        Ok(Self {
            sample_count,
            sizes,
            durations: child(stbl, b"stts")
                .and_then(|it| rows(it, 8, |row| Some((row.u32()?, row.u32()?))))
                .ok_or(damaged("stts"))?,
            offsets,
            sync,
            runs: child(stbl, b"stsc").and_then(runs).ok_or(damaged("stsc"))?,
            chunks: chunk_offsets(stbl).ok_or(damaged("stco"))?,
        })
    }

    /// Number of samples in the track.
    pub fn sample_count(&self) -> u32 {
        self.sample_count
    }

    /// Sum of all durations, in the track's timescale.
    pub fn total_duration(&self) -> u64 {
        let rows = self
            .durations
            .iter()
            .map(|&(count, delta)| u64::from(count) * u64::from(delta));
        rows.fold(0, u64::saturating_add)
    }

    /// Total size of all samples, bytes.
    pub fn total_bytes(&self) -> u64 {
        match &self.sizes {
            Sizes::Uniform(size) => u64::from(*size) * u64::from(self.sample_count),
            Sizes::Table { .. } => (0..self.sample_count)
                .map(|it| u64::from(self.sizes.get(it)))
                .sum(),
        }
    }

    /// (samples, duration of each), as stored.
    pub(crate) fn durations(&self) -> &[(u32, u32)] {
        &self.durations
    }

    /// Number of samples that can be decoded independently.
    pub fn sync_count(&self) -> u32 {
        self.sync
            .as_ref()
            .map_or(self.sample_count, |it| it.len() as u32)
    }

    /// The samples in decode order. Fewer than [`SampleTable::sample_count`] are returned if the
    /// chunk tables list fewer.
    ///
    /// # Errors
    /// [`Mp4Error::TooManySamples`].
    pub fn samples(&self) -> Result<impl Iterator<Item = Sample> + '_, Mp4Error> {
        let samples = u64::from(self.sample_count);
        if samples > MAX_SAMPLES {
            return Err(Mp4Error::TooManySamples { samples });
        }
        Ok(Samples::new(self))
    }

    /// The offset after the last byte of any sample; 0 without samples.
    ///
    /// `believe_uniform`: whether a size that is the same for all samples is a size in the file.
    pub(crate) fn end_of_last_sample(&self, believe_uniform: bool) -> Result<u64, Mp4Error> {
        let mut next = 0u32;
        let mut end = 0u64;
        let mut run = 0;
        for chunk in 0..self.chunks.len() {
            while self
                .runs
                .get(run + 1)
                .is_some_and(|&(first, _)| first as usize <= chunk + 1)
            {
                run += 1;
            }
            let Some(&(_, per_chunk)) = self.runs.get(run) else {
                break;
            };
            let count = per_chunk.min(self.sample_count - next);
            if count == 0 {
                break;
            }
            let bytes = match &self.sizes {
                Sizes::Uniform(size) if believe_uniform => u64::from(*size) * u64::from(count),
                Sizes::Uniform(_) => 1,
                Sizes::Table { .. } => (next..next + count)
                    .map(|it| u64::from(self.sizes.get(it)))
                    .sum(),
            };
            let start = self.chunks.get(chunk);
            end = end.max(
                start
                    .checked_add(bytes)
                    .ok_or(Mp4Error::Damaged { what: "stco" })?,
            );
            next += count;
        }
        Ok(end)
    }
}

/// Rows of a full box that starts with their number. `None` if it declares more than it has.
fn rows<T>(
    payload: &[u8],
    row_bytes: usize,
    row: impl Fn(&mut Reader<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut reader = Reader::new(payload);
    reader.skip(4)?;
    let count = reader.u32()? as usize;
    let mut body = Reader::new(reader.take(count.checked_mul(row_bytes)?)?);
    (0..count).map(|_| row(&mut body)).collect()
}

fn runs(payload: &[u8]) -> Option<Vec<(u32, u32)>> {
    let rows = rows(payload, 12, |it| {
        let row = (it.u32()?, it.u32()?);
        it.skip(4)?;
        Some(row)
    })?;
    rows.is_sorted_by(|a, b| a.0 < b.0).then_some(rows)
}

struct Samples<'a> {
    table: &'a SampleTable,
    index: u32,
    chunk: usize,
    run: usize,
    left_in_chunk: u32,
    place: u64,
    dts: i64,
    duration: RunLength<'a, u32>,
    offset: RunLength<'a, i32>,
    next_sync: usize,
}

impl<'a> Samples<'a> {
    fn new(table: &'a SampleTable) -> Self {
        Self {
            table,
            index: 0,
            chunk: 0,
            run: 0,
            left_in_chunk: 0,
            place: 0,
            dts: 0,
            duration: RunLength::new(&table.durations),
            offset: RunLength::new(&table.offsets),
            next_sync: 0,
        }
    }

    /// Moves to the next chunk that has samples.
    fn next_chunk(&mut self) -> Option<()> {
        while self.left_in_chunk == 0 {
            if self.chunk >= self.table.chunks.len() {
                return None;
            }
            let number = self.chunk + 1;
            while self
                .table
                .runs
                .get(self.run + 1)
                .is_some_and(|&(first, _)| first as usize <= number)
            {
                self.run += 1;
            }
            self.left_in_chunk = self.table.runs.get(self.run)?.1;
            self.place = self.table.chunks.get(self.chunk);
            self.chunk = number;
        }
        Some(())
    }

    fn is_sync(&mut self) -> bool {
        let Some(sync) = &self.table.sync else {
            return true;
        };
        while sync.get(self.next_sync).is_some_and(|&it| it <= self.index) {
            self.next_sync += 1;
        }
        sync.get(self.next_sync) == Some(&(self.index + 1))
    }
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        if self.index >= self.table.sample_count {
            return None;
        }
        self.next_chunk()?;
        let bytes = self.table.sizes.get(self.index);
        let duration = self.duration.next();
        let sample = Sample {
            index: self.index,
            offset: self.place,
            bytes,
            dts: self.dts,
            cts: self.dts + i64::from(self.offset.next()),
            duration,
            sync: self.is_sync(),
        };
        self.place = self.place.saturating_add(u64::from(bytes));
        self.left_in_chunk -= 1;
        self.dts += i64::from(duration);
        self.index += 1;
        Some(sample)
    }
}

/// Expands (count, value) pairs; after the last one, the default value is repeated.
struct RunLength<'a, T> {
    rows: &'a [(u32, T)],
    used: u32,
}

impl<'a, T: Copy + Default> RunLength<'a, T> {
    fn new(rows: &'a [(u32, T)]) -> Self {
        Self { rows, used: 0 }
    }

    fn next(&mut self) -> T {
        while let Some(&(count, value)) = self.rows.first() {
            if self.used < count {
                self.used += 1;
                return value;
            }
            self.rows = &self.rows[1..];
            self.used = 0;
        }
        T::default()
    }
}
