//! Buckets, and listings of objects and of unfinished uploads.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rusqlite::params;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::{Backend, Change, strong, timestamp};
use crate::listing::{self, After, Page, Query};
use crate::objects;
use crate::objects::unsigned;
use crate::uploads;

impl Backend {
    pub(super) async fn list_buckets(
        &self,
        _request: S3Request<ListBucketsInput>,
    ) -> S3Result<ListBucketsOutput> {
        let buckets = self
            .look(|connection| {
                let run = || {
                    connection
                        .prepare_cached("SELECT name, created_ms FROM bucket ORDER BY name")?
                        .query_map([], |row| {
                            Ok(Bucket {
                                name: Some(row.get(0)?),
                                creation_date: Some(timestamp(unsigned(row, 1)?)),
                                ..Default::default()
                            })
                        })?
                        .collect::<rusqlite::Result<Vec<_>>>()
                };
                run().map_err(S3Error::internal_error)
            })
            .await?;
        Ok(ListBucketsOutput {
            buckets: Some(buckets),
            ..Default::default()
        })
    }

    pub(super) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<CreateBucketOutput> {
        let name = request.input.bucket;
        self.index
            .write(move |connection| {
                let made = connection
                    .execute(
                        "INSERT OR IGNORE INTO bucket VALUES (?1, ?2)",
                        params![name, objects::signed(crate::now_ms())],
                    )
                    .map_err(S3Error::internal_error)?;
                if made == 0 {
                    Err(s3_error!(BucketAlreadyOwnedByYou))
                } else {
                    Ok(().into())
                }
            })
            .await?;
        Ok(CreateBucketOutput::default())
    }

    pub(super) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<HeadBucketOutput> {
        self.look(move |connection| objects::require_bucket(connection, &request.input.bucket))
            .await?;
        Ok(HeadBucketOutput {
            bucket_region: Some("auto".to_owned()),
            ..Default::default()
        })
    }

    pub(super) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<GetBucketLocationOutput> {
        self.look(move |connection| objects::require_bucket(connection, &request.input.bucket))
            .await?;
        Ok(GetBucketLocationOutput::default())
    }

    pub(super) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<DeleteBucketOutput> {
        let name = request.input.bucket;
        self.index
            .write(move |connection| {
                objects::require_bucket(connection, &name)?;
                let used = connection
                    .prepare_cached(
                        "SELECT 1 FROM object WHERE bucket = ?1 UNION ALL SELECT 1 FROM upload WHERE bucket = ?1",
                    )
                    .and_then(|mut it| it.exists([&name]))
                    .map_err(S3Error::internal_error)?;
                if used {
                    return Err(s3_error!(BucketNotEmpty));
                }
                connection.execute("DELETE FROM bucket WHERE name = ?1", [&name]).map_err(S3Error::internal_error)?;
                Ok(Change::from(()))
            })
            .await?;
        Ok(DeleteBucketOutput::default())
    }

