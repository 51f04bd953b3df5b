//! `edgereel keys`: creates and rotates the keys of an installation.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use api::services::rewrap::{self, Summary};
use base64ct::{Base64, Encoding as _};
use catalog::database::DatabaseConfig;
use catalog::webhooks::Webhooks;
use config::{InvalidSettings, KeyArgs, ServiceArgs, Variables, WebhookKeyArgs};
use domain::content_key::KeyEncryptionKeys;
use domain::keyring::{GrantKeys, PassKeys};
use platform::object_store::SharedStore;
use platform::object_store::s3::S3Store;
use serde_json::json;

use crate::Result;
use crate::args::{KeysArgs, KeysCommand, RewrapArgs, RotateArgs, RotatedKeys};
use crate::data_dir::{DataDir, DevInfo, Secrets, read_secrets};
use crate::output::{CommandError, Output};
use crate::random;

/// Runs one of the commands.
pub async fn run(args: KeysArgs, output: &Output) -> Result {
    match args.command {
        KeysCommand::New(_) => new(output),
        KeysCommand::Rotate(args) => rotate(&args, output),
        KeysCommand::Rewrap(args) => rewrap(&args, output).await,
    }
}

fn new(output: &Output) -> Result {
    let mut secrets = vec![(
        "EDGEREEL_API_TOKEN",
        domain::ids::hex(&random::bytes::<32>()?),
    )];
    for keys in [
        RotatedKeys::Grant,
        RotatedKeys::Pass,
        RotatedKeys::KeyEncryption,
        RotatedKeys::Webhook,
    ] {
        secrets.push((keys.variable(), with_new_key(keys, "")?));
    }
    for (variable, value) in &secrets {
        output.line(format!("{variable}={value}"));
    }
    let object: serde_json::Map<String, serde_json::Value> = secrets
        .into_iter()
        .map(|(variable, value)| (variable.to_owned(), value.into()))
        .collect();
    output.object(&object);
    Ok(())
}

fn rotate(args: &RotateArgs, output: &Output) -> Result {
    let change = |list: &str| {
        if args.remove_old {
            first_of(list)
        } else {
            with_new_key(args.keys, list)
        }
    };
    let variable = args.keys.variable();
    let Some(data) = &args.data else {
        let list = Variables::of_process().value(variable).map(str::to_owned);
        if args.remove_old && list.is_none() {
            return Err(CommandError::Usage(format!(
                "{variable} is not set: there is no key to keep"
            )));
        }
        let list = change(&list.unwrap_or_default())?;
        check(args.keys, &list)?;
        output.object(&json!({ "variable": variable, "value": list, "keys": ids(&list) }));
        output.line(format!("{variable}={list}"));
        return Ok(());
    };
    let mut data_dir = DataDir::open(data)?;
    let mut secrets = data_dir.secrets().clone();
    let list = list_in(&mut secrets, args.keys);
    *list = change(list)?;
    check(args.keys, list)?;
    let keys: Vec<String> = ids(list).into_iter().map(str::to_owned).collect();
    let kept = data_dir.replace_secrets(secrets)?;
    let kept = data_dir.join(&kept);
    output
        .object(&json!({ "data": data, "variable": variable, "keys": keys, "old_secrets": kept }));
    output.line(format!("Keys, first one in use: {}", keys.join(", ")));
    output.line(format!(
        "The old secrets are kept in `{}`: delete it when everything plays.",
        kept.display()
    ));
    Ok(())
}

/// The keys in the secrets of a data directory.
fn list_in(secrets: &mut Secrets, keys: RotatedKeys) -> &mut String {
    match keys {
        RotatedKeys::Grant => &mut secrets.grant_keys,
        RotatedKeys::Pass => &mut secrets.pass_keys,
        RotatedKeys::KeyEncryption => &mut secrets.key_encryption_keys,
        RotatedKeys::Webhook => &mut secrets.webhook_keys,
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|it| !it.is_empty())
}

fn id_of(entry: &str) -> &str {
    entry.split(':').next().unwrap_or_default()
}

/// The ids of the keys in a list, which may be shown.
fn ids(list: &str) -> Vec<&str> {
    entries(list).map(id_of).collect()
}

fn first_of(list: &str) -> anyhow::Result<String> {
    entries(list)
        .next()
        .map(str::to_owned)
        .context("the list has no key")
}

/// A list with a new random key in first place. Its id is `k1`, `k2`, ..., one above the highest in the list: the newest key
/// always stays, so no id is used twice.
fn with_new_key(keys: RotatedKeys, list: &str) -> anyhow::Result<String> {
    let numbers = ids(list)
        .into_iter()
        .filter_map(|id| id.strip_prefix('k')?.parse::<u32>().ok());
    let id = format!("k{}", numbers.max().unwrap_or(0).saturating_add(1));
    let material = Base64::encode_string(&random::bytes::<32>()?);
    let entry = match keys {
        RotatedKeys::Grant => format!("{id}:HS256:{material}"),
        RotatedKeys::Pass | RotatedKeys::KeyEncryption | RotatedKeys::Webhook => {
            format!("{id}:{material}")
        }
    };
    Ok(std::iter::once(entry.as_str())
        .chain(entries(list))
        .collect::<Vec<_>>()
        .join(","))
}

