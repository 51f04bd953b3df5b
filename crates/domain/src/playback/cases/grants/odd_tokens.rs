//! Tokens with other algorithms, and malformed ones.

use super::*;

/// Grants signed with a private key, of which the edge has only the public half.
pub(super) fn other_algorithms(now: u64) -> Vec<Case> {
    let claims = |seconds: u64| {
        format!(
            r#"{{"aud":["x","edgereel/playback"],"exp":{}.5,"vid":"{}","sub":"anna"}}"#,
            now + seconds,
            video()
        )
    };
    let mut cases = vec![];
    for (name, sign) in [
        ("EdDSA", sign_eddsa as fn(&str) -> String),
        ("ES256", sign_es256),
    ] {
        let good = sign(&claims(600));
        let other = sign(&claims(601));
        let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
        let foreign = other.rsplit_once('.').unwrap_or_default().1;
        let case = |what: &str, token: String, refusal| {
            Case::refused(&format!("{name}, {what}"), master_with(&token), refusal)
        };
        cases.extend([
            Case::good(&format!("signed with {name}"), master_with(&good)).holds("\n/s/"),
            case(
                "signature of another grant",
                format!("{signed}.{foreign}"),
                Refusal::GrantSignature,
            ),
            case(
                "signature of zeros",
                format!("{signed}.{}", "A".repeat(86)),
                Refusal::GrantSignature,
            ),
            case(
                "signature too short",
                format!("{signed}.{}", &signature[..40]),
                Refusal::GrantSignature,
            ),
            case(
                "no signature",
                format!("{signed}."),
                Refusal::GrantSignature,
            ),
            case(
                "expired",
                sign(&claims(0).replace(&format!("{now}.5"), "1000000000")),
                Refusal::GrantExpired,
            ),
            case(
                "other audience",
                sign(&claims(600).replace("edgereel/playback", "y")),
                Refusal::GrantAudience,
            ),
        ]);
    }
    cases
}

