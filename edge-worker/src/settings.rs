//! Configuration of the Worker from its variables and secrets. The names are those of the API and
//! of the transcoder.
//!
//! All missing and invalid settings are reported at once, in the log; viewers only learn that the
//! edge cannot serve.

use std::fmt;
use std::str::FromStr;

use domain::content_key::KeyEncryptionKeys;
use domain::job::Mode;
use domain::keyring::{GrantKeys, Keyring, PassKeys};
use domain::playback::Config;

use crate::signature::Credentials;
use crate::sqs::Queue;
use crate::url::Url;

/// Settings of playback.
#[derive(Debug, Clone)]
pub struct Playback {
    /// `EDGEREEL_GRANT_KEYS` (secret): `id:HS256:base64`, `id:ES256:base64`, `id:EdDSA:base64`,
    /// separated by commas. `EDGEREEL_PASS_KEYS` (secret): `id:base64`; the first one signs.
    pub keys: Keyring,
    /// `EDGEREEL_KEY_ENCRYPTION_KEYS` (secret): `id:base64` of 32 bytes.
    pub key_encryption_keys: KeyEncryptionKeys,
    /// `EDGEREEL_CDN`: the public host of the media bucket, for the mode `cdn`.
    /// `EDGEREEL_PASS_SECONDS`, `EDGEREEL_CLOCK_SKEW_SECONDS`. `EDGEREEL_CREDENTIAL_ORIGINS`:
    /// origins of pages that may send cookies, separated by commas.
    pub config: Config,
}

/// Settings of the event relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// `EDGEREEL_PRIVATE_BUCKET`: the name of the bucket whose uploads are jobs.
    pub bucket: String,
    /// `EDGEREEL_PROFILE`: the profile of jobs, by default `default`.
    pub profile: String,
    /// `EDGEREEL_MODE`: `abr` (the default) or `copy`.
    pub mode: Mode,
    /// Destination of the jobs.
    pub destination: Destination,
}

/// The destination of the jobs.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// `EDGEREEL_SQS_QUEUE_URL`, `AWS_REGION`, and the secrets `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and optionally `AWS_SESSION_TOKEN`.
    Sqs(Queue),
    /// `EDGEREEL_JOBS_URL`, and the secret `EDGEREEL_JOBS_TOKEN`: a POST of a list of jobs, or, if
    /// the receiver has no result for each, a POST per job, which any 2xx accepts.
    Http {
        /// Target URL.
        url: String,
        /// Bearer token of the requests.
        token: Option<String>,
    },
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqs(queue) => f.debug_tuple("Sqs").field(queue).finish(),
            // The token is secret, and the path and query of the URL may be too.
            Self::Http { url, .. } => f
                .debug_tuple("Http")
                .field(&Url::split(url).map(|it| it.origin))
                .finish(),
        }
    }
}

/// Missing and invalid settings. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid settings: {}", self.0.join("; "))
    }
}

impl std::error::Error for InvalidSettings {}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    /// The value of a setting; an empty one counts as missing.
    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|it| !it.is_empty())
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let found = self.optional(name);
        if found.is_none() {
            self.problems.push(format!("{name} is missing"));
        }
        found
    }

    fn checked<T, E: fmt::Display>(&mut self, name: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|error| self.problems.push(format!("{name}: {error}")))
            .ok()
    }

    fn keys<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.checked(name, parse(&text))
    }

    fn parsed<T: FromStr>(&mut self, name: &str, expected: &str, default: T) -> Option<T> {
        match self.optional(name) {
            None => Some(default),
            Some(text) => self.checked(
                name,
                text.parse().map_err(|_| format!("expected {expected}")),
            ),
        }
    }

    fn address(&mut self, name: &str, text: String) -> Option<String> {
        let good =
            text.starts_with("http") && Url::split(&text).is_some_and(|it| !it.host.is_empty());
        self.checked(
            name,
            good.then_some(text)
                .ok_or("expected an address, https://..."),
        )
    }

    fn finish<T>(self, read: Option<T>) -> Result<T, InvalidSettings> {
        read.filter(|_| self.problems.is_empty())
            .ok_or(InvalidSettings(self.problems))
    }
}

