//! The cookie of a session: sealed credentials (AES-256-GCM).

use std::time::Duration;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use domain::ids::hex;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::auth::ApiToken;

/// How long a browser stays signed in. Credentials that expire earlier end the session earlier.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Longest value of the cookie: browsers accept 4,096 bytes with name and attributes.
const MAX_BYTES: usize = 3_800;
const NONCE_BYTES: usize = 12;

/// Writes and reads the session cookie.
#[derive(Clone)]
pub(crate) struct SessionCookie {
    name: String,
    cipher: Aes256Gcm,
    /// Whether browsers may send the cookie over HTTPS only.
    secure: bool,
}

/// The content of a cookie.
#[derive(Serialize, Deserialize)]
struct Session {
    token: String,
    /// End of the session, seconds since the Unix epoch.
    until: u64,
}

impl SessionCookie {
    /// A cookie whose key depends on the installation token. Its name does too: browsers share the cookies of a host
    /// between all of its ports, and several installations may run there.
    pub(crate) fn new(token: &ApiToken, public_url: &str) -> Self {
        let tag = hex(&token.derive_key("edgereel session name 1")[..4]);
        let cipher = Aes256Gcm::new(&token.derive_key("edgereel session 1").into());
        Self { name: format!("edgereel_session_{tag}"), cipher, secure: public_url.starts_with("https://") }
    }

    /// The `Set-Cookie` header that starts a session with these credentials; `None` if they do not fit into a cookie.
    pub(crate) fn start(&self, token: &str, now_s: u64) -> anyhow::Result<Option<HeaderValue>> {
        let session = Session { token: token.to_owned(), until: now_s + LIFETIME.as_secs() };
        let clear = serde_json::to_vec(&session)?;
        let mut nonce = [0; NONCE_BYTES];
        crate::random::fill(&mut nonce)?;
        let sealed = self.cipher.encrypt(&nonce.into(), Payload { msg: &clear, aad: self.name.as_bytes() });
        let sealed = sealed.map_err(|_| anyhow::anyhow!("cannot encrypt a session"))?;
        let value = Base64UrlUnpadded::encode_string(&[&nonce[..], &sealed].concat());
        if value.len() > MAX_BYTES {
            return Ok(None);
        }
        Ok(Some(self.header(&value, LIFETIME.as_secs())?))
    }

    /// The `Set-Cookie` header that ends the session.
    pub(crate) fn end(&self) -> anyhow::Result<HeaderValue> {
        self.header("", 0)
    }

    /// The credentials in the cookie of a request, and when its session ends, seconds since the Unix epoch.
    pub(crate) fn read(&self, headers: &HeaderMap, now_s: u64) -> Option<(String, u64)> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|it| it.to_str().ok());
        let mut pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.trim().split_once('='));
        let value = pairs.find(|(name, _)| *name == self.name)?.1;
        let sealed = Base64UrlUnpadded::decode_vec(value).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: self.name.as_bytes() };
        let clear = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        let session: Session = serde_json::from_slice(&clear).ok()?;
        (session.until > now_s).then_some((session.token, session.until))
    }

    fn header(&self, value: &str, max_age: u64) -> anyhow::Result<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}", self.name);
        let mut header = HeaderValue::try_from(text)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use platform::secret::Secret;

    use super::*;

    fn cookie(token: &str, url: &str) -> SessionCookie {
        SessionCookie::new(&ApiToken::new(&Secret::new(token)), url)
    }

    fn sent(set: &HeaderValue) -> HeaderMap {
        let text = set.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("other=1; {text}").parse().unwrap())])
    }

    #[test]
    fn a_session_lasts_thirty_days_at_its_installation() {
        let own = cookie("er_one", "https://api.example");
        let set = own.start("er_key", 1_000).unwrap().unwrap();
        let text = set.to_str().unwrap();
        assert!(text.contains("; HttpOnly; SameSite=Strict; Secure") && !text.contains("er_key"), "{text}");
        assert_eq!(own.read(&sent(&set), 1_001).unwrap().0, "er_key");
        assert_eq!(own.read(&sent(&set), 1_000 + LIFETIME.as_secs()), None);
        assert_eq!(cookie("er_two", "").read(&sent(&set), 1_001), None);
        assert!(!cookie("er_one", "http://127.0.0.1:1").end().unwrap().to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn a_changed_cookie_is_no_session() {
        let own = cookie("er_one", "");
        let set = own.start("er_key", 1_000).unwrap().unwrap();
        let text = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        for changed in [text.replace('=', "=A"), text[..text.len() - 2].to_owned(), format!("{}=", own.name)] {
            let headers = HeaderMap::from_iter([(COOKIE, changed.parse().unwrap())]);
            assert_eq!(own.read(&headers, 1_001), None, "{changed}");
        }
        assert!(own.start(&"x".repeat(4_000), 1_000).unwrap().is_none());
    }
}
