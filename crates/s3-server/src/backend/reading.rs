//! Reading objects and their properties.

use std::ops::Range;

use futures::TryStreamExt as _;
use http_body::Frame;
use http_body_util::StreamBody;
use s3s::dto::{
    ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    StreamingBlob, Timestamp,
};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::{Backend, address, strong, timestamp};
use crate::content::{self, Slice};
use crate::headers::StoredHeaders;
use crate::objects::{self, StoredObject, matches};

/// Both output types have the same fields but no type in common.
macro_rules! described {
    ($output:ident, $object:expr, $with_checksums:expr) => {{
        let StoredObject {
            etag,
            modified_ms,
            headers,
            ..
        } = $object;
        let StoredHeaders {
            crc32,
            crc32c,
            crc64nvme,
            sha1,
            sha256,
            ..
        } = &headers;
        let checksum = |sum: &Option<String>| sum.clone().filter(|_| $with_checksums);
        $output {
            checksum_crc32: checksum(crc32),
            checksum_crc32c: checksum(crc32c),
            checksum_crc64nvme: checksum(crc64nvme),
            checksum_sha1: checksum(sha1),
            checksum_sha256: checksum(sha256),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: strong(&etag),
            last_modified: Some(timestamp(modified_ms)),
            content_type: headers.content_type,
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            metadata: Some(headers.metadata.into_iter().collect()),
            ..Default::default()
        }
    }};
}

/// Replaces headers of a response with those that the request asks for
/// (`response-content-disposition` and others).
macro_rules! answer_as_asked {
    ($output:ident, $input:ident) => {
        $output.cache_control = $input.response_cache_control.or($output.cache_control);
        $output.content_disposition = $input
            .response_content_disposition
            .or($output.content_disposition);
        $output.content_encoding = $input
            .response_content_encoding
            .or($output.content_encoding);
        $output.content_language = $input
            .response_content_language
            .or($output.content_language);
        $output.content_type = $input.response_content_type.or($output.content_type);
    };
}

impl Backend {
    pub(super) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<HeadObjectOutput> {
        let input = request.input;
        if input.part_number.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "objects cannot be read by part number"
            ));
        }
        let at = address(&input.bucket, &input.key);
        let object = self
            .look(move |connection| objects::find(connection, &at))
            .await?;
        Preconditions {
            if_match: input.if_match,
            if_unmodified_since: input.if_unmodified_since,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
        }
        .check(&object)?;
        let (range, content_range) = resolve(input.range.as_ref(), object.size)?;
        let with_checksums = input.checksum_mode.is_some() && content_range.is_none();
        let mut output = described!(HeadObjectOutput, object, with_checksums);
        answer_as_asked!(output, input);
        output.content_length = Some(length(&range)?);
        output.content_range = content_range;
        Ok(output)
    }

    pub(super) async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        if input.part_number.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "objects cannot be read by part number"
            ));
        }
        let at = address(&input.bucket, &input.key);
        let preconditions = Preconditions {
            if_match: input.if_match,
            if_unmodified_since: input.if_unmodified_since,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
        };
        let wanted = input.range;
        let look = move |connection: &rusqlite::Connection| {
            let object = objects::find(connection, &at)?;
            preconditions.check(&object)?;
            let (range, content_range) = resolve(wanted.as_ref(), object.size)?;
            let pieces = objects::pieces(connection, object.id, &range)?;
            Ok((object, range, content_range, pieces))
        };
        let ((object, range, content_range, pieces), reading) = self.index.read(look).await?;

        let slices: Vec<Slice> = pieces
            .into_iter()
            .filter_map(|it| Slice::of_piece(self.blobs.path(&it.blob), it.start, it.size, &range))
            .collect();
        let body = StreamBody::new(content::stream(slices, reading).map_ok(Frame::data));
        let with_checksums = input.checksum_mode.is_some() && content_range.is_none();
        let mut output = described!(GetObjectOutput, object, with_checksums);
        answer_as_asked!(output, input);
        output.content_length = Some(length(&range)?);
        output.content_range = content_range;
        output.body = Some(StreamingBlob::from(s3s::Body::http_body_unsync(body)));
        Ok(S3Response::new(output))
    }
}

/// The requested bytes (end exclusive), and the `Content-Range` of a partial response.
fn resolve(wanted: Option<&s3s::dto::Range>, size: u64) -> S3Result<(Range<u64>, Option<String>)> {
    let Some(wanted) = wanted else {
        return Ok((0..size, None));
    };
    let range = wanted.check(size)?;
    if range.is_empty() {
        return Err(s3_error!(InvalidRange));
    }
    let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
    Ok((range, Some(content_range)))
}

fn length(range: &Range<u64>) -> S3Result<i64> {
    i64::try_from(range.end - range.start).map_err(S3Error::internal_error)
}

/// Preconditions of a read.
struct Preconditions {
    if_match: Option<ETagCondition>,
    if_unmodified_since: Option<Timestamp>,
    if_none_match: Option<ETagCondition>,
    if_modified_since: Option<Timestamp>,
}

impl Preconditions {
    /// Evaluated in the order of RFC 9110, 13.2.2: dates count only without an ETag condition.
    fn check(&self, object: &StoredObject) -> S3Result<()> {
        // HTTP dates have whole seconds.
        let modified = timestamp(object.modified_ms / 1000 * 1000);
        let failed = match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) => !matches(condition, &object.etag),
            (None, Some(time)) => modified > *time,
            (None, None) => false,
        };
        if failed {
            return Err(s3_error!(PreconditionFailed));
        }
        let unchanged = match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, &object.etag),
            (None, Some(time)) => modified <= *time,
            (None, None) => false,
        };
        if unchanged {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}
