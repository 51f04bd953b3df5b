//! Reads objects from R2.

use domain::object_key::ObjectKey;
use domain::playback::Refusal;
use worker::{Bucket, console_error};

use super::playback::Failed;

/// A small object, read completely.
pub(super) struct SmallObject {
    /// ETag as in a header, with its quotes.
    pub(super) etag: String,
    pub(super) bytes: Vec<u8>,
}

/// Reads a small object completely. `too_long`: the refusal if it is larger than `limit`.
pub(super) async fn read(
    bucket: &Bucket,
    key: &ObjectKey,
    limit: u64,
    too_long: Refusal,
) -> Result<SmallObject, Failed> {
    let object = bucket
        .get(key.path())
        .execute()
        .await?
        .ok_or(Refusal::NotFound)?;
    if object.size() > limit {
        console_error!("{} is too large", key.path());
        return Err(too_long.into());
    }
    let body = object.body().ok_or(Refusal::Unavailable)?;
    Ok(SmallObject {
        etag: object.http_etag(),
        bytes: body.bytes().await?,
    })
}