impl Playback {
    /// Reads the settings with `lookup`.
    ///
    /// # Errors
    /// All missing and invalid settings.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
        let mut reader = Reader {
            lookup,
            problems: vec![],
        };
        let grants = reader.keys("EDGEREEL_GRANT_KEYS", GrantKeys::parse_delegating);
        let passes = reader.keys("EDGEREEL_PASS_KEYS", PassKeys::parse);
        let wrapping = reader.keys("EDGEREEL_KEY_ENCRYPTION_KEYS", KeyEncryptionKeys::parse);
        let config = config(&mut reader);
        let read = (|| {
            Some(Self {
                keys: Keyring {
                    grants: grants?,
                    passes: passes?,
                },
                key_encryption_keys: wrapping?,
                config: config?,
            })
        })();
        reader.finish(read)
    }
}

fn config(reader: &mut Reader<'_>) -> Option<Config> {
    let defaults = Config::default();
    let cdn = reader.optional("EDGEREEL_CDN");
    let cdn = cdn.map(|text| reader.address("EDGEREEL_CDN", text.trim_end_matches('/').to_owned()));
    let pass_seconds = reader.parsed("EDGEREEL_PASS_SECONDS", "seconds", defaults.pass_seconds);
    let clock_skew_seconds = reader.parsed(
        "EDGEREEL_CLOCK_SKEW_SECONDS",
        "seconds",
        defaults.clock_skew_seconds,
    );
    let origins = reader
        .optional("EDGEREEL_CREDENTIAL_ORIGINS")
        .unwrap_or_default();
    let origins = origins
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .map(str::parse);
    let origins = origins
        .collect::<Result<Vec<_>, _>>()
        .map_err(|()| "expected origins, https://example.com");
    let credential_origins = reader.checked("EDGEREEL_CREDENTIAL_ORIGINS", origins);
    Some(Config {
        base: defaults.base,
        // A configured host has to be valid.
        cdn: cdn.map_or(Some(None), |it| it.map(Some))?,
        pass_seconds: pass_seconds?,
        clock_skew_seconds: clock_skew_seconds?,
        credential_origins: credential_origins?,
    })
}

impl Relay {
    /// Reads the settings with `lookup`.
    ///
    /// # Errors
    /// All missing and invalid settings.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, InvalidSettings> {
        let mut reader = Reader {
            lookup,
            problems: vec![],
        };
        let bucket = reader.text("EDGEREEL_PRIVATE_BUCKET");
        let profile = reader
            .optional("EDGEREEL_PROFILE")
            .unwrap_or_else(|| "default".to_owned());
        let mode = match reader.optional("EDGEREEL_MODE").as_deref() {
            None | Some("abr") => Some(Mode::Abr),
            Some("copy") => Some(Mode::Copy),
            Some(_) => reader.checked("EDGEREEL_MODE", Err("expected abr or copy")),
        };
        let destination = destination(&mut reader);
        let read = (|| {
            Some(Self {
                bucket: bucket?,
                profile,
                mode: mode?,
                destination: destination?,
            })
        })();
        reader.finish(read)
    }
}

