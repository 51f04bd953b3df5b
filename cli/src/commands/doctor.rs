//! `edgereel doctor`.

use platform::object_store::s3::S3Store;
use serde_json::json;

use crate::Result;
use crate::args::DoctorArgs;
use crate::data_dir::DevInfo;
use crate::output::{CommandError, Output};

mod cloud;
mod ffmpeg;
mod finding;
mod machine;
mod uploads;

use finding::{Finding, State};

/// Runs all checks and reports. Exits with 1 if a prerequisite is missing.
pub async fn run(args: DoctorArgs, output: &Output) -> Result {
    let mut findings: Vec<Finding> = vec![];
    let report = |finding: Finding| {
        finding.show(output);
        findings.push(finding);
    };
    if args.cloud {
        cloud::check(&args, output, report).await;
    } else {
        check_machine(&args, report).await;
    }
    let good = findings.iter().all(|it| it.state != State::Error);
    output.object(&json!({ "ok": good, "findings": findings }));
    output.line(match (good, args.cloud) {
        (true, false) => "All prerequisites are met.",
        (true, true) => "The services work.",
        (false, _) => "Some checks failed: see above what to do.",
    });
    if good {
        Ok(())
    } else {
        Err(CommandError::Reported)
    }
}

/// Checks this machine, and the bucket of a running `edgereel dev` or of the environment.
async fn check_machine(args: &DoctorArgs, mut report: impl FnMut(Finding)) {
    let running = DevInfo::read(&args.data).ok().flatten();
    let launcher = args.ffmpeg.launcher(1);
    for finding in ffmpeg::ffmpeg(args.ffmpeg.ffmpeg_dir.as_deref(), &launcher).await {
        report(finding);
    }
    for finding in ffmpeg::hardware(args).await {
        report(finding);
    }
    for finding in [
        machine::confinement(&launcher),
        machine::data_dir(&args.data),
        machine::disk(&args.data),
        machine::processors(),
        machine::memory(&args.ffmpeg, &launcher),
        machine::settings(),
    ] {
        report(finding);
    }
    report(machine::port(args.listen, running.as_ref()).await);
    let store = running.map(|it| it.s3.store_config());
    if let Some(store) = store.or_else(uploads::cloud_store) {
        uploads::check(&S3Store::new(&store), &args.origin, report).await;
    }
}
