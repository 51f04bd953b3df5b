//! Sends the parts of a large file, a few at a time, and only those that the store lacks.

use std::collections::BTreeMap;

use anyhow::Context as _;
use domain::ids::VideoId;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;

use super::send::{Sent, stretch};
use super::{Event, UploadFile, changed, signed};
use crate::Result;
use crate::api::{Api, SignedPart, StoredPart};
use crate::output::Stop;

/// Parts on their way at the same time.
const IN_FLIGHT: usize = 4;
/// Parts whose requests are asked for at once: few, so that a signature is young when it is used.
const SIGNED_AT_ONCE: usize = 16;
/// Parts that are looked at, at the same time, when an upload goes on.
const CHECKED_AT_ONCE: usize = 2;

/// The parts of an upload.
pub(super) struct Plan {
    /// Of all but the last, bytes.
    pub(super) part_size: u64,
    /// How many.
    pub(super) parts: u32,
    /// What the store has, whatever is in it.
    pub(super) stored: Vec<StoredPart>,
}

/// Sends what is missing, and completes the upload.
pub(super) async fn send_missing(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    plan: Plan,
    tell: &(impl Fn(Event) + Sync),
) -> Result {
    let mut tags = still_good(file, &plan, tell).await?;
    let missing: Vec<u32> = (1..=plan.parts).filter(|it| !tags.contains_key(it)).collect();
    let batches: Vec<&[u32]> = missing.chunks(SIGNED_AT_ONCE).collect();
    let signed_parts = stream::iter(batches)
        .then(|numbers| async move { api.sign_parts(video, numbers).await.map_err(Stop::from) })
        .map_ok(|parts| stream::iter(parts.into_iter().map(Ok::<_, Stop>)))
        .try_flatten();
    let sent: Vec<(u32, String)> = signed_parts
        .map_ok(|part| send_part(api, file, video, part, plan.part_size, tell))
        .try_buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    tags.extend(sent);
    if !file.is_unchanged().await {
        return Err(changed(file));
    }
    let parts: Vec<_> = tags.iter().map(|(number, etag)| json!({ "number": number, "etag": etag })).collect();
    api.complete_upload(video, &json!({ "parts": parts })).await?;
    Ok(())
}

async fn send_part(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    part: SignedPart,
    part_size: u64,
    tell: &(impl Fn(Event) + Sync),
) -> Result<(u32, String)> {
    let (number, size) = (part.number, part.size);
    let where_it_is = (u64::from(number - 1) * part_size, size);
    let mut request = part.request;
    // An old signature is replaced once; a new one that is refused will not get better.
    for _ in 0..2 {
        if let Sent::Stored(etag) = stretch(api, file, &request, where_it_is, tell).await? {
            return Ok((number, etag));
        }
        tell(Event::Moved(-signed(size)));
        let again = api.sign_parts(video, &[number]).await?.into_iter().next();
        request = again.context("the API returned no presigned part")?.request;
    }
    let refused = anyhow::anyhow!("the store rejected part {number}: start a new upload with --fresh");
    Err(Stop::failed("upload-refused", refused))
}

/// The parts that the store has and that are what stands in the file, each with its tag.
async fn still_good(
    file: &UploadFile,
    plan: &Plan,
    tell: &(impl Fn(Event) + Sync),
) -> anyhow::Result<BTreeMap<u32, String>> {
    let looked_at: Vec<Option<(u32, String)>> = stream::iter(&plan.stored)
        .map(|part| async move {
            let offset = u64::from(part.number.saturating_sub(1)) * plan.part_size;
            let bytes = plan.part_size.min(file.size.saturating_sub(offset));
            if part.number == 0 || part.size != bytes || bytes == 0 {
                return Ok(None);
            }
            // The ETag of a part is its MD5 (S3, R2); what calls it otherwise cannot be compared, and is sent again.
            let same = file.md5(offset, bytes).await.context("cannot read the file")? == part.etag;
            if same {
                tell(Event::Moved(signed(bytes)));
            }
            Ok::<_, anyhow::Error>(same.then(|| (part.number, part.etag.clone())))
        })
        .buffer_unordered(CHECKED_AT_ONCE)
        .try_collect()
        .await?;
    Ok(looked_at.into_iter().flatten().collect())
}
