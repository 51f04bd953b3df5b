//! AES-128-CBC of whole segments, as HLS requires it (RFC 8216, 4.3.2.4 and 5.2).

use aes::Aes128;
use cbc::cipher::{
    Array, BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _, typenum::U16,
};

type Block = Array<u8, U16>;

const BLOCK: usize = 16;

/// The media sequence number as 16 octets, big-endian (RFC 8216, 5.2).
pub fn initialisation_vector(sequence: u64) -> [u8; 16] {
    u128::from(sequence).to_be_bytes()
}

/// Encrypts one segment incrementally.
pub struct SegmentEncryptor {
    cipher: cbc::Encryptor<Aes128>,
    /// Bytes that do not fill a block yet.
    rest: Block,
    rest_length: usize,
}

impl SegmentEncryptor {
    /// Starts the segment with this media sequence number.
    pub fn new(key: &[u8; 16], sequence: u64) -> Self {
        let cipher = cbc::Encryptor::new(key.into(), &initialisation_vector(sequence).into());
        Self {
            cipher,
            rest: Block::default(),
            rest_length: 0,
        }
    }

    /// The encrypted length of a segment of `length` bytes: there is always padding.
    pub fn encrypted_length(length: u64) -> u64 {
        (length / BLOCK as u64 + 1) * BLOCK as u64
    }

    /// Consumes the next bytes, and appends complete ciphertext blocks to `out`.
    pub fn update(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        if self.rest_length > 0 {
            let taken = input.len().min(BLOCK - self.rest_length);
            let (now, later) = input.split_at(taken);
            self.rest[self.rest_length..self.rest_length + taken].copy_from_slice(now);
            self.rest_length += taken;
            input = later;
            if self.rest_length < BLOCK {
                return;
            }
            self.cipher.encrypt_block(&mut self.rest);
            out.extend_from_slice(&self.rest);
            self.rest_length = 0;
        }
        let (blocks, rest) = Block::slice_as_chunks(input);
        let start = out.len();
        out.resize(start + blocks.len() * BLOCK, 0);
        let (encrypted, _) = Block::slice_as_chunks_mut(&mut out[start..]);
        // Fails only if the slices have different numbers of blocks, which they do not.
        let _ = self.cipher.encrypt_blocks_b2b(blocks, encrypted);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.rest_length = rest.len();
    }

    /// Pads the last block (PKCS7) and appends it to `out`.
    pub fn finish(mut self, out: &mut Vec<u8>) {
        let padding = BLOCK - self.rest_length;
        self.rest[self.rest_length..].fill(padding as u8);
        self.cipher.encrypt_block(&mut self.rest);
        out.extend_from_slice(&self.rest);
    }

    /// Encrypts a whole segment.
    pub fn encrypt(key: &[u8; 16], sequence: u64, segment: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::encrypted_length(segment.len() as u64) as usize);
        let mut encryptor = Self::new(key, sequence);
        encryptor.update(segment, &mut out);
        encryptor.finish(&mut out);
        out
    }
}

/// The segment was encrypted with another key or initialisation vector, or was not stored
/// completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// Ciphertext consists of at least one block of 16 bytes.
    #[error("the encrypted segment is not a positive multiple of 16 bytes long")]
    Length,
    /// The last block does not end in PKCS7 padding.
    #[error("the padding is wrong: other key, other initialisation vector, or damaged")]
    Padding,
}

/// Decrypts one segment incrementally.
pub struct SegmentDecryptor {
    cipher: cbc::Decryptor<Aes128>,
    /// Bytes that do not fill a block yet, or the last complete block, which may be padding.
    rest: Block,
    rest_length: usize,
}

impl SegmentDecryptor {
    /// Starts a segment with its initialisation vector.
    pub fn new(key: &[u8; 16], iv: [u8; 16]) -> Self {
        let cipher = cbc::Decryptor::new(key.into(), &iv.into());
        Self {
            cipher,
            rest: Block::default(),
            rest_length: 0,
        }
    }

    /// Consumes the next bytes, and appends the cleartext to `out`, except for the last block.
    pub fn update(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        if input.is_empty() {
            return;
        }
        if self.rest_length > 0 {
            let taken = input.len().min(BLOCK - self.rest_length);
            let (now, later) = input.split_at(taken);
            self.rest[self.rest_length..self.rest_length + taken].copy_from_slice(now);
            self.rest_length += taken;
            input = later;
            if input.is_empty() {
                return;
            }
            self.cipher.decrypt_block(&mut self.rest);
            out.extend_from_slice(&self.rest);
            self.rest_length = 0;
        }
        // One to 16 bytes are held back.
        let whole = (input.len() - 1) / BLOCK * BLOCK;
        let (now, rest) = input.split_at(whole);
        let (blocks, _) = Block::slice_as_chunks(now);
        let start = out.len();
        out.resize(start + whole, 0);
        let (clear, _) = Block::slice_as_chunks_mut(&mut out[start..]);
        // Fails only if the slices have different numbers of blocks, which they do not.
        let _ = self.cipher.decrypt_blocks_b2b(blocks, clear);
        self.rest[..rest.len()].copy_from_slice(rest);
        self.rest_length = rest.len();
    }

    /// Appends the rest to `out`, without its padding.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), DecryptError> {
        if self.rest_length != BLOCK {
            return Err(DecryptError::Length);
        }
        self.cipher.decrypt_block(&mut self.rest);
        let padding = usize::from(self.rest[BLOCK - 1]);
        if !(1..=BLOCK).contains(&padding)
            || self.rest[BLOCK - padding..]
                .iter()
                .any(|it| usize::from(*it) != padding)
        {
            return Err(DecryptError::Padding);
        }
        out.extend_from_slice(&self.rest[..BLOCK - padding]);
        Ok(())
    }

    /// Decrypts a whole segment.
    pub fn decrypt(key: &[u8; 16], iv: [u8; 16], segment: &[u8]) -> Result<Vec<u8>, DecryptError> {
        let mut out = Vec::with_capacity(segment.len());
        let mut decryptor = Self::new(key, iv);
        decryptor.update(segment, &mut out);
        decryptor.finish(&mut out)?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
