//! Which URLs webhooks may have.

use clap::ArgAction;
use platform::net::Policy;

use crate::parsers::switch;

/// Which URLs webhooks may have.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Webhooks")]
pub struct WebhookArgs {
    /// Whether endpoints of webhooks may have private addresses (1).
    #[arg(long, env = "EDGEREEL_WEBHOOKS_ALLOW_PRIVATE", value_name = "0|1", default_value = "0", value_parser = switch)]
    #[arg(action = ArgAction::Set)]
    webhooks_allow_private: bool,
    /// Whether endpoints of webhooks may use `http` (1).
    #[arg(long, env = "EDGEREEL_WEBHOOKS_ALLOW_HTTP", value_name = "0|1", default_value = "0", value_parser = switch)]
    #[arg(action = ArgAction::Set)]
    webhooks_allow_http: bool,
}

impl WebhookArgs {
    /// The policy for the addresses of endpoints.
    pub fn policy(&self) -> Policy {
        Policy {
            allow_private: self.webhooks_allow_private,
            allow_http: self.webhooks_allow_http,
        }
    }
}
