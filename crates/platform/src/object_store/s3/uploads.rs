//! Presigned requests and multipart uploads at an S3 endpoint.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::presigning::{PresignedRequest as SdkRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use aws_smithy_async::time::TimeSource as _;
use bytes::Bytes;
use domain::object_key::{ObjectKey, ObjectPrefix};

use super::{S3Store, etag_of, refused, store_error, unavailable, unix_ms, unsigned};
use crate::object_store::disposition::attachment;
use crate::object_store::uploads::{
    Part, PresignedRequest, UnfinishedUpload, UploadId, UploadSigner,
};
use crate::object_store::{ETag, ObjectStore as _, StoreError};

#[async_trait]
impl UploadSigner for S3Store {
    async fn presign_put(
        &self,
        key: &ObjectKey,
        size: Option<u64>,
        content_type: &str,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        let path = key.path();
        let request = self
            .signer
            .put_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .set_content_length(size.map(|it| signed(&path, it)).transpose()?)
            .content_type(content_type)
            .if_none_match("*")
            .presigned(self.life(&path, expires)?)
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(ours(&request))
    }

    async fn presign_get(
        &self,
        key: &ObjectKey,
        file_name: Option<&str>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        let path = key.path();
        let request = self
            .signer
            .get_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .set_response_content_disposition(file_name.map(attachment))
            .presigned(self.life(&path, expires)?)
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(ours(&request))
    }

    async fn create_multipart(
        &self,
        key: &ObjectKey,
        content_type: &str,
    ) -> Result<UploadId, StoreError> {
        let path = key.path();
        let answer = self
            .client
            .create_multipart_upload()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .content_type(content_type)
            .cache_control(key.cache_policy().header())
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        let id = answer
            .upload_id
            .ok_or_else(|| unavailable(&path, "the store's response has no upload id"))?;
        Ok(UploadId(id))
    }

    async fn presign_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u32,
        size: Option<u64>,
        expires: Duration,
    ) -> Result<PresignedRequest, StoreError> {
        let path = key.path();
        let request = self
            .signer
            .upload_part()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .upload_id(&upload.0)
            .part_number(part_number(&path, number)?)
            .set_content_length(size.map(|it| signed(&path, it)).transpose()?)
            .presigned(self.life(&path, expires)?)
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(ours(&request))
    }

    async fn put_part(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        number: u32,
        body: Bytes,
    ) -> Result<ETag, StoreError> {
        let path = key.path();
        let answer = self
            .client
            .upload_part()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .upload_id(&upload.0)
            .part_number(part_number(&path, number)?)
            .body(ByteStream::from(body))
            .customize()
            // As with whole objects: TLS protects the body.
            .disable_payload_signing()
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        etag_of(&path, answer.e_tag)
    }

    async fn list_parts(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
    ) -> Result<Vec<Part>, StoreError> {
        let path = key.path();
        let mut pages = self
            .client
            .list_parts()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .upload_id(&upload.0)
            .into_paginator()
            .send();
        let mut parts = Vec::new();
        while let Some(page) = pages.next().await {
            for part in page
                .map_err(|error| store_error(&path, error))?
                .parts
                .unwrap_or_default()
            {
                parts.push(Part {
                    number: part
                        .part_number
                        .and_then(|it| u32::try_from(it).ok())
                        .unwrap_or(0),
                    etag: etag_of(&path, part.e_tag)?,
                    size: unsigned(&path, part.size)?,
                });
            }
        }
        Ok(parts)
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        upload: &UploadId,
        parts: &[Part],
    ) -> Result<ETag, StoreError> {
        let path = key.path();
        let named = parts
            .iter()
            .map(|part| {
                let number = part_number(&path, part.number)?;
                Ok(CompletedPart::builder()
                    .part_number(number)
                    .e_tag(&part.etag.0)
                    .build())
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .upload_id(&upload.0)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(named))
                    .build(),
            )
            .send()
            .await
            .map_err(|error| store_error(&path, error));
        match answer {
            Ok(answer) => etag_of(&path, answer.e_tag),
            // The upload is gone. It was completed by an earlier attempt whose response was lost,
            // if the object is the one that these parts form.
            Err(StoreError::NotFound { path }) => match self.head(key).await {
                Ok(present) if Some(&present.etag.0) == multipart_etag(parts).as_ref() => {
                    Ok(present.etag)
                }
                Ok(_) | Err(StoreError::NotFound { .. }) => Err(StoreError::NotFound { path }),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    async fn abort_multipart(&self, key: &ObjectKey, upload: &UploadId) -> Result<(), StoreError> {
        let path = key.path();
        let request = self
            .client
            .abort_multipart_upload()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .upload_id(&upload.0);
        match request
            .send()
            .await
            .map_err(|error| store_error(&path, error))
        {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list_unfinished(
        &self,
        prefix: &ObjectPrefix,
    ) -> Result<Vec<UnfinishedUpload>, StoreError> {
        let path = prefix.path();
        let (mut found, mut key_marker, mut id_marker) = (Vec::new(), None, None);
        loop {
            let page = self
                .client
                .list_multipart_uploads()
                .bucket(self.bucket(prefix.bucket()))
                .prefix(&path)
                .set_key_marker(key_marker)
                .set_upload_id_marker(id_marker)
                .send()
                .await
                .map_err(|error| store_error(&path, error))?;
            found.extend(
                page.uploads
                    .unwrap_or_default()
                    .into_iter()
                    .map(|it| UnfinishedUpload {
                        path: it.key.unwrap_or_default(),
                        id: UploadId(it.upload_id.unwrap_or_default()),
                        created_ms: unix_ms(it.initiated.as_ref()),
                    }),
            );
            let more = page.is_truncated.unwrap_or(false) && page.next_key_marker.is_some();
            if !more {
                return Ok(found);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }
}

/// MD5 over the MD5s of the parts, the ETag of S3 and R2; `None` if a part's ETag is not an MD5.
fn multipart_etag(parts: &[Part]) -> Option<String> {
    use md5::Digest as _;
    let mut md5 = md5::Md5::new();
    for Part { etag, .. } in parts {
        if etag.0.len() != 32 {
            return None;
        }
        for i in (0..32).step_by(2) {
            md5.update([u8::from_str_radix(etag.0.get(i..i + 2)?, 16).ok()?]);
        }
    }
    Some(format!(
        "{}-{}",
        domain::ids::hex(&md5.finalize()),
        parts.len()
    ))
}

impl S3Store {
    /// Expiry from now, by the store's clock.
    fn life(&self, path: &str, expires: Duration) -> Result<PresigningConfig, StoreError> {
        let config = PresigningConfig::builder()
            .start_time(self.clock.now())
            .expires_in(expires);
        config
            .build()
            .map_err(|_| refused(path, "an expiry must be 1 second to 7 days"))
    }
}

fn ours(request: &SdkRequest) -> PresignedRequest {
    PresignedRequest {
        method: request.method().to_owned(),
        url: request.uri().to_owned(),
        headers: request
            .headers()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn signed(path: &str, size: u64) -> Result<i64, StoreError> {
    i64::try_from(size).map_err(|_| refused(path, "EntityTooLarge"))
}

fn part_number(path: &str, number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| refused(path, "a part number must be 1 to 10,000"))
}
