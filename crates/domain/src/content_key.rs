//! Content keys: what segments are encrypted with, and how the keys themselves are kept.
//!
//! A clear key exists only in memory and in an authorised answer. What is stored is wrapped.

mod wrap;

pub use wrap::{KeyEncryptionKeys, UnwrapError, WrappedKey};

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The AES-128 key of one rendition. Prints as `ContentKey(..)`, and is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ContentKey([u8; 16]);

impl ContentKey {
    /// Makes a key of 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The key in clear. Every call is a place to look at in a review.
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
    /// In constant time.
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
    }
}

impl Eq for ContentKey {}
