//! Callers with a JWT of the customer's identity provider (RFC 7519, following RFC 8725).
//!
//! | claim | requirement |
//! |---|---|
//! | header `alg` | a configured algorithm |
//! | header `kid` | the id of one of the provider's keys; optional if there is only one |
//! | header `typ` | `JWT`, `at+jwt`, or none |
//! | `iss`, `aud` | as configured |
//! | `exp` | required, in the future; `nbf`, if present, in the past; both within the clock skew |
//! | `sub` | required: the id of the caller |
//! | the owner claim (`sub`) | the owner whose videos the caller can access |
//! | `scope` or `scp` | the permissions; without either, all permissions on the owner's videos |
//!
//! A caller with the scope `admin` has no owner and can access everything. Unknown scopes belong to other APIs and are
//! ignored.

mod claims;
mod fetch;
mod jwks;
mod oidc;

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};

use config::{IdentityProblem, IdentitySettings, JwksAlgorithm, Signature};

use super::Caller;
use jwks::{FindProblem, Jwks};
pub(crate) use oidc::{Attempt, OidcClient};

/// The verification keys of the provider.
pub struct IdentityProvider {
    keys: Keys,
    settings: IdentitySettings,
    /// Signs browsers in; `None`: the provider is for other clients only.
    pub(crate) oidc: Option<OidcClient>,
}

enum Keys {
    Secret(DecodingKey),
    Jwks(Arc<Jwks>),
}

/// Why an identity provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Its settings are invalid.
    #[error(transparent)]
    Settings(#[from] IdentityProblem),
    /// The HTTP client cannot be created.
    #[error("cannot create the HTTP client for the identity provider")]
    Client(#[source] reqwest::Error),
}

/// Why a JWT is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It was valid until it expired.
    Expired,
    /// It is not valid; the reason is for the log only.
    Invalid(&'static str),
    /// It cannot be verified, because the provider's keys are unavailable.
    NoKeys,
}

impl IdentityProvider {
    /// Creates the provider from its settings.
    ///
    /// # Errors
    /// If the settings are invalid; programs exit with this at startup.
    pub fn new(settings: IdentitySettings) -> Result<Self, IdentityError> {
        settings.check()?;
        let keys = match &settings.signature {
            Signature::Hs256 { secret } => {
                Keys::Secret(DecodingKey::from_secret(secret.expose().as_bytes()))
            }
            Signature::Jwks { url, .. } => {
                let jwks = Jwks::new(url, settings.keys_max_age, settings.refetch_pause);
                Keys::Jwks(Arc::new(jwks.map_err(IdentityError::Client)?))
            }
        };
        let client = |it| OidcClient::new(&settings.issuer, it).map_err(IdentityError::Client);
        let oidc = settings.sign_in.clone().map(client).transpose()?;
        Ok(Self {
            keys,
            settings,
            oidc,
        })
    }

    /// Verifies a JWT and returns its caller.
    pub(crate) async fn caller_of(&self, token: &str) -> Result<Caller, TokenProblem> {
        let claims = self.claims_of(token, &self.settings.audiences).await?;
        claims::caller(&claims, &self.settings)
    }

    /// Verifies a JWT for one of these audiences.
    async fn claims_of(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<claims::Claims, TokenProblem> {
        let header = decode_header(token).map_err(|_| TokenProblem::Invalid("malformed JWT"))?;
        check_header(&header)?;
        let (algorithm, key) = self.key_of(&header).await?;
        let validation = self.validation(algorithm, audiences);
        Ok(decode::<claims::Claims>(token, &key, &validation)
            .map_err(problem)?
            .claims)
    }

    /// The key of a token, and the algorithm of that key.
    async fn key_of(&self, header: &Header) -> Result<(Algorithm, DecodingKey), TokenProblem> {
        const ALGORITHM: TokenProblem = TokenProblem::Invalid("algorithm not allowed");
        match (&self.keys, &self.settings.signature) {
            (Keys::Secret(key), _) => match header.alg {
                Algorithm::HS256 => Ok((Algorithm::HS256, key.clone())),
                _ => Err(ALGORITHM),
            },
            (Keys::Jwks(jwks), Signature::Jwks { algorithms, .. }) => {
                let algorithm = algorithms
                    .iter()
                    .map(|it| algorithm_of(*it))
                    .find(|it| *it == header.alg);
                let algorithm = algorithm.ok_or(ALGORITHM)?;
                let key = jwks
                    .find(header.kid.as_deref(), algorithm)
                    .await
                    .map_err(|problem| match problem {
                        FindProblem::Unknown => TokenProblem::Invalid("unknown key id"),
                        FindProblem::Unavailable => TokenProblem::NoKeys,
                    })?;
                Ok((algorithm, key))
            }
            (Keys::Jwks(_), Signature::Hs256 { .. }) => Err(ALGORITHM),
        }
    }

    fn validation(&self, algorithm: Algorithm, audiences: &[String]) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = self.settings.clock_skew.as_secs();
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(audiences);
        validation
    }
}

/// Omits secrets.
impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn check_header(header: &Header) -> Result<(), TokenProblem> {
    // RFC 7515, 4.1.11: an unsupported critical header makes the token invalid, and none is supported here.
    if header.crit.is_some() {
        return Err(TokenProblem::Invalid("unsupported critical header"));
    }
    // RFC 8725, 3.11: a logout token is signed with the same keys, but is not an access token.
    let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    match typ.strip_prefix("application/").unwrap_or(&typ) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(TokenProblem::Invalid("wrong token type")),
    }
}

fn problem(error: jsonwebtoken::errors::Error) -> TokenProblem {
    match error.into_kind() {
        // Reported only after the signature was verified.
        ErrorKind::ExpiredSignature => TokenProblem::Expired,
        ErrorKind::InvalidSignature => TokenProblem::Invalid("invalid signature"),
        ErrorKind::ImmatureSignature => TokenProblem::Invalid("not valid yet"),
        ErrorKind::InvalidIssuer => TokenProblem::Invalid("wrong issuer"),
        ErrorKind::InvalidAudience => TokenProblem::Invalid("wrong audience"),
        ErrorKind::MissingRequiredClaim(_) => TokenProblem::Invalid("a claim is missing"),
        // All others are malformed tokens; the enum is non-exhaustive.
        _ => TokenProblem::Invalid("malformed token"),
    }
}

fn algorithm_of(algorithm: JwksAlgorithm) -> Algorithm {
    match algorithm {
        JwksAlgorithm::Rs256 => Algorithm::RS256,
        JwksAlgorithm::Es256 => Algorithm::ES256,
    }
}

#[cfg(test)]
mod tests;
