//! Reports of players.

use crate::grant::Limits;
use crate::pass::Pass;
use crate::playback::Refusal;

use super::Case;
use super::world::{key_pass, pass, renewed, signed};

/// The data of a report, encoded for a query: `br=2500,edgereel-played=60000`.
const DATA: &str = "?CMCD=br%3D2500%2Cedgereel-played%3D60000";

pub(super) fn cases(now: u64) -> Vec<Case> {
    let all = pass(now);
    let reports = |pass: &Pass| format!("/s/{}/cmcd", signed(pass));
    let report = |pass: &Pass| format!("{}{DATA}", reports(pass));
    let accepted = |name: &str, target: String| {
        Case::good(name, target)
            .method("POST")
            .status(204)
            .answers("cache-control", "no-store")
            .answers("access-control-allow-origin", "*")
            .body("")
    };
    let refused =
        |name: &str, target: String, refusal| Case::refused(name, target, refusal).method("POST");
    let bound = Pass {
        limits: Limits {
            origins: vec!["https://a.example".parse().expect("an origin")],
            ..Limits::default()
        },
        ..all.clone()
    };
    let expired = Pass {
        expires: now - 60,
        ..all.clone()
    };
    vec![
        accepted("report", report(&all)),
        accepted("report without data", reports(&all)),
        accepted(
            "report with data that is not CMCD",
            format!("{}?CMCD=%FF%25%2C%3D%3B((%22", reports(&all)),
        ),
        accepted("report of a renewed session", report(&renewed(now))),
        Case::good("report with a pass for one page", report(&bound))
            .method("POST")
            .header("origin", "https://a.example")
            .status(204)
            .answers("access-control-allow-origin", "https://a.example"),
        refused(
            "report with an expired pass",
            report(&expired),
            Refusal::PassExpired,
        ),
        refused(
            "report with a pass for keys",
            report(&key_pass(now, "1080p")),
            Refusal::PassPurpose,
        ),
        refused(
            "report with a false pass",
            format!("/s/{}/cmcd{DATA}", "A".repeat(80)),
            Refusal::PassVersion,
        ),
        refused("report from another page", report(&bound), Refusal::Origin)
            .header("origin", "https://b.example"),
        Case::refused("GET of reports", report(&all), Refusal::Method)
            .answers("allow", "POST, OPTIONS"),
        Case::good("preflight of a report", report(&all))
            .method("OPTIONS")
            .header("origin", "https://a.example")
            .header("access-control-request-method", "POST")
            .status(204)
            .answers("allow", "POST, OPTIONS")
            .body(""),
    ]
}
