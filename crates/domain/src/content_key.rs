//! Content keys, which encrypt segments, and how they are stored.
//!
//! A clear key exists only in memory and in authorised responses. Stored keys are wrapped.

mod wrap;

pub use wrap::{KeyEncryptionKeys, UnwrapError, WrappedKey};

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The AES-128 key of one rendition. It prints as `ContentKey(..)`, and is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; 16]);

impl ContentKey {
    /// Creates a key from 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The clear key. Every call deserves attention in a review.
    pub fn expose(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

impl PartialEq for ContentKey {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
    }
}

impl Eq for ContentKey {}
