use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_800_000_000;
const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn keys() -> GrantKeys {
    GrantKeys::parse(&format!("a:HS256:{SECRET}")).unwrap()
}

fn grant() -> Grant {
    Grant {
        video: VideoId::new(1_700_000_000_000, [7; 10]),
        viewer: Some("anna".to_owned()),
        id: Some("session-1".to_owned()),
        expires: NOW + 60,
        not_before: Some(NOW),
        limits: Limits {
            max_height: Some(720),
            ip: vec![
                "192.0.2.0/24".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            geo: Some(Geo::Allow(vec!["DE".parse().unwrap()])),
            origins: vec!["https://a.example".parse().unwrap()],
            check_segments: true,
        },
    }
}

/// Signs any header and claims with the secret of `keys`, as a JWT library would.
fn sign(header: &str, claims: &str) -> String {
    let encode = Base64UrlUnpadded::encode_string;
    let signed = format!(
        "{}.{}",
        encode(header.as_bytes()),
        encode(claims.as_bytes())
    );
    let keys = keys();
    let mac = keys.issuer().unwrap().1.clone();
    format!(
        "{signed}.{}",
        encode(&mac.chain_update(signed.as_bytes()).finalize().into_bytes())
    )
}

#[test]
fn an_issued_grant_verifies_and_says_the_same() {
    let token = grant().issue(&keys()).unwrap();
    let verified = Grant::verify(&token, &keys(), NOW, 0).unwrap();
    assert_eq!(verified.grant, grant());
    assert_eq!(verified.session, Fingerprint::of("session-1"));
    let claims = Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
    insta::assert_snapshot!(String::from_utf8(claims).unwrap(), @r#"{"aud":"edgereel/playback","vid":"vid_018bcfe5680077078707070707070707","exp":1800000060,"nbf":1800000000,"sub":"anna","jti":"session-1","max_height":720,"ip":["192.0.2.0/24","2001:db8::/32"],"geo":{"allow":["DE"]},"origins":["https://a.example"],"check_segments":true}"#);
}

#[test]
fn times_are_judged_with_the_skew() {
    let token = grant().issue(&keys()).unwrap();
    for (now, expected) in [
        (NOW - 61, Some(Refusal::GrantNotYetValid)),
        (NOW - 60, None),
        (NOW + 119, None),
        (NOW + 120, Some(Refusal::GrantExpired)),
        (u64::MAX, Some(Refusal::GrantExpired)),
        (0, Some(Refusal::GrantNotYetValid)),
    ] {
        assert_eq!(
            Grant::verify(&token, &keys(), now, 60).err(),
            expected,
            "{now}"
        );
    }
}

#[test]
fn other_libraries_spell_claims_in_other_ways() {
    let video = grant().video;
    let header = r#"{"typ":"jwt","alg":"HS256","kid":"a"}"#;
    let token = sign(
        header,
        &format!(
            r#"{{"aud":["x","edgereel/playback"],"exp":1800000060.5,"vid":"{video}","ip":"192.0.2.1","iat":1,"new":{{}}}}"#
        ),
    );
    let verified = Grant::verify(&token, &keys(), NOW, 0).unwrap();
    assert_eq!(verified.grant.expires, NOW + 60);
    assert_eq!(verified.grant.limits.ip, ["192.0.2.1/32".parse().unwrap()]);
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(
        verified.session,
        Fingerprint::of(signed),
        "without `jti`, the signed text identifies the session"
    );
}

#[test]
fn what_is_not_a_grant_is_refused() {
    let video = grant().video;
    let header = r#"{"alg":"HS256","kid":"a"}"#;
    let claims = format!(r#"{{"aud":"edgereel/playback","exp":1900000000,"vid":"{video}"}}"#);
    let good = sign(header, &claims);
    assert!(Grant::verify(&good, &keys(), NOW, 0).is_ok());
    let with = |more: &str| format!("{},{more}}}", &claims[..claims.len() - 1]);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let flipped = format!(
        "{signed}.{}{}",
        if signature.starts_with('A') { "B" } else { "A" },
        &signature[1..]
    );
    let mut table = String::new();
    for (name, token) in [
        ("empty", String::new()),
        ("two parts", signed.to_owned()),
        ("four parts", format!("{good}.x")),
        ("no signature", format!("{signed}.")),
        ("other signature", flipped),
        ("shortened signature", good[..good.len() - 4].to_owned()),
        ("padded", format!("{good}=")),
        ("white space", format!(" {good}")),
        ("giant", format!("{good}{}", "a".repeat(5000))),
        ("none", sign(r#"{"alg":"none","kid":"a"}"#, &claims)),
        ("None", sign(r#"{"alg":"None","kid":"a"}"#, &claims)),
        ("HS512", sign(r#"{"alg":"HS512","kid":"a"}"#, &claims)),
        (
            "key of another kind",
            sign(r#"{"alg":"ES256","kid":"a"}"#, &claims),
        ),
        ("no alg", sign(r#"{"kid":"a"}"#, &claims)),
        ("no kid", sign(r#"{"alg":"HS256"}"#, &claims)),
        ("unknown kid", sign(r#"{"alg":"HS256","kid":"b"}"#, &claims)),
        (
            "two kids",
            sign(r#"{"alg":"HS256","kid":"a","kid":"a"}"#, &claims),
        ),
        (
            "crit",
            sign(r#"{"alg":"HS256","kid":"a","crit":["exp"]}"#, &claims),
        ),
        (
            "crit null",
            sign(r#"{"alg":"HS256","kid":"a","crit":null}"#, &claims),
        ),
        (
            "other typ",
            sign(r#"{"alg":"HS256","kid":"a","typ":"at+jwt"}"#, &claims),
        ),
        ("header not JSON", sign("alg", &claims)),
        ("claims not JSON", sign(header, "x")),
        ("claims deep", sign(header, &"[".repeat(2000))),
        ("no aud", sign(header, &claims.replace("aud", "aux"))),
        (
            "other aud",
            sign(header, &claims.replace("playback", "upload")),
        ),
        ("no exp", sign(header, &claims.replace("exp", "exq"))),
        (
            "exp as text",
            sign(header, &claims.replace("1900000000", "\"1900000000\"")),
        ),
        (
            "negative exp",
            sign(header, &claims.replace("1900000000", "-1")),
        ),
        ("no vid", sign(header, &claims.replace("vid\"", "vie\""))),
        ("odd vid", sign(header, &claims.replace("vid_", "../"))),
        (
            "two vids",
            sign(header, &with(&format!("\"vid\":\"{video}\""))),
        ),
        ("odd ip", sign(header, &with(r#""ip":"1.2.3""#))),
        ("no ip at all", sign(header, &with(r#""ip":[]"#))),
        ("odd geo", sign(header, &with(r#""geo":["DE"]"#))),
        (
            "odd origin",
            sign(header, &with(r#""origins":["a.example"]"#)),
        ),
        ("misspelt height", sign(header, &with(r#""maxHeight":360"#))),
        (
            "misspelt origins",
            sign(header, &with(r#""origin":"https://a.example""#)),
        ),
        (
            "two heights",
            sign(header, &with(r#""max_height":360,"max_height":720"#)),
        ),
        (
            "a list",
            sign(
                header,
                &format!(r#"["edgereel/playback","{video}",1900000000]"#),
            ),
        ),
        (
            "odd check of segments",
            sign(header, &with(r#""check_segments":null"#)),
        ),
        ("negative height", sign(header, &with(r#""max_height":-1"#))),
    ] {
        table += &format!(
            "{name}: {}\n",
            Grant::verify(&token, &keys(), NOW, 0).unwrap_err().code()
        );
    }
    insta::assert_snapshot!(table, @"
    empty: grant-malformed
    two parts: grant-malformed
    four parts: grant-malformed
    no signature: grant-signature
    other signature: grant-signature
    shortened signature: grant-malformed
    padded: grant-malformed
    white space: grant-malformed
    giant: grant-too-long
    none: grant-algorithm
    None: grant-algorithm
    HS512: grant-algorithm
    key of another kind: grant-algorithm
    no alg: grant-malformed
    no kid: grant-key-unknown
    unknown kid: grant-key-unknown
    two kids: grant-malformed
    crit: grant-malformed
    crit null: grant-malformed
    other typ: grant-malformed
    header not JSON: grant-malformed
    claims not JSON: grant-malformed
    claims deep: grant-malformed
    no aud: grant-malformed
    other aud: grant-audience
    no exp: grant-malformed
    exp as text: grant-malformed
    negative exp: grant-malformed
    no vid: grant-malformed
    odd vid: grant-malformed
    two vids: grant-malformed
    odd ip: grant-malformed
    no ip at all: grant-malformed
    odd geo: grant-malformed
    odd origin: grant-malformed
    misspelt height: grant-malformed
    misspelt origins: grant-malformed
    two heights: grant-malformed
    a list: grant-malformed
    odd check of segments: grant-malformed
    negative height: grant-malformed
    ");
}

#[cfg(feature = "es256")]
#[test]
fn es256_grants_verify_with_the_public_key() {
    use p256::ecdsa::signature::Signer as _;
    let signing = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let public =
        base64ct::Base64::encode_string(signing.verifying_key().to_sec1_point(false).as_bytes());
    let keys = GrantKeys::parse(&format!("e:ES256:{public}")).unwrap();
    asymmetric("ES256", &keys, |message| {
        let signature: p256::ecdsa::Signature = signing.sign(message);
        signature.to_bytes().to_vec()
    });
}

#[cfg(feature = "eddsa")]
#[test]
fn eddsa_grants_verify_with_the_public_key() {
    use ed25519_dalek::Signer as _;
    let signing = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let public = base64ct::Base64::encode_string(signing.verifying_key().as_bytes());
    let keys = GrantKeys::parse(&format!("e:EdDSA:{public}")).unwrap();
    asymmetric("EdDSA", &keys, |message| {
        signing.sign(message).to_bytes().to_vec()
    });
}

#[cfg(any(feature = "es256", feature = "eddsa"))]
fn asymmetric(algorithm: &str, keys: &GrantKeys, sign: impl Fn(&[u8]) -> Vec<u8>) {
    let encode = Base64UrlUnpadded::encode_string;
    let token = |alg: &str| {
        let header = format!(r#"{{"alg":"{alg}","kid":"e"}}"#);
        let signed = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims::write(&grant()).as_bytes())
        );
        let signature = encode(&sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    assert_eq!(
        Grant::verify(&token(algorithm), keys, NOW, 0)
            .unwrap()
            .grant,
        grant()
    );
    assert_eq!(
        Grant::verify(&token("HS256"), keys, NOW, 0).unwrap_err(),
        Refusal::GrantAlgorithm
    );
    let good = token(algorithm);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut bytes = Base64UrlUnpadded::decode_vec(signature).unwrap();
    bytes[40] ^= 1;
    let forged = format!("{signed}.{}", encode(&bytes));
    assert_eq!(
        Grant::verify(&forged, keys, NOW, 0).unwrap_err(),
        Refusal::GrantSignature
    );
    assert_eq!(grant().issue(keys), None, "public keys cannot issue");
}

proptest! {
    #[test]
    fn any_token_is_judged(token in "\\PC{0,60}|[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}\\.[A-Za-z0-9_-]{0,60}", now in any::<u64>(), skew in any::<u64>()) {
        prop_assert!(Grant::verify(&token, &keys(), now, skew).is_err());
    }

    #[test]
    fn any_claims_are_judged(claims in "\\{(\"(aud|vid|exp|nbf|ip|geo|origins|max_height)\":(1|-1|1e400|\"x\"|\\[\\]|\\{\\}|null),?){0,6}\\}") {
        let token = sign(r#"{"alg":"HS256","kid":"a"}"#, &claims);
        prop_assert!(Grant::verify(&token, &keys(), NOW, 0).is_err());
    }
}
