//! Grants at the master playlist.

use crate::grant::{Geo, Grant, Limits};
use crate::playback::Refusal;

use super::Case;
use super::world::{
    generation, grant, master_with, other_video, revoked_video, sign, sign_eddsa, sign_es256, token, video,
};

const HEADER: &str = r#"{"alg":"HS256","kid":"g2"}"#;

pub(super) fn cases(now: u64) -> Vec<Case> {
    [ways(now), contents(now), forms(now), other_algorithms(now), odd_tokens(now), limits(now), heights(now)].concat()
}

/// The ways to send a grant.
fn ways(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let bare = format!("/v/{}/master.m3u8", video());
    let variant = format!("/{}/1080p/1080p.m3u8\n", generation());
    let played = |name: &str, target: String| {
        Case::good(name, target)
            .answers("content-type", "application/vnd.apple.mpegurl")
            .answers("cache-control", "private, no-cache")
            .holds("\n/s/")
            .holds(&variant)
            .holds("URI=\"/s/")
            .lacks(&format!("\n{}", generation()))
            .lacks(&format!("\"{}", generation()))
    };
    let bearer = format!("Bearer {good}");
    vec![
        played("grant in the query", master_with(&good)),
        played("grant in the query among others", format!("{bare}?a=b&grant={good}&grant_=x")),
        played("grant as bearer", bare.clone()).header("authorization", bearer.clone()),
        played("grant as bearer, other spelling", bare.clone()).header("authorization", format!("bearer  {good}")),
        played("grant in the cookie", bare.clone()).header("cookie", format!("a=b; edgereel_grant={good}; c=d")),
        played("an explicit grant before the cookie", master_with(&good)).header("cookie", "edgereel_grant=stale"),
        Case::refused("no grant", bare.clone(), Refusal::GrantMissing).answers("www-authenticate", "Bearer"),
        Case::refused("empty grant", format!("{bare}?grant="), Refusal::GrantMissing),
        Case::refused("grant without a value", format!("{bare}?grant"), Refusal::GrantMissing),
        Case::refused("grant under another name", format!("{bare}?Grant={good}"), Refusal::GrantMissing),
        Case::refused("grant under an encoded name", format!("{bare}?%67rant={good}"), Refusal::GrantMissing),
        Case::refused("basic authorisation", bare.clone(), Refusal::GrantMissing).header("authorization", "Basic YTpi"),
        Case::refused("authorisation without a token", bare.clone(), Refusal::GrantMalformed)
            .header("authorization", "Bearer"),
        Case::refused("grant twice in the query", format!("{bare}?grant={good}&grant={good}"), Refusal::GrantTwice),
        Case::refused("grant in query and header", master_with(&good), Refusal::GrantTwice)
            .header("authorization", bearer.clone()),
        Case::refused("two bearers in one header", bare.clone(), Refusal::GrantTwice)
            .header("authorization", format!("{bearer}, {bearer}")),
        Case::refused("two cookies", bare, Refusal::GrantTwice)
            .header("cookie", format!("edgereel_grant={good}; edgereel_grant={good}")),
    ]
}

/// The contents of a grant.
fn contents(now: u64) -> Vec<Case> {
    let with = |change: fn(&mut Grant, u64)| {
        let mut changed = grant(now);
        change(&mut changed, now);
        master_with(&token(&changed))
    };
    let other = Grant { video: other_video(), ..grant(now) };
    vec![
        Case::refused("expired", with(|it, now| it.expires = now - 3600), Refusal::GrantExpired),
        Case::refused("expired long ago", with(|it, _| it.expires = 0), Refusal::GrantExpired),
        Case::good("expired within the skew", with(|it, now| it.expires = now - 20)),
        Case::refused("not valid yet", with(|it, now| it.not_before = Some(now + 3600)), Refusal::GrantNotYetValid),
        Case::good("valid from a moment within the skew", with(|it, now| it.not_before = Some(now + 20))),
        Case::refused("for another video", master_with(&token(&other)), Refusal::GrantVideo),
        Case::refused(
            "for a video that is not stored",
            format!("/v/{}/master.m3u8?grant={}", other_video(), token(&other)),
            Refusal::NotFound,
        ),
        Case::good("without viewer and session", with(|it, _| (it.viewer, it.id) = (None, None))),
        Case::refused("of a revoked viewer", with(|it, _| it.viewer = Some("mallory".to_owned())), Refusal::Revoked),
        Case::refused("of a revoked session", with(|it, _| it.id = Some("session-0".to_owned())), Refusal::Revoked),
        Case::refused(
            "for a revoked video",
            format!(
                "/v/{}/master.m3u8?grant={}",
                revoked_video(),
                token(&Grant { video: revoked_video(), ..grant(now) })
            ),
            Refusal::Revoked,
        ),
        Case::good("for ever", with(|it, _| it.expires = u64::MAX)),
    ]
}

