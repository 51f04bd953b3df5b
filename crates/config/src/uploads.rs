//! Limits on uploads.

use std::time::Duration;

use catalog::OwnerLimits;

use crate::upload_types::UploadTypes;

/// Limits on uploads.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct UploadArgs {
    /// How many open uploads one owner may have at once; 0: unlimited. Default: 1,000.
    #[arg(long, env = "EDGEREEL_MAX_OPEN_UPLOADS", value_name = "N")]
    max_open_uploads: Option<u32>,
    /// How many videos one owner may have; 0: unlimited, the default.
    #[arg(long, env = "EDGEREEL_OWNER_VIDEOS", value_name = "N")]
    owner_videos: Option<u64>,
    /// How many bytes the sources of one owner's videos may have together; 0: unlimited, the default.
    #[arg(long, env = "EDGEREEL_OWNER_BYTES", value_name = "BYTES")]
    owner_bytes: Option<u64>,
    /// Whether uploads by Uppy must announce their size, so that it can be signed (1).
    #[arg(long, env = "EDGEREEL_REQUIRE_UPLOAD_SIZES", value_name = "0|1", value_parser = crate::parsers::switch)]
    require_upload_sizes: Option<bool>,
    /// Accepted content types, comma-separated, such as `video/mp4, video/*`. Default: all videos.
    #[arg(long, env = "EDGEREEL_UPLOAD_TYPES", value_name = "TYPES")]
    upload_types: Option<UploadTypes>,
    /// How long the presigned requests of an upload are valid, seconds: at most 7 days. Default: one day.
    #[arg(long, env = "EDGEREEL_UPLOAD_URL_SECONDS", value_name = "SECONDS", value_parser = url_life)]
    upload_url_seconds: Option<Duration>,
}

/// Default limit of concurrent uploads per owner.
const OPEN_UPLOADS: u32 = 1_000;
/// Default lifetime of presigned requests.
const URL_LIFE: Duration = Duration::from_secs(24 * 3600);
/// The longest lifetime of a presigned URL in S3, seconds.
const LONGEST_URL_LIFE: u64 = 7 * 24 * 3600;

fn url_life(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds @ 1..=LONGEST_URL_LIFE) => Ok(Duration::from_secs(seconds)),
        _ => Err("use 1 to 604800"),
    }
}

impl UploadArgs {
    /// Quotas per owner. A caller without an owner has no quota.
    pub fn owner_limits(&self) -> OwnerLimits {
        OwnerLimits {
            open_uploads: Some(self.max_open_uploads.unwrap_or(OPEN_UPLOADS)).filter(|it| *it > 0),
            videos: self.owner_videos.filter(|it| *it > 0),
            source_bytes: self.owner_bytes.filter(|it| *it > 0),
        }
    }

    /// Whether uploads by Uppy's protocol must announce their size.
    pub fn require_sizes(&self) -> bool {
        self.require_upload_sizes.unwrap_or(false)
    }

    /// Accepted content types.
    pub fn types(&self) -> UploadTypes {
        self.upload_types.clone().unwrap_or_default()
    }

    /// Lifetime of presigned upload URLs: 1 second to 7 days.
    pub fn url_life(&self) -> Duration {
        self.upload_url_seconds.unwrap_or(URL_LIFE)
    }
}