/// Tokens and parameters that no library would send.
pub(super) fn odd_tokens(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let bare = format!("/v/{}/master.m3u8", video());
    let exp = now + 600;
    let claims = format!(
        r#"{{"aud":"edgereel/playback","exp":{exp},"vid":"{}"}}"#,
        video()
    );
    let case = |name: &str, target: String, refusal| Case::refused(name, target, refusal);
    let query =
        |name: &str, query: &str, refusal| Case::refused(name, format!("{bare}?{query}"), refusal);
    let claim = |name: &str, claims: String| {
        Case::refused(
            name,
            master_with(&sign(HEADER, &claims)),
            Refusal::GrantMalformed,
        )
    };
    vec![
        query(
            "an empty grant beside a good one",
            &format!("grant=&grant={good}"),
            Refusal::GrantTwice,
        ),
        query(
            "a grant without a value beside a good one",
            &format!("grant&grant={good}"),
            Refusal::GrantTwice,
        ),
        query(
            "a bad grant before a good one",
            &format!("grant=x&grant={good}"),
            Refusal::GrantTwice,
        ),
        query(
            "three grants",
            &format!("grant={good}&grant={good}&grant={good}"),
            Refusal::GrantTwice,
        ),
        Case::good(
            "an encoded name beside a good one",
            format!("{bare}?%67rant=x&grant={good}"),
        ),
        query(
            "grant as a list",
            &format!("grant[]={good}"),
            Refusal::GrantMissing,
        ),
        query(
            "grant behind a semicolon",
            &format!("a=b;grant={good}"),
            Refusal::GrantMissing,
        ),
        query(
            "grant behind a second question mark",
            &format!("?grant={good}"),
            Refusal::GrantMissing,
        ),
        query(
            "grant with a space",
            &format!("grant=%20{good}"),
            Refusal::GrantMalformed,
        ),
        query(
            "grant with a plus",
            &format!("grant=+{good}"),
            Refusal::GrantMalformed,
        ),
        query(
            "grant with a nothing",
            &format!("grant={good}%00"),
            Refusal::GrantMalformed,
        ),
        query(
            "grant with a second equals sign",
            &format!("grant=={good}"),
            Refusal::GrantMalformed,
        ),
        query(
            "a query of ampersands",
            &"&".repeat(500),
            Refusal::GrantMissing,
        ),
        query(
            "a query of empty parameters",
            &"=&".repeat(500),
            Refusal::GrantMissing,
        ),
        Case::good(
            "a grant behind many parameters",
            format!("{bare}?{}grant={good}", "a=b&".repeat(300)),
        ),
        Case::good(
            "a giant parameter beside",
            format!("{bare}?a={}&grant={good}", "x".repeat(3000)),
        ),
        query(
            "as long as may be",
            &format!("grant={}", "a".repeat(4096)),
            Refusal::GrantMalformed,
        ),
        query(
            "one longer than may be",
            &format!("grant={}", "a".repeat(4097)),
            Refusal::GrantTooLong,
        ),
        query(
            "giant, dots",
            &format!("grant={}", ".".repeat(4000)),
            Refusal::GrantMalformed,
        ),
        case(
            "the grant under another route",
            format!("/s/{good}/{}/1080p/1080p.m3u8", generation()),
            Refusal::PassMalformed,
        ),
        Case::refused("giant bearer", bare.clone(), Refusal::GrantTooLong)
            .header("authorization", format!("Bearer {}", "a".repeat(6000))),
        Case::refused("giant cookie", bare.clone(), Refusal::GrantTooLong)
            .header("cookie", format!("edgereel_grant={}", "a".repeat(6000))),
        Case::refused(
            "cookie of a similar name",
            bare.clone(),
            Refusal::GrantMissing,
        )
        .header(
            "cookie",
            format!("xedgereel_grant={good}; edgereel_grant2={good}"),
        ),
        Case::refused("empty cookie", bare.clone(), Refusal::GrantMissing)
            .header("cookie", "edgereel_grant="),
        Case::refused("quoted cookie", bare.clone(), Refusal::GrantMalformed)
            .header("cookie", format!("edgereel_grant=\"{good}\"")),
        Case::refused("empty bearer", bare.clone(), Refusal::GrantMalformed)
            .header("authorization", "Bearer  "),
        Case::refused("token scheme", bare, Refusal::GrantMissing)
            .header("authorization", format!("Token {good}")),
        claim("claims with a sign", claims.replace(&exp.to_string(), "-1")),
        claim(
            "claims with an expiry in words",
            claims.replace(&exp.to_string(), "\"soon\""),
        ),
        claim(
            "claims with an endless expiry",
            claims.replace(&exp.to_string(), "1e999"),
        ),
        claim(
            "claims with a height in words",
            claims.replace('}', ",\"max_height\":\"720p\"}"),
        ),
        claim(
            "claims with a height that is null",
            claims.replace('}', ",\"max_height\":null}"),
        ),
        claim(
            "claims with an address that is null",
            claims.replace('}', ",\"ip\":null}"),
        ),
        claim(
            "claims with a country that is null",
            claims.replace('}', ",\"geo\":null}"),
        ),
        claim(
            "claims with origins that are null",
            claims.replace('}', ",\"origins\":null}"),
        ),
        claim(
            "claims with a beginning that is null",
            claims.replace('}', ",\"nbf\":null}"),
        ),
        claim(
            "claims with a negative height",
            claims.replace('}', ",\"max_height\":-720}"),
        ),
        claim(
            "claims with an address that is none",
            claims.replace('}', ",\"ip\":\"10.0.0\"}"),
        ),
        claim(
            "claims with a prefix too long",
            claims.replace('}', ",\"ip\":[\"10.0.0.0/33\"]}"),
        ),
        claim(
            "claims with a country that is none",
            claims.replace('}', ",\"geo\":{\"allow\":[\"Germany\"]}}"),
        ),
        claim(
            "claims with both lists of countries",
            claims.replace('}', ",\"geo\":{\"allow\":[\"DE\"],\"deny\":[\"US\"]}}"),
        ),
        claim(
            "claims with a page that is none",
            claims.replace('}', ",\"origins\":[\"a.example\"]}"),
        ),
        claim(
            "claims with too many addresses",
            claims.replace(
                '}',
                &format!(",\"ip\":[{}]}}", vec!["\"10.0.0.1\""; 33].join(",")),
            ),
        ),
        Case::good(
            "claims that are unknown",
            master_with(&sign(
                HEADER,
                &claims.replace('}', ",\"x\":{\"y\":[1,null]}}"),
            )),
        ),
    ]
}

pub(super) fn unsigned(claims: &str) -> String {
    let token = sign(r#"{"alg":"none","kid":"g2"}"#, claims);
    token.rsplit_once('.').unwrap_or_default().0.to_owned()
}
