//! Uploads the parts of a large file that the store lacks, a few at a time.

use std::collections::BTreeMap;

use anyhow::Context as _;
use api_types::uploads::{CompleteUpload, SentPart, SignedPart, StoredPart};
use domain::ids::VideoId;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::send::{Sent, send_range};
use super::{Event, UploadFile, changed, signed};
use crate::Result;
use crate::api::Api;
use crate::output::CommandError;

/// Concurrent parts.
const IN_FLIGHT: usize = 4;
/// Parts to presign per request: few, so that signatures are recent when they are used.
const SIGNED_AT_ONCE: usize = 16;
/// Stored parts that are verified concurrently when an upload is resumed.
const CHECKED_AT_ONCE: usize = 2;

/// The parts of an upload.
pub(super) struct Plan {
    /// Size in bytes of all parts except the last.
    pub(super) part_size: u64,
    /// Number of parts.
    pub(super) parts: u32,
    /// Parts in the store, not yet verified.
    pub(super) stored: Vec<StoredPart>,
}

/// Uploads the missing parts and completes the upload.
pub(super) async fn send_missing(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    plan: Plan,
    report: &(impl Fn(Event) + Sync),
) -> Result {
    let mut tags = verified_parts(file, &plan, report).await?;
    let missing: Vec<u32> = (1..=plan.parts)
        .filter(|it| !tags.contains_key(it))
        .collect();
    let batches: Vec<&[u32]> = missing.chunks(SIGNED_AT_ONCE).collect();
    let signed_parts = stream::iter(batches)
        .then(|numbers| async move {
            api.sign_parts(video, numbers)
                .await
                .map_err(CommandError::from)
        })
        .map_ok(|parts| stream::iter(parts.into_iter().map(Ok::<_, CommandError>)))
        .try_flatten();
    let sent: Vec<(u32, String)> = signed_parts
        .map_ok(|part| send_part(api, file, video, part, plan.part_size, report))
        .try_buffer_unordered(IN_FLIGHT)
        .try_collect()
        .await?;
    tags.extend(sent);
    if !file.is_unchanged().await {
        return Err(changed(file));
    }
    let parts = tags
        .into_iter()
        .map(|(number, etag)| SentPart { number, etag })
        .collect();
    api.complete_upload(video, &CompleteUpload { parts: Some(parts) })
        .await?;
    Ok(())
}

async fn send_part(
    api: &Api,
    file: &UploadFile,
    video: VideoId,
    part: SignedPart,
    part_size: u64,
    report: &(impl Fn(Event) + Sync),
) -> Result<(u32, String)> {
    let (number, size) = (part.number, part.size);
    let range = (u64::from(number - 1) * part_size, size);
    let mut request = part.request;
    // An expired signature is replaced once; a rejected new one is final.
    for _ in 0..2 {
        if let Sent::Stored(etag) = send_range(api, file, &request, range, report).await? {
            return Ok((number, etag));
        }
        report(Event::Moved(-signed(size)));
        let again = api.sign_parts(video, &[number]).await?.into_iter().next();
        request = again.context("the API returned no presigned part")?.request;
    }
    let refused =
        anyhow::anyhow!("the store rejected part {number}: start a new upload with --restart");
    Err(CommandError::failed("upload-refused", refused))
}

/// The stored parts whose content matches the file, with their `ETag`s.
async fn verified_parts(
    file: &UploadFile,
    plan: &Plan,
    report: &(impl Fn(Event) + Sync),
) -> anyhow::Result<BTreeMap<u32, String>> {
    let verified: Vec<Option<(u32, String)>> = stream::iter(&plan.stored)
        .map(|part| async move {
            let offset = u64::from(part.number.saturating_sub(1)) * plan.part_size;
            let bytes = plan.part_size.min(file.size.saturating_sub(offset));
            if part.number == 0 || part.size != bytes || bytes == 0 {
                return Ok(None);
            }
            // The ETag of a part is its MD5 in S3 and R2; with other stores, the part is sent again.
            let same = file
                .md5(offset, bytes)
                .await
                .context("cannot read the file")?
                == part.etag;
            if same {
                report(Event::Moved(signed(bytes)));
            }
            Ok::<_, anyhow::Error>(same.then(|| (part.number, part.etag.clone())))
        })
        .buffer_unordered(CHECKED_AT_ONCE)
        .try_collect()
        .await?;
    Ok(verified.into_iter().flatten().collect())
}
