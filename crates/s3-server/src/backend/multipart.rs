//! Multipart uploads.

use futures::TryStreamExt as _;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::{Backend, Change, MAX_PUT, Received, address, source, strong, timestamp};
use crate::content::{self, Slice};
use crate::digest::Hashing;
use crate::headers::StoredHeaders;
use crate::objects::{self, Address, Condition};
use crate::uploads::{self, MAX_PARTS, NamedPart, StoredPart};

impl Backend {
    pub(super) async fn create_multipart_upload(
        &self,
        mut request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<CreateMultipartUploadOutput> {
        let headers = StoredHeaders::CreateMultipartUploadInput(&mut request.input)?;
        let CreateMultipartUploadInput { bucket, key, .. } = request.input;
        let (at, id) = (address(&bucket, &key), crate::random_name());
        let upload_id = id.clone();
        self.index
            .write(move |connection| {
                uploads::create(connection, &id, &at, &headers)?;
                let now_ms = crate::now_ms();
                let remove =
                    uploads::expire(connection, now_ms).map_err(S3Error::internal_error)?;
                Ok(Change {
                    value: (),
                    keep: None,
                    remove,
                })
            })
            .await?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            ..Default::default()
        })
    }

    pub(super) async fn upload_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<UploadPartOutput> {
        let at = address(&request.input.bucket, &request.input.key);
        let (id, number) = (request.input.upload_id.clone(), request.input.part_number);
        self.require_upload(&id, &at, number).await?;
        let body = request.input.body.take();
        let received = self.receive(&request, body).await?;
        let checksum = received.digests.others.clone();
        let etag = self.put_part(id, at, number, received).await?;
        Ok(UploadPartOutput {
            e_tag: strong(&etag),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        })
    }

    pub(super) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<UploadPartCopyOutput> {
        let input = request.input;
        let (from, at) = (
            source(&input.copy_source)?,
            address(&input.bucket, &input.key),
        );
        self.require_upload(&input.upload_id, &at, input.part_number)
            .await?;
        let conditions = (input.copy_source_if_match, input.copy_source_if_none_match);
        let wanted = match input.copy_source_range.as_deref() {
            Some(text) => Some(
                Range::parse(text)
                    .map_err(|_| s3_error!(InvalidArgument, "`{text}` is not a range"))?,
            ),
            None => None,
        };
        let look = move |connection: &rusqlite::Connection| {
            let found = objects::find(connection, &from)?;
            super::writing::check_source(&found.etag, &conditions)?;
            let range = wanted.map_or(Ok(0..found.size), |it| it.check(found.size))?;
            let pieces = objects::pieces(connection, found.id, &range)?;
            Ok((pieces, range))
        };
        let ((pieces, range), reading) = self.index.read(look).await?;
        let slices = pieces
            .into_iter()
            .filter_map(|it| Slice::of_piece(self.blobs.path(&it.blob), it.start, it.size, &range))
            .collect();
        let body = Box::pin(content::stream(slices, reading).map_err(s3s::StdError::from));
        let (blob, digests) = self
            .blobs
            .receive(body, Hashing::default(), MAX_PUT)
            .await?;
        let etag = self
            .put_part(
                input.upload_id,
                at,
                input.part_number,
                Received { blob, digests },
            )
            .await?;
        let result = CopyPartResult {
            e_tag: strong(&etag),
            last_modified: Some(timestamp(crate::now_ms())),
            ..Default::default()
        };
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(result),
            ..Default::default()
        })
    }

    pub(super) async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<ListPartsOutput> {
        let input = request.input;
        let max = input
            .max_parts
            .unwrap_or(1000)
            .clamp(1, 1000)
            .unsigned_abs();
        let after = input.part_number_marker.unwrap_or(0);
        let (id, at) = (input.upload_id.clone(), address(&input.bucket, &input.key));
        let mut parts = self
            .look(move |connection| {
                uploads::find(connection, &id, &at)?;
                uploads::parts(connection, &id, after, max + 1)
            })
            .await?;
        let truncated = parts.len() > max as usize;
        parts.truncate(max as usize);
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(truncated),
            max_parts: Some(max.cast_signed()),
            part_number_marker: input.part_number_marker,
            next_part_number_marker: parts.last().map(|part| part.number).filter(|_| truncated),
            parts: Some(parts.iter().map(listed_part).collect()),
            ..Default::default()
        })
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let CompleteMultipartUploadInput {
            bucket,
            key,
            upload_id,
            multipart_upload,
            if_match,
            if_none_match,
            ..
        } = request.input;
        let named: Vec<NamedPart> = multipart_upload
            .and_then(|it| it.parts)
            .unwrap_or_default()
            .into_iter()
            .map(|it| NamedPart {
                number: it.part_number.unwrap_or(0),
                etag: it
                    .e_tag
                    .map(|etag| etag.value().to_owned())
                    .unwrap_or_default(),
            })
            .collect();
        let (at, rules) = (address(&bucket, &key), self.rules.clone());
        let etag = self
            .index
            .write(move |connection| {
                let condition = Condition {
                    if_match,
                    if_none_match,
                };
                let (etag, remove) =
                    uploads::complete(connection, &rules, &upload_id, &at, &named, &condition)?;
                Ok(Change {
                    value: etag,
                    keep: None,
                    remove,
                })
            })
            .await?;
        Ok(CompleteMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            e_tag: strong(&etag),
            ..Default::default()
        })
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let AbortMultipartUploadInput {
            bucket,
            key,
            upload_id,
            ..
        } = request.input;
        let at = address(&bucket, &key);
        self.index
            .write(move |connection| {
                let remove = uploads::abort(connection, &upload_id, &at)?;
                Ok(Change {
                    value: (),
                    keep: None,
                    remove,
                })
            })
            .await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    async fn require_upload(&self, id: &str, at: &Address, number: i32) -> S3Result<()> {
        if !(1..=MAX_PARTS).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "a part number must be 1 to {MAX_PARTS}"
            ));
        }
        let (id, at) = (id.to_owned(), at.clone());
        self.look(move |connection| uploads::find(connection, &id, &at).map(|_| ()))
            .await
    }

    async fn put_part(
        &self,
        id: String,
        at: Address,
        number: i32,
        received: Received,
    ) -> S3Result<String> {
        let etag = base16ct::lower::encode_string(&received.digests.md5);
        let part = StoredPart {
            number,
            size: received.blob.size,
            etag: etag.clone(),
            modified_ms: crate::now_ms(),
            blob: received.blob.name.clone(),
        };
        self.index
            .write(move |connection| {
                let remove = uploads::put_part(connection, &id, &at, &part)?;
                Ok(Change {
                    value: (),
                    keep: Some(received.blob),
                    remove,
                })
            })
            .await?;
        Ok(etag)
    }
}

fn listed_part(part: &StoredPart) -> Part {
    Part {
        part_number: Some(part.number),
        size: Some(part.size.cast_signed()),
        e_tag: strong(&part.etag),
        last_modified: Some(timestamp(part.modified_ms)),
        ..Default::default()
    }
}