/// The encoding and the signature of a grant.
fn forms(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let exp = now + 600;
    let claims = format!(r#"{{"aud":"edgereel/playback","exp":{exp},"vid":"{}"}}"#, video());
    let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
    let (header, body) = signed.split_once('.').unwrap_or_default();
    let flipped =
        format!("{}{}", if signature.starts_with('A') { "B" } else { "A" }, signature.get(1..).unwrap_or_default());
    let other = token(&Grant { expires: now + 601, ..grant(now) });
    let other_body = other.split('.').nth(1).unwrap_or_default();
    let case = |name: &str, token: String, refusal| Case::refused(name, master_with(&token), refusal);
    let claim = |name: &str, claims: String, refusal| case(name, sign(HEADER, &claims), refusal);
    let head = |name: &str, header: &str, refusal| case(name, sign(header, &claims), refusal);
    vec![
        Case::good("signed by another library", master_with(&sign(HEADER, &claims))),
        case("forged signature", format!("{signed}.{flipped}"), Refusal::GrantSignature),
        case("claims of another grant", format!("{header}.{other_body}.{signature}"), Refusal::GrantSignature),
        case("no signature", format!("{signed}."), Refusal::GrantSignature),
        case("truncated", good[..good.len() / 2].to_owned(), Refusal::GrantMalformed),
        case("signature cut", good[..good.len() - 3].to_owned(), Refusal::GrantSignature),
        case("one part", "abc".to_owned(), Refusal::GrantMalformed),
        case("four parts", format!("{good}.{signature}"), Refusal::GrantMalformed),
        case("only dots", "..".to_owned(), Refusal::GrantMalformed),
        case("padded", format!("{good}="), Refusal::GrantMalformed),
        case("percent-encoded", good.replace('.', "%2e"), Refusal::GrantMalformed),
        case("header not base64", format!("!.{body}.{signature}"), Refusal::GrantMalformed),
        case("giant", "a".repeat(5000), Refusal::GrantTooLong),
        case("giant, well-formed", format!("{header}.{}.{signature}", body.repeat(30)), Refusal::GrantTooLong),
        head("alg none", r#"{"alg":"none","kid":"g2"}"#, Refusal::GrantAlgorithm),
        case("alg none, unsigned", format!("{}.", unsigned(&claims)), Refusal::GrantAlgorithm),
        head("alg nOnE", r#"{"alg":"nOnE","kid":"g2"}"#, Refusal::GrantAlgorithm),
        head("alg HS384", r#"{"alg":"HS384","kid":"g2"}"#, Refusal::GrantAlgorithm),
        head("alg RS256", r#"{"alg":"RS256","kid":"g2"}"#, Refusal::GrantAlgorithm),
        head("alg of another kind of key", r#"{"alg":"EdDSA","kid":"g2"}"#, Refusal::GrantAlgorithm),
        head("a public key used as a secret", r#"{"alg":"HS256","kid":"ed"}"#, Refusal::GrantAlgorithm),
        head("forged EdDSA", r#"{"alg":"EdDSA","kid":"ed"}"#, Refusal::GrantSignature),
        head("no alg", r#"{"kid":"g2"}"#, Refusal::GrantMalformed),
        head("no kid", r#"{"alg":"HS256"}"#, Refusal::GrantKeyUnknown),
        head("unknown kid", r#"{"alg":"HS256","kid":"g9"}"#, Refusal::GrantKeyUnknown),
        head("kid of another key", r#"{"alg":"HS256","kid":"g1"}"#, Refusal::GrantSignature),
        head("kid that is a path", r#"{"alg":"HS256","kid":"../../dev/null"}"#, Refusal::GrantKeyUnknown),
        head("critical extension", r#"{"alg":"HS256","kid":"g2","crit":["b64"],"b64":false}"#, Refusal::GrantMalformed),
        head("header twice the same", r#"{"alg":"HS256","alg":"HS256","kid":"g2"}"#, Refusal::GrantMalformed),
        head("header no object", "[]", Refusal::GrantMalformed),
        claim("claims no object", "7".to_owned(), Refusal::GrantMalformed),
        claim("claims deeply nested", "[".repeat(1500), Refusal::GrantMalformed),
        claim("no audience", claims.replace("aud", "dua"), Refusal::GrantMalformed),
        claim("other audience", claims.replace("edgereel/playback", "edgereel/api"), Refusal::GrantAudience),
        claim("no expiry", claims.replace("exp", "pxe"), Refusal::GrantMalformed),
        claim("no video", claims.replace("vid\"", "div\""), Refusal::GrantMalformed),
        claim("no video id", claims.replace("vid_", "vid-"), Refusal::GrantMalformed),
        claim("expiry twice", claims.replace("}", ",\"exp\":1}"), Refusal::GrantMalformed),
        claim("empty list of addresses", claims.replace("}", ",\"ip\":[]}"), Refusal::GrantMalformed),
    ]
}

/// Grants signed with a private key, of which the edge has only the public half.
fn other_algorithms(now: u64) -> Vec<Case> {
    let claims = |seconds: u64| {
        format!(r#"{{"aud":["x","edgereel/playback"],"exp":{}.5,"vid":"{}","sub":"anna"}}"#, now + seconds, video())
    };
    let mut cases = vec![];
    for (name, sign) in [("EdDSA", sign_eddsa as fn(&str) -> String), ("ES256", sign_es256)] {
        let good = sign(&claims(600));
        let other = sign(&claims(601));
        let (signed, signature) = good.rsplit_once('.').unwrap_or_default();
        let foreign = other.rsplit_once('.').unwrap_or_default().1;
        let case = |what: &str, token: String, refusal| {
            Case::refused(&format!("{name}, {what}"), master_with(&token), refusal)
        };
        cases.extend([
            Case::good(&format!("signed with {name}"), master_with(&good)).holds("\n/s/"),
            case("signature of another grant", format!("{signed}.{foreign}"), Refusal::GrantSignature),
            case("signature of zeros", format!("{signed}.{}", "A".repeat(86)), Refusal::GrantSignature),
            case("signature too short", format!("{signed}.{}", &signature[..40]), Refusal::GrantSignature),
            case("no signature", format!("{signed}."), Refusal::GrantSignature),
            case("expired", sign(&claims(0).replace(&format!("{now}.5"), "1000000000")), Refusal::GrantExpired),
            case("other audience", sign(&claims(600).replace("edgereel/playback", "y")), Refusal::GrantAudience),
        ]);
    }
    cases
}

/// Tokens and parameters that no library would send.
fn odd_tokens(now: u64) -> Vec<Case> {
    let good = token(&grant(now));
    let bare = format!("/v/{}/master.m3u8", video());
    let exp = now + 600;
    let claims = format!(r#"{{"aud":"edgereel/playback","exp":{exp},"vid":"{}"}}"#, video());
    let case = |name: &str, target: String, refusal| Case::refused(name, target, refusal);
    let query = |name: &str, query: &str, refusal| Case::refused(name, format!("{bare}?{query}"), refusal);
    let claim =
        |name: &str, claims: String| Case::refused(name, master_with(&sign(HEADER, &claims)), Refusal::GrantMalformed);
    vec![
        query("an empty grant beside a good one", &format!("grant=&grant={good}"), Refusal::GrantTwice),
        query("a grant without a value beside a good one", &format!("grant&grant={good}"), Refusal::GrantTwice),
        query("a bad grant before a good one", &format!("grant=x&grant={good}"), Refusal::GrantTwice),
        query("three grants", &format!("grant={good}&grant={good}&grant={good}"), Refusal::GrantTwice),
        Case::good("an encoded name beside a good one", format!("{bare}?%67rant=x&grant={good}")),
        query("grant as a list", &format!("grant[]={good}"), Refusal::GrantMissing),
        query("grant behind a semicolon", &format!("a=b;grant={good}"), Refusal::GrantMissing),
        query("grant behind a second question mark", &format!("?grant={good}"), Refusal::GrantMissing),
        query("grant with a space", &format!("grant=%20{good}"), Refusal::GrantMalformed),
        query("grant with a plus", &format!("grant=+{good}"), Refusal::GrantMalformed),
        query("grant with a nothing", &format!("grant={good}%00"), Refusal::GrantMalformed),
        query("grant with a second equals sign", &format!("grant=={good}"), Refusal::GrantMalformed),
        query("a query of ampersands", &"&".repeat(500), Refusal::GrantMissing),
        query("a query of empty parameters", &"=&".repeat(500), Refusal::GrantMissing),
        Case::good("a grant behind many parameters", format!("{bare}?{}grant={good}", "a=b&".repeat(300))),
        Case::good("a giant parameter beside", format!("{bare}?a={}&grant={good}", "x".repeat(3000))),
        query("as long as may be", &format!("grant={}", "a".repeat(4096)), Refusal::GrantMalformed),
        query("one longer than may be", &format!("grant={}", "a".repeat(4097)), Refusal::GrantTooLong),
        query("giant, dots", &format!("grant={}", ".".repeat(4000)), Refusal::GrantMalformed),
        case(
            "the grant under another route",
            format!("/s/{good}/{}/1080p/1080p.m3u8", generation()),
            Refusal::PassMalformed,
        ),
        Case::refused("giant bearer", bare.clone(), Refusal::GrantTooLong)
            .header("authorization", format!("Bearer {}", "a".repeat(6000))),
        Case::refused("giant cookie", bare.clone(), Refusal::GrantTooLong)
            .header("cookie", format!("edgereel_grant={}", "a".repeat(6000))),
        Case::refused("cookie of a similar name", bare.clone(), Refusal::GrantMissing)
            .header("cookie", format!("xedgereel_grant={good}; edgereel_grant2={good}")),
        Case::refused("empty cookie", bare.clone(), Refusal::GrantMissing).header("cookie", "edgereel_grant="),
        Case::refused("quoted cookie", bare.clone(), Refusal::GrantMalformed)
            .header("cookie", format!("edgereel_grant=\"{good}\"")),
        Case::refused("empty bearer", bare.clone(), Refusal::GrantMalformed).header("authorization", "Bearer  "),
        Case::refused("token scheme", bare, Refusal::GrantMissing).header("authorization", format!("Token {good}")),
        claim("claims with a sign", claims.replace(&exp.to_string(), "-1")),
        claim("claims with an expiry in words", claims.replace(&exp.to_string(), "\"soon\"")),
        claim("claims with an endless expiry", claims.replace(&exp.to_string(), "1e999")),
        claim("claims with a height in words", claims.replace('}', ",\"max_height\":\"720p\"}")),
        claim("claims with a height that is null", claims.replace('}', ",\"max_height\":null}")),
        claim("claims with an address that is null", claims.replace('}', ",\"ip\":null}")),
        claim("claims with a country that is null", claims.replace('}', ",\"geo\":null}")),
        claim("claims with origins that are null", claims.replace('}', ",\"origins\":null}")),
        claim("claims with a beginning that is null", claims.replace('}', ",\"nbf\":null}")),
        claim("claims with a negative height", claims.replace('}', ",\"max_height\":-720}")),
        claim("claims with an address that is none", claims.replace('}', ",\"ip\":\"10.0.0\"}")),
        claim("claims with a prefix too long", claims.replace('}', ",\"ip\":[\"10.0.0.0/33\"]}")),
        claim("claims with a country that is none", claims.replace('}', ",\"geo\":{\"allow\":[\"Germany\"]}}")),
        claim(
            "claims with both lists of countries",
            claims.replace('}', ",\"geo\":{\"allow\":[\"DE\"],\"deny\":[\"US\"]}}"),
        ),
        claim("claims with a page that is none", claims.replace('}', ",\"origins\":[\"a.example\"]}")),
        claim(
            "claims with too many addresses",
            claims.replace('}', &format!(",\"ip\":[{}]}}", vec!["\"10.0.0.1\""; 33].join(","))),
        ),
        Case::good(
            "claims that are unknown",
            master_with(&sign(HEADER, &claims.replace('}', ",\"x\":{\"y\":[1,null]}}"))),
        ),
    ]
}

fn unsigned(claims: &str) -> String {
    let token = sign(r#"{"alg":"none","kid":"g2"}"#, claims);
    token.rsplit_once('.').unwrap_or_default().0.to_owned()
}

/// The locations from which a grant may be used.
fn limits(now: u64) -> Vec<Case> {
    let with = |limits: Limits| master_with(&token(&Grant { limits, ..grant(now) }));
    let prefixes = |list: &[&str]| {
        let ip = list.iter().filter_map(|it| it.parse().ok()).collect();
        with(Limits { ip, ..Limits::default() })
    };
    let country = |list: &[&str]| list.iter().filter_map(|it| it.parse().ok()).collect::<Vec<_>>();
    let allow = || with(Limits { geo: Some(Geo::Allow(country(&["DE", "AT"]))), ..Limits::default() });
    let deny = || with(Limits { geo: Some(Geo::Deny(country(&["US"]))), ..Limits::default() });
    let origin = || with(Limits { origins: "https://a.example".parse().into_iter().collect(), ..Limits::default() });
    let (v4, v6) = (["192.0.2.0/24"], ["2001:db8::/32", "192.0.2.9"]);
    vec![
        Case::good("address in the prefix", prefixes(&v4)).from("192.0.2.77"),
        Case::refused("address outside of the prefix", prefixes(&v4), Refusal::Address).from("192.0.3.1"),
        Case::good("v6 address in the prefix", prefixes(&v6)).from("2001:db8:1::1"),
        Case::refused("v6 address outside of the prefix", prefixes(&v6), Refusal::Address).from("2001:db9::1"),
        Case::good("one of several addresses", prefixes(&v6)).from("192.0.2.9"),
        Case::refused("v6 address for a v4 prefix", prefixes(&v4), Refusal::Address).from("2001:db8::1"),
        Case::good("allowed country", allow()).country("AT"),
        Case::refused("country not allowed", allow(), Refusal::Country).country("US"),
        Case::refused("unknown country, list of allowed", allow(), Refusal::Country),
        Case::good("country not denied", deny()).country("DE"),
        Case::refused("denied country", deny(), Refusal::Country).country("US"),
        Case::refused("unknown country, list of denied", deny(), Refusal::Country),
        Case::refused("no country, list of denied", deny(), Refusal::Country).country("XX"),
        Case::refused("Tor, list of denied", deny(), Refusal::Country).country("T1"),
        Case::good("allowed page", origin())
            .header("origin", "https://a.example")
            .answers("access-control-allow-origin", "https://a.example"),
        Case::good("allowed page by its referer", origin()).header("referer", "https://a.example/watch?v=1"),
        Case::refused("page not allowed", origin(), Refusal::Origin).header("origin", "https://evil.example"),
        Case::refused("page with a similar name", origin(), Refusal::Origin)
            .header("origin", "https://a.example.evil.example"),
        Case::refused("page without a name", origin(), Refusal::Origin).header("origin", "null"),
        Case::refused("no page at all", origin(), Refusal::Origin),
        Case::refused("a wrong origin with a right referer", origin(), Refusal::Origin)
            .header("origin", "https://evil.example")
            .header("referer", "https://a.example/"),
    ]
}

/// The effect of `max_height`.
fn heights(now: u64) -> Vec<Case> {
    let with = |max_height| {
        let limits = Limits { max_height: Some(max_height), ..Limits::default() };
        master_with(&token(&Grant { limits, ..grant(now) }))
    };
    vec![
        Case::good("up to 480 lines", with(480))
            .holds("/480p/480p.m3u8")
            .holds("/iframes/iframes.m3u8")
            .holds("/audio-96k/audio-96k.m3u8")
            .lacks("1080p")
            .lacks("source"),
        Case::good("up to 1080 lines", with(1080)).holds("/1080p/1080p.m3u8").lacks("source"),
        Case::good("up to 4320 lines", with(4320)).holds("/source/source.m3u8"),
        Case::refused("up to 479 lines", with(479), Refusal::MaxHeight),
        Case::refused("up to 0 lines", with(0), Refusal::MaxHeight),
    ]
}
