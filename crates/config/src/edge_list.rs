//! Where the edge keeps its list of revocations.

use std::str::FromStr;

use platform::secret::Secret;

use crate::variables::InvalidSettings;

/// Where the API adds revocations to the edge's list.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "API")]
pub struct EdgeListArgs {
    /// Where the API adds revocations to the edge's list: `edge` (a request to the edge, which keeps the list),
    /// `database` (for `edgereel edge` over the same database) or `workers-kv` (Cloudflare's API, for the edge worker).
    #[arg(
        long,
        env = "EDGEREEL_EDGE_LIST",
        value_name = "PLACE",
        default_value = "edge"
    )]
    pub edge_list: EdgeListChoice,
    /// With `workers-kv`: the id of the Cloudflare account.
    #[arg(long, env = "EDGEREEL_CLOUDFLARE_ACCOUNT_ID", value_name = "ID")]
    cloudflare_account_id: Option<String>,
    /// With `workers-kv`: a token with the permission *Workers KV Storage: Edit*. Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_CLOUDFLARE_API_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    cloudflare_api_token: Option<Secret>,
    /// With `workers-kv`: the id of the namespace that is bound to the Worker as `EDGE_LIST`.
    #[arg(long, env = "EDGEREEL_CLOUDFLARE_KV_NAMESPACE", value_name = "ID")]
    cloudflare_kv_namespace: Option<String>,
    /// With `workers-kv`: the URL of Cloudflare's API.
    #[arg(
        long,
        env = "EDGEREEL_CLOUDFLARE_API_URL",
        value_name = "URL",
        default_value = CLOUDFLARE
    )]
    cloudflare_api_url: String,
}

/// Cloudflare's API.
const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4";

/// The kind of place of the edge's list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EdgeListChoice {
    /// At the edge.
    #[default]
    Edge,
    /// In the database.
    Database,
    /// In Workers KV.
    WorkersKv,
}

/// The text is not a place of the edge's list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use `edge`, `database` or `workers-kv`")]
pub struct InvalidPlace;

impl FromStr for EdgeListChoice {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        match text {
            "edge" => Ok(Self::Edge),
            "database" => Ok(Self::Database),
            "workers-kv" => Ok(Self::WorkersKv),
            _ => Err(InvalidPlace),
        }
    }
}

/// The place of the edge's list.
#[derive(Debug, Clone)]
pub enum EdgeListPlace {
    /// The edge keeps it, and takes requests.
    Edge,
    /// In the database.
    Database,
    /// In Workers KV.
    WorkersKv(KvNamespace),
}

/// A namespace of Workers KV.
#[derive(Debug, Clone)]
pub struct KvNamespace {
    /// URL of Cloudflare's API.
    pub api: String,
    /// Id of the account.
    pub account: String,
    /// Id of the namespace.
    pub namespace: String,
    /// Token with the permission to write to it.
    pub token: Secret,
}

impl EdgeListArgs {
    /// The place of the list.
    ///
    /// # Errors
    /// All settings that are missing for Workers KV.
    pub fn place(self) -> Result<EdgeListPlace, InvalidSettings> {
        match self.edge_list {
            EdgeListChoice::Edge => Ok(EdgeListPlace::Edge),
            EdgeListChoice::Database => Ok(EdgeListPlace::Database),
            EdgeListChoice::WorkersKv => self.namespace().map(EdgeListPlace::WorkersKv),
        }
    }

    fn namespace(self) -> Result<KvNamespace, InvalidSettings> {
        match (
            self.cloudflare_account_id,
            self.cloudflare_kv_namespace,
            self.cloudflare_api_token,
        ) {
            (Some(account), Some(namespace), Some(token)) => Ok(KvNamespace {
                api: self.cloudflare_api_url,
                account,
                namespace,
                token,
            }),
            (account, namespace, token) => {
                let missing = [
                    (account.is_none(), "EDGEREEL_CLOUDFLARE_ACCOUNT_ID"),
                    (namespace.is_none(), "EDGEREEL_CLOUDFLARE_KV_NAMESPACE"),
                    (token.is_none(), "EDGEREEL_CLOUDFLARE_API_TOKEN"),
                ];
                let missing = missing.into_iter().filter(|it| it.0);
                let problems = missing
                    .map(|it| format!("{} is not set, which `workers-kv` needs", it.1))
                    .collect();
                Err(InvalidSettings(problems))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Variables;

    fn read(variables: &[(&str, &str)]) -> EdgeListArgs {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Variables::new(variables).read().unwrap()
    }

    #[test]
    fn workers_kv_needs_three_settings() {
        assert!(matches!(read(&[]).place(), Ok(EdgeListPlace::Edge)));
        let database = read(&[("EDGEREEL_EDGE_LIST", "database")]);
        assert!(matches!(database.place(), Ok(EdgeListPlace::Database)));
        let mut set = vec![
            ("EDGEREEL_EDGE_LIST", "workers-kv"),
            ("EDGEREEL_CLOUDFLARE_ACCOUNT_ID", "a"),
        ];
        let InvalidSettings(problems) = read(&set).place().unwrap_err();
        assert_eq!(
            problems,
            [
                "EDGEREEL_CLOUDFLARE_KV_NAMESPACE is not set, which `workers-kv` needs",
                "EDGEREEL_CLOUDFLARE_API_TOKEN is not set, which `workers-kv` needs",
            ]
        );
        set.push(("EDGEREEL_CLOUDFLARE_KV_NAMESPACE", "n"));
        set.push(("EDGEREEL_CLOUDFLARE_API_TOKEN", "hunter2"));
        let Ok(EdgeListPlace::WorkersKv(namespace)) = read(&set).place() else {
            panic!("all settings are there")
        };
        assert_eq!(namespace.api, CLOUDFLARE);
        assert!(!format!("{namespace:?}").contains("hunter2"));
    }
}
