//! Configuration of the API.

use std::sync::Arc;
use std::time::Duration;

use catalog::OwnerLimits;
use domain::job::Mode;
use platform::net::Policy;

use crate::auth::identity::IdentityProvider;
use crate::limits::Limits;
use crate::uploads::plan::UploadTypes;

/// Default limit of concurrent uploads per owner.
const OPEN_UPLOADS: u32 = 1_000;

/// Limits and names.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Name of the private bucket, as in events and jobs.
    pub private_bucket: String,
    /// The default profile.
    pub default_profile: String,
    /// The default mode.
    pub default_mode: Mode,
    /// Names of the available profiles.
    pub profiles: Vec<String>,
    /// Largest source in bytes.
    pub max_upload_bytes: u64,
    /// Quotas per owner. A caller without an owner has no quota.
    pub owner_limits: OwnerLimits,
    /// Whether uploads by Uppy's protocol must announce their size, so that it can be signed.
    pub require_sizes: bool,
    /// Accepted content types.
    pub upload_types: UploadTypes,
    /// Which addresses sources may be fetched from.
    pub imports: Policy,
    /// Lifetime of presigned upload URLs: 1 second to 7 days.
    pub upload_url_life: Duration,
    /// The identity provider whose JWTs are accepted.
    pub identity_provider: Option<Arc<IdentityProvider>>,
    /// Rate limits.
    pub limits: Limits,
    /// Public URL of this API, for links; empty: links are relative.
    pub public_url: String,
    /// Origins that may call the API from a browser; `*` means all.
    pub cors_origins: Vec<String>,
}

impl ApiConfig {
    /// The default configuration.
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
