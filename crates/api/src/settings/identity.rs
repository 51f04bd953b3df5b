//! Settings of the identity provider.

use platform::secret::Secret;

use super::Environment;
use crate::auth::identity::{IdentityProblem, IdentityProvider, IdentitySettings, JwksAlgorithm, Signature};

const SECRET: &str = "EDGEREEL_IDENTITY_SECRET";
const JWKS_URL: &str = "EDGEREEL_IDENTITY_JWKS_URL";
const ISSUER: &str = "EDGEREEL_IDENTITY_ISSUER";
const AUDIENCE: &str = "EDGEREEL_IDENTITY_AUDIENCE";
const ALGORITHMS: &str = "EDGEREEL_IDENTITY_ALGORITHMS";
const OWNER_CLAIM: &str = "EDGEREEL_IDENTITY_OWNER_CLAIM";
const SCOPE_PREFIX: &str = "EDGEREEL_IDENTITY_SCOPE_PREFIX";

impl Environment<'_> {
    /// The identity provider; `None` if it is not configured, or if there are problems.
    pub(super) fn identity_provider(&mut self) -> Option<IdentityProvider> {
        let (secret, url) = (self.optional(SECRET), self.parsed(JWKS_URL, str::parse));
        let has_url = self.optional(JWKS_URL).is_some();
        let (issuer, audiences) = (self.optional(ISSUER), self.list(AUDIENCE));
        let algorithms = self.algorithms();
        let (owner_claim, scope_prefix) = (self.optional(OWNER_CLAIM), self.optional(SCOPE_PREFIX));
        if secret.is_none() && !has_url && issuer.is_none() && audiences.is_empty() {
            return None;
        }
        let signature = match (secret, has_url) {
            (Some(secret), false) => Some(Signature::Hs256 { secret: Secret::new(secret) }),
            (None, true) => url.zip(algorithms).map(|(url, algorithms)| Signature::Jwks { url, algorithms }),
            (Some(_), true) => {
                self.problem(SECRET, &format!("and {JWKS_URL} are both set: use one"));
                None
            }
            (None, false) => {
                self.problem(SECRET, &format!("or {JWKS_URL} is not set"));
                // Other problems do not matter until this is set.
                return None;
            }
        };
        let issuer = issuer.unwrap_or_else(|| self.text(ISSUER));
        if audiences.is_empty() {
            self.problem(AUDIENCE, "is not set");
        }
        if issuer.is_empty() || audiences.is_empty() {
            return None;
        }
        let mut settings = IdentitySettings { audiences, ..IdentitySettings::new(signature?, &issuer, "") };
        settings.owner_claim = owner_claim.unwrap_or(settings.owner_claim);
        settings.scope_prefix = scope_prefix.unwrap_or_default();
        IdentityProvider::new(settings).map_err(|problem| self.identity_problem(&problem)).ok()
    }

    fn algorithms(&mut self) -> Option<Vec<JwksAlgorithm>> {
        let names = self.list(ALGORITHMS);
        if names.is_empty() {
            return Some(vec![JwksAlgorithm::Rs256, JwksAlgorithm::Es256]);
        }
        let known = names.iter().map(|name| match name.as_str() {
            "RS256" => Some(JwksAlgorithm::Rs256),
            "ES256" => Some(JwksAlgorithm::Es256),
            _ => None,
        });
        let known: Option<Vec<_>> = known.collect();
        if known.is_none() {
            self.problem(&format!("{ALGORITHMS}:"), "use RS256, ES256, or both");
        }
        known
    }

    fn identity_problem(&mut self, problem: &IdentityProblem) {
        let name = match problem {
            IdentityProblem::ShortSecret(_) => SECRET,
            IdentityProblem::Insecure(_) | IdentityProblem::Client(_) => JWKS_URL,
            IdentityProblem::Missing(_) => "EDGEREEL_IDENTITY_*",
        };
        self.problem(&format!("{name}:"), &problem.to_string());
    }
}
