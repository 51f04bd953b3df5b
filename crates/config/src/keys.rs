//! Keys that encrypt other keys and secrets.

use domain::content_key::KeyEncryptionKeys;

use crate::parsers::SecretParser;

/// Key-encryption keys.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Keys")]
pub struct KeyArgs {
    /// Keys that wrap content keys: `NAME:BASE64` of 32 bytes, comma-separated; the same as at the edge. The first one
    /// wraps, all of them unwrap. Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_KEY_ENCRYPTION_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(KeyEncryptionKeys::parse))]
    pub key_encryption_keys: KeyEncryptionKeys,
}

/// Keys that encrypt the secrets of webhooks.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Keys")]
pub struct WebhookKeyArgs {
    /// Keys that encrypt the secrets of webhooks: `NAME:BASE64` of 32 bytes, comma-separated. The first one encrypts, all
    /// of them decrypt. Prefer the variable.
    #[arg(
        long,
        env = "EDGEREEL_WEBHOOK_KEYS",
        value_name = "KEYS",
        hide_env_values = true
    )]
    #[arg(value_parser = SecretParser(KeyEncryptionKeys::parse))]
    pub webhook_keys: KeyEncryptionKeys,
}
