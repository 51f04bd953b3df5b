//! Environment variables as values of clap arguments.
//!
//! clap reads the variables of a process by itself. This module adds what it lacks: an empty variable counts as missing,
//! `NAME_FILE` names a file with the value of `NAME`, and all missing and invalid variables are reported at once, by
//! their names, without their values.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::fmt;

use clap::{Arg, Args, Command};

use crate::files;

/// Missing and invalid variables, one message each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub Vec<String>);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration: {}", self.0.join("; "))
    }
}

impl std::error::Error for InvalidSettings {}

/// The variables of a process.
#[derive(Debug)]
pub struct Variables {
    values: HashMap<String, String>,
    /// Messages by the names of variables whose file cannot be used.
    unusable: BTreeMap<String, String>,
}

/// Reads arguments from the environment alone, for programs without a command line.
///
/// # Errors
/// All missing and invalid variables.
pub fn read<T: Args>() -> Result<T, InvalidSettings> {
    Variables::of_process().read()
}

impl Variables {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Variables with these values. Reads the files that they name.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let trimmed = variables
            .into_iter()
            .map(|(name, value)| (name, value.trim().to_owned()));
        let direct: HashMap<_, _> = trimmed.filter(|(_, value)| !value.is_empty()).collect();
        let (of_files, unusable) = files::read(&direct);
        let mut values = direct;
        values.extend(of_files);
        Self { values, unusable }
    }

    /// These variables, and those in a store of secrets with this name. It is a mistake to set a variable in both. Names
    /// without the prefix `EDGEREEL_` are for others.
    #[must_use]
    pub fn with_secrets(
        mut self,
        store: &str,
        secrets: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        for (name, value) in secrets {
            let value = value.trim();
            if value.is_empty() || !name.starts_with(files::PREFIX) {
                continue;
            }
            if self.values.contains_key(&name) || self.unusable.contains_key(&name) {
                let problem = format!("{name} is set, and is also in {store}: remove one");
                self.unusable.insert(name, problem);
            } else {
                self.values.insert(name, value.to_owned());
            }
        }
        self
    }

    /// The value of a variable, directly or from its file; `None` if it is missing or empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Reads arguments from the variables alone.
    ///
    /// # Errors
    /// All missing and invalid variables.
    pub fn read<T: Args>(&self) -> Result<T, InvalidSettings> {
        let command = T::augment_args(Command::new("edgereel").no_binary_name(true));
        let problems = self.problems(&command);
        if !problems.is_empty() {
            return Err(InvalidSettings(problems));
        }
        let matches = self.apply(command).try_get_matches_from([""; 0]);
        matches
            .and_then(|matches| T::from_arg_matches(&matches))
            .map_err(|error| InvalidSettings(vec![reason(&error)]))
    }

    /// The command with the values of these variables, in all of its subcommands.
    #[must_use]
    pub fn apply(&self, command: Command) -> Command {
        command
            .mut_args(|arg| self.with_value(arg))
            .mut_subcommands(|it| self.apply(it))
    }

    /// The missing and invalid variables of a command, without its subcommands.
    pub fn problems(&self, command: &Command) -> Vec<String> {
        let problem = |arg: &Arg| {
            let name = name_of(arg)?;
            if let Some(problem) = self.unusable.get(&name) {
                return Some(problem.clone());
            }
            match self.value(&name) {
                None => arg.is_required_set().then(|| format!("{name} is not set")),
                Some(value) => invalid(arg, value).map(|reason| format!("{name}: {reason}")),
            }
        };
        command.get_arguments().filter_map(problem).collect()
    }

    /// Whether a variable of a command, without its subcommands, has an invalid value.
    pub fn has_invalid(&self, command: &Command) -> bool {
        let is_invalid = |arg: &Arg| {
            name_of(arg)
                .and_then(|it| invalid(arg, self.value(&it)?))
                .is_some()
        };
        command.get_arguments().any(is_invalid) || !self.unusable_files(command).is_empty()
    }

    /// The variables of a command, without its subcommands, whose file cannot be used.
    pub fn unusable_files(&self, command: &Command) -> Vec<String> {
        let names = command.get_arguments().filter_map(name_of);
        names
            .filter_map(|name| self.unusable.get(&name).cloned())
            .collect()
    }

    fn with_value(&self, arg: Arg) -> Arg {
        let Some(name) = name_of(&arg) else {
            return arg;
        };
        let known_to_clap = std::env::var(&name).ok();
        match self.value(&name) {
            value if value == known_to_clap.as_deref() => arg,
            None => without_env(arg, &name),
            // The value may be a secret: `--help` must not print it as the default.
            Some(value) if arg.get_action().takes_values() => {
                without_env(with_default(arg, value), &name).hide_default_value(true)
            }
            Some(value) => without_env(with_default(arg, value), &name),
        }
    }
}

/// The variable of an argument.
fn name_of(arg: &Arg) -> Option<String> {
    arg.get_env().map(|it| it.to_string_lossy().into_owned())
}

