//! Settings from environment variables.
//!
//! All missing and invalid variables are reported in one error that names them, so that one deployment shows all
//! mistakes. `docs/configuration.md` documents all variables; a test compares it with this
//! module.

mod api;
mod files;
mod identity;

use std::fmt;
use std::num::NonZeroU64;

use catalog::connect::QueueAddress;
use domain::content_key::KeyEncryptionKeys;
use platform::net::Policy;
use platform::object_store::s3::S3StoreConfig;
use platform::secret::Secret;

pub use api::ApiSettings;

/// Addresses of the services that several components use.
#[derive(Debug, Clone)]
pub struct Services {
    /// `EDGEREEL_DATABASE`: `postgres://...` or `sqlite:PATH`.
    pub database: String,
    /// `EDGEREEL_QUEUE`: `sqs:URL`, or `database`, which is the default.
    pub queue: QueueAddress,
    /// `EDGEREEL_S3_*`, `EDGEREEL_PRIVATE_BUCKET`, `EDGEREEL_MEDIA_BUCKET`.
    pub store: S3StoreConfig,
}

/// Settings of the webhook dispatcher and of the routes that create webhooks.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// `EDGEREEL_KEY_ENCRYPTION_KEYS`: encrypt webhook secrets, `id:base64`.
    pub keys: KeyEncryptionKeys,
    /// `EDGEREEL_WEBHOOKS_ALLOW_PRIVATE`, `EDGEREEL_WEBHOOKS_ALLOW_HTTP`: which URLs webhooks may have.
    pub policy: Policy,
}

/// Missing and invalid variables, one message each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration: {}", self.0.join("; "))
    }
}

impl std::error::Error for InvalidSettings {}

/// Gives the value of a variable.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads variables and collects problems.
pub struct Environment<'a> {
    lookup: Box<Lookup<'a>>,
    problems: Vec<String>,
}

impl<'a> Environment<'a> {
    /// Reads variables through `lookup`. An empty variable counts as missing.
    pub fn new(lookup: &'a Lookup<'_>) -> Self {
        Self { lookup: Box::new(lookup), problems: vec![] }
    }

