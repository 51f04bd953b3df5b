//! The identity provider whose JWTs the API accepts.

mod settings;
mod sign_in;

use platform::secret::Secret;
use url::Url;

pub use settings::{IdentityProblem, IdentitySettings, JwksAlgorithm, Signature, is_loopback};
pub use sign_in::{SignInArgs, SignInSettings, SignInToken};

use crate::parsers::List;
use crate::variables::InvalidSettings;

/// The identity provider whose JWTs the API accepts.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct IdentityArgs {
    /// Accept JWTs signed with HS256 and this secret of at least 32 bytes. Set either this or `--identity-jwks-url`.
    #[arg(
        long,
        env = "EDGEREEL_IDENTITY_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    identity_secret: Option<Secret>,
    /// Accept JWTs signed with one of the keys that the identity provider publishes at this URL.
    #[arg(long, env = "EDGEREEL_IDENTITY_JWKS_URL", value_name = "URL")]
    identity_jwks_url: Option<Url>,
    /// Accepted algorithms of the published keys, comma-separated: RS256, ES256. Default: both.
    #[arg(long, env = "EDGEREEL_IDENTITY_ALGORITHMS", value_name = "NAMES")]
    identity_algorithms: Option<List<JwksAlgorithm>>,
    /// The required value of `iss`.
    #[arg(long, env = "EDGEREEL_IDENTITY_ISSUER", value_name = "URL")]
    identity_issuer: Option<String>,
    /// `aud` must be or contain one of these values, comma-separated.
    #[arg(long, env = "EDGEREEL_IDENTITY_AUDIENCE", value_name = "NAMES")]
    identity_audience: Option<List<String>>,
    /// The claim that names the owner. Default: `sub`.
    #[arg(long, env = "EDGEREEL_IDENTITY_OWNER_CLAIM", value_name = "NAME")]
    identity_owner_claim: Option<String>,
    /// A prefix of our scopes in the token, such as `edgereel:`.
    #[arg(long, env = "EDGEREEL_IDENTITY_SCOPE_PREFIX", value_name = "TEXT")]
    identity_scope_prefix: Option<String>,
    /// How browsers sign in with the provider.
    #[command(flatten)]
    sign_in: SignInArgs,
}

const SECRET: &str = "EDGEREEL_IDENTITY_SECRET";
const JWKS_URL: &str = "EDGEREEL_IDENTITY_JWKS_URL";

impl IdentityArgs {
    /// The settings of the identity provider; `None` if none is configured.
    ///
    /// # Errors
    /// If the provider is configured in part, or a setting is invalid.
    pub fn settings(self) -> Result<Option<IdentitySettings>, InvalidSettings> {
        let audiences = self.identity_audience.unwrap_or_default().0;
        let is_configured = self.identity_secret.is_some()
            || self.identity_jwks_url.is_some()
            || self.identity_issuer.is_some()
            || !audiences.is_empty()
            || self.sign_in.is_configured();
        if !is_configured {
            return Ok(None);
        }
        let one = |problem: String| InvalidSettings(vec![problem]);
        let signature = match (self.identity_secret, self.identity_jwks_url) {
            (Some(secret), None) => Signature::Hs256 { secret },
            (None, Some(url)) => {
                let algorithms = self.identity_algorithms.unwrap_or_default().0;
                let both = vec![JwksAlgorithm::Rs256, JwksAlgorithm::Es256];
                Signature::Jwks {
                    url,
                    algorithms: if algorithms.is_empty() {
                        both
                    } else {
                        algorithms
                    },
                }
            }
            (Some(_), Some(_)) => {
                return Err(one(format!(
                    "{SECRET} and {JWKS_URL} are both set: use one"
                )));
            }
            (None, None) => return Err(one(format!("{SECRET} or {JWKS_URL} is not set"))),
        };
        let missing = [
            ("EDGEREEL_IDENTITY_ISSUER", self.identity_issuer.is_none()),
            ("EDGEREEL_IDENTITY_AUDIENCE", audiences.is_empty()),
        ];
        let missing: Vec<_> = missing
            .iter()
            .filter(|it| it.1)
            .map(|it| format!("{} is not set", it.0))
            .collect();
        if !missing.is_empty() {
            return Err(InvalidSettings(missing));
        }
        let issuer = self.identity_issuer.unwrap_or_default();
        let mut settings = IdentitySettings {
            audiences,
            ..IdentitySettings::new(signature, &issuer, "")
        };
        settings.owner_claim = self.identity_owner_claim.unwrap_or(settings.owner_claim);
        settings.scope_prefix = self.identity_scope_prefix.unwrap_or_default();
        settings.sign_in = self.sign_in.settings().map_err(one)?;
        match settings.check() {
            Ok(()) => Ok(Some(settings)),
            Err(problem) => Err(one(format!("{}: {problem}", variable_of(&problem)))),
        }
    }
}