fn with_default(arg: Arg, value: &str) -> Arg {
    arg.env(None::<&'static str>)
        .required(false)
        .default_value(value.to_owned())
}

/// The argument without clap's own reading of the variable. The help still names the variable.
fn without_env(arg: Arg, name: &str) -> Arg {
    let help = arg
        .get_long_help()
        .or(arg.get_help())
        .map(ToString::to_string)
        .unwrap_or_default();
    arg.env(None::<&'static str>)
        .long_help(format!("{help}\n\n[env: {name}]"))
}

/// Why the parser of an argument rejects a value.
fn invalid(arg: &Arg, value: &str) -> Option<String> {
    let alone = Command::new("edgereel")
        .no_binary_name(true)
        .arg(with_default(arg.clone(), value));
    alone
        .try_get_matches_from([""; 0])
        .err()
        .map(|error| reason(&error))
}

/// The reason in an error of clap, without the value and the usage.
fn reason(error: &clap::Error) -> String {
    if let Some(source) = error.source() {
        return source.to_string();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApiArgs, ServiceArgs, Services};

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    /// A complete configuration with changes; an empty value removes a variable.
    fn variables(changes: &[(&str, &str)]) -> Variables {
        let complete = [
            ("EDGEREEL_DATABASE", "postgres://db/edgereel".to_owned()),
            ("EDGEREEL_S3_ENDPOINT", "https://account.example".to_owned()),
            ("EDGEREEL_S3_ACCESS_KEY_ID", "id".to_owned()),
            ("EDGEREEL_S3_SECRET_ACCESS_KEY", "secret".to_owned()),
            ("EDGEREEL_PRIVATE_BUCKET", "private".to_owned()),
            ("EDGEREEL_MEDIA_BUCKET", "media".to_owned()),
            ("EDGEREEL_QUEUE", " ".to_owned()),
            ("EDGEREEL_API_TOKEN", " secret ".to_owned()),
            ("EDGEREEL_EDGE_URL", "https://video.example".to_owned()),
            ("EDGEREEL_GRANT_KEYS", format!("one:HS256:{KEY}")),
            ("EDGEREEL_WEBHOOK_KEYS", format!("one:{KEY}")),
        ];
        let changed = changes
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        let all: HashMap<&str, String> = complete.into_iter().chain(changed).collect();
        Variables::new(
            all.into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        )
    }

    #[test]
    fn defaults_fill_what_is_left_out() {
        let services: Services = variables(&[])
            .read::<ServiceArgs>()
            .unwrap()
            .try_into()
            .unwrap();
        assert_eq!(
            (
                services.store.region.as_str(),
                services.store.force_path_style
            ),
            ("auto", true)
        );
        assert_eq!(
            services.queue.address.to_string(),
            "database",
            "empty is missing"
        );
        let api: ApiArgs = variables(&[]).read().unwrap();
        assert_eq!(api.api_token.expose(), "secret");
        let owners = api.uploads.owner_limits();
        assert_eq!(
            (owners.open_uploads, owners.videos, owners.source_bytes),
            (Some(1_000), None, None)
        );
        assert!(
            api.pass_keys.is_none() && api.sources.max_bytes().is_none() && api.api_url.is_empty()
        );
        assert!(!api.webhooks.policy().allow_private && !api.webhooks.policy().allow_http);
    }

    #[test]
    fn every_setting_has_an_effect() {
        let api: ApiArgs = variables(&[
            ("EDGEREEL_MAX_OPEN_UPLOADS", "3"),
            ("EDGEREEL_OWNER_VIDEOS", "0"),
            ("EDGEREEL_OWNER_BYTES", "1000000000000"),
            ("EDGEREEL_UPLOAD_URL_SECONDS", "604800"),
            ("EDGEREEL_REQUIRE_UPLOAD_SIZES", "1"),
            ("EDGEREEL_UPLOAD_TYPES", "video/mp4"),
            ("EDGEREEL_MAX_UPLOAD_BYTES", "5"),
            ("EDGEREEL_WEBHOOKS_ALLOW_HTTP", "true"),
            ("EDGEREEL_ALLOW_PRIVATE_IMPORTS", "true"),
            (
                "EDGEREEL_CORS_ORIGINS",
                "https://a.example, http://localhost:5173",
            ),
        ])
        .read()
        .unwrap();
        let owners = api.uploads.owner_limits();
        assert_eq!(
            (owners.open_uploads, owners.videos, owners.source_bytes),
            (Some(3), None, Some(1_000_000_000_000))
        );
        assert_eq!(
            (
                api.uploads.url_life().as_secs(),
                api.uploads.require_sizes()
            ),
            (604_800, true)
        );
        assert!(api.uploads.types().check(Some("video/webm")).is_err());
        assert_eq!(
            (
                api.sources.max_bytes(),
                api.sources.import_policy().allow_private
            ),
            (Some(5), true)
        );
        assert!(api.webhooks.policy().allow_http && !api.webhooks.policy().allow_private);
        assert_eq!(
            api.cors.origins(),
            ["https://a.example", "http://localhost:5173"]
        );
    }

    #[test]
    fn all_mistakes_are_reported_at_once_without_secrets() {
        let wrong = variables(&[
            ("EDGEREEL_GRANT_KEYS", "one:HS256:c2VjcmV0"),
            ("EDGEREEL_EDGE_URL", ""),
            ("EDGEREEL_MAX_UPLOAD_BYTES", "lots"),
            ("EDGEREEL_OWNER_VIDEOS", "-1"),
            ("EDGEREEL_REQUESTS_BURST", "0"),
            ("EDGEREEL_CLIENT_ADDRESS_HEADER", "an address"),
            ("EDGEREEL_UPLOAD_URL_SECONDS", "604801"),
            ("EDGEREEL_UPLOAD_TYPES", "video"),
            ("EDGEREEL_CORS_ORIGINS", "https://a.example/x"),
            ("EDGEREEL_WEBHOOKS_ALLOW_HTTP", "perhaps"),
        ]);
        let InvalidSettings(mut problems) = wrong.read::<ApiArgs>().unwrap_err();
        problems.sort();
        assert_eq!(
            problems,
            [
                "EDGEREEL_CLIENT_ADDRESS_HEADER: invalid HTTP header name",
                "EDGEREEL_CORS_ORIGINS: `https://a.example/x` is not an origin: use `https://HOST`, without a path, or `*`",
                "EDGEREEL_EDGE_URL is not set",
                "EDGEREEL_GRANT_KEYS: key `one` must be 32 to 512 bytes",
                "EDGEREEL_MAX_UPLOAD_BYTES: invalid digit found in string",
                "EDGEREEL_OWNER_VIDEOS: invalid digit found in string",
                "EDGEREEL_REQUESTS_BURST: number would be zero for non-zero type",
                "EDGEREEL_UPLOAD_TYPES: `video` is not a content type: use `video/mp4`, or `video/*`",
                "EDGEREEL_UPLOAD_URL_SECONDS: use 1 to 604800",
                "EDGEREEL_WEBHOOKS_ALLOW_HTTP: use 1 or 0",
            ]
        );
    }

    #[test]
    fn a_store_of_secrets_holds_values() {
        let secrets = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            owned.collect::<Vec<_>>()
        };
        let of_store = secrets(&[
            ("EDGEREEL_PASS_KEYS", &format!("one:{KEY}\n")),
            ("EDGEREEL_API_URL", " "),
            ("DATABASE_PASSWORD", "x"),
        ]);
        let all = variables(&[]).with_secrets("the secret", of_store);
        let api: ApiArgs = all.read().unwrap();
        assert!(api.pass_keys.is_some() && api.api_url.is_empty());
        assert_eq!(all.value("DATABASE_PASSWORD"), None);

        let twice = secrets(&[("EDGEREEL_API_TOKEN", "other")]);
        let InvalidSettings(problems) = variables(&[])
            .with_secrets("the secret", twice)
            .read::<ApiArgs>()
            .unwrap_err();
        assert_eq!(
            problems,
            ["EDGEREEL_API_TOKEN is set, and is also in the secret: remove one"]
        );
    }

    #[test]
    fn a_file_holds_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "of-a-file\n").unwrap();
        let path = path.display().to_string();
        let with_file = |direct: &str| {
            variables(&[
                ("EDGEREEL_API_TOKEN", direct),
                ("EDGEREEL_API_TOKEN_FILE", &path),
            ])
        };
        let api: ApiArgs = with_file("").read().unwrap();
        assert_eq!(api.api_token.expose(), "of-a-file");
        let InvalidSettings(problems) = with_file("direct").read::<ApiArgs>().unwrap_err();
        assert_eq!(
            problems,
            ["EDGEREEL_API_TOKEN and EDGEREEL_API_TOKEN_FILE are both set: unset one"]
        );
        // A variable that this program does not read may have any file.
        assert!(with_file("direct").read::<ServiceArgs>().is_ok());
        let mut help = with_file("").apply(ApiArgs::augment_args(Command::new("edgereel")));
        let help = help.render_long_help().to_string();
        assert!(
            help.contains("--token") && !help.contains("of-a-file"),
            "{help}"
        );
    }

    #[test]
    fn rates_are_read_in_pairs() {
        let limits = |set: &[(&str, &str)]| {
            let rates = variables(set).read::<crate::RateArgs>().unwrap();
            rates.limits(crate::Limits::default())
        };
        let default = limits(&[]);
        assert_eq!(
            (
                default.callers.unwrap().burst,
                default.failures.unwrap().burst
            ),
            (200, 50)
        );
        let set = limits(&[
            ("EDGEREEL_REQUESTS_PER_SECOND", "4"),
            ("EDGEREEL_REQUESTS_BURST", "9"),
            ("EDGEREEL_AUTH_FAILURES_PER_MINUTE", "0"),
            ("EDGEREEL_CLIENT_ADDRESS_HEADER", "CF-Connecting-IP"),
        ]);
        let quarter = std::time::Duration::from_millis(250);
        assert_eq!(
            set.callers,
            Some(crate::Rate {
                burst: 9,
                refill: quarter
            })
        );
        assert_eq!(
            (set.failures, set.address_header.unwrap().as_str()),
            (None, "cf-connecting-ip")
        );
    }
}
