//! Settings of the identity provider.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use platform::secret::Secret;
use url::{Host, Url};

use super::SignInSettings;

/// The identity provider whose JWTs are accepted.
#[derive(Debug, Clone)]
pub struct IdentitySettings {
    /// How JWTs are signed.
    pub signature: Signature,
    /// Required value of `iss`.
    pub issuer: String,
    /// `aud` must be or contain one of these.
    pub audiences: Vec<String>,
    /// The claim that contains the owner.
    pub owner_claim: String,
    /// Prefix of Edgereel's scopes, if the provider serves other APIs too: `edgereel:`.
    pub scope_prefix: String,
    /// Tolerated clock skew.
    pub clock_skew: Duration,
    /// Age at which the provider's keys are fetched again; cached keys are used until that succeeds.
    pub keys_max_age: Duration,
    /// Minimum interval of fetches that are caused by unknown key ids.
    pub refetch_pause: Duration,
    /// How browsers sign in; `None`: with an API key only.
    pub sign_in: Option<SignInSettings>,
}

/// How JWTs are signed.
#[derive(Debug, Clone)]
pub enum Signature {
    /// HMAC with SHA-256: everyone who knows the secret can issue tokens.
    Hs256 {
        /// At least 32 bytes (RFC 7518, 3.2).
        secret: Secret,
    },
    /// With keys whose public halves the provider publishes (RFC 7517).
    Jwks {
        /// JWKS URL: `https`, or on this machine.
        url: Url,
        /// Accepted algorithms; keys of others are ignored.
        algorithms: Vec<JwksAlgorithm>,
    },
}

/// An algorithm of published keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwksAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl FromStr for JwksAlgorithm {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            _ => Err("use RS256, ES256, or both"),
        }
    }
}

/// Why settings are invalid.
#[derive(Debug, thiserror::Error)]
pub enum IdentityProblem {
    /// The secret is too short.
    #[error("the secret of the identity provider has {0} bytes, but needs at least 32")]
    ShortSecret(usize),
    /// The keys would be fetched over an insecure connection.
    #[error("the JWKS URL of the identity provider is `{0}`: use https")]
    Insecure(Url),
    /// Endpoints for the sign-in of browsers would be discovered over an insecure connection.
    #[error("the issuer `{0}` is not an `https` URL, which the sign-in of browsers needs")]
    InsecureIssuer(String),
    /// A required setting is missing.
    #[error("the identity provider has no {0}")]
    Missing(&'static str),
}

impl IdentitySettings {
    /// Default settings.
    pub fn new(signature: Signature, issuer: &str, audience: &str) -> Self {
        Self {
            signature,
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            owner_claim: "sub".to_owned(),
            scope_prefix: String::new(),
            clock_skew: Duration::from_secs(60),
            keys_max_age: Duration::from_secs(10 * 60),
            refetch_pause: Duration::from_secs(10),
            sign_in: None,
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// The first problem.
    pub fn check(&self) -> Result<(), IdentityProblem> {
        match &self.signature {
            Signature::Hs256 { secret } if secret.expose().len() < 32 => {
                return Err(IdentityProblem::ShortSecret(secret.expose().len()));
            }
            Signature::Jwks { algorithms, .. } if algorithms.is_empty() => {
                return Err(IdentityProblem::Missing("algorithm"));
            }
            Signature::Jwks { url, .. } if !is_secure(url) => {
                return Err(IdentityProblem::Insecure(url.clone()));
            }
            Signature::Hs256 { .. } | Signature::Jwks { .. } => {}
        }
        let nothing = |it: &String| it.is_empty();
        if nothing(&self.issuer) {
            return Err(IdentityProblem::Missing("issuer"));
        }
        if self.sign_in.is_some() && !Url::parse(&self.issuer).is_ok_and(|it| is_secure(&it)) {
            return Err(IdentityProblem::InsecureIssuer(self.issuer.clone()));
        }
        if self.audiences.is_empty() || self.audiences.iter().any(nothing) {
            return Err(IdentityProblem::Missing("audience"));
        }
        if nothing(&self.owner_claim) {
            return Err(IdentityProblem::Missing("owner claim"));
        }
        Ok(())
    }
}

/// Whether a response from a URL cannot be changed on the way.
fn is_secure(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// Whether a URL points to this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwks(url: &str, algorithms: &[JwksAlgorithm]) -> Signature {
        Signature::Jwks {
            url: url.parse().unwrap(),
            algorithms: algorithms.to_vec(),
        }
    }

    #[track_caller]
    fn check(settings: &IdentitySettings, expected: Option<&str>) {
        let problem = settings.check().err().map(|it| it.to_string());
        assert_eq!(problem.as_deref(), expected);
    }

    #[test]
    fn invalid_settings_are_rejected() {
        let rs256 = &[JwksAlgorithm::Rs256];
        let good = IdentitySettings::new(
            jwks("https://id.example/keys", rs256),
            "https://id.example",
            "edgereel",
        );
        check(&good, None);
        for here in [
            "http://127.0.0.1:9/keys",
            "http://localhost/keys",
            "http://[::1]/keys",
        ] {
            check(
                &IdentitySettings {
                    signature: jwks(here, rs256),
                    ..good.clone()
                },
                None,
            );
        }
        let plain = IdentitySettings {
            signature: jwks("http://id.example/keys", rs256),
            ..good.clone()
        };
        check(
            &plain,
            Some("the JWKS URL of the identity provider is `http://id.example/keys`: use https"),
        );
        let file = IdentitySettings {
            signature: jwks("file:///etc/passwd", rs256),
            ..good.clone()
        };
        check(
            &file,
            Some("the JWKS URL of the identity provider is `file:///etc/passwd`: use https"),
        );
        let none = IdentitySettings {
            signature: jwks("https://id.example/keys", &[]),
            ..good.clone()
        };
        check(&none, Some("the identity provider has no algorithm"));
        let hs256 = |secret: &str| Signature::Hs256 {
            secret: Secret::new(secret),
        };
        check(
            &IdentitySettings {
                signature: hs256(&"x".repeat(32)),
                ..good.clone()
            },
            None,
        );
        let short = IdentitySettings {
            signature: hs256("hunter2"),
            ..good.clone()
        };
        check(
            &short,
            Some("the secret of the identity provider has 7 bytes, but needs at least 32"),
        );
        check(
            &IdentitySettings {
                issuer: String::new(),
                ..good.clone()
            },
            Some("the identity provider has no issuer"),
        );
        let nobody = Some("the identity provider has no audience");
        check(
            &IdentitySettings {
                audiences: vec![],
                ..good.clone()
            },
            nobody,
        );
        check(
            &IdentitySettings {
                audiences: vec![String::new()],
                ..good
            },
            nobody,
        );
    }
}
