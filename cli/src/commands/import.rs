//! `edgereel import`.

use domain::job::Mode;
use platform::secret::Secret;
use platform::signals::stop_on_signals;

use super::catalogue::{Show, Words, interrupted};
use crate::Result;
use crate::api::Api;
use crate::args::{ImportArgs, ImportCommand, ImportOptions};
use crate::catalogue::{Budget, Catalogue, Columns, Engine, Report};
use crate::import::{Assets, ImportSettings, Mux, Service, Stream, take};
use crate::output::{CommandError, Output};

const WORDS: Words = Words {
    one: "asset",
    many: "assets",
    verb: "import",
    done: "imported",
};

/// Imports the assets of a service, or shows what would be imported.
pub async fn run(args: ImportArgs, output: &Output) -> Result {
    let (service, args) = match args.service {
        ImportCommand::Mux(args) => {
            let (id, secret) = (secret("MUX_TOKEN_ID")?, secret("MUX_TOKEN_SECRET")?);
            let base = args.common.service_url.as_deref();
            let mux = Mux::new(id, secret, base, args.include_drm)?;
            (Service::Mux(mux), args.common)
        }
        ImportCommand::Stream(args) => {
            let account = secret("CLOUDFLARE_ACCOUNT_ID")?;
            let token = secret("CLOUDFLARE_API_TOKEN")?;
            let stream = Stream::new(&account, token, args.common.service_url.as_deref());
            let stream = stream.map_err(|it| CommandError::Usage(format!("{it:#}")))?;
            (Service::Stream(stream), args.common)
        }
    };
    import(&service, args, output).await
}

async fn import(service: &Service, args: ImportOptions, output: &Output) -> Result {
    let report = args.report.as_deref();
    let report = report.map(|it| Report::at(it, Columns::Assets)).transpose();
    let report = report.map_err(CommandError::Usage)?;
    let settings = ImportSettings {
        profile: args.profile,
        mode: args.mode.map(Mode::from),
        owner: args.owner,
        creators_are_owners: args.creators_are_owners,
    };
    let api = Api::of(&args.api)?;
    let stop = stop_on_signals()?;
    let inventory = tokio::select! {
        inventory = take(&api, service, &settings, args.newer_than, args.limit) => inventory?,
        () = stop.cancelled() => return Err(interrupted()),
    };
    let mode = settings.mode.unwrap_or_default();
    let budget = Budget::new(args.budget, mode, inventory.others);
    let catalogue = Catalogue::new(inventory.items, budget, report);
    let source = Assets::new(&api, service, settings);
    let mut engine = Engine::new(&api, source, args.rate.into(), catalogue);
    let show = Show {
        output,
        words: WORDS,
    };
    if args.dry_run {
        show.plan(engine.catalogue());
        return engine.end_dry_run();
    }
    show.run(&mut engine, &stop).await
}

/// A secret that only the environment names: other users can see a command line.
fn secret(name: &str) -> Result<Secret> {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
        _ => Err(CommandError::Usage(format!(
            "set the environment variable `{name}`: `--help` says which permissions it needs"
        ))),
    }
}
