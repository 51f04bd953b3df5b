//! Settings of the edge.

use clap::ArgAction;
use domain::grant::Origin;
use domain::keyring::{GrantKeys, Keyring, PassKeys};
use domain::playback::Config;
use http::header::HeaderName;

use crate::keys::KeyArgs;
use crate::parsers::{SecretParser, switch};

/// All settings of an edge as a program of its own.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Edge")]
pub struct EdgeArgs {
    /// Keys that verify grants: `NAME:HS256:BASE64`, `NAME:ES256:BASE64` or `NAME:EdDSA:BASE64`, comma-separated. Prefer
    /// the variable.
    #[arg(
        long,
        env = "EDGEREEL_GRANT_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(GrantKeys::parse))]
    grant_keys: GrantKeys,
    /// Keys that sign the URLs of playlists, segments and keys: `NAME:BASE64`, comma-separated. The first one signs.
    /// Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_PASS_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(PassKeys::parse))]
    pass_keys: PassKeys,
    /// The header in which a proxy reports the address of the client, such as `CF-Connecting-IP`. Its last element
    /// counts.
    #[arg(long, env = "EDGEREEL_CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    pub client_address_header: Option<HeaderName>,
    /// Keys that unwrap content keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// How viewers are served.
    #[command(flatten)]
    pub playback: PlaybackArgs,
}

impl EdgeArgs {
    /// The keys of grants and passes.
    pub fn keyring(&self) -> Keyring {
        Keyring {
            grants: self.grant_keys.clone(),
            passes: self.pass_keys.clone(),
        }
    }
}

/// How an edge serves viewers. The edge worker has the same settings under the same names, except that a binding makes
/// it count views.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Edge")]
pub struct PlaybackArgs {
    /// A public host of the media bucket, from which players fetch segments: `https://media.example`. Default: they
    /// come through the edge.
    #[arg(long, env = "EDGEREEL_CDN", value_name = "URL", value_parser = host)]
    cdn: Option<String>,
    /// The longest lifetime of a pass in seconds. Default: 43200 (12 hours).
    #[arg(long, env = "EDGEREEL_PASS_SECONDS", value_name = "SECONDS")]
    pass_seconds: Option<u64>,
    /// How far the clocks of grants and edge may differ, in seconds. Default: 60.
    #[arg(long, env = "EDGEREEL_CLOCK_SKEW_SECONDS", value_name = "SECONDS")]
    clock_skew_seconds: Option<u64>,
    /// Comma-separated origins whose pages may send the cookie `edgereel_grant` to the edge.
    #[arg(
        long,
        env = "EDGEREEL_CREDENTIAL_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    #[arg(value_parser = origin)]
    credential_origins: Vec<Origin>,
    /// The header in which a proxy reports the country of the client, such as `CF-IPCountry`, for grants that are
    /// limited to countries. Requires the header with the address.
    #[arg(long, env = "EDGEREEL_CLIENT_COUNTRY_HEADER", value_name = "NAME")]
    pub client_country_header: Option<HeaderName>,
    /// Whether the edge counts views, in the database (1). The counts do not say who watched.
    #[arg(long, env = "EDGEREEL_COUNT_VIEWS", value_name = "0|1", default_value = "1", value_parser = switch)]
    #[arg(action = ArgAction::Set)]
    count_views: bool,
}

impl PlaybackArgs {
    /// Whether the edge counts views.
    pub fn counts_views(&self) -> bool {
        self.count_views
    }

    /// The settings of the decisions.
    pub fn config(&self) -> Config {
        let defaults = Config::default();
        Config {
            cdn: self.cdn.clone(),
            pass_seconds: self.pass_seconds.unwrap_or(defaults.pass_seconds),
            clock_skew_seconds: self
                .clock_skew_seconds
                .unwrap_or(defaults.clock_skew_seconds),
            credential_origins: self.credential_origins.clone(),
            ..defaults
        }
    }
}

fn host(text: &str) -> Result<String, &'static str> {
    let text = text.trim_end_matches('/');
    let is_url = text.parse().is_ok_and(|uri: http::Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
    });
    is_url
        .then(|| text.to_owned())
        .ok_or("use a URL such as `https://media.example`")
}

fn origin(text: &str) -> Result<Origin, &'static str> {
    text.trim()
        .parse()
        .map_err(|()| "an origin is a scheme and a host, such as `https://app.example`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InvalidSettings, Variables};

    const KEY: &str = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

    fn read(changes: &[(&str, &str)]) -> Result<EdgeArgs, InvalidSettings> {
        let keys = [
            ("EDGEREEL_GRANT_KEYS", format!("g:HS256:{KEY}")),
            ("EDGEREEL_PASS_KEYS", format!("p:{KEY}")),
            ("EDGEREEL_KEY_ENCRYPTION_KEYS", format!("k:{KEY}")),
        ];
        let changes = changes.iter().map(|it| (it.0, it.1.to_owned()));
        let all = keys.into_iter().chain(changes);
        Variables::new(all.map(|it| (it.0.to_owned(), it.1))).read()
    }

    #[test]
    fn settings_have_the_names_and_defaults_of_the_edge_worker() {
        assert_eq!(read(&[]).unwrap().playback.config(), Config::default());
        let set = read(&[
            ("EDGEREEL_CDN", "https://media.example/"),
            ("EDGEREEL_PASS_SECONDS", "60"),
            ("EDGEREEL_CLOCK_SKEW_SECONDS", "0"),
            (
                "EDGEREEL_CREDENTIAL_ORIGINS",
                "https://a.example, https://b.example",
            ),
            ("EDGEREEL_CLIENT_ADDRESS_HEADER", "x-forwarded-for"),
            ("EDGEREEL_CLIENT_COUNTRY_HEADER", "cf-ipcountry"),
        ]);
        let playback = set.unwrap().playback;
        assert!(playback.counts_views());
        let config = playback.config();
        assert_eq!(config.cdn.as_deref(), Some("https://media.example"));
        assert_eq!((config.pass_seconds, config.clock_skew_seconds), (60, 0));
        assert_eq!(config.credential_origins.len(), 2);
    }

    #[test]
    fn the_count_of_views_is_a_setting() {
        let off = read(&[("EDGEREEL_COUNT_VIEWS", "0")]).unwrap();
        assert!(!off.playback.counts_views());
    }

    #[test]
    fn mistakes_are_reported_without_secrets() {
        let InvalidSettings(mut problems) = read(&[
            ("EDGEREEL_PASS_KEYS", "p:c2hvcnQ"),
            ("EDGEREEL_CDN", "media"),
            ("EDGEREEL_PASS_SECONDS", "-1"),
            ("EDGEREEL_CREDENTIAL_ORIGINS", "a.example"),
        ])
        .unwrap_err();
        problems.sort();
        assert_eq!(problems.len(), 4, "{problems:?}");
        assert!(!problems.join(" ").contains("c2hvcnQ"), "{problems:?}");
        assert!(
            problems[0].starts_with("EDGEREEL_CDN: use a URL"),
            "{problems:?}"
        );
    }
}
