//! `edgereel transcoder`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use api::installation::Installation;
use api::settings::Environment;
use console::style;
use domain::profile::Profile;
use serde_json::json;
use transcoder::worker::{InHand, Outage, Worker, WorkerConfig};

use super::transcode::{default_encoders, read_profiles, verified_tools};
use crate::Result;
use crate::args::TranscoderArgs;
use crate::output::{CommandError, Output};
use crate::signals::{stop_on_signals, stop_when_stdin_ends};

/// Processes jobs until a signal.
///
/// # Errors
/// A usage error for an invalid configuration; an invalid profile; no FFmpeg; a service that cannot be reached.
pub async fn run(args: TranscoderArgs, output: &Output) -> Result {
    let stop = stop_on_signals()?;
    if args.until_stdin_ends {
        stop_when_stdin_ends(stop.clone());
    }
    let mut environment = Environment::of_process();
    let (services, keys) = (environment.services(), environment.key_encryption_keys());
    let max_import_bytes = environment.max_upload_bytes();
    let read = environment.finish(keys.map(|it| (services, it)));
    let (services, keys) = read.map_err(|it| CommandError::Usage(it.to_string()))?;
    let profiles = profiles(&args)?;
    let encoders = args.encoders.map_or_else(default_encoders, usize::from);
    let tools = verified_tools(&args.confinement, encoders * usize::from(args.jobs)).await?;
    let name = args.name.map_or_else(unique_name, Ok)?;

    let installation = Box::pin(Installation::connect(services, &name)).await?;
    let config = WorkerConfig {
        name: name.clone(),
        jobs: usize::from(args.jobs),
        imports_at_once: usize::from(args.imports),
        encoders,
        profiles,
        max_import_bytes,
        private_bucket: installation.services.store.private_bucket.clone(),
        ..WorkerConfig::default()
    };
    output.object(&json!({ "event": "working", "worker": name }));
    let how = format!("{} encoders, {}", config.encoders, tools.version);
    output.line(format!("{}  Name: `{name}`, {how}      (Ctrl-C to stop)", style("Transcoder ready.").green().bold()));
    let worker = Worker {
        queue: installation.queue.clone(),
        catalog: installation.catalog.clone(),
        store: installation.store.clone(),
        uploads: installation.store.clone(),
        keys: Arc::new(keys),
        tools,
        config,
        outage: Outage::default(),
        in_hand: InHand::default(),
    };
    worker.run(stop).await;
    drop(worker);
    installation.close().await;
    output.object(&json!({ "event": "stopped" }));
    Ok(())
}

fn profiles(args: &TranscoderArgs) -> Result<HashMap<String, Profile>> {
    let folder = args.profiles_dir.as_deref().map_or_else(|| Ok(vec![]), files_of)?;
    read_profiles(args.profiles.iter().chain(&folder))
}

/// The TOML files in a folder.
fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the profiles in `{shown}`"))?;
    let paths = entries.map(|it| it.map(|it| it.path())).collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<_> = paths.into_iter().filter(|it| it.extension().is_some_and(|it| it == "toml")).collect();
    files.sort();
    Ok(files)
}

/// A unique name, although a host may run and restart several transcoders.
fn unique_name() -> anyhow::Result<String> {
    let mut number = [0; 4];
    getrandom::fill(&mut number).context("the system's random number generator failed")?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(format!("{host}-{}", domain::ids::hex(&number)))
}
