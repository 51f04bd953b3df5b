//! What an installation decides about its API.

use std::sync::Arc;
use std::time::Duration;

use domain::job::Mode;
use platform::catalog::OwnerLimits;
use platform::net::Policy;

use crate::auth::identity::IdentityProvider;
use crate::limits::Limits;
use crate::uploads::plan::UploadTypes;

/// Uploads of one owner that may be under way at the same time, where nobody says another number.
const OPEN_UPLOADS: u32 = 1_000;

/// Limits and names.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The name of the private bucket, as it stands in events and jobs.
    pub private_bucket: String,
    /// The profile of videos that ask for none.
    pub default_profile: String,
    /// The mode of videos that ask for none.
    pub default_mode: Mode,
    /// Names of the profiles that may be asked for.
    pub profiles: Vec<String>,
    /// Largest source, bytes.
    pub max_upload_bytes: u64,
    /// How much one owner may have. A caller that acts for the whole installation has no owner, and no limit.
    pub owner_limits: OwnerLimits,
    /// Whether an upload by Uppy's protocol has to say its size, so that it can be signed.
    pub require_sizes: bool,
    /// Content types that may be announced.
    pub upload_types: UploadTypes,
    /// Where sources may be fetched from.
    pub imports: Policy,
    /// How long the URLs of an upload are good: 1 second to 7 days.
    pub upload_url_life: Duration,
    /// Whose JWTs are taken, beside the installation's token and API keys.
    pub identity_provider: Option<Arc<IdentityProvider>>,
    /// How often one may call.
    pub limits: Limits,
    /// Where others find this API, for links to it; empty: links begin with a slash.
    pub public_url: String,
    /// Pages of these origins may call from a browser; `*` is every origin.
    pub cors_origins: Vec<String>,
}

impl ApiConfig {
    /// What an installation has that decides nothing.
    pub fn new(private_bucket: &str) -> Self {
        Self {
            private_bucket: private_bucket.to_owned(),
            default_profile: "default".to_owned(),
            default_mode: Mode::Abr,
            profiles: vec!["default".to_owned()],
            max_upload_bytes: 100 << 30,
            owner_limits: OwnerLimits { open_uploads: Some(OPEN_UPLOADS), ..OwnerLimits::default() },
            require_sizes: false,
            upload_types: UploadTypes::default(),
            imports: Policy { allow_private: false, allow_http: true },
            upload_url_life: Duration::from_secs(24 * 3600),
            identity_provider: None,
            limits: Limits::default(),
            public_url: String::new(),
            cors_origins: Vec::new(),
        }
    }
}
