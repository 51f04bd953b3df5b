//! Settings of the API.

use std::fmt;
use std::str::FromStr;

use domain::keyring::{GrantKeys, PassKeys};
use http::Uri;
use platform::secret::Secret;

use crate::edge_list::EdgeListArgs;
use crate::identity::IdentityArgs;
use crate::keys::WebhookKeyArgs;
use crate::limits::RateArgs;
use crate::parsers::{List, SecretParser};
use crate::prices::PriceArgs;
use crate::profiles::ProfileArgs;
use crate::sources::SourceArgs;
use crate::uploads::UploadArgs;
use crate::webhooks::WebhookArgs;

/// Settings of the API, without the addresses of the services.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "API")]
pub struct ApiArgs {
    /// A token with all rights and without rate limits, for the operator's own programs. Prefer the variable.
    #[arg(
        long = "token",
        env = "EDGEREEL_API_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub api_token: Secret,
    /// The public URL of the edge.
    #[arg(long, env = "EDGEREEL_EDGE_URL", value_name = "URL")]
    pub edge_url: String,
    /// Where revocations go.
    #[command(flatten)]
    pub edge_list: EdgeListArgs,
    /// The public URL of the API, with which share links begin.
    #[arg(
        long = "api",
        env = "EDGEREEL_API_URL",
        value_name = "URL",
        default_value = "",
        hide_default_value = true
    )]
    pub api_url: String,
    /// Keys that sign grants: `NAME:HS256:BASE64`, comma-separated; the same as at the edge. Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_GRANT_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(GrantKeys::parse))]
    pub grant_keys: GrantKeys,
    /// Keys that sign URLs of images: `NAME:BASE64`, comma-separated. Without them, the API returns no such URLs.
    /// Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_PASS_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(PassKeys::parse))]
    pub pass_keys: Option<PassKeys>,
    /// The profiles that requests may select.
    #[command(flatten)]
    pub profiles: ProfileArgs,
    /// Prices for the costs of videos.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Which pages may call the API.
    #[command(flatten)]
    pub cors: CorsArgs,
    /// Limits on sources.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Limits on uploads.
    #[command(flatten)]
    pub uploads: UploadArgs,
    /// Rate limits.
    #[command(flatten)]
    pub rates: RateArgs,
    /// The identity provider whose JWTs are accepted.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Keys that encrypt the secrets of webhooks.
    #[command(flatten)]
    pub webhook_keys: WebhookKeyArgs,
    /// Which URLs webhooks may have.
    #[command(flatten)]
    pub webhooks: WebhookArgs,
}

/// Which pages may call the API.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct CorsArgs {
    /// Comma-separated origins whose pages may call the API: `https://app.example`, or `*`. To upload, they also need a
    /// CORS rule of the bucket.
    #[arg(long, env = "EDGEREEL_CORS_ORIGINS", value_name = "ORIGINS")]
    pub cors_origins: Option<List<AllowedOrigin>>,
}

impl CorsArgs {
    /// The origins, as browsers send them.
    pub fn origins(&self) -> Vec<String> {
        self.cors_origins
            .iter()
            .flat_map(|it| &it.0)
            .map(ToString::to_string)
            .collect()
    }
}

/// An origin whose pages may call the API, or `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(String);

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin: use `https://HOST`, without a path, or `*`")]
pub struct InvalidOrigin(String);

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let is_bare = |uri: &Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.path() == "/"
                && uri.query().is_none()
        };
        let is_origin =
            text == "*" || (!text.ends_with('/') && text.parse().is_ok_and(|uri| is_bare(&uri)));
        is_origin
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| InvalidOrigin(text.chars().take(200).collect()))
    }
}
