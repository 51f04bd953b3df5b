//! Revocation: a backend that may issue grants adds names to the list.
//!
//! A revocation is a JWT that a grant key signed, for another audience than grants:
//!
//! | claim | meaning |
//! |---|---|
//! | `aud` | `edgereel/revocation` |
//! | `exp` | Unix seconds |
//! | `names` | the names to revoke: `video/{id}`, `viewer/{fingerprint}`, `session/{fingerprint}`, up to 32 |
//! | `seconds` | how long the names stay on the list: longer than any issued grant lives; by default 8 days |

use serde::{Deserialize, Serialize};

use crate::grant::{Limits, sign_claims, verified_claims};
use crate::keyring::{GrantKeys, Keyring};

use super::{Config, Entry, Headers, Refusal, Request, route};

/// The required `aud` of a revocation.
pub const REVOCATION_AUDIENCE: &str = "edgereel/revocation";

/// Longer than any grant of the API lives, with the clock skew, seconds.
const DEFAULT_SECONDS: u64 = 8 * 24 * 60 * 60;

/// Maximum number of names in a revocation.
const MAX_NAMES: usize = 32;

/// Maximum length of a name, bytes.
const MAX_NAME: usize = 64;

/// Names to add to the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokePlan {
    /// The entries that have to be stored.
    pub entries: Vec<Entry>,
    /// Headers of the response, which has no body.
    pub headers: Headers,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    exp: u64,
    names: Vec<String>,
    #[serde(default = "default_seconds")]
    seconds: u64,
}

fn default_seconds() -> u64 {
    DEFAULT_SECONDS
}

impl RevokePlan {
    pub(super) fn new(
        request: &Request<'_>,
        now: u64,
        keys: &Keyring,
        config: &Config,
    ) -> Result<Self, Refusal> {
        let token = route::grant_of(request)?;
        let (_, claims) = verified_claims(token, &keys.grants, request.signature)?;
        let claims: Claims =
            serde_json::from_slice(&claims).map_err(|_| Refusal::GrantMalformed)?;
        if claims.aud != REVOCATION_AUDIENCE {
            return Err(Refusal::GrantAudience);
        }
        if now >= claims.exp.saturating_add(config.clock_skew_seconds) {
            return Err(Refusal::GrantExpired);
        }
        if claims.names.is_empty()
            || claims.names.len() > MAX_NAMES
            || !claims.names.iter().all(|it| is_name(it))
        {
            return Err(Refusal::GrantMalformed);
        }
        let entry = |name| Entry::new(name, "1".to_owned(), claims.seconds);
        let entries = claims.names.into_iter().map(entry).collect();
        Ok(Self {
            entries,
            headers: Headers::json(&Limits::default(), request, config),
        })
    }
}

/// Whether a name is of a kind that is looked up.
fn is_name(name: &str) -> bool {
    let plain = |it: &str| {
        !it.is_empty()
            && it
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'_')
    };
    let known = ["video/", "viewer/", "session/"]
        .iter()
        .find_map(|it| name.strip_prefix(it));
    name.len() <= MAX_NAME && known.is_some_and(plain)
}

/// Signs a request to keep names on the list for this number of seconds, valid for a minute. `now` in Unix seconds.
/// `None`: no key here can sign.
pub fn revocation(names: Vec<String>, seconds: u64, now: u64, keys: &GrantKeys) -> Option<String> {
    let (aud, exp) = (REVOCATION_AUDIENCE.to_owned(), now.saturating_add(60));
    let claims = Claims {
        aud,
        exp,
        names,
        seconds,
    };
    sign_claims(&serde_json::to_string(&claims).ok()?, keys)
}
