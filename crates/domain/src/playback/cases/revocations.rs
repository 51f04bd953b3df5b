//! Revocations by a backend.

use crate::grant::Fingerprint;
use crate::playback::{Refusal, revocation};

use super::Case;
use super::world::{grant, keyring, sign, sign_es256, token};

const HEADER: &str = r#"{"alg":"HS256","kid":"g2"}"#;

pub(super) fn cases(now: u64) -> Vec<Case> {
    // A viewer that no other case uses.
    let name = format!("viewer/{}", Fingerprint::of("revoked by a case"));
    let claims = format!(
        r#"{{"aud":"edgereel/revocation","exp":{},"names":["{name}"],"seconds":1}}"#,
        now + 60
    );
    let post = |what: &str, token: &str| {
        Case::good(what, "/revocations".to_owned())
            .method("POST")
            .header("authorization", format!("Bearer {token}"))
            .status(204)
            .answers("cache-control", "no-store")
            .body("")
    };
    let refused = |what: &str, token: &str, refusal| {
        Case::refused(what, "/revocations".to_owned(), refusal)
            .method("POST")
            .header("authorization", format!("Bearer {token}"))
    };
    let malformed = |what: &str, from: &str, to: &str| {
        refused(
            what,
            &sign(HEADER, &claims.replace(from, to)),
            Refusal::GrantMalformed,
        )
    };
    let ours = revocation(vec![name.clone()], 8 * 24 * 60 * 60, now, &keyring().grants)
        .unwrap_or_default();
    vec![
        post("revocation", &ours),
        post("revocation, signed by a backend", &sign(HEADER, &claims)),
        post("revocation, signed with ES256", &sign_es256(&claims)),
        Case::refused(
            "revocation without a token",
            "/revocations".to_owned(),
            Refusal::GrantMissing,
        )
        .method("POST"),
        Case::refused(
            "the list cannot be read",
            "/revocations".to_owned(),
            Refusal::Method,
        )
        .answers("allow", "POST, OPTIONS"),
        refused(
            "revocation by a grant",
            &token(&grant(now)),
            Refusal::GrantMalformed,
        ),
        refused(
            "revocation for another audience",
            &sign(HEADER, &claims.replace("/revocation", "/playback")),
            Refusal::GrantAudience,
        ),
        refused(
            "revocation that has expired",
            &sign(HEADER, &claims.replace(&(now + 60).to_string(), "7")),
            Refusal::GrantExpired,
        ),
        refused(
            "revocation with a forged signature",
            &forged(&ours),
            Refusal::GrantSignature,
        ),
        malformed("revocation of nothing", &format!("\"{name}\""), ""),
        malformed("revocation of a renewal", "viewer/", "renewed/"),
        malformed("revocation of everybody", &name, "viewer/"),
        malformed("revocation of a path", "viewer/", "viewer/../"),
        malformed(
            "revocation of too many",
            &format!("\"{name}\""),
            &vec![format!("\"{name}\""); 33].join(","),
        ),
    ]
}

/// Changes the last character: one of every sixteen signatures ends in `A` already.
fn forged(token: &str) -> String {
    let last = if token.ends_with('A') { 'E' } else { 'A' };
    format!("{}{last}", &token[..token.len() - 1])
}
