//! What a part of an installation is told by its environment.
//!
//! Everything that is missing or wrong is told at once, by the name of its variable: nobody likes to deploy five
//! times to find five mistakes.

use std::fmt;
use std::time::Duration;

use domain::content_key::KeyEncryptionKeys;
use domain::keyring::{GrantKeys, PassKeys};
use platform::connect::QueueAddress;
use platform::object_store::s3::S3StoreConfig;
use platform::secret::Secret;

/// Where everything is that more than one part needs.
#[derive(Debug, Clone)]
pub struct Services {
    /// `EDGEREEL_DATABASE`: `postgres://...` or `sqlite:PATH`.
    pub database: String,
    /// `EDGEREEL_QUEUE`: `sqs:URL`, or `database`, which is the default.
    pub queue: QueueAddress,
    /// `EDGEREEL_S3_*`, `EDGEREEL_PRIVATE_BUCKET`, `EDGEREEL_MEDIA_BUCKET`.
    pub store: S3StoreConfig,
}

/// What the API is told beside.
#[derive(Debug)]
pub struct ApiSettings {
    /// `EDGEREEL_API_TOKEN`: opens everything.
    pub token: Secret,
    /// `EDGEREEL_EDGE_URL`: where players find the edge.
    pub edge_url: String,
    /// `EDGEREEL_API_URL`: where others find the API, for links to it.
    pub api_url: String,
    /// `EDGEREEL_GRANT_KEYS`: sign grants, `id:HS256:base64`.
    pub grant_keys: GrantKeys,
    /// `EDGEREEL_PASS_KEYS`: sign the addresses of pictures, `id:base64`; without them there are none.
    pub pass_keys: Option<PassKeys>,
    /// `EDGEREEL_KEY_ENCRYPTION_KEYS`: seal the secrets of webhooks, `id:base64`.
    pub key_encryption_keys: KeyEncryptionKeys,
    /// `EDGEREEL_PROFILES`: names of the profiles that may be asked for, separated by commas.
    pub profiles: Vec<String>,
    /// `EDGEREEL_MAX_UPLOAD_BYTES`.
    pub max_upload_bytes: Option<u64>,
    /// `EDGEREEL_UPLOAD_URL_SECONDS`.
    pub upload_url_life: Option<Duration>,
}

/// What is missing or wrong, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment is not complete: {}", self.0.join("; "))
    }
}

impl std::error::Error for InvalidSettings {}

/// The variables of an environment, and what was found wrong with them.
pub struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

