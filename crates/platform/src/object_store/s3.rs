//! The store behind an S3 endpoint: R2, S3, or the embedded server, all with the same client.

mod client;
mod clock;
mod copy;
mod errors;
mod uploads;

use std::ops::Range;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use bytes::Bytes;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use domain::time::UnixMillis;
use futures::StreamExt as _;

pub use self::client::S3StoreConfig;
use self::client::{ATTEMPTS, BACKOFF};
use self::clock::StoreClock;
use self::errors::{refused, store_error, unavailable};
use super::{ETag, Entry, Listing, ObjectBody, ObjectMeta, ObjectStore, PutCondition, StoreError};

/// Both buckets at an S3 endpoint.
#[derive(Clone)]
pub struct S3Store {
    client: Client,
    /// Client that presigns for the public endpoint; it sends no requests.
    signer: Client,
    clock: StoreClock,
    upload_origin: String,
    private_bucket: String,
    media_bucket: String,
}

/// Maximum number of objects in a listing page or in one deletion request.
const BATCH: i32 = 1000;

impl S3Store {
    fn bucket(&self, bucket: Bucket) -> &str {
        match bucket {
            Bucket::Private => &self.private_bucket,
            Bucket::Media => &self.media_bucket,
        }
    }

    async fn put_once(
        &self,
        key: &ObjectKey,
        body: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ETag, StoreError> {
        let path = key.path();
        let request = self
            .client
            .put_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .content_type(key.content_type())
            .cache_control(key.cache_policy().header())
            .body(ByteStream::from(body));
        let request = match condition {
            PutCondition::Always => request,
            PutCondition::Absent => request.if_none_match("*"),
            PutCondition::Matches(etag) => request.if_match(quoted(etag)),
        };
        // TLS protects the body; hashing it a second time for the signature would only cost time.
        let request = request.customize().disable_payload_signing();
        let request = match condition {
            PutCondition::Always => request,
            // Retried below, where a lost response can be distinguished from a lost race.
            PutCondition::Absent | PutCondition::Matches(_) => {
                request.config_override(Builder::new().retry_config(RetryConfig::disabled()))
            }
        };
        let answer = request
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        etag_of(&path, answer.e_tag)
    }
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn put(
        &self,
        key: &ObjectKey,
        body: Bytes,
        condition: PutCondition<'_>,
    ) -> Result<ETag, StoreError> {
        if condition == PutCondition::Always {
            return self.put_once(key, body, condition).await;
        }
        // A conditional write whose response was lost may have taken place: its repetition is then
        // rejected because of our own object.
        let mut uncertain = false;
        let mut attempt = 1;
        loop {
            match self.put_once(key, body.clone(), condition).await {
                // S3's error if `If-Match` found no object.
                Err(StoreError::NotFound { path }) => {
                    return Err(StoreError::ConditionFailed { path });
                }
                Err(StoreError::ConditionFailed { path }) if uncertain => {
                    let present = self.head(key).await?;
                    let ours = present.etag.0 == md5_hex(&body);
                    return if ours {
                        Ok(present.etag)
                    } else {
                        Err(StoreError::ConditionFailed { path })
                    };
                }
                Err(StoreError::Unavailable { .. }) if attempt < ATTEMPTS => {
                    uncertain = true;
                    tokio::time::sleep(BACKOFF * 2_u32.pow(attempt - 1)).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn get(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
        if_match: Option<&ETag>,
    ) -> Result<ObjectBody, StoreError> {
        let path = key.path();
        if range.as_ref().is_some_and(Range::is_empty) {
            return Err(StoreError::RangeNotSatisfiable { path });
        }
        let answer = self
            .client
            .get_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .set_range(range.map(|it| format!("bytes={}-{}", it.start, it.end - 1)))
            .set_if_match(if_match.map(quoted))
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        let length = unsigned(&path, answer.content_length)?;
        let total = answer
            .content_range
            .as_deref()
            .and_then(|it| it.rsplit('/').next()?.parse().ok());
        let meta = ObjectMeta {
            size: total.unwrap_or(length),
            etag: etag_of(&path, answer.e_tag)?,
            modified_ms: unix_ms(answer.last_modified.as_ref()),
            content_type: answer.content_type,
            cache_control: answer.cache_control,
        };
        let state = (answer.body, length, path);
        let stream = futures::stream::try_unfold(state, |(mut body, missing, path)| async move {
            match body.next().await {
                Some(Ok(chunk)) => {
                    let missing = missing.saturating_sub(chunk.len() as u64);
                    Ok(Some((chunk, (body, missing, path))))
                }
                Some(Err(error)) => Err(unavailable(&path, error)),
                None if missing > 0 => Err(unavailable(
                    &path,
                    format!("the body ended {missing} bytes early"),
                )),
                None => Ok(None),
            }
        });
        Ok(ObjectBody {
            meta,
            stream: stream.boxed(),
        })
    }

    async fn head(&self, key: &ObjectKey) -> Result<ObjectMeta, StoreError> {
        let path = key.path();
        let answer = self
            .client
            .head_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path)
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        Ok(ObjectMeta {
            size: unsigned(&path, answer.content_length)?,
            etag: etag_of(&path, answer.e_tag)?,
            modified_ms: unix_ms(answer.last_modified.as_ref()),
            content_type: answer.content_type,
            cache_control: answer.cache_control,
        })
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> Result<(), StoreError> {
        self.copy_object(from, to).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let path = key.path();
        let request = self
            .client
            .delete_object()
            .bucket(self.bucket(key.bucket()))
            .key(&path);
        match request
            .send()
            .await
            .map_err(|error| store_error(&path, error))
        {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(
        &self,
        prefix: &ObjectPrefix,
        after: Option<&str>,
    ) -> Result<Listing, StoreError> {
        let path = prefix.path();
        let answer = self
            .client
            .list_objects_v2()
            .bucket(self.bucket(prefix.bucket()))
            .prefix(&path)
            .max_keys(BATCH)
            // Not the store's token: a path stays valid, also in another store.
            .set_start_after(after.map(str::to_owned))
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        let truncated = answer.is_truncated.unwrap_or(false);
        let entries = answer
            .contents
            .unwrap_or_default()
            .into_iter()
            .map(|it| {
                let path = it.key.unwrap_or_default();
                Ok(Entry {
                    size: unsigned(&path, it.size)?,
                    etag: etag_of(&path, it.e_tag)?,
                    modified_ms: unix_ms(it.last_modified.as_ref()),
                    path,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        let next = entries
            .last()
            .map(|it| it.path.clone())
            .filter(|_| truncated);
        Ok(Listing { entries, next })
    }

    async fn delete_all(&self, prefix: &ObjectPrefix) -> Result<u64, StoreError> {
        let (mut deleted, mut after) = (0, None);
        loop {
            let page = self.list(prefix, after.as_deref()).await?;
            if !page.entries.is_empty() {
                self.delete_batch(prefix, &page.entries).await?;
                deleted += page.entries.len() as u64;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(deleted),
            }
        }
    }
}

impl S3Store {
    async fn delete_batch(
        &self,
        prefix: &ObjectPrefix,
        entries: &[Entry],
    ) -> Result<(), StoreError> {
        let path = prefix.path();
        let objects = entries
            .iter()
            .map(|it| ObjectIdentifier::builder().key(&it.path).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unavailable(&path, error))?;
        let delete = Delete::builder()
            .set_objects(Some(objects))
            .quiet(true)
            .build()
            .map_err(|error| unavailable(&path, error))?;
        let answer = self
            .client
            .delete_objects()
            .bucket(self.bucket(prefix.bucket()))
            .delete(delete)
            .send()
            .await
            .map_err(|error| store_error(&path, error))?;
        match answer.errors.unwrap_or_default().into_iter().next() {
            None => Ok(()),
            Some(error) => {
                let code = error.code.unwrap_or_default();
                let path = error.key.unwrap_or(path);
                // The request as a whole succeeded, so the error of this object is transient or a
                // missing permission.
                match code.as_str() {
                    "InternalError" | "SlowDown" | "ServiceUnavailable" => {
                        Err(unavailable(&path, code))
                    }
                    _ => Err(refused(&path, &code)),
                }
            }
        }
    }
}

fn quoted(etag: &ETag) -> String {
    format!("\"{}\"", etag.0)
}

fn etag_of(path: &str, etag: Option<String>) -> Result<ETag, StoreError> {
    let etag = etag.ok_or_else(|| unavailable(path, "the store's response has no ETag"))?;
    let etag = etag.strip_prefix("W/").unwrap_or(&etag);
    Ok(ETag(etag.trim_matches('"').to_owned()))
}

fn unsigned(path: &str, number: Option<i64>) -> Result<u64, StoreError> {
    number
        .and_then(|it| u64::try_from(it).ok())
        .ok_or_else(|| unavailable(path, "the store's response has no length"))
}

fn unix_ms(time: Option<&DateTime>) -> UnixMillis {
    let unix_ms = time
        .and_then(|it| it.to_millis().ok())
        .and_then(|it| u64::try_from(it).ok());
    UnixMillis::new(unix_ms.unwrap_or(0))
}

fn md5_hex(body: &[u8]) -> String {
    use md5::Digest as _;
    domain::ids::hex(&md5::Md5::digest(body))
}

#[cfg(test)]
mod tests;
