//! Signing browsers in with the identity provider (OpenID Connect Core 1.0).

use std::str::FromStr;
use std::time::Duration;

use platform::secret::Secret;

/// How browsers sign in with the identity provider.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct SignInArgs {
    /// Sign browsers in with OpenID Connect: the client that the identity provider registered. Needs `EDGEREEL_API_URL`.
    #[arg(long, env = "EDGEREEL_OIDC_CLIENT_ID", value_name = "ID")]
    oidc_client_id: Option<String>,
    /// The secret of that client; without it, the client is public.
    #[arg(
        long,
        env = "EDGEREEL_OIDC_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    oidc_client_secret: Option<Secret>,
    /// The scopes to request, separated by spaces. Default: `openid`.
    #[arg(long, env = "EDGEREEL_OIDC_SCOPES", value_name = "NAMES", value_parser = scopes)]
    oidc_scopes: Option<String>,
    /// The token with the owner and the scopes of the user: `id`, the default, or `access`.
    #[arg(long, env = "EDGEREEL_OIDC_TOKEN", value_name = "id|access")]
    oidc_token: Option<SignInToken>,
    /// How long a browser stays signed in, seconds: 5 minutes to 30 days. Default: 12 hours.
    #[arg(long, env = "EDGEREEL_OIDC_SESSION_SECONDS", value_name = "SECONDS", value_parser = session_life)]
    oidc_session_seconds: Option<Duration>,
}

/// How browsers sign in with the identity provider.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// The client that the provider registered.
    pub client_id: String,
    /// Its secret; `None`: a public client.
    pub client_secret: Option<Secret>,
    /// The requested scopes, separated by spaces.
    pub scopes: String,
    /// The token that describes the caller.
    pub token: SignInToken,
    /// How long a browser stays signed in.
    pub session: Duration,
}

/// A token of the provider's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignInToken {
    /// The ID token, whose audience is the client.
    #[default]
    Id,
    /// The access token: a JWT like those of other callers.
    Access,
}

impl FromStr for SignInToken {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "id" => Ok(Self::Id),
            "access" => Ok(Self::Access),
            _ => Err("use id or access"),
        }
    }
}

/// Default lifetime of a session.
const SESSION: Duration = Duration::from_secs(12 * 3600);

fn session_life(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        Ok(seconds @ 300..=2_592_000) => Ok(Duration::from_secs(seconds)),
        _ => Err("use 300 to 2592000"),
    }
}

fn scopes(text: &str) -> Result<String, &'static str> {
    let words: Vec<_> = text.split([' ', ',']).filter(|it| !it.is_empty()).collect();
    if words.contains(&"openid") {
        Ok(words.join(" "))
    } else {
        Err("`openid` is missing")
    }
}

impl SignInSettings {
    /// Default settings of a public client.
    pub fn new(client_id: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: None,
            scopes: "openid".to_owned(),
            token: SignInToken::Id,
            session: SESSION,
        }
    }
}

impl SignInArgs {
    /// Whether a setting is present.
    pub(super) fn is_configured(&self) -> bool {
        let Self {
            oidc_client_id,
            oidc_client_secret,
            oidc_scopes,
            oidc_token,
            oidc_session_seconds,
        } = self;
        oidc_client_id.is_some()
            || oidc_client_secret.is_some()
            || oidc_scopes.is_some()
            || oidc_token.is_some()
            || oidc_session_seconds.is_some()
    }

    /// The settings; `None` if no client is configured.
    ///
    /// # Errors
    /// If other settings are present without the client.
    pub(super) fn settings(self) -> Result<Option<SignInSettings>, String> {
        if !self.is_configured() {
            return Ok(None);
        }
        let client_id = self
            .oidc_client_id
            .ok_or("EDGEREEL_OIDC_CLIENT_ID is not set")?;
        let default = SignInSettings::new(&client_id);
        Ok(Some(SignInSettings {
            client_secret: self.oidc_client_secret,
            scopes: self.oidc_scopes.unwrap_or(default.scopes),
            token: self.oidc_token.unwrap_or_default(),
            session: self.oidc_session_seconds.unwrap_or(default.session),
            client_id,
        }))
    }
}
