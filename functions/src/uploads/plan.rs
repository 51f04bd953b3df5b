//! What may be uploaded, and in which pieces. Pure.

use std::ops::RangeInclusive;

use platform::object_store::uploads::{MAX_PART_BYTES, MAX_PARTS};

use crate::problem::Problem;

/// Up to here one request carries everything, bytes.
pub const SINGLE_PUT_BYTES: u64 = 64 << 20;
/// Parts are this large, bytes, unless there would be too many of them: small enough to lose one.
const PART_BYTES: u64 = 16 << 20;
/// Larger parts are a multiple of this, bytes.
const PART_STEP: u64 = 1 << 20;

/// The type of what a browser does not know.
pub const ANY_TYPE: &str = "application/octet-stream";

/// Types outside `video/` under which videos are announced.
const OTHER_TYPES: [&str; 5] =
    [ANY_TYPE, "application/mp4", "application/mxf", "application/x-matroska", "application/ogg"];

/// An upload in equal parts, but for the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPlan {
    /// Of the whole, bytes; at least 1.
    pub size: u64,
    /// Of a part, bytes; at least 5 MiB, and no more than [`MAX_PARTS`] of them.
    pub part_bytes: u64,
}

impl UploadPlan {
    /// The parts of an upload of so many bytes; `None` if one request carries it.
    pub fn of(size: u64) -> Option<Self> {
        if size <= SINGLE_PUT_BYTES {
            return None;
        }
        let least = size.div_ceil(u64::from(MAX_PARTS)).next_multiple_of(PART_STEP);
        Some(Self { size, part_bytes: least.max(PART_BYTES) })
    }

    /// How many there are.
    pub fn parts(&self) -> u32 {
        u32::try_from(self.size.div_ceil(self.part_bytes)).unwrap_or(u32::MAX)
    }

    /// Their numbers.
    pub fn numbers(&self) -> RangeInclusive<u32> {
        1..=self.parts()
    }

    /// Bytes of the part of that number, which must be one of [`Self::numbers`].
    pub fn bytes_of(&self, number: u32) -> u64 {
        let before = u64::from(number - 1) * self.part_bytes;
        self.size.saturating_sub(before).min(self.part_bytes)
    }
}

/// Why an upload is not begun. `Display` says what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefusedUpload {
    /// No bytes.
    #[error("the file is empty: there is nothing to upload")]
    Empty,
    /// More than this installation takes.
    #[error("the file has {bytes} bytes, and at most {limit} are accepted")]
    TooLarge {
        /// As announced.
        bytes: u64,
        /// Of the installation.
        limit: u64,
    },
    /// Announced as something else than a video.
    #[error("`{0}` is not the type of a video: announce `video/...` or `application/octet-stream`")]
    Type(String),
    /// No such profile.
    #[error("there is no profile `{found}`; there is: {}", .known.join(", "))]
    Profile {
        /// As asked for.
        found: String,
        /// Of the installation.
        known: Vec<String>,
    },
    /// A title, external id or metadata beyond what is kept.
    #[error("`{field}` may have at most {limit} bytes")]
    TooLong {
        /// Which.
        field: &'static str,
        /// Bytes.
        limit: usize,
    },
}

impl RefusedUpload {
    /// Of what kind it is.
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

/// Checks an announced size (bytes).
///
/// # Errors
/// `Empty`, `TooLarge`.
pub fn check_size(bytes: u64, limit: u64) -> Result<(), RefusedUpload> {
    // What the parts of one upload can carry is a limit too.
    let limit = limit.min(MAX_PART_BYTES.saturating_mul(u64::from(MAX_PARTS)));
    match bytes {
        0 => Err(RefusedUpload::Empty),
        bytes if bytes > limit => Err(RefusedUpload::TooLarge { bytes, limit }),
        _ => Ok(()),
    }
}

/// The type to store an upload with: lower case, without parameters. What is uploaded decides in the
/// end, not what it is called; this only turns away what nobody meant to be a video.
///
/// # Errors
/// `Type`.
pub fn check_type(announced: Option<&str>) -> Result<String, RefusedUpload> {
    let announced = announced.unwrap_or_default().trim();
    if announced.is_empty() {
        return Ok(ANY_TYPE.to_owned());
    }
    let essence = announced.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let legal = |it: &str| {
        (1..=100).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let is_video = essence.strip_prefix("video/").is_some_and(legal) || OTHER_TYPES.contains(&essence.as_str());
    if is_video { Ok(essence) } else { Err(RefusedUpload::Type(announced.chars().take(100).collect())) }
}

#[cfg(test)]
mod tests {
    use platform::object_store::uploads::MIN_PART_BYTES;

    use super::*;

    #[track_caller]
    fn check(size: u64, part_bytes: u64, parts: u32, last: u64) {
        let plan = UploadPlan::of(size).unwrap();
        assert_eq!((plan.part_bytes, plan.parts(), plan.bytes_of(plan.parts())), (part_bytes, parts, last));
        let sum: u64 = plan.numbers().map(|it| plan.bytes_of(it)).sum();
        assert_eq!(sum, size);
        assert!(plan.parts() <= MAX_PARTS && (MIN_PART_BYTES..=MAX_PART_BYTES).contains(&plan.part_bytes));
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
        assert_eq!(check_size(0, 100), Err(RefusedUpload::Empty));
        assert_eq!(check_size(100, 100), Ok(()));
        assert_eq!(check_size(101, 100), Err(RefusedUpload::TooLarge { bytes: 101, limit: 100 }));
        assert!(check_size(u64::MAX, u64::MAX).is_err());
    }

    #[test]
    fn only_videos_are_announced() {
        for (announced, stored) in [
            ("video/mp4", "video/mp4"),
            ("Video/MP4; codecs=\"avc1\"", "video/mp4"),
            ("video/x-matroska", "video/x-matroska"),
            ("", ANY_TYPE),
            ("application/octet-stream", ANY_TYPE),
            ("application/mxf", "application/mxf"),
        ] {
            assert_eq!(check_type(Some(announced)).as_deref(), Ok(stored), "{announced}");
        }
        assert_eq!(check_type(None).as_deref(), Ok(ANY_TYPE));
        let long = format!("video/{}", "x".repeat(101));
        for refused in [
            "text/html",
            "image/jpeg",
            "video/",
            "video",
            "video/a b",
            "video/\r\nx: y",
            "application/vnd.apple.mpegurl",
            &long,
        ] {
            assert!(matches!(check_type(Some(refused)), Err(RefusedUpload::Type(_))), "{refused}");
        }
    }
}
