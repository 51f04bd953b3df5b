//! Grants by their form.

use super::odd_tokens::unsigned;
use super::*;

/// The encoding and the signature of a grant.
pub(super) fn forms(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let exp = now + 600;
    let claims = format!(
        r#"{{"aud":"edgereel/playback","exp":{exp},"vid":"{}"}}"#,
        video()
    );
    let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
    let (header, body) = signed.split_once('.').unwrap_or_default();
    let flipped = format!(
        "{}{}",
        if signature.starts_with('A') { "B" } else { "A" },
        signature.get(1..).unwrap_or_default()
    );
    let other = token(&Grant {
        expires: now + 601,
        ..grant(now)
    });
    let other_body = other.split('.').nth(1).unwrap_or_default();
    let case =
        |name: &str, token: String, refusal| Case::refused(name, master_with(&token), refusal);
    let claim = |name: &str, claims: String, refusal| case(name, sign(HEADER, &claims), refusal);
    let head = |name: &str, header: &str, refusal| case(name, sign(header, &claims), refusal);
    vec![
        Case::good(
            "signed by another library",
            master_with(&sign(HEADER, &claims)),
        ),
        case(
            "forged signature",
            format!("{signed}.{flipped}"),
            Refusal::GrantSignature,
        ),
        case(
            "claims of another grant",
            format!("{header}.{other_body}.{signature}"),
            Refusal::GrantSignature,
        ),
        case(
            "no signature",
            format!("{signed}."),
            Refusal::GrantSignature,
        ),
        case(
            "truncated",
            good[..good.len() / 2].to_owned(),
            Refusal::GrantMalformed,
        ),
        case(
            "signature cut",
            good[..good.len() - 3].to_owned(),
            Refusal::GrantSignature,
        ),
        case("one part", "abc".to_owned(), Refusal::GrantMalformed),
        case(
            "four parts",
            format!("{good}.{signature}"),
            Refusal::GrantMalformed,
        ),
        case("only dots", "..".to_owned(), Refusal::GrantMalformed),
        case("padded", format!("{good}="), Refusal::GrantMalformed),
        case(
            "percent-encoded",
            good.replace('.', "%2e"),
            Refusal::GrantMalformed,
        ),
        case(
            "header not base64",
            format!("!.{body}.{signature}"),
            Refusal::GrantMalformed,
        ),
        case("giant", "a".repeat(5000), Refusal::GrantTooLong),
        case(
            "giant, well-formed",
            format!("{header}.{}.{signature}", body.repeat(30)),
            Refusal::GrantTooLong,
        ),
        head(
            "alg none",
            r#"{"alg":"none","kid":"g2"}"#,
            Refusal::GrantAlgorithm,
        ),
        case(
            "alg none, unsigned",
            format!("{}.", unsigned(&claims)),
            Refusal::GrantAlgorithm,
        ),
        head(
            "alg nOnE",
            r#"{"alg":"nOnE","kid":"g2"}"#,
            Refusal::GrantAlgorithm,
        ),
        head(
            "alg HS384",
            r#"{"alg":"HS384","kid":"g2"}"#,
            Refusal::GrantAlgorithm,
        ),
        head(
            "alg RS256",
            r#"{"alg":"RS256","kid":"g2"}"#,
            Refusal::GrantAlgorithm,
        ),
        head(
            "alg of another kind of key",
            r#"{"alg":"EdDSA","kid":"g2"}"#,
            Refusal::GrantAlgorithm,
        ),
        head(
            "a public key used as a secret",
            r#"{"alg":"HS256","kid":"ed"}"#,
            Refusal::GrantAlgorithm,
        ),
        head(
            "forged EdDSA",
            r#"{"alg":"EdDSA","kid":"ed"}"#,
            Refusal::GrantSignature,
        ),
        head("no alg", r#"{"kid":"g2"}"#, Refusal::GrantMalformed),
        head("no kid", r#"{"alg":"HS256"}"#, Refusal::GrantKeyUnknown),
        head(
            "unknown kid",
            r#"{"alg":"HS256","kid":"g9"}"#,
            Refusal::GrantKeyUnknown,
        ),
        head(
            "kid of another key",
            r#"{"alg":"HS256","kid":"g1"}"#,
            Refusal::GrantSignature,
        ),
        head(
            "kid that is a path",
            r#"{"alg":"HS256","kid":"../../dev/null"}"#,
            Refusal::GrantKeyUnknown,
        ),
        head(
            "critical extension",
            r#"{"alg":"HS256","kid":"g2","crit":["b64"],"b64":false}"#,
            Refusal::GrantMalformed,
        ),
        head(
            "header twice the same",
            r#"{"alg":"HS256","alg":"HS256","kid":"g2"}"#,
            Refusal::GrantMalformed,
        ),
        head("header no object", "[]", Refusal::GrantMalformed),
        claim("claims no object", "7".to_owned(), Refusal::GrantMalformed),
        claim(
            "claims deeply nested",
            "[".repeat(1500),
            Refusal::GrantMalformed,
        ),
        claim(
            "no audience",
            claims.replace("aud", "dua"),
            Refusal::GrantMalformed,
        ),
        claim(
            "other audience",
            claims.replace("edgereel/playback", "edgereel/api"),
            Refusal::GrantAudience,
        ),
        claim(
            "no expiry",
            claims.replace("exp", "pxe"),
            Refusal::GrantMalformed,
        ),
        claim(
            "no video",
            claims.replace("vid\"", "div\""),
            Refusal::GrantMalformed,
        ),
        claim(
            "no video id",
            claims.replace("vid_", "vid-"),
            Refusal::GrantMalformed,
        ),
        claim(
            "expiry twice",
            claims.replace("}", ",\"exp\":1}"),
            Refusal::GrantMalformed,
        ),
        claim(
            "empty list of addresses",
            claims.replace("}", ",\"ip\":[]}"),
            Refusal::GrantMalformed,
        ),
    ]
}
