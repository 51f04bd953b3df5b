//! The accepted sizes and content types of uploads, and their division into parts. Pure functions.

use std::ops::RangeInclusive;

use config::UnacceptedType;
use platform::object_store::uploads::{MAX_PART_BYTES, MAX_PARTS};

use crate::error::ApiError;
use crate::problem::Problem;

/// Largest upload in a single request, in bytes.
pub const SINGLE_PUT_BYTES: u64 = 64 << 20;
/// Part size in bytes, unless there would be too many parts: small enough to retry.
const PART_BYTES: u64 = 16 << 20;
/// Larger part sizes are a multiple of this, in bytes.
const PART_STEP: u64 = 1 << 20;

/// A multipart upload in equal parts, except the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPlan {
    /// Size of the file in bytes; at least 1.
    pub size: u64,
    /// Size of a part in bytes: at least 5 MiB, as S3 requires, and so that there are at most
    /// [`MAX_PARTS`] parts.
    pub part_bytes: u64,
}

impl UploadPlan {
    /// The plan for an upload of this size; `None` if a single request is enough.
    pub fn of(size: u64) -> Option<Self> {
        if size <= SINGLE_PUT_BYTES {
            return None;
        }
        let least = size
            .div_ceil(u64::from(MAX_PARTS))
            .next_multiple_of(PART_STEP);
        Some(Self {
            size,
            part_bytes: least.max(PART_BYTES),
        })
    }

    /// The number of parts.
    pub fn parts(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_bytes)).unwrap_or(u32::MAX)
    }

    /// The part numbers.
    pub fn numbers(&self) -> RangeInclusive<u32> {
        1..=self.parts()
    }

    /// The size in bytes of a part, whose number must be in [`Self::numbers`].
    pub fn bytes_of(&self, number: u32) -> u64 {
        let before = u64::from(number - 1) * self.part_bytes;
        self.size.saturating_sub(before).min(self.part_bytes)
    }
}

/// Why an upload is not accepted. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpload {
    /// The file is empty.
    #[error("the file is empty: there is nothing to upload")]
    Empty,
    /// The file exceeds the limit.
    #[error("the file has {bytes} bytes, but the limit is {limit}")]
    TooLarge {
        /// The announced size in bytes.
        bytes: u64,
        /// The limit of this installation in bytes.
        limit: u64,
    },
    /// The content type is not accepted.
    #[error(transparent)]
    Type(#[from] UnacceptedType),
    /// The profile does not exist.
    #[error("there is no profile `{found}`; available: {}", .known.join(", "))]
    Profile {
        /// The requested name.
        found: String,
        /// The profiles of this installation.
        known: Vec<String>,
    },
    /// A title, external id or metadata is too long.
    #[error("`{field}` may have at most {limit} bytes")]
    TooLong {
        /// The name of the field.
        field: &'static str,
        /// Maximum length in bytes.
        limit: usize,
    },
}

impl InvalidUpload {
    /// The problem code of the API's response.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Empty => Problem::EmptyFile,
            Self::TooLarge { .. } => Problem::TooLarge,
            Self::Type(_) => Problem::UnsupportedType,
            Self::Profile { .. } => Problem::NoSuchProfile,
            Self::TooLong { .. } => Problem::FieldTooLong,
        }
    }
}

impl From<InvalidUpload> for ApiError {
    fn from(error: InvalidUpload) -> Self {
        Self::new(error.problem(), error.to_string())
    }
}

/// Checks an announced size (bytes).
///
/// # Errors
/// `Empty`, `TooLarge`.
pub fn check_size(bytes: u64, limit: u64) -> Result<(), InvalidUpload> {
    // The part limits of S3 also limit the size.
    let limit = limit.min(MAX_PART_BYTES.saturating_mul(u64::from(MAX_PARTS)));
    match bytes {
        0 => Err(InvalidUpload::Empty),
        bytes if bytes > limit => Err(InvalidUpload::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use platform::object_store::uploads::MIN_PART_BYTES;

    use super::*;

    #[track_caller]
    fn check(size: u64, part_bytes: u64, parts: u32, last: u64) {
        let plan = UploadPlan::of(size).unwrap();
        assert_eq!(
            (plan.part_bytes, plan.parts(), plan.bytes_of(plan.parts())),
            (part_bytes, parts, last)
        );
        let sum: u64 = plan.numbers().map(|it| plan.bytes_of(it)).sum();
        assert_eq!(sum, size);
        assert!(
            plan.parts() <= MAX_PARTS
                && (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&plan.part_bytes)
        );
    }

    #[test]
    fn parts_are_equal_and_never_too_many() {
        const MIB: u64 = 1 << 20;
        assert_eq!(UploadPlan::of(1), None);
        assert_eq!(UploadPlan::of(64 * MIB), None);
        check(64 * MIB + 1, 16 * MIB, 5, 1);
        check(80 * MIB, 16 * MIB, 5, 16 * MIB);
        check(160_000 * MIB, 16 * MIB, 10_000, 16 * MIB);
        check(160_000 * MIB + 1, 17 * MIB, 9_412, 13 * MIB + 1);
        // The largest object of R2.
        check(4_995 << 30, 512 * MIB, 9_990, 512 * MIB);
    }

    #[test]
    fn sizes_have_limits() {
        assert_eq!(check_size(0, 100), Err(InvalidUpload::Empty));
        assert_eq!(check_size(100, 100), Ok(()));
        assert_eq!(
            check_size(101, 100),
            Err(InvalidUpload::TooLarge {
                bytes: 101,
                limit: 100
            })
        );
        assert!(check_size(u64::MAX, u64::MAX).is_err());
    }
}