/// Refuses a list that the components would refuse.
fn check(keys: RotatedKeys, list: &str) -> Result {
    let checked = match keys {
        RotatedKeys::Grant => GrantKeys::parse(list).err(),
        RotatedKeys::Pass => PassKeys::parse(list).err(),
        RotatedKeys::KeyEncryption | RotatedKeys::Webhook => KeyEncryptionKeys::parse(list).err(),
    };
    match checked {
        None => Ok(()),
        Some(error) => Err(CommandError::Usage(format!("{}: {error}", keys.variable()))),
    }
}

/// What is rewrapped, and with which keys.
struct Installation {
    store: SharedStore,
    webhooks: Webhooks,
    keys: KeyEncryptionKeys,
    webhook_keys: KeyEncryptionKeys,
}

async fn rewrap(args: &RewrapArgs, output: &Output) -> Result {
    let installation = match &args.data {
        Some(data) => of_data_folder(data).await?,
        None => of_environment().await?,
    };
    let show = |summary: &Summary| tracing::info!(content_keys = summary.total(), "rewrapping");
    let Installation {
        store,
        webhooks,
        keys,
        webhook_keys,
    } = installation;
    let content_keys = rewrap::content_keys(&store, &keys, show)
        .await
        .map_err(anyhow::Error::from)?;
    let secrets = rewrap::webhook_secrets(&webhooks, &webhook_keys)
        .await
        .map_err(anyhow::Error::from)?;
    output.object(&json!({ "content_keys": content_keys, "webhook_secrets": secrets }));
    for (name, summary) in [
        ("Content keys", &content_keys),
        ("Webhook secrets", &secrets),
    ] {
        output.line(format!(
            "{name}: {} rewrapped, {} already current",
            summary.rewrapped, summary.current
        ));
    }
    let unreadable: Vec<&str> = [&content_keys, &secrets]
        .into_iter()
        .flat_map(|it| &it.unreadable)
        .map(String::as_str)
        .collect();
    if unreadable.is_empty() {
        return Ok(());
    }
    let shown = unreadable
        .iter()
        .take(5)
        .copied()
        .collect::<Vec<_>>()
        .join("; ");
    let problem = anyhow::anyhow!(
        "{} documents cannot be opened with these keys: {shown}. Add the key that wrapped them, and run this again",
        unreadable.len()
    );
    Err(CommandError::failed("unreadable-keys", problem))
}

async fn of_environment() -> Result<Installation> {
    let usage = |invalid: InvalidSettings| CommandError::Usage(invalid.to_string());
    let services = config::read::<ServiceArgs>().map_err(usage)?;
    let keys = config::read::<KeyArgs>()
        .map_err(usage)?
        .key_encryption_keys;
    let webhook_keys = config::read::<WebhookKeyArgs>()
        .map_err(usage)?
        .webhook_keys;
    let database = DatabaseConfig::from(services.database).open().await;
    let database = database.map_err(anyhow::Error::from)?;
    Ok(Installation {
        store: Arc::new(S3Store::new(&services.store.into())),
        webhooks: Webhooks::new(&database),
        keys,
        webhook_keys,
    })
}

async fn of_data_folder(data: &Path) -> Result<Installation> {
    let info = DevInfo::read(data)?;
    let missing = || {
        anyhow::anyhow!(
            "no `edgereel dev` is running with the directory `{}`: start it first",
            data.display()
        )
    };
    let info = info.ok_or_else(|| CommandError::failed("not-running", missing()))?;
    let secrets =
        read_secrets(data)?.with_context(|| format!("`{}` has no secrets", data.display()))?;
    let keys = KeyEncryptionKeys::parse(&secrets.key_encryption_keys)
        .context("cannot parse the keys of the directory")?;
    let webhook_keys = KeyEncryptionKeys::parse(&secrets.webhook_keys)
        .context("cannot parse the webhook keys of the directory")?;
    let database = catalog::database::open_sqlite(&data.join("edgereel.db"))
        .await
        .map_err(anyhow::Error::from)?;
    Ok(Installation {
        store: Arc::new(S3Store::new(&info.s3.store_config())),
        webhooks: Webhooks::new(&database),
        keys,
        webhook_keys,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_comes_first_and_the_old_ones_stay() {
        for keys in [
            RotatedKeys::Grant,
            RotatedKeys::Pass,
            RotatedKeys::KeyEncryption,
            RotatedKeys::Webhook,
        ] {
            let first = with_new_key(keys, "").unwrap();
            let second = with_new_key(keys, &first).unwrap();
            let third = with_new_key(keys, &second).unwrap();
            assert_eq!(ids(&third), ["k3", "k2", "k1"]);
            assert!(third.ends_with(&first) && check(keys, &third).is_ok());
            assert_eq!(ids(&first_of(&third).unwrap()), ["k3"]);
            // After the old ones were removed, no id comes back that a token may still name.
            assert_eq!(
                ids(&with_new_key(keys, &first_of(&third).unwrap()).unwrap()),
                ["k4", "k3"]
            );
        }
        assert!(first_of(" , ").is_err());
        assert!(check(RotatedKeys::Pass, "k1:short").is_err());
    }
}
