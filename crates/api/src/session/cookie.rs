//! Sealed cookies: their content is encrypted and authenticated (AES-256-GCM), and ends by itself.

use std::time::Duration;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use domain::ids::hex;
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::auth::ApiToken;
use crate::error::ApiError;

/// Longest value of a cookie: browsers accept 4,096 bytes with name and attributes.
const MAX_BYTES: usize = 3_800;
const NONCE_BYTES: usize = 12;

/// Writes and reads one cookie.
#[derive(Clone)]
pub(crate) struct SealedCookie {
    name: String,
    cipher: Aes256Gcm,
    attributes: String,
}

/// Which requests from other sites have the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SameSite {
    /// None.
    Strict,
    /// Those that open a page.
    Lax,
}

/// The content of a cookie.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    content: T,
    /// Seconds since the Unix epoch.
    until: u64,
}

impl SealedCookie {
    /// A cookie whose key depends on the installation token and on the purpose. Its name does too:
    /// browsers share the cookies of a host between all of its ports, and several installations may
    /// run there. Over HTTPS, the prefix `__Host-` keeps other hosts of the domain from setting it.
    pub(crate) fn new(
        token: &ApiToken,
        purpose: &str,
        same_site: SameSite,
        public_url: &str,
    ) -> Self {
        let tag = hex(&token.derive_key(&format!("edgereel {purpose} name 1"))[..4]);
        let is_secure = public_url.starts_with("https://");
        let (prefix, secure) = if is_secure {
            ("__Host-", "; Secure")
        } else {
            ("", "")
        };
        Self {
            name: format!("{prefix}edgereel_{purpose}_{tag}"),
            cipher: Aes256Gcm::new(&token.derive_key(&format!("edgereel {purpose} 1")).into()),
            attributes: format!("; Path=/; HttpOnly; SameSite={same_site:?}{secure}"),
        }
    }

    /// The `Set-Cookie` header with this content.
    ///
    /// # Errors
    /// `invalid-field` if the content does not fit into a cookie.
    pub(crate) fn set<T: Serialize>(
        &self,
        content: T,
        now_s: u64,
        life: Duration,
    ) -> Result<HeaderValue, ApiError> {
        let sealed = Sealed {
            content,
            until: now_s + life.as_secs(),
        };
        let clear = serde_json::to_vec(&sealed).map_err(ApiError::internal)?;
        let mut nonce = [0; NONCE_BYTES];
        crate::random::fill(&mut nonce)?;
        let payload = Payload {
            msg: &clear,
            aad: self.name.as_bytes(),
        };
        let sealed = self.cipher.encrypt(&nonce.into(), payload);
        let sealed =
            sealed.map_err(|_| ApiError::internal(anyhow::anyhow!("cannot encrypt a cookie")))?;
        let value = Base64UrlUnpadded::encode_string(&[&nonce[..], &sealed].concat());
        if value.len() > MAX_BYTES {
            return Err(ApiError::invalid(
                "`token` is too long for a cookie: use an API key",
            ));
        }
        self.header(&value, life.as_secs())
    }

    /// The `Set-Cookie` header that removes the cookie.
    pub(crate) fn remove(&self) -> Result<HeaderValue, ApiError> {
        self.header("", 0)
    }

    /// The content of the cookie of a request, and its end, seconds since the Unix epoch.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        now_s: u64,
    ) -> Option<(T, u64)> {
        let cookies = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|it| it.to_str().ok());
        let pairs = cookies
            .flat_map(|it| it.split(';'))
            .filter_map(|it| it.trim().split_once('='));
        let mut sealed = pairs
            .filter(|it| it.0 == self.name)
            .filter_map(|it| self.open(it.1));
        let Sealed { content, until } = sealed.find(|it| it.until > now_s)?;
        Some((content, until))
    }

    fn open<T: DeserializeOwned>(&self, value: &str) -> Option<Sealed<T>> {
        let sealed = Base64UrlUnpadded::decode_vec(value).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: self.name.as_bytes(),
        };
        let clear = self.cipher.decrypt(&(*nonce).into(), payload).ok()?;
        serde_json::from_slice(&clear).ok()
    }

    fn header(&self, value: &str, max_age: u64) -> Result<HeaderValue, ApiError> {
        let text = format!(
            "{}={value}; Max-Age={max_age}{}",
            self.name, self.attributes
        );
        let mut header = HeaderValue::try_from(text).map_err(ApiError::internal)?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use platform::secret::Secret;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn cookie(token: &str, url: &str) -> SealedCookie {
        SealedCookie::new(
            &ApiToken::new(&Secret::new(token)),
            "session",
            SameSite::Strict,
            url,
        )
    }

    fn sent(set: &HeaderValue) -> HeaderMap {
        let text = set.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(COOKIE, format!("other=1; {text}").parse().unwrap())])
    }

    #[test]
    fn a_cookie_lasts_as_long_as_it_should_at_its_installation() {
        let own = cookie("er_one", "https://api.example");
        let set = own.set("er_key", 1_000, DAY).unwrap();
        let text = set.to_str().unwrap();
        assert!(
            text.starts_with("__Host-edgereel_session_") && !text.contains("er_key"),
            "{text}"
        );
        assert!(
            text.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"),
            "{text}"
        );
        let (content, until): (String, u64) = own.read(&sent(&set), 1_001).unwrap();
        assert_eq!((content.as_str(), until), ("er_key", 1_000 + 86_400));
        assert_eq!(own.read::<String>(&sent(&set), 1_000 + 86_400), None);
        assert_eq!(
            cookie("er_two", "https://x.example").read::<String>(&sent(&set), 1_001),
            None
        );
        let plain = cookie("er_one", "http://127.0.0.1:1").remove().unwrap();
        let plain = plain.to_str().unwrap();
        assert!(
            plain.starts_with("edgereel_") && !plain.contains("Secure"),
            "{plain}"
        );
    }

    #[test]
    fn a_changed_cookie_is_ignored() {
        let own = cookie("er_one", "");
        let set = own.set("er_key", 1_000, DAY).unwrap();
        let text = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let cut = text[..text.len() - 2].to_owned();
        for changed in [text.replace('=', "=A"), cut, format!("{}=", own.name)] {
            let headers = HeaderMap::from_iter([(COOKIE, changed.parse().unwrap())]);
            assert_eq!(own.read::<String>(&headers, 1_001), None, "{changed}");
            // A cookie that another host of the domain has planted hides no valid one.
            let both = format!("{changed}; {text}");
            let headers = HeaderMap::from_iter([(COOKIE, both.parse().unwrap())]);
            assert!(own.read::<String>(&headers, 1_001).is_some(), "{changed}");
        }
        assert!(own.set("x".repeat(4_000), 1_000, DAY).is_err());
    }
}