/// The variables of this process.
pub fn process_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl<'a> Environment<'a> {
    /// Reads variables by `lookup`. An empty one counts as missing.
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: vec![] }
    }

    /// What was read, unless something was wrong.
    ///
    /// # Errors
    /// All that was missing or wrong.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, InvalidSettings> {
        read.filter(|_| self.problems.is_empty()).ok_or(InvalidSettings(self.problems))
    }

    /// Services that every part needs.
    pub fn services(&mut self) -> Services {
        Services {
            database: self.text("EDGEREEL_DATABASE"),
            queue: {
                let queue = self.optional("EDGEREEL_QUEUE").unwrap_or_default();
                self.parsed("EDGEREEL_QUEUE", &queue, str::parse).unwrap_or_default()
            },
            store: S3StoreConfig {
                endpoint: self.text("EDGEREEL_S3_ENDPOINT"),
                public_endpoint: self.optional("EDGEREEL_S3_PUBLIC_ENDPOINT"),
                region: self.optional("EDGEREEL_S3_REGION").unwrap_or_else(|| "auto".to_owned()),
                access_key_id: self.text("EDGEREEL_S3_ACCESS_KEY_ID"),
                secret_access_key: Secret::new(self.text("EDGEREEL_S3_SECRET_ACCESS_KEY")),
                private_bucket: self.text("EDGEREEL_PRIVATE_BUCKET"),
                media_bucket: self.text("EDGEREEL_MEDIA_BUCKET"),
                force_path_style: self.optional("EDGEREEL_S3_PATH_STYLE").is_none_or(|it| it != "0"),
            },
        }
    }

    /// What the API needs beside; `None` if something is wrong.
    pub fn api(&mut self) -> Option<ApiSettings> {
        let (token, edge_url) = (Secret::new(self.text("EDGEREEL_API_TOKEN")), self.text("EDGEREEL_EDGE_URL"));
        let api_url = self.optional("EDGEREEL_API_URL").unwrap_or_default();
        let grant_keys = self.text("EDGEREEL_GRANT_KEYS");
        let grant_keys = self.parsed("EDGEREEL_GRANT_KEYS", &grant_keys, GrantKeys::parse);
        let pass_keys = self.optional("EDGEREEL_PASS_KEYS");
        let pass_keys = pass_keys.and_then(|it| self.parsed("EDGEREEL_PASS_KEYS", &it, PassKeys::parse));
        let profiles = self.optional("EDGEREEL_PROFILES").unwrap_or_default();
        let profiles = profiles.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let max_upload_bytes = self.number("EDGEREEL_MAX_UPLOAD_BYTES");
        let upload_url_life = self.number("EDGEREEL_UPLOAD_URL_SECONDS").map(Duration::from_secs);
        let keys = self.text("EDGEREEL_KEY_ENCRYPTION_KEYS");
        let keys = self.parsed("EDGEREEL_KEY_ENCRYPTION_KEYS", &keys, KeyEncryptionKeys::parse);
        let (grant_keys, key_encryption_keys) = (grant_keys?, keys?);
        Some(ApiSettings {
            token,
            edge_url,
            api_url,
            grant_keys,
            pass_keys,
            key_encryption_keys,
            profiles,
            max_upload_bytes,
            upload_url_life,
        })
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|it| !it.trim().is_empty())
    }

    fn text(&mut self, name: &str) -> String {
        let found = self.optional(name);
        if found.is_none() {
            self.problems.push(format!("{name} is not set"));
        }
        found.unwrap_or_default()
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        let text = self.optional(name)?;
        self.parsed(name, &text, |it| it.trim().parse::<u64>())
    }

    /// Notes what is wrong with a value, never the value itself: it may be a secret.
    fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &str,
        text: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_empty() {
            return None;
        }
        parse(text).map_err(|error| self.problems.push(format!("{name}: {error}"))).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn complete(name: &str) -> Option<String> {
        Some(match name {
            "EDGEREEL_DATABASE" => "postgres://db/edgereel".to_owned(),
            "EDGEREEL_S3_ENDPOINT" => "https://account.example".to_owned(),
            "EDGEREEL_S3_ACCESS_KEY_ID" | "EDGEREEL_S3_SECRET_ACCESS_KEY" | "EDGEREEL_API_TOKEN" => "secret".to_owned(),
            "EDGEREEL_PRIVATE_BUCKET" => "private".to_owned(),
            "EDGEREEL_MEDIA_BUCKET" => "media".to_owned(),
            "EDGEREEL_EDGE_URL" => "https://video.example".to_owned(),
            "EDGEREEL_GRANT_KEYS" => format!("one:HS256:{KEY}"),
            "EDGEREEL_PROFILES" => " small, large,".to_owned(),
            "EDGEREEL_QUEUE" => " ".to_owned(),
            "EDGEREEL_KEY_ENCRYPTION_KEYS" => format!("one:{KEY}"),
            _ => return None,
        })
    }

    #[test]
    fn defaults_fill_what_is_left_out() {
        let mut environment = Environment::new(&complete);
        let (services, api) = (environment.services(), environment.api());
        let (services, api) = environment.finish(api.map(|api| (services, api))).unwrap();
        assert_eq!((services.store.region.as_str(), services.store.force_path_style), ("auto", true));
        assert_eq!((services.queue, api.max_upload_bytes), (QueueAddress::Database, None), "empty is missing");
        assert_eq!(api.profiles, ["small", "large"]);
        assert!(api.pass_keys.is_none());
    }

    #[test]
    fn all_mistakes_are_told_at_once_without_their_values() {
        let wrong = |name: &str| match name {
            "EDGEREEL_GRANT_KEYS" => Some("one:HS256:c2VjcmV0".to_owned()),
            "EDGEREEL_MAX_UPLOAD_BYTES" => Some("lots".to_owned()),
            "EDGEREEL_MEDIA_BUCKET" => None,
            "EDGEREEL_QUEUE" => Some("https://sqs.example/jobs".to_owned()),
            other => complete(other),
        };
        let mut environment = Environment::new(&wrong);
        environment.services();
        let read = environment.api();
        let told = environment.finish(read).unwrap_err().to_string();
        for part in [
            "EDGEREEL_MEDIA_BUCKET is not set",
            "EDGEREEL_GRANT_KEYS: ",
            "EDGEREEL_MAX_UPLOAD_BYTES: ",
            "EDGEREEL_QUEUE: ",
        ] {
            assert!(told.contains(part), "{told}");
        }
        assert!(!told.contains("c2VjcmV0"), "{told}");
    }
}
