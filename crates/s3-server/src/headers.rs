//! Headers and metadata that are stored with an object and returned with it.

use std::collections::BTreeMap;

use s3s::dto::{Checksum, CopyObjectInput, CreateMultipartUploadInput, PutObjectInput};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};

/// The headers of an object, its metadata and its checksums (JSON in the index).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct StoredHeaders {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content_language: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc32c: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crc64nvme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
}

/// Maximum size of the metadata's names and values, bytes: R2's limit.
const METADATA_LIMIT: usize = 8192;

macro_rules! taken_from {
    ($($input:ident),*) => { $(
        impl StoredHeaders {
            /// Extracts the stored headers from a request.
            ///
            /// # Errors
            /// `MetadataTooLarge`.
            #[expect(non_snake_case, reason = "named after the input it reads")]
            pub(super) fn $input(input: &mut $input) -> S3Result<Self> {
                let metadata: BTreeMap<_, _> = input.metadata.take().unwrap_or_default().into_iter().collect();
                if metadata.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > METADATA_LIMIT {
                    return Err(s3_error!(MetadataTooLarge, "metadata has more than {METADATA_LIMIT} bytes"));
                }
                Ok(Self {
                    content_type: input.content_type.take(),
                    cache_control: input.cache_control.take(),
                    content_disposition: input.content_disposition.take(),
                    content_encoding: input.content_encoding.take().and_then(|it| without_aws_chunked(&it)),
                    content_language: input.content_language.take(),
                    metadata,
                    ..Self::default()
                })
            }
        }
    )* };
}
taken_from!(PutObjectInput, CopyObjectInput, CreateMultipartUploadInput);

impl StoredHeaders {
    /// Stores the checksums that were computed over the body.
    pub(super) fn with_checksums(self, checksum: Checksum) -> Self {
        Self {
            crc32: checksum.checksum_crc32,
            crc32c: checksum.checksum_crc32c,
            crc64nvme: checksum.checksum_crc64nvme,
            sha1: checksum.checksum_sha1,
            sha256: checksum.checksum_sha256,
            ..self
        }
    }
}

/// Removes `aws-chunked`, which describes the transfer and not the stored content.
fn without_aws_chunked(encoding: &str) -> Option<String> {
    let rest: Vec<&str> = encoding
        .split(',')
        .map(str::trim)
        .filter(|it| *it != "aws-chunked")
        .collect();
    (!rest.is_empty()).then(|| rest.join(","))
}