    /// Reads the variables of this process. `NAME_FILE` names a file with the value of `NAME`.
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let (files, problems) = files::read(variables);
        let lookup = move |name: &str| {
            let direct = std::env::var(name).ok().filter(|it| !it.trim().is_empty());
            direct.or_else(|| files.get(name).cloned())
        };
        Self { lookup: Box::new(lookup), problems }
    }

    /// Returns the settings if there were no problems.
    ///
    /// # Errors
    /// All missing or invalid variables.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, InvalidSettings> {
        read.filter(|_| self.problems.is_empty()).ok_or(InvalidSettings(self.problems))
    }

    /// Reads the addresses of the services.
    pub fn services(&mut self) -> Services {
        Services {
            database: self.text("EDGEREEL_DATABASE"),
            queue: self.parsed("EDGEREEL_QUEUE", str::parse).unwrap_or_default(),
            store: S3StoreConfig {
                endpoint: self.text("EDGEREEL_S3_ENDPOINT"),
                public_endpoint: self.optional("EDGEREEL_S3_PUBLIC_ENDPOINT"),
                region: self.optional("EDGEREEL_S3_REGION").unwrap_or_else(|| "auto".to_owned()),
                access_key_id: self.text("EDGEREEL_S3_ACCESS_KEY_ID"),
                secret_access_key: Secret::new(self.text("EDGEREEL_S3_SECRET_ACCESS_KEY")),
                private_bucket: self.text("EDGEREEL_PRIVATE_BUCKET"),
                media_bucket: self.text("EDGEREEL_MEDIA_BUCKET"),
                force_path_style: self.switch("EDGEREEL_S3_PATH_STYLE", true),
            },
        }
    }

    /// Reads the settings of the API; `None` if there are problems.
    pub fn api(&mut self) -> Option<ApiSettings> {
        ApiSettings::read(self)
    }

    /// `EDGEREEL_MAX_UPLOAD_BYTES`: the largest uploaded or imported source.
    pub fn max_upload_bytes(&mut self) -> Option<u64> {
        self.number("EDGEREEL_MAX_UPLOAD_BYTES").map(NonZeroU64::get)
    }

    /// Reads the settings of webhooks; `None` if there are problems.
    pub fn webhooks(&mut self) -> Option<WebhookSettings> {
        let policy = Policy {
            allow_private: self.switch("EDGEREEL_WEBHOOKS_ALLOW_PRIVATE", false),
            allow_http: self.switch("EDGEREEL_WEBHOOKS_ALLOW_HTTP", false),
        };
        Some(WebhookSettings { keys: self.key_encryption_keys()?, policy })
    }

    /// `EDGEREEL_KEY_ENCRYPTION_KEYS`: wrap content keys and encrypt webhook secrets; `None` if they are
    /// missing or invalid.
    pub fn key_encryption_keys(&mut self) -> Option<KeyEncryptionKeys> {
        self.needed("EDGEREEL_KEY_ENCRYPTION_KEYS", KeyEncryptionKeys::parse)
    }

    /// The value of one variable; `None` if it is missing or empty.
    pub fn value(&self, name: &str) -> Option<String> {
        self.optional(name)
    }

    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
    }

    fn text(&mut self, name: &str) -> String {
        let found = self.optional(name);
        if found.is_none() {
            self.problem(name, "is not set");
        }
        found.unwrap_or_default()
    }

    /// A required variable.
    fn needed<T, E: fmt::Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        if self.optional(name).is_none() {
            self.problem(name, "is not set");
        }
        self.parsed(name, parse)
    }

    /// Records the problem of a value, never the value itself: it may be a secret.
    fn parsed<T, E: fmt::Display>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        let text = self.optional(name)?;
        parse(&text).map_err(|error| self.problem(&format!("{name}:"), &error.to_string())).ok()
    }

    fn number<T: std::str::FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Option<T> {
        self.parsed(name, str::parse)
    }

    /// `1` or `0`.
    fn switch(&mut self, name: &str, default: bool) -> bool {
        let read = self.parsed(name, |value| match value {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err("use 1 or 0"),
        });
        read.unwrap_or(default)
    }

    /// A comma-separated list.
    fn list(&self, name: &str) -> Vec<String> {
        let text = self.optional(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("{name} {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    pub(super) fn complete(name: &str) -> Option<String> {
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
        assert!(api.pass_keys.is_none() && api.identity_provider.is_none() && api.max_open_uploads.is_none());
        assert!(!api.webhooks.policy.allow_private && !api.webhooks.policy.allow_http);
    }

    #[test]
    fn all_mistakes_are_reported_at_once_without_their_values() {
        let wrong = |name: &str| match name {
            "EDGEREEL_GRANT_KEYS" => Some("one:HS256:c2VjcmV0".to_owned()),
            "EDGEREEL_MAX_UPLOAD_BYTES" => Some("lots".to_owned()),
            "EDGEREEL_MEDIA_BUCKET" => None,
            "EDGEREEL_QUEUE" => Some("https://sqs.example/jobs".to_owned()),
            "EDGEREEL_WEBHOOKS_ALLOW_HTTP" => Some("perhaps".to_owned()),
            other => complete(other),
        };
        let mut environment = Environment::new(&wrong);
        environment.services();
        let read = environment.api();
        let message = environment.finish(read).unwrap_err().to_string();
        for part in [
            "EDGEREEL_MEDIA_BUCKET is not set",
            "EDGEREEL_GRANT_KEYS: ",
            "EDGEREEL_MAX_UPLOAD_BYTES: ",
            "EDGEREEL_QUEUE: ",
            "EDGEREEL_WEBHOOKS_ALLOW_HTTP: use 1 or 0",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("c2VjcmV0"), "{message}");
    }
}
