//! `edgereel convert`.

use domain::job::Mode;
use platform::signals::stop_on_signals;

use super::catalogue::{Show, Words, interrupted};
use crate::Result;
use crate::api::Api;
use crate::args::{ConvertArgs, ExternalIdArg};
use crate::catalogue::{Budget, Catalogue, Columns, Engine, Report};
use crate::convert::{ConvertOptions, Objects, Selection, take};
use crate::output::{CommandError, Output};

const WORDS: Words = Words {
    one: "object",
    many: "objects",
    verb: "convert",
    done: "converted",
};

/// Converts objects of the private bucket, or shows what would be converted.
pub async fn run(args: ConvertArgs, output: &Output) -> Result {
    let selection = Selection::new(
        &args.include,
        &args.exclude,
        args.newer_than,
        args.larger_than,
    );
    let selection = selection.map_err(|it| CommandError::Usage(format!("{it:#}")))?;
    let report = args.report.as_deref();
    let report = report
        .map(|it| Report::at(it, Columns::Objects))
        .transpose();
    let report = report.map_err(CommandError::Usage)?;
    let options = ConvertOptions {
        profile: args.profile,
        mode: args.mode.map(Mode::from),
        owner: args.owner,
        keys_are_external_ids: args.external_id == ExternalIdArg::Key,
    };
    let api = Api::of(&args.api)?;
    let stop = stop_on_signals()?;
    let inventory = tokio::select! {
        inventory = take(&api, args.prefix, &selection, &options) => inventory?,
        () = stop.cancelled() => return Err(interrupted()),
    };
    let mode = options.mode.unwrap_or_default();
    let budget = Budget::new(args.budget, mode, inventory.others);
    let catalogue = Catalogue::new(inventory.items, budget, report);
    let source = Objects { api: &api, options };
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
