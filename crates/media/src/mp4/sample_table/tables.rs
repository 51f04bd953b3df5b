//! The tables of sizes and chunk offsets, as the file stores them.

use crate::mp4::boxes::child;
use crate::read::Reader;

#[derive(Debug, Clone)]
pub(super) enum Sizes {
    Uniform(u32),
    /// Big-endian numbers with this many bits.
    Table {
        bits: u8,
        raw: Vec<u8>,
    },
}

impl Default for Sizes {
    fn default() -> Self {
        Self::Uniform(0)
    }
}

impl Sizes {
    pub(super) fn get(&self, index: u32) -> u32 {
        let index = index as usize;
        match self {
            Self::Uniform(size) => *size,
            Self::Table { bits: 32, raw } => be32(raw, index * 4),
            Self::Table { bits: 16, raw } => {
                u32::from(raw[index * 2]) << 8 | u32::from(raw[index * 2 + 1])
            }
            Self::Table { bits: 8, raw } => u32::from(raw[index]),
            Self::Table { raw, .. } => u32::from(raw[index / 2] >> (4 * (1 - index % 2)) & 0xf),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct ChunkOffsets {
    pub(super) wide: bool,
    pub(super) raw: Vec<u8>,
}

impl ChunkOffsets {
    pub(super) fn len(&self) -> usize {
        self.raw.len() / if self.wide { 8 } else { 4 }
    }

    pub(super) fn get(&self, index: usize) -> u64 {
        if self.wide {
            u64::from(be32(&self.raw, index * 8)) << 32 | u64::from(be32(&self.raw, index * 8 + 4))
        } else {
            u64::from(be32(&self.raw, index * 4))
        }
    }
}

fn be32(raw: &[u8], at: usize) -> u32 {
    raw.get(at..)
        .and_then(<[u8]>::first_chunk)
        .map_or(0, |it| u32::from_be_bytes(*it))
}

pub(super) fn sizes(stbl: &[u8]) -> Option<(u32, Sizes)> {
    if let Some(payload) = child(stbl, b"stsz") {
        let mut reader = Reader::new(payload);
        reader.skip(4)?;
        let uniform = reader.u32()?;
        let count = reader.u32()?;
        if uniform > 0 || count == 0 {
            return Some((count, Sizes::Uniform(uniform)));
        }
        let raw = reader.take((count as usize).checked_mul(4)?)?;
        return Some((
            count,
            Sizes::Table {
                bits: 32,
                raw: raw.to_vec(),
            },
        ));
    }
    let mut reader = Reader::new(child(stbl, b"stz2")?);
    reader.skip(7)?;
    let bits = reader.u8()?;
    let count = reader.u32()?;
    if ![4, 8, 16].contains(&bits) {
        return None;
    }
    let raw = reader.take((count as usize).checked_mul(usize::from(bits))?.div_ceil(8))?;
    Some((
        count,
        Sizes::Table {
            bits,
            raw: raw.to_vec(),
        },
    ))
}

pub(super) fn chunk_offsets(stbl: &[u8]) -> Option<ChunkOffsets> {
    let (wide, payload) = match child(stbl, b"stco") {
        Some(payload) => (false, payload),
        None => (true, child(stbl, b"co64")?),
    };
    let mut reader = Reader::new(payload);
    reader.skip(4)?;
    let count = reader.u32()? as usize;
    let raw = reader.take(count.checked_mul(if wide { 8 } else { 4 })?)?;
    Some(ChunkOffsets {
        wide,
        raw: raw.to_vec(),
    })
}
