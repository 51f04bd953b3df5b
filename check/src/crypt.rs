//! AES-128-CBC with PKCS7 padding (RFC 8216, 4.3.2.4), decrypted as it streams.

use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _};

const BLOCK: usize = 16;

/// Decrypts a segment incrementally. The last block is held back until the end, because it contains
/// the padding.
pub(crate) struct Decryptor {
    cipher: cbc::Decryptor<aes::Aes128>,
    held: Vec<u8>,
}

/// The ciphertext is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CryptError {
    /// Its length is not a multiple of 16 bytes.
    NotWholeBlocks,
    /// The last block does not end in valid padding: wrong key, or damage.
    Padding,
}

impl Decryptor {
    pub(crate) fn new(key: &[u8; 16], iv: &[u8; 16]) -> Self {
        Self { cipher: cbc::Decryptor::new(key.into(), iv.into()), held: Vec::new() }
    }

    /// Consumes ciphertext and returns the plaintext that is complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let whole = self.held.len().saturating_sub(1) / BLOCK * BLOCK;
        let rest = self.held.split_off(whole);
        let mut plain = std::mem::replace(&mut self.held, rest);
        let (blocks, _) = aes::cipher::array::Array::slice_as_chunks_mut(&mut plain);
        self.cipher.decrypt_blocks(blocks);
        plain
    }

    /// The plaintext of the last block.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, CryptError> {
        let mut block: [u8; BLOCK] = self.held.as_slice().try_into().map_err(|_| CryptError::NotWholeBlocks)?;
        self.cipher.decrypt_block((&mut block).into());
        let padding = usize::from(block[BLOCK - 1]);
        let valid =
            (1..=BLOCK).contains(&padding) && block[BLOCK - padding..].iter().all(|&it| usize::from(it) == padding);
        if valid { Ok(block[..BLOCK - padding].to_vec()) } else { Err(CryptError::Padding) }
    }
}

#[cfg(test)]
mod tests {
    use aes::cipher::{BlockModeEncrypt as _, block_padding::Pkcs7};

    use super::*;

    #[test]
    fn pieces_of_any_size_decrypt_to_the_whole() {
        let (key, iv) = ([7; 16], [9; 16]);
        for length in [0usize, 1, 15, 16, 17, 1000] {
            let plain: Vec<u8> = (0..length).map(|it| it as u8).collect();
            let cipher =
                cbc::Encryptor::<aes::Aes128>::new(&key.into(), &iv.into()).encrypt_padded_vec::<Pkcs7>(&plain);
            for piece in [1, 5, 16, 33, 4096] {
                let mut decryptor = Decryptor::new(&key, &iv);
                let mut out: Vec<u8> = cipher.chunks(piece).flat_map(|it| decryptor.push(it)).collect();
                out.extend(decryptor.finish().unwrap());
                assert_eq!(out, plain, "{length} bytes in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_cut_or_foreign_ciphertext_is_refused() {
        let mut decryptor = Decryptor::new(&[7; 16], &[9; 16]);
        decryptor.push(&[1; 17]);
        assert_eq!(decryptor.finish(), Err(CryptError::NotWholeBlocks));
        assert_eq!(Decryptor::new(&[7; 16], &[9; 16]).finish(), Err(CryptError::NotWholeBlocks));
        let mut decryptor = Decryptor::new(&[7; 16], &[9; 16]);
        decryptor.push(&[1; 32]);
        assert_eq!(decryptor.finish(), Err(CryptError::Padding));
    }
}