fn destination(reader: &mut Reader<'_>) -> Option<Destination> {
    match (
        reader.optional("EDGEREEL_SQS_QUEUE_URL"),
        reader.optional("EDGEREEL_JOBS_URL"),
    ) {
        (Some(url), None) => {
            let url = reader.address("EDGEREEL_SQS_QUEUE_URL", url);
            let region = reader.text("AWS_REGION");
            let (id, secret) = (
                reader.text("AWS_ACCESS_KEY_ID"),
                reader.text("AWS_SECRET_ACCESS_KEY"),
            );
            let session_token = reader.optional("AWS_SESSION_TOKEN");
            let credentials = Credentials {
                access_key_id: id?,
                secret_access_key: secret?,
                session_token,
            };
            Some(Destination::Sqs(Queue {
                url: url?,
                region: region?,
                credentials,
            }))
        }
        (None, Some(url)) => {
            let url = reader.address("EDGEREEL_JOBS_URL", url)?;
            Some(Destination::Http {
                url,
                token: reader.optional("EDGEREEL_JOBS_TOKEN"),
            })
        }
        (Some(_), Some(_)) => {
            reader.problems.push(
                "EDGEREEL_SQS_QUEUE_URL and EDGEREEL_JOBS_URL: set only one of them".to_owned(),
            );
            None
        }
        (None, None) => {
            reader
                .problems
                .push("EDGEREEL_SQS_QUEUE_URL or EDGEREEL_JOBS_URL is missing".to_owned());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::playback::cases::world;

    use super::*;

    fn good() -> Vec<(&'static str, &'static str)> {
        vec![
            ("EDGEREEL_GRANT_KEYS", world::GRANT_KEYS),
            ("EDGEREEL_PASS_KEYS", world::PASS_KEYS),
            ("EDGEREEL_KEY_ENCRYPTION_KEYS", world::KEY_ENCRYPTION_KEYS),
            ("EDGEREEL_PRIVATE_BUCKET", "private"),
            (
                "EDGEREEL_SQS_QUEUE_URL",
                "https://sqs.eu-central-1.amazonaws.com/1/jobs",
            ),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]
    }

    fn with(changes: &[(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        let all: Vec<_> = changes.iter().copied().chain(good()).collect();
        move |name| all.iter().find(|it| it.0 == name).map(|it| it.1.to_owned())
    }

    #[test]
    fn omitted_settings_have_defaults() {
        let playback = Playback::read(&with(&[])).unwrap();
        assert_eq!(playback.config, Config::default());
        let relay = Relay::read(&with(&[])).unwrap();
        assert_eq!(
            (relay.bucket.as_str(), relay.profile.as_str(), relay.mode),
            ("private", "default", Mode::Abr)
        );
        assert!(matches!(relay.destination, Destination::Sqs(_)));
    }

    #[test]
    fn all_settings_are_read() {
        let said = with(&[
            ("EDGEREEL_CDN", "https://media.example/"),
            ("EDGEREEL_PASS_SECONDS", "60"),
            ("EDGEREEL_CLOCK_SKEW_SECONDS", "0"),
            (
                "EDGEREEL_CREDENTIAL_ORIGINS",
                "https://a.example, https://b.example",
            ),
            ("EDGEREEL_MODE", "copy"),
            ("EDGEREEL_SQS_QUEUE_URL", ""),
            ("EDGEREEL_JOBS_URL", "https://jobs.example/in"),
        ]);
        let config = Playback::read(&said).unwrap().config;
        assert_eq!(config.cdn.as_deref(), Some("https://media.example"));
        assert_eq!(
            (
                config.pass_seconds,
                config.clock_skew_seconds,
                config.credential_origins.len()
            ),
            (60, 0, 2)
        );
        let relay = Relay::read(&said).unwrap();
        assert_eq!(relay.mode, Mode::Copy);
        assert_eq!(
            relay.destination,
            Destination::Http {
                url: "https://jobs.example/in".to_owned(),
                token: None
            }
        );
    }

    #[test]
    fn all_problems_are_reported_at_once_without_secrets() {
        let playback = with(&[
            ("EDGEREEL_GRANT_KEYS", "g:HS256:c2hvcnQ"),
            ("EDGEREEL_PASS_KEYS", ""),
            ("EDGEREEL_CDN", "media"),
            ("EDGEREEL_PASS_SECONDS", "-1"),
            ("EDGEREEL_CREDENTIAL_ORIGINS", "a.example"),
        ]);
        let relay = with(&[
            ("EDGEREEL_MODE", "best"),
            ("EDGEREEL_SQS_QUEUE_URL", "jobs"),
            ("AWS_REGION", ""),
        ]);
        let both = with(&[("EDGEREEL_JOBS_URL", "https://jobs.example")]);
        let mut table = Playback::read(&playback).unwrap_err().0;
        table.extend(Relay::read(&relay).unwrap_err().0);
        table.extend(Relay::read(&both).unwrap_err().0);
        table.extend(Relay::read(&|_| None).unwrap_err().0);
        insta::assert_snapshot!(table.join("\n"), @"
        EDGEREEL_GRANT_KEYS: key `g` must be 32 to 512 bytes
        EDGEREEL_PASS_KEYS is missing
        EDGEREEL_CDN: expected an address, https://...
        EDGEREEL_PASS_SECONDS: expected seconds
        EDGEREEL_CREDENTIAL_ORIGINS: expected origins, https://example.com
        EDGEREEL_MODE: expected abr or copy
        EDGEREEL_SQS_QUEUE_URL: expected an address, https://...
        AWS_REGION is missing
        EDGEREEL_SQS_QUEUE_URL and EDGEREEL_JOBS_URL: set only one of them
        EDGEREEL_PRIVATE_BUCKET is missing
        EDGEREEL_SQS_QUEUE_URL or EDGEREEL_JOBS_URL is missing
        ");
    }
}