    pub(super) async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<ListObjectsV2Output> {
        let input = request.input;
        let after =
            match (&input.continuation_token, &input.start_after) {
                (Some(token), _) => Some(After::parse(token).ok_or_else(|| {
                    s3_error!(InvalidArgument, "the continuation token is invalid")
                })?),
                (None, Some(key)) => Some(After::Key(key.clone())),
                (None, None) => None,
            };
        let max = max_keys(input.max_keys)?;
        let page = self
            .page(
                &input.bucket,
                input.prefix.as_ref(),
                input.delimiter.as_ref(),
                after,
                max,
            )
            .await?;
        let write = Encoding::of(input.encoding_type.as_ref());
        let count = page.objects.len() + page.common_prefixes.len();
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: input.prefix.map(|it| write.text(it)),
            delimiter: input.delimiter.map(|it| write.text(it)),
            start_after: input.start_after.map(|it| write.text(it)),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max).ok(),
            key_count: i32::try_from(count).ok(),
            continuation_token: input.continuation_token,
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().map(After::token),
            common_prefixes: Some(write.common_prefixes(page.common_prefixes)),
            contents: Some(write.objects(page.objects)),
            ..Default::default()
        })
    }

    pub(super) async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<ListObjectsOutput> {
        let input = request.input;
        // A marker that is itself a common prefix stands for all keys with that prefix.
        let after = input
            .marker
            .clone()
            .filter(|it| !it.is_empty())
            .map(|marker| match &input.delimiter {
                Some(delimiter) if !delimiter.is_empty() && marker.ends_with(delimiter) => {
                    After::CommonPrefix(marker)
                }
                _ => After::Key(marker),
            });
        let max = max_keys(input.max_keys)?;
        let page = self
            .page(
                &input.bucket,
                input.prefix.as_ref(),
                input.delimiter.as_ref(),
                after,
                max,
            )
            .await?;
        let write = Encoding::of(input.encoding_type.as_ref());
        let next_marker = page.next.clone().map(|it| match it {
            After::Key(text) | After::CommonPrefix(text) => write.text(text),
        });
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: input.prefix.map(|it| write.text(it)),
            delimiter: input.delimiter.map(|it| write.text(it)),
            marker: input.marker.map(|it| write.text(it)),
            encoding_type: input.encoding_type,
            max_keys: i32::try_from(max).ok(),
            is_truncated: Some(page.next.is_some()),
            next_marker,
            common_prefixes: Some(write.common_prefixes(page.common_prefixes)),
            contents: Some(write.objects(page.objects)),
            ..Default::default()
        })
    }

    async fn page(
        &self,
        bucket: &str,
        prefix: Option<&String>,
        delimiter: Option<&String>,
        after: Option<After>,
        max: usize,
    ) -> S3Result<Page> {
        let query = Query {
            bucket: bucket.to_owned(),
            prefix: prefix.cloned().unwrap_or_default(),
            delimiter: delimiter.cloned(),
            after,
            max,
        };
        self.look(move |connection| listing::list(connection, &query))
            .await
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<ListMultipartUploadsOutput> {
        let input = request.input;
        if input.delimiter.as_ref().is_some_and(|it| !it.is_empty()) {
            return Err(s3_error!(
                NotImplemented,
                "uploads cannot be listed with a delimiter"
            ));
        }
        let max = input
            .max_uploads
            .unwrap_or(1000)
            .clamp(1, 1000)
            .unsigned_abs();
        let (bucket, prefix) = (
            input.bucket.clone(),
            input.prefix.clone().unwrap_or_default(),
        );
        let key_marker = input.key_marker.clone().unwrap_or_default();
        // Without an upload id, all uploads of the marked key are skipped.
        let id_marker = input
            .upload_id_marker
            .clone()
            .unwrap_or_else(|| "\u{10ffff}".to_owned());
        let mut found = self
            .look(move |connection| {
                uploads::list(
                    connection,
                    &bucket,
                    &prefix,
                    (&key_marker, &id_marker),
                    max + 1,
                )
            })
            .await?;
        let truncated = found.len() > max as usize;
        found.truncate(max as usize);
        let write = Encoding::of(input.encoding_type.as_ref());
        let last = found.last().filter(|_| truncated).cloned();
        Ok(ListMultipartUploadsOutput {
            bucket: Some(input.bucket),
            prefix: input.prefix.map(|it| write.text(it)),
            key_marker: input.key_marker.map(|it| write.text(it)),
            upload_id_marker: input.upload_id_marker,
            encoding_type: input.encoding_type,
            max_uploads: Some(max.cast_signed()),
            is_truncated: Some(truncated),
            next_key_marker: last.as_ref().map(|it| write.text(it.key.clone())),
            next_upload_id_marker: last.map(|it| it.id),
            uploads: Some(
                found
                    .into_iter()
                    .map(|it| MultipartUpload {
                        key: Some(write.text(it.key)),
                        upload_id: Some(it.id),
                        initiated: Some(timestamp(it.created_ms)),
                        ..Default::default()
                    })
                    .collect(),
            ),
            ..Default::default()
        })
    }
}

fn max_keys(asked: Option<i32>) -> S3Result<usize> {
    usize::try_from(asked.unwrap_or(1000).min(1000))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))
}

/// How keys are written into XML, which cannot represent every character: literally, or
/// percent-encoded.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Url,
}

const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

impl Encoding {
    fn of(asked: Option<&EncodingType>) -> Self {
        if asked.is_some_and(|it| it.as_str() == EncodingType::URL) {
            Self::Url
        } else {
            Self::Plain
        }
    }

    fn text(self, text: String) -> String {
        match self {
            Self::Plain => text,
            Self::Url => utf8_percent_encode(&text, KEPT).to_string(),
        }
    }

    fn common_prefixes(self, prefixes: Vec<String>) -> Vec<CommonPrefix> {
        prefixes
            .into_iter()
            .map(|it| CommonPrefix {
                prefix: Some(self.text(it)),
            })
            .collect()
    }

    fn objects(self, objects: Vec<listing::Listed>) -> Vec<Object> {
        objects
            .into_iter()
            .map(|it| Object {
                key: Some(self.text(it.key)),
                size: Some(it.size.cast_signed()),
                e_tag: strong(&it.etag),
                last_modified: Some(timestamp(it.modified_ms)),
                ..Default::default()
            })
            .collect()
    }
}
