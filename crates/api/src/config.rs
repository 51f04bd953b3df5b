//! Configuration of the API.

use std::time::Duration;

use catalog::OwnerLimits;
use config::{
    ApiArgs, EdgeListPlace, IdentitySettings, InvalidSettings, Limits, UploadArgs, UploadTypes,
};
use domain::content_key::KeyEncryptionKeys;
use domain::job::Mode;
use domain::keyring::{GrantKeys, PassKeys};
use domain::prices::Prices;
use domain::profile::BUILT_IN;
use platform::net::Policy;
use platform::secret::Secret;

/// Default size of the largest source in bytes.
const MAX_UPLOAD_BYTES: u64 = 100 << 30;

/// Limits and names.
#[derive(Debug, Clone)]
pub struct ApiConfig {
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
    /// Rate limits.
    pub limits: Limits,
    /// Public URL of this API, for links; empty: links are relative.
    pub public_url: String,
    /// Origins that may call the API from a browser; `*` means all.
    pub cors_origins: Vec<String>,
    /// Prices for the costs of videos.
    pub prices: Prices,
    /// Whether the API streams events. A Lambda function cannot.
    pub streams: bool,
}

impl ApiConfig {
    /// Lets requests select these profiles too.
    pub fn offer(&mut self, profiles: impl IntoIterator<Item = String>) {
        for name in profiles {
            if !self.profiles.contains(&name) {
                self.profiles.push(name);
            }
        }
        self.profiles
            .sort_by_key(|it| (it != "default", it.clone()));
    }
}

impl Default for ApiConfig {
    fn default() -> Self {
        let uploads = UploadArgs::default();
        Self {
            default_profile: "default".to_owned(),
            default_mode: Mode::Abr,
            profiles: BUILT_IN.map(|(name, _)| name.to_owned()).to_vec(),
            max_upload_bytes: MAX_UPLOAD_BYTES,
            owner_limits: uploads.owner_limits(),
            require_sizes: uploads.require_sizes(),
            upload_types: uploads.types(),
            imports: config::SourceArgs::default().import_policy(),
            upload_url_life: uploads.url_life(),
            limits: Limits::default(),
            public_url: String::new(),
            cors_origins: Vec::new(),
            prices: Prices::default(),
            streams: true,
        }
    }
}

/// What the API needs besides the services of its installation.
#[derive(Debug)]
pub struct ApiSettings {
    /// The installation token, with all rights.
    pub token: Secret,
    /// Public URL of the edge.
    pub edge_url: String,
    /// Where revocations go.
    pub edge_list: EdgeListPlace,
    /// Keys that sign grants.
    pub grant_keys: GrantKeys,
    /// Keys that sign URLs of images; without them there are no such URLs.
    pub pass_keys: Option<PassKeys>,
    /// Keys that encrypt the secrets of webhooks.
    pub webhook_keys: KeyEncryptionKeys,
    /// Which URLs webhooks may have.
    pub webhook_policy: Policy,
    /// The identity provider whose JWTs are accepted.
    pub identity: Option<IdentitySettings>,
    /// Limits and names.
    pub config: ApiConfig,
}

impl TryFrom<ApiArgs> for ApiSettings {
    type Error = InvalidSettings;

    /// Fails if an identity provider is configured in part, or a profile cannot be read.
    fn try_from(args: ApiArgs) -> Result<Self, InvalidSettings> {
        let mut config = ApiConfig {
            max_upload_bytes: args.sources.max_bytes().unwrap_or(MAX_UPLOAD_BYTES),
            owner_limits: args.uploads.owner_limits(),
            require_sizes: args.uploads.require_sizes(),
            upload_types: args.uploads.types(),
            imports: args.sources.import_policy(),
            upload_url_life: args.uploads.url_life(),
            limits: args.rates.limits(Limits::default()),
            public_url: args.api_url,
            cors_origins: args.cors.origins(),
            prices: args.prices.prices(),
            ..ApiConfig::default()
        };
        let profiles = args
            .profiles
            .read()
            .map_err(|problem| InvalidSettings(vec![problem.to_string()]))?;
        config.offer(profiles.into_keys());
        let identity = args.identity.settings()?;
        if identity.as_ref().is_some_and(|it| it.sign_in.is_some()) && config.public_url.is_empty()
        {
            let problem =
                "EDGEREEL_API_URL is not set: the identity provider sends browsers back there";
            return Err(InvalidSettings(vec![problem.to_owned()]));
        }
        Ok(Self {
            token: args.api_token,
            edge_url: args.edge_url,
            edge_list: args.edge_list.place()?,
            grant_keys: args.grant_keys,
            pass_keys: args.pass_keys,
            webhook_keys: args.webhook_keys.webhook_keys,
            webhook_policy: args.webhooks.policy(),
            identity,
            config,
        })
    }
}

#[cfg(test)]
mod tests {
    use config::Variables;

    use super::*;

    #[test]
    fn a_sign_in_with_a_provider_needs_the_address_of_the_api() {
        const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
        let settings = |api_url: &str| {
            let variables = [
                ("EDGEREEL_API_TOKEN", "secret".to_owned()),
                ("EDGEREEL_EDGE_URL", "https://video.example".to_owned()),
                ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
                ("EDGEREEL_WEBHOOK_KEYS", format!("one:{KEY}")),
                ("EDGEREEL_IDENTITY_ISSUER", "https://id.example".to_owned()),
                ("EDGEREEL_IDENTITY_AUDIENCE", "edgereel".to_owned()),
                (
                    "EDGEREEL_IDENTITY_JWKS_URL",
                    "https://id.example/keys".to_owned(),
                ),
                ("EDGEREEL_OIDC_CLIENT_ID", "web".to_owned()),
                ("EDGEREEL_API_URL", api_url.to_owned()),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value));
            ApiSettings::try_from(Variables::new(variables).read::<ApiArgs>().unwrap())
        };
        assert!(settings("https://api.example").is_ok());
        let problem = settings("").unwrap_err().to_string();
        assert!(problem.contains("EDGEREEL_API_URL is not set"), "{problem}");
    }
}
