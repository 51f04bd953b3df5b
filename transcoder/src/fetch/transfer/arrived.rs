//! What has arrived of a file.

use bytes::BytesMut;
use catalog::Transfer;
use platform::object_store::uploads::{Part, UploadId};

/// A file of which some bytes have arrived.
pub(super) struct Arrived {
    pub(super) transfer: Transfer,
    /// The parts in the store: in order, without gaps, all of the full size except perhaps the
    /// last.
    pub(super) parts: Vec<Part>,
    /// The bytes after them that do not fill a part yet.
    pub(super) tail: BytesMut,
}

impl Arrived {
    pub(super) fn bytes(&self) -> u64 {
        self.stored() + self.tail.len() as u64
    }

    pub(super) fn stored(&self) -> u64 {
        self.parts.iter().map(|it| it.size).sum()
    }

    pub(super) fn upload(&self) -> UploadId {
        UploadId(self.transfer.upload_id.clone())
    }
}
