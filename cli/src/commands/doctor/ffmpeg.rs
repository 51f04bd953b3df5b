//! What `edgereel doctor` finds out about FFmpeg and its encoders.

use std::path::Path;

use domain::profile::Profile;
use transcoder::setup::verify_hardware;
use transcoder::{Launcher, Tools};

use super::finding::{Finding, State};
use crate::args::DoctorArgs;

/// What FFmpeg can do, proven by a test encode.
pub(super) async fn ffmpeg(directory: Option<&Path>, launcher: &Launcher) -> Vec<Finding> {
    const INSTALL: &str = "install FFmpeg with x264 (on Debian: apt-get install ffmpeg), or set EDGEREEL_FFMPEG_DIR to its directory";
    match Tools::find(directory, Some(launcher.clone())) {
        Ok(tools) => {
            let mut findings = vec![Finding::ok("ffmpeg", tools.version.clone())];
            findings.push(match tools.missing_capabilities() {
                Ok(missing) if missing.is_empty() => match transcoder::trial::run(&tools).await {
                    Ok(()) => Finding::ok("trial", "a two-second test encode succeeded"),
                    Err(error) => {
                        let found = format!("a two-second test encode failed: {error}");
                        Finding::other("trial", State::Error, found, INSTALL)
                    }
                },
                Ok(missing) => Finding::other(
                    "capabilities",
                    State::Error,
                    format!("no {}", missing.join(", no ")),
                    INSTALL,
                ),
                Err(error) => {
                    Finding::other("capabilities", State::Error, error.to_string(), INSTALL)
                }
            });
            let refused =
                "such uploads are rejected; install a full build of FFmpeg to accept them";
            findings.extend(tools.limits().into_iter().map(|it| {
                Finding::other(
                    "capabilities",
                    State::Warning,
                    format!("cannot process {it}"),
                    refused,
                )
            }));
            if !tools.makes_previews() {
                findings.push(Finding::other(
                    "capabilities",
                    State::Warning,
                    "cannot make animated previews (no encoder libwebp_anim)".to_owned(),
                    "such requests are refused; install a full build of FFmpeg to serve them",
                ));
            }
            findings
        }
        Err(error) => vec![Finding::other(
            "ffmpeg",
            State::Error,
            error.to_string(),
            INSTALL,
        )],
    }
}

/// A test encode with each encoder in hardware that a profile chooses. Nothing is reported if no
/// profile does.
pub(super) async fn hardware(args: &DoctorArgs) -> Vec<Finding> {
    const WHAT: &str = "hardware";
    let profiles = match args.profiles.read() {
        Ok(profiles) => profiles,
        Err(problem) => {
            let advice = "correct the file: no program starts with it";
            return vec![Finding::other(
                "profiles",
                State::Error,
                problem.to_string(),
                advice,
            )];
        }
    };
    let mut chosen: Vec<Profile> = profiles.into_values().collect();
    chosen.retain(|it| !it.hardware().is_empty());
    chosen.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
    // A problem of FFmpeg itself is a finding of its own.
    let Ok(tools) = args.ffmpeg.tools(1) else {
        return vec![];
    };
    let mut findings = vec![];
    for profile in chosen {
        findings.push(match verify_hardware(&tools, &profile).await {
            Ok(()) => {
                let found = format!("the encoders of profile `{}` work", profile.name);
                Finding::ok(WHAT, found)
            }
            Err(problem) => {
                let advice = "see docs/hardware.md; a transcoder with this profile does not start";
                Finding::other(WHAT, State::Error, problem.to_string(), advice)
            }
        });
    }
    findings
}
