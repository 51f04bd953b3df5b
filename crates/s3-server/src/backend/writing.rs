//! Writing, copying and deleting objects.

use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::{Backend, Change, MAX_PUT, address, source, strong, timestamp};
use crate::events::Cause;
use crate::headers::StoredHeaders;
use crate::objects::{self, Address, Condition, NewObject, Piece};

impl Backend {
    pub(super) async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<PutObjectOutput> {
        let at = address(&request.input.bucket, &request.input.key);
        if request.input.sse_customer_algorithm.is_some() || request.input.tagging.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "customer keys and tags are not implemented"
            ));
        }
        self.require_bucket(&at.bucket).await?;
        let headers = StoredHeaders::PutObjectInput(&mut request.input)?;
        let condition = Condition {
            if_match: request.input.if_match.take(),
            if_none_match: request.input.if_none_match.take(),
        };
        let body = request.input.body.take();
        let received = self.receive(&request, body).await?;

        let etag = base16ct::lower::encode_string(&received.digests.md5);
        let checksum = received.digests.others;
        let piece = Piece {
            start: 0,
            size: received.blob.size,
            blob: received.blob.name.clone(),
        };
        let object = NewObject {
            size: received.blob.size,
            etag: etag.clone(),
            headers: headers.with_checksums(checksum.clone()),
            pieces: vec![piece],
        };
        let rules = self.rules.clone();
        self.index
            .write(move |connection| {
                let remove =
                    objects::store(connection, &rules, &at, &object, &condition, &Cause::Put)?;
                Ok(Change {
                    value: (),
                    keep: Some(received.blob),
                    remove,
                })
            })
            .await?;
        Ok(PutObjectOutput {
            e_tag: strong(&etag),
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..Default::default()
        })
    }

    /// A copy shares the files of its source, so it costs one row whatever the size.
    pub(super) async fn copy_object(
        &self,
        mut request: S3Request<CopyObjectInput>,
    ) -> S3Result<CopyObjectOutput> {
        let input = &mut request.input;
        let (from, to) = (
            source(&input.copy_source)?,
            address(&input.bucket, &input.key),
        );
        let replace = input
            .metadata_directive
            .as_ref()
            .is_some_and(|it| it.as_str() == MetadataDirective::REPLACE);
        if from == to && !replace {
            return Err(s3_error!(
                InvalidRequest,
                "an object can be copied onto itself only with new metadata"
            ));
        }
        let new_headers = replace
            .then(|| StoredHeaders::CopyObjectInput(input))
            .transpose()?;
        let conditions = (
            input.copy_source_if_match.take(),
            input.copy_source_if_none_match.take(),
        );
        let rules = self.rules.clone();
        let etag = self
            .index
            .write(move |connection| {
                let found = objects::find(connection, &from)?;
                check_source(&found.etag, &conditions)?;
                if found.size > MAX_PUT {
                    return Err(s3_error!(
                        InvalidRequest,
                        "a source of more than {MAX_PUT} bytes has to be copied in parts"
                    ));
                }
                let object = NewObject {
                    size: found.size,
                    etag: found.etag.clone(),
                    headers: new_headers.unwrap_or(found.headers),
                    pieces: objects::pieces(connection, found.id, &(0..found.size))?,
                };
                let cause = Cause::Copy(from);
                let remove = objects::store(
                    connection,
                    &rules,
                    &to,
                    &object,
                    &Condition::default(),
                    &cause,
                )?;
                Ok(Change {
                    value: found.etag,
                    keep: None,
                    remove,
                })
            })
            .await?;
        let result = CopyObjectResult {
            e_tag: strong(&etag),
            last_modified: Some(timestamp(crate::now_ms())),
            ..Default::default()
        };
        Ok(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        })
    }

    pub(super) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<DeleteObjectOutput> {
        let at = address(&request.input.bucket, &request.input.key);
        self.delete(vec![at]).await?;
        Ok(DeleteObjectOutput::default())
    }

    pub(super) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<DeleteObjectsOutput> {
        let DeleteObjectsInput { bucket, delete, .. } = request.input;
        if delete.objects.is_empty() || delete.objects.len() > 1000 {
            return Err(s3_error!(
                MalformedXML,
                "1 to 1,000 objects can be deleted at once"
            ));
        }
        let keys: Vec<String> = delete.objects.into_iter().map(|it| it.key).collect();
        self.delete(keys.iter().map(|key| address(&bucket, key)).collect())
            .await?;
        let deleted = (!delete.quiet.unwrap_or(false)).then(|| {
            keys.into_iter()
                .map(|key| DeletedObject {
                    key: Some(key),
                    ..Default::default()
                })
                .collect()
        });
        Ok(DeleteObjectsOutput {
            deleted,
            ..Default::default()
        })
    }

    async fn delete(&self, all: Vec<Address>) -> S3Result<()> {
        let rules = self.rules.clone();
        self.index
            .write(move |connection| {
                let mut remove = Vec::new();
                for at in &all {
                    remove.extend(objects::remove(connection, &rules, at)?);
                }
                Ok(Change {
                    value: (),
                    keep: None,
                    remove,
                })
            })
            .await
    }

    /// Rejects a request before its body is read, if the body could not be stored anyway.
    async fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        let bucket = bucket.to_owned();
        self.look(move |connection| objects::require_bucket(connection, &bucket))
            .await
    }

    /// R2 does not support POST uploads.
    pub(super) async fn post_object(
        &self,
        _request: S3Request<PostObjectInput>,
    ) -> S3Result<PostObjectOutput> {
        Err(s3_error!(
            NotImplemented,
            "POST uploads are not implemented: use a presigned PUT"
        ))
    }
}

/// `x-amz-copy-source-if-match` and `-if-none-match`.
pub(super) fn check_source(
    etag: &str,
    (if_match, if_none_match): &(Option<ETagCondition>, Option<ETagCondition>),
) -> Result<(), S3Error> {
    let hit = |condition: &ETagCondition| objects::matches(condition, etag);
    if if_match.as_ref().is_some_and(|it| !hit(it)) || if_none_match.as_ref().is_some_and(hit) {
        return Err(s3_error!(PreconditionFailed));
    }
    Ok(())
}