/// The variable that causes a problem.
fn variable_of(problem: &IdentityProblem) -> &'static str {
    match problem {
        IdentityProblem::ShortSecret(_) => SECRET,
        IdentityProblem::Insecure(_) => JWKS_URL,
        IdentityProblem::InsecureIssuer(_) => "EDGEREEL_IDENTITY_ISSUER",
        IdentityProblem::Missing(_) => "EDGEREEL_IDENTITY_*",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variables::Variables;

    fn read(set: &[(&str, &str)]) -> Result<Option<IdentitySettings>, InvalidSettings> {
        let variables = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::new(variables)
            .read::<IdentityArgs>()
            .and_then(IdentityArgs::settings)
    }

    #[test]
    fn an_identity_provider_is_configured_completely_or_not_at_all() {
        let secret = "x".repeat(32);
        let (issuer, audience) = (
            ("EDGEREEL_IDENTITY_ISSUER", "https://id.example"),
            ("EDGEREEL_IDENTITY_AUDIENCE", "a, b"),
        );
        let url = (JWKS_URL, "https://id.example/keys");
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[(SECRET, &secret), issuer, audience])
                .unwrap()
                .is_some()
        );
        assert!(read(&[url, issuer, audience]).unwrap().is_some());
        let es256 = ("EDGEREEL_IDENTITY_ALGORITHMS", "ES256");
        let settings = read(&[url, issuer, audience, es256]).unwrap().unwrap();
        assert_eq!(settings.audiences, ["a", "b"]);
        assert!(
            matches!(settings.signature, Signature::Jwks { algorithms, .. } if algorithms == [JwksAlgorithm::Es256])
        );
        let client = ("EDGEREEL_OIDC_CLIENT_ID", "web");
        let scopes = ("EDGEREEL_OIDC_SCOPES", "openid,profile");
        let sign_in = read(&[url, issuer, audience, client, scopes])
            .unwrap()
            .unwrap()
            .sign_in
            .unwrap();
        assert_eq!(
            (sign_in.client_id.as_str(), sign_in.scopes.as_str()),
            ("web", "openid profile")
        );
        assert!(sign_in.client_secret.is_none() && sign_in.token == SignInToken::Id);
        let insecure = ("EDGEREEL_IDENTITY_ISSUER", "http://id.example");
        let wrong: [(&[(&str, &str)], &str); 10] = [
            (
                &[url, insecure, audience, client],
                "EDGEREEL_IDENTITY_ISSUER: the issuer `http://id.example` is not an `https` URL, which the \
                 sign-in of browsers needs",
            ),
            (
                &[url, issuer, audience, scopes],
                "EDGEREEL_OIDC_CLIENT_ID is not set",
            ),
            (
                &[client],
                "EDGEREEL_IDENTITY_SECRET or EDGEREEL_IDENTITY_JWKS_URL is not set",
            ),
            (
                &[("EDGEREEL_OIDC_SCOPES", "profile")],
                "EDGEREEL_OIDC_SCOPES: `openid` is missing",
            ),
            (
                &[issuer],
                "EDGEREEL_IDENTITY_SECRET or EDGEREEL_IDENTITY_JWKS_URL is not set",
            ),
            (&[url, audience], "EDGEREEL_IDENTITY_ISSUER is not set"),
            (&[url, issuer], "EDGEREEL_IDENTITY_AUDIENCE is not set"),
            (
                &[url, issuer, audience, (SECRET, &secret)],
                "EDGEREEL_IDENTITY_SECRET and EDGEREEL_IDENTITY_JWKS_URL are both set: use one",
            ),
            (
                &[
                    url,
                    issuer,
                    audience,
                    ("EDGEREEL_IDENTITY_ALGORITHMS", "HS256"),
                ],
                "EDGEREEL_IDENTITY_ALGORITHMS: use RS256, ES256, or both",
            ),
            (
                &[(SECRET, "hunter2"), issuer, audience],
                "EDGEREEL_IDENTITY_SECRET: the secret of the identity provider has 7 bytes, but needs at least 32",
            ),
        ];
        for (set, problem) in wrong {
            assert_eq!(read(set).unwrap_err().0, [problem]);
        }
    }
}
