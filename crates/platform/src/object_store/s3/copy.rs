//! Copies inside the store: one request up to 5 GiB, and parts above that.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::object_key::ObjectKey;
use futures::{StreamExt as _, TryStreamExt as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{S3Store, etag_of, store_error, unavailable, unsigned};
use crate::object_store::StoreError;
use crate::object_store::uploads::{MAX_PART_BYTES, UploadId, UploadSigner as _};

/// Size of each part of a copy, bytes; R2 requires equal parts. Sufficient for 4.995 TiB (the
/// largest object of R2) in 10,000 parts.
const COPY_PART: u64 = 576 << 20;
/// Number of parts copied concurrently.
const PARALLEL: usize = 4;

impl S3Store {
    pub(super) async fn copy_object(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
    ) -> Result<(), StoreError> {
        let path = from.path();
        let head = self
            .client
            .head_object()
            .bucket(self.bucket(from.bucket()))
            .key(&path)
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        let size = unsigned(&path, head.content_length)?;
        if size > MAX_PART_BYTES {
            return self.copy_in_parts(from, to, &head, size, COPY_PART).await;
        }
        self.client
            .copy_object()
            .bucket(self.bucket(to.bucket()))
            .key(to.path())
            .copy_source(self.source(from))
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(())
    }

    /// Copies in parts with the content type and metadata, which only a single-request copy keeps
    /// by itself.
    pub(super) async fn copy_in_parts(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        head: &HeadObjectOutput,
        size: u64,
        part_size: u64,
    ) -> Result<(), StoreError> {
        let path = to.path();
        let created = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket(to.bucket()))
            .key(&path)
            .set_content_type(head.content_type.clone())
            .set_cache_control(head.cache_control.clone())
            .set_content_disposition(head.content_disposition.clone())
            .set_content_encoding(head.content_encoding.clone())
            .set_content_language(head.content_language.clone())
            .set_metadata(head.metadata.clone())
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        let upload = created
            .upload_id
            .ok_or_else(|| unavailable(&path, "the store's response has no upload id"))?;
        let result = self
            .copy_parts(from, to, head, &upload, (size, part_size))
            .await;
        if result.is_err()
            && let Err(error) = self.abort_multipart(to, &UploadId(upload)).await
        {
            tracing::warn!(%error, "could not abort an unfinished copy; the store removes it after 7 days");
        }
        result
    }

    async fn copy_parts(
        &self,
        from: &ObjectKey,
        to: &ObjectKey,
        head: &HeadObjectOutput,
        upload: &str,
        (size, part_size): (u64, u64),
    ) -> Result<(), StoreError> {
        let path = to.path();
        let (bucket, source) = (self.bucket(to.bucket()), self.source(from));
        let copied =
            futures::stream::iter((0..size.div_ceil(part_size)).zip(1..)).map(|(index, number)| {
                let (start, end) = (index * part_size, ((index + 1) * part_size).min(size));
                let request = self
                    .client
                    .upload_part_copy()
                    .bucket(bucket)
                    .key(&path)
                    .upload_id(upload)
                    .part_number(number)
                    .copy_source(&source)
                    .copy_source_range(format!("bytes={start}-{}", end - 1))
                    // All parts come from one version: an overwrite during the copy must not mix two.
                    .set_copy_source_if_match(head.e_tag.clone());
                let path = &path;
                async move {
                    let answer = request
                        .send()
                        .await
                        .map_err(|error| store_error(path, error))?;
                    let etag = etag_of(path, answer.copy_part_result.and_then(|it| it.e_tag))?;
                    Ok::<_, StoreError>(
                        CompletedPart::builder()
                            .part_number(number)
                            .e_tag(etag.0)
                            .build(),
                    )
                }
            });
        let parts = copied.buffered(PARALLEL).try_collect::<Vec<_>>().await?;
        self.client
            .complete_multipart_upload()
            .bucket(bucket)
            .key(&path)
            .upload_id(upload)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(())
    }

    /// `x-amz-copy-source`: bucket and key, percent-encoded.
    fn source(&self, key: &ObjectKey) -> String {
        const KEPT: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'_')
            .remove(b'.')
            .remove(b'~')
            .remove(b'/');
        format!(
            "{}/{}",
            self.bucket(key.bucket()),
            utf8_percent_encode(&key.path(), KEPT)
        )
    }
}
