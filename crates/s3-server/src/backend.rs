//! The S3 operations: the protocol crate (`s3s`) parses and checks requests, this module executes
//! them.

pub(super) mod cors;
mod listings;
mod multipart;
mod reading;
mod writing;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use http::HeaderMap;
use rusqlite::Connection;
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, TrailingHeaders, s3_error};

use super::blobs::{Blobs, NewBlob};
use super::cors::Cors;
use super::digest::{Claims, Digests};
use super::index::{Change, Index};
use super::objects::{Address, Rules};

/// Maximum size of a single PUT or part, bytes: R2's limit, 5 GiB less 5 MiB.
const MAX_PUT: u64 = (5 << 30) - (5 << 20);

/// The storage of one server, shared by all its requests.
#[derive(Clone)]
pub(super) struct Backend {
    pub(super) index: Arc<Index>,
    pub(super) blobs: Arc<Blobs>,
    pub(super) rules: Arc<Rules>,
    pub(super) cors: Arc<Cors>,
}

/// A stored body whose length and checksums were verified.
struct Received {
    blob: NewBlob,
    digests: Digests,
}

impl Backend {
    async fn look<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> S3Result<R> + Send + 'static,
    ) -> S3Result<R> {
        Ok(self.index.read(look).await?.0)
    }

    /// Stores a body, and verifies length and checksums against the headers and trailers.
    async fn receive<T>(
        &self,
        request: &S3Request<T>,
        body: Option<StreamingBlob>,
    ) -> S3Result<Received> {
        let claims = Claims::of(&request.headers);
        let hashing = claims.hashing(&request.headers);
        let claimed_size = claimed_size(&request.headers);
        if claimed_size.is_some_and(|size| size > MAX_PUT) {
            return Err(s3_error!(EntityTooLarge));
        }
        let body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let (blob, digests) = self.blobs.receive(body, hashing, MAX_PUT).await?;
        if claimed_size.is_some_and(|size| size != blob.size) {
            return Err(s3_error!(IncompleteBody));
        }
        let trailers = request
            .trailing_headers
            .as_ref()
            .and_then(TrailingHeaders::take);
        claims.verify(&digests, trailers.as_ref())?;
        Ok(Received { blob, digests })
    }
}

/// The declared length of the content, which differs from that of the body for `aws-chunked`.
fn claimed_size(headers: &HeaderMap) -> Option<u64> {
    let number = |name| headers.get(name)?.to_str().ok()?.parse().ok();
    number("x-amz-decoded-content-length").or_else(|| number("content-length"))
}

fn address(bucket: &str, key: &str) -> Address {
    Address {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
    }
}

fn source(from: &CopySource) -> S3Result<Address> {
    match from {
        CopySource::Bucket {
            bucket,
            key,
            version_id: None,
        } => Ok(address(bucket, key)),
        CopySource::Bucket { .. } | CopySource::AccessPoint { .. } | CopySource::Outpost { .. } => {
            Err(s3_error!(
                NotImplemented,
                "a copy source must be `bucket/key`"
            ))
        }
    }
}

fn timestamp(unix_ms: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(unix_ms))
}

fn strong(etag: &str) -> Option<ETag> {
    Some(ETag::Strong(etag.to_owned()))
}

/// The only credentials of a server.
pub(super) struct Owner {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: SecretKey,
}

#[async_trait]
impl S3Auth for Owner {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key_id {
            Ok(self.secret_access_key.clone())
        } else {
            Err(s3_error!(InvalidAccessKeyId))
        }
    }
}

/// `async_trait` does not expand macro calls, so this macro writes the expansion itself.
macro_rules! carry_out {
    ($($operation:ident($input:ident) -> $output:ident,)*) => { $(
        fn $operation<'life0, 'async_trait>(
            &'life0 self,
            request: S3Request<$input>,
        ) -> Pin<Box<dyn Future<Output = S3Result<S3Response<$output>>> + Send + 'async_trait>>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move { Ok(S3Response::new(Self::$operation(self, request).await?)) })
        }
    )* };
}

impl S3 for Backend {
    carry_out! {
        list_buckets(ListBucketsInput) -> ListBucketsOutput,
        create_bucket(CreateBucketInput) -> CreateBucketOutput,
        head_bucket(HeadBucketInput) -> HeadBucketOutput,
        delete_bucket(DeleteBucketInput) -> DeleteBucketOutput,
        get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput,
        put_bucket_cors(PutBucketCorsInput) -> PutBucketCorsOutput,
        get_bucket_cors(GetBucketCorsInput) -> GetBucketCorsOutput,
        delete_bucket_cors(DeleteBucketCorsInput) -> DeleteBucketCorsOutput,
        list_objects(ListObjectsInput) -> ListObjectsOutput,
        list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output,
        put_object(PutObjectInput) -> PutObjectOutput,
        copy_object(CopyObjectInput) -> CopyObjectOutput,
        head_object(HeadObjectInput) -> HeadObjectOutput,
        delete_object(DeleteObjectInput) -> DeleteObjectOutput,
        delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput,
        create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput,
        upload_part(UploadPartInput) -> UploadPartOutput,
        upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput,
        list_parts(ListPartsInput) -> ListPartsOutput,
        list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput,
        complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput,
        abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput,
        post_object(PostObjectInput) -> PostObjectOutput,
    }

    fn get_object<'life0, 'async_trait>(
        &'life0 self,
        request: S3Request<GetObjectInput>,
    ) -> Pin<Box<dyn Future<Output = S3Result<S3Response<GetObjectOutput>>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(Self::get_object(self, request))
    }
}
