//! Checksums that are computed over a body while it arrives, and compared with the client's.

use http::HeaderMap;
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::dto::Checksum;
use s3s::{S3Result, s3_error};

/// The running checksums of a body: MD5 always (it is the ETag), the others if the client declares
/// them.
#[derive(Default)]
pub(super) struct Hashing {
    md5: Md5,
    others: ChecksumHasher,
}

/// The final checksums.
pub(super) struct Digests {
    pub(super) md5: [u8; 16],
    pub(super) others: Checksum,
}

/// The checksums that a client declares, in headers or in trailers after the body.
pub(super) struct Claims {
    md5: Option<String>,
    sums: Sums,
}

/// The optional checksums of S3, base64, in the order of [`NAMES`].
type Sums = [Option<String>; 5];

const NAMES: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

impl Claims {
    /// Reads the checksums that are declared in the headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Self {
            md5: text("content-md5"),
            sums: NAMES.map(text),
        }
    }

    /// Starts the checksums that are declared in headers, or announced (`x-amz-trailer`) for the
    /// trailers.
    pub(super) fn hashing(&self, headers: &HeaderMap) -> Hashing {
        let announced = |name: &str| {
            headers
                .get_all("x-amz-trailer")
                .iter()
                .filter_map(|it| it.to_str().ok())
                .any(|it| it.contains(name))
        };
        let wanted: [bool; 5] =
            std::array::from_fn(|i| self.sums[i].is_some() || announced_exactly(&announced, i));
        let [crc32, crc32c, crc64nvme, sha1, sha256] = wanted;
        let others = ChecksumHasher {
            crc32: crc32.then(Default::default),
            crc32c: crc32c.then(Default::default),
            crc64nvme: crc64nvme.then(Default::default),
            sha1: sha1.then(Default::default),
            sha256: sha256.then(Default::default),
        };
        Hashing {
            md5: Md5::new(),
            others,
        }
    }

    /// Compares the checksums. `trailers` are those after the body, if there are any.
    ///
    /// # Errors
    /// `BadDigest` if a checksum differs.
    pub(super) fn verify(self, digests: &Digests, trailers: Option<&HeaderMap>) -> S3Result<()> {
        let later = trailers.map(Claims::of);
        let computed = sums(&digests.others);
        for (i, now) in self.sums.into_iter().enumerate() {
            let claimed = now.or_else(|| later.as_ref().and_then(|it| it.sums[i].clone()));
            if claimed.is_some_and(|claimed| computed[i] != Some(&claimed)) {
                return Err(s3_error!(
                    BadDigest,
                    "{} does not match the body received",
                    NAMES[i]
                ));
            }
        }
        if let Some(claimed) = self.md5
            && claimed != base64(&digests.md5)
        {
            return Err(s3_error!(
                BadDigest,
                "Content-MD5 does not match the body received"
            ));
        }
        Ok(())
    }
}

/// `x-amz-checksum-crc32` is a prefix of `x-amz-checksum-crc32c`: the shorter name must match
/// exactly.
fn announced_exactly(announced: &impl Fn(&str) -> bool, i: usize) -> bool {
    announced(NAMES[i]) && !(i == 0 && announced(NAMES[1]))
}

fn sums(checksum: &Checksum) -> [Option<&String>; 5] {
    [
        checksum.checksum_crc32.as_ref(),
        checksum.checksum_crc32c.as_ref(),
        checksum.checksum_crc64nvme.as_ref(),
        checksum.checksum_sha1.as_ref(),
        checksum.checksum_sha256.as_ref(),
    ]
}

impl Hashing {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.others.update(bytes);
    }

    pub(super) fn finish(self) -> Digests {
        Digests {
            md5: self.md5.finalize().into(),
            others: self.others.finalize(),
        }
    }
}

/// MD5 over the MD5s of the parts, and their number: the ETag of a multipart object.
pub(super) fn multipart_etag<'a>(part_etags: impl IntoIterator<Item = &'a str>) -> String {
    let mut md5 = Md5::new();
    let mut count = 0;
    for etag in part_etags {
        let bytes: Vec<u8> = (0..etag.len() / 2)
            .filter_map(|i| u8::from_str_radix(&etag[2 * i..2 * i + 2], 16).ok())
            .collect();
        md5.update(&bytes);
        count += 1;
    }
    format!(
        "{}-{count}",
        base16ct::lower::encode_string(&md5.finalize())
    )
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding as _;
    base64ct::Base64::encode_string(bytes)
}
