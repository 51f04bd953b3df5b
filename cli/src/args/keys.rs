//! Arguments of `edgereel keys`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// Create or rotate the keys of an installation.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
To replace a key without an interruption:
  1. edgereel keys rotate KEYS               a new key in first place; the old ones stay valid
  2. give all components the new list        API, transcoders, functions, edge
  3. wait until nothing uses the old key     grants: the longest lifetime; passes: 12 hours;
                                             key-encryption and webhook: run `edgereel keys rewrap`
  4. edgereel keys rotate KEYS --remove-old  only the first key stays; give all components the list

With --data, the keys are those of `edgereel dev`, which must not run while they are rotated. Without it, the keys
are those in the environment (docs/configuration.md), and the new list is printed for you to store.")]
pub struct KeysArgs {
    /// The step of a rotation.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// The commands of `edgereel keys`.
#[derive(Debug, Clone, Subcommand)]
#[expect(
    missing_docs,
    reason = "each says it at its arguments, which become the help"
)]
pub enum KeysCommand {
    New(NewArgs),
    Rotate(RotateArgs),
    Rewrap(RewrapArgs),
}

/// Create the secrets of a new installation, and print them as environment variables.
///
/// Store them where only the components can read them, together with a copy in another place: without the
/// key-encryption keys, no published video can be played again.
#[derive(Debug, Clone, clap::Args)]
#[command(after_long_help = "\
Example:
  umask 077; edgereel keys new > edgereel.env")]
pub struct NewArgs {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Put a new key in first place, or remove all keys but the first.
#[derive(Debug, Clone, clap::Args)]
pub struct RotateArgs {
    /// The keys to rotate.
    #[arg(value_enum, value_name = "KEYS")]
    pub keys: RotatedKeys,
    /// Remove all keys but the first, instead of adding one. Before you remove key-encryption or webhook
    /// keys, run `edgereel keys rewrap`: no component can read what only a removed key wrapped.
    #[arg(long)]
    pub remove_old: bool,
    /// The data directory of `edgereel dev`; without it, the keys are read from the environment.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Wrap all stored content keys with the first key-encryption key, and all webhook secrets with the first webhook key.
///
/// Run it after `edgereel keys rotate key-encryption` or `webhook`, when all components have the new list. It can run while they
/// work, and again after an interruption.
#[derive(Debug, Clone, clap::Args)]
pub struct RewrapArgs {
    /// The data directory of `edgereel dev`, which must be running; without it, the database, the buckets and the
    /// keys are those in the environment.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Keys that can be rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RotatedKeys {
    /// Keys that sign grants: `EDGEREEL_GRANT_KEYS`.
    Grant,
    /// Keys with which the edge signs passes: `EDGEREEL_PASS_KEYS`.
    Pass,
    /// Keys that wrap content keys: `EDGEREEL_KEY_ENCRYPTION_KEYS`.
    KeyEncryption,
    /// Keys that encrypt the secrets of webhooks: `EDGEREEL_WEBHOOK_KEYS`.
    Webhook,
}

impl KeysArgs {
    /// Whether the output is JSON.
    pub fn wants_json(&self) -> bool {
        match &self.command {
            KeysCommand::New(it) => it.json,
            KeysCommand::Rotate(it) => it.json,
            KeysCommand::Rewrap(it) => it.json,
        }
    }
}

impl RotatedKeys {
    /// The environment variable with these keys.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Grant => "EDGEREEL_GRANT_KEYS",
            Self::Pass => "EDGEREEL_PASS_KEYS",
            Self::KeyEncryption => "EDGEREEL_KEY_ENCRYPTION_KEYS",
            Self::Webhook => "EDGEREEL_WEBHOOK_KEYS",
        }
    }
}
