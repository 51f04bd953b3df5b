//! Which sources are accepted, by the API and by the transcoder that imports them.

use std::num::NonZeroU64;

use platform::net::Policy;

/// Limits on sources.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Sources")]
pub struct SourceArgs {
    /// The size of the largest source in bytes. Default: 100 GiB for uploads; for imports, what the profile allows.
    #[arg(long, env = "EDGEREEL_MAX_UPLOAD_BYTES", value_name = "BYTES")]
    max_upload_bytes: Option<NonZeroU64>,
    /// Allow imports from URLs of this machine and of private networks.
    #[arg(long, env = "EDGEREEL_ALLOW_PRIVATE_IMPORTS")]
    allow_private_imports: bool,
}

impl SourceArgs {
    /// The size of the largest source in bytes, if it was set.
    pub fn max_bytes(&self) -> Option<u64> {
        self.max_upload_bytes.map(NonZeroU64::get)
    }

    /// Addresses from which sources may be imported.
    pub fn import_policy(&self) -> Policy {
        Policy {
            allow_private: self.allow_private_imports,
            allow_http: true,
        }
    }
}
