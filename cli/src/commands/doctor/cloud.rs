//! `edgereel doctor --cloud`: the services of an installation, used as its programs use them.
//!
//! Nothing that viewers or callers see changes: the objects of the check belong to a video that the catalog does not
//! have, and are removed at the end.

use config::{ApiArgs, InvalidSettings, KeyArgs, StoreArgs};
use platform::object_store::s3::{S3Store, S3StoreConfig};

use super::finding::{Finding, State};
use super::{machine, uploads};
use crate::args::DoctorArgs;
use crate::output::Output;

mod buckets;
mod database;
mod edge;
mod events;
mod queues;
mod test_video;

use test_video::TestVideo;

/// Checks the services, and reports each finding at once.
pub(super) async fn check(args: &DoctorArgs, output: &Output, mut report: impl FnMut(Finding)) {
    report(machine::settings());
    report(database::check().await);
    for finding in queues::check().await {
        report(finding);
    }
    let store = match config::read::<StoreArgs>() {
        Ok(store) => S3StoreConfig::from(store),
        Err(invalid) => return report(unset("buckets", &invalid)),
    };
    let api = config::read::<ApiArgs>();
    let keys = config::read::<KeyArgs>();
    let video = match TestVideo::new(keys.as_ref().ok().map(|it| &it.key_encryption_keys)) {
        Ok(video) => video,
        Err(problem) => {
            let advice = "run it again";
            let found = format!("{problem:#}");
            return report(Finding::other("buckets", State::Error, found, advice));
        }
    };
    let client = S3Store::new(&store);
    let are_written = buckets::check(&client, &store, &video, &mut report).await;
    report(clock(&client));
    uploads::check(&client, &args.origin, &mut report).await;
    match &api {
        Err(invalid) => report(unset("edge", invalid)),
        Ok(api) => {
            if are_written {
                for finding in edge::check(api, &video, &uploads::origins(&args.origin)).await {
                    report(finding);
                }
                if let Err(invalid) = &keys {
                    report(not_checked("keys", &invalid.to_string()));
                }
            }
            if let Some(finding) = events::check(api, &client, args.event_wait, output).await {
                report(finding);
            }
        }
    }
    if let Some(left) = buckets::remove(&client, &store, &video).await {
        report(left);
    }
}

/// Grants and passes tolerate a difference of a minute; stores refuse one of a quarter of an hour.
fn clock(store: &S3Store) -> Finding {
    const WHAT: &str = "clock";
    let ahead = store.clock_ahead();
    if ahead == 0 {
        let found = "the clocks of this machine and of the store differ by less than a minute";
        return Finding::ok(WHAT, found);
    }
    let than = if ahead > 0 { "behind" } else { "ahead of" };
    let seconds = ahead.unsigned_abs();
    let found = format!("the clock of this machine is {seconds} s {than} that of the store");
    let advice =
        "synchronise the clock (NTP): viewers' grants would begin or end at the wrong time";
    Finding::other(WHAT, State::Error, found, advice)
}

/// Settings of a check are missing or invalid.
fn unset(what: &'static str, invalid: &InvalidSettings) -> Finding {
    let advice = "set the variables of `edgereel api`: see docs/configuration.md";
    Finding::other(what, State::Error, invalid.to_string(), advice)
}

fn not_checked(what: &'static str, why: &str) -> Finding {
    let found = format!("not checked: {why}");
    let advice = "set the variable too, and run this again";
    Finding::other(what, State::Warning, found, advice)
}
