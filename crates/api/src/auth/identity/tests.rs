//! Every kind of bad JWT, and a provider that rotates its keys, fails, and misbehaves.

mod provider;

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::StatusCode;
use platform::secret::Secret;
use serde_json::json;

use super::*;
use provider::{Answer, ISSUER, Provider, SECRET, SigningKey, claims, hs256, now, sign};

async fn refusal(identity: &IdentityProvider, token: &str) -> TokenProblem {
    match identity.caller_of(token).await {
        Ok(caller) => panic!("it opened for {caller:?}"),
        Err(problem) => problem,
    }
}

#[tokio::test]
async fn good_tokens_of_every_algorithm_open() {
    let (rsa, ec) = (SigningKey::rs256("r"), SigningKey::es256("e"));
    let provider = Provider::start().await;
    provider.publish(&[&rsa, &ec]);
    let identity = provider.identity();
    let shared = Signature::Hs256 {
        secret: Secret::new(SECRET),
    };
    let by_secret =
        IdentityProvider::new(IdentitySettings::new(shared, ISSUER, "edgereel")).unwrap();
    let good = claims(json!({}));
    let expected = Caller {
        subject: "user:ann".to_owned(),
        owner: Some("ann".to_owned()),
        scopes: "read".parse().unwrap(),
    };
    assert_eq!(
        identity.caller_of(&rsa.token(&good)).await,
        Ok(expected.clone())
    );
    assert_eq!(
        identity.caller_of(&ec.token(&good)).await,
        Ok(expected.clone())
    );
    let hs256_header = json!({ "alg": "HS256" });
    assert_eq!(
        by_secret
            .caller_of(&hs256(SECRET.as_bytes(), &hs256_header, &good))
            .await,
        Ok(expected.clone())
    );
    for good in [
        claims(json!({ "aud": ["other", "edgereel"] })),
        claims(json!({ "exp": now() - 30 })),
        claims(json!({ "nbf": now() + 30 })),
        claims(json!({ "exp": now() as f64 + 300.5 })),
    ] {
        assert_eq!(
            identity.caller_of(&rsa.token(&good)).await,
            Ok(expected.clone()),
            "{good}"
        );
    }
    for typ in ["jwt", "at+jwt", "application/at+jwt"] {
        let header = json!({ "alg": "RS256", "kid": "r", "typ": typ });
        assert_eq!(
            identity.caller_of(&rsa.sign(&header, &good)).await,
            Ok(expected.clone()),
            "{typ}"
        );
    }
    // Of its kind it is the only one.
    assert_eq!(
        identity
            .caller_of(&ec.sign(&json!({ "alg": "ES256" }), &good))
            .await,
        Ok(expected)
    );
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn bad_claims_open_nothing() {
    let key = SigningKey::es256("e");
    let provider = Provider::start().await;
    provider.publish(&[&key]);
    let identity = provider.identity();
    let invalid = TokenProblem::Invalid;
    for (changes, expected) in [
        (json!({ "exp": now() - 61 }), TokenProblem::Expired),
        (json!({ "exp": 0 }), TokenProblem::Expired),
        (json!({ "exp": null }), invalid("a claim is missing")),
        (json!({ "exp": "tomorrow" }), invalid("a claim is missing")),
        (json!({ "exp": -1 }), invalid("a claim is missing")),
        (json!({ "nbf": now() + 90 }), invalid("not valid yet")),
        (json!({ "nbf": "now" }), invalid("malformed token")),
        (
            json!({ "iss": "https://evil.example" }),
            invalid("wrong issuer"),
        ),
        (json!({ "iss": null }), invalid("a claim is missing")),
        (json!({ "iss": 7 }), invalid("a claim is missing")),
        (json!({ "aud": "other" }), invalid("wrong audience")),
        (json!({ "aud": ["other"] }), invalid("wrong audience")),
        (json!({ "aud": [] }), invalid("wrong audience")),
        (json!({ "aud": null }), invalid("a claim is missing")),
        (json!({ "sub": null }), invalid("a claim is missing")),
        (json!({ "sub": "" }), invalid("empty subject")),
        (json!({ "scope": 7 }), invalid("malformed scopes")),
    ] {
        assert_eq!(
            refusal(&identity, &key.token(&claims(changes.clone()))).await,
            expected,
            "{changes}"
        );
    }
}

#[tokio::test]
async fn forged_tokens_open_nothing() {
    let (rsa, ec, other) = (
        SigningKey::rs256("r"),
        SigningKey::es256("e"),
        SigningKey::es256("e"),
    );
    let provider = Provider::start().await;
    provider.publish(&[&rsa, &ec]);
    let identity = provider.identity();
    let good = claims(json!({}));
    let invalid = TokenProblem::Invalid;
    let algorithm = invalid("algorithm not allowed");
    let rsa_modulus = Base64UrlUnpadded::decode_vec(rsa.public["n"].as_str().unwrap()).unwrap();
    let of = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
    let token = ec.token(&good);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let admin = Base64UrlUnpadded::encode_string(
        claims(json!({ "scope": "admin" })).to_string().as_bytes(),
    );
    let forgeries = [
        ("nothing", String::new(), invalid("malformed JWT")),
        ("words", "a.b.c".to_owned(), invalid("malformed JWT")),
        ("two parts", signed.to_owned(), invalid("malformed JWT")),
        ("alg none", sign(&json!({ "alg": "none" }), &good, |_| Vec::new()), invalid("malformed JWT")),
        ("alg None", sign(&json!({ "alg": "None" }), &good, |_| Vec::new()), invalid("malformed JWT")),
        ("no alg", sign(&json!({ "kid": "e" }), &good, |_| Vec::new()), invalid("malformed JWT")),
        ("no signature", format!("{signed}."), invalid("invalid signature")),
        ("other claims", format!("{header}.{admin}.{signature}"), invalid("invalid signature")),
        ("another's key", other.token(&good), invalid("invalid signature")),
        // The public key is not a secret.
        ("public key as secret", hs256(&rsa_modulus, &of("HS256", "r"), &good), algorithm.clone()),
        ("public JWK as secret", hs256(rsa.public.to_string().as_bytes(), &of("HS256", "r"), &good), algorithm.clone()),
        ("shared secret", hs256(SECRET.as_bytes(), &of("HS256", "r"), &good), algorithm.clone()),
        ("another hash", rsa.sign(&of("RS512", "r"), &good), algorithm.clone()),
        ("PSS", rsa.sign(&of("PS256", "r"), &good), algorithm.clone()),
        ("a key of another kind", ec.sign(&of("ES256", "r"), &good), invalid("unknown key id")),
        ("an unknown key", ec.sign(&of("ES256", "x"), &good), invalid("unknown key id")),
        (
            "its own key",
            other.sign(
                &json!({ "alg": "ES256", "kid": "x", "jwk": other.public, "jku": "https://evil.example" }),
                &good,
            ),
            invalid("unknown key id"),
        ),
        (
            "critical headers",
            ec.sign(&json!({ "alg": "ES256", "kid": "e", "crit": ["b64"], "b64": true }), &good),
            invalid("unsupported critical header"),
        ),
        (
            "a logout token",
            ec.sign(&json!({ "alg": "ES256", "kid": "e", "typ": "logout+jwt" }), &good),
            invalid("wrong token type"),
        ),
    ];
    for (what, token, expected) in forgeries {
        assert_eq!(refusal(&identity, &token).await, expected, "{what}");
    }
    assert!(
        identity.caller_of(&token).await.is_ok(),
        "the real one still opens"
    );
}

#[tokio::test]
async fn a_shared_secret_takes_nothing_else() {
    let shared = Signature::Hs256 {
        secret: Secret::new(SECRET),
    };
    let identity =
        IdentityProvider::new(IdentitySettings::new(shared, ISSUER, "edgereel")).unwrap();
    let good = claims(json!({}));
    let header = json!({ "alg": "HS256" });
    let wrong = hs256(b"another secret of thirty-two bytes", &header, &good);
    assert_eq!(
        refusal(&identity, &wrong).await,
        TokenProblem::Invalid("invalid signature")
    );
    let algorithm = TokenProblem::Invalid("algorithm not allowed");
    assert_eq!(
        refusal(&identity, &SigningKey::es256("e").token(&good)).await,
        algorithm
    );
    let longer = hs256(SECRET.as_bytes(), &json!({ "alg": "HS512" }), &good);
    assert_eq!(refusal(&identity, &longer).await, algorithm);
}

#[tokio::test]
async fn only_configured_algorithms_are_taken() {
    let (rsa, ec) = (SigningKey::rs256("r"), SigningKey::es256("e"));
    let provider = Provider::start().await;
    provider.publish(&[&rsa, &ec]);
    let signature = Signature::Jwks {
        url: provider.url.clone(),
        algorithms: vec![JwksAlgorithm::Es256],
    };
    let identity = IdentityProvider::new(IdentitySettings {
        signature,
        ..provider.settings()
    })
    .unwrap();
    let good = claims(json!({}));
    assert!(identity.caller_of(&ec.token(&good)).await.is_ok());
    let refused = refusal(&identity, &rsa.token(&good)).await;
    assert_eq!(refused, TokenProblem::Invalid("algorithm not allowed"));
}

#[tokio::test]
async fn keys_rotate() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let provider = Provider::start().await;
    provider.publish(&[&old]);
    let identity = provider.identity();
    let good = claims(json!({}));
    assert!(identity.caller_of(&old.token(&good)).await.is_ok());
    provider.publish(&[&old, &new]);
    assert!(
        identity.caller_of(&new.token(&good)).await.is_ok(),
        "an unknown key is asked for at once"
    );
    assert!(
        identity.caller_of(&old.token(&good)).await.is_ok(),
        "the old one still counts"
    );
    assert_eq!(provider.fetches(), 2);
    // A withdrawn key is gone after the next fetch.
    provider.publish(&[&new]);
    refusal(&identity, &SigningKey::es256("unknown").token(&good)).await;
    let gone = refusal(&identity, &old.token(&good)).await;
    assert_eq!(gone, TokenProblem::Invalid("unknown key id"));
}

#[tokio::test]
async fn old_keys_are_renewed_while_they_serve() {
    let (old, new) = (SigningKey::es256("old"), SigningKey::es256("new"));
    let provider = Provider::start().await;
    provider.publish(&[&old]);
    let settings = IdentitySettings {
        keys_max_age: Duration::ZERO,
        ..provider.settings()
    };
    let identity = IdentityProvider::new(settings).unwrap();
    let good = claims(json!({}));
    assert!(identity.caller_of(&old.token(&good)).await.is_ok());
    provider.publish(&[&new]);
    // The refresh happens in the background.
    assert!(identity.caller_of(&old.token(&good)).await.is_ok());
    for _ in 0..200 {
        if identity.caller_of(&old.token(&good)).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the old key never went");
}

#[tokio::test]
async fn unknown_keys_cause_few_fetches() {
    let key = SigningKey::es256("e");
    let provider = Provider::start().await;
    provider.publish(&[&key]);
    let settings = IdentitySettings {
        refetch_pause: Duration::from_secs(600),
        ..provider.settings()
    };
    let identity = Arc::new(IdentityProvider::new(settings).unwrap());
    let good = claims(json!({}));
    let forged: Vec<String> = (0..20)
        .map(|it| {
            key.sign(
                &json!({ "alg": "ES256", "kid": format!("made up {it}") }),
                &good,
            )
        })
        .collect();
    let asked = forged.iter().map(|it| identity.caller_of(it));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer, Err(TokenProblem::Invalid("unknown key id")));
    }
    assert!(identity.caller_of(&key.token(&good)).await.is_ok());
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test]
async fn an_unavailable_provider_locks_no_caller_out() {
    let key = SigningKey::es256("e");
    let good = claims(json!({}));
    let provider = Provider::start().await;
    let settings = IdentitySettings {
        keys_max_age: Duration::ZERO,
        ..provider.settings()
    };
    let identity = IdentityProvider::new(settings).unwrap();
    // Without keys the API reports unavailability, not an invalid token.
    provider.answer(Answer::Status(StatusCode::BAD_GATEWAY));
    assert_eq!(
        refusal(&identity, &key.token(&good)).await,
        TokenProblem::NoKeys
    );
    provider.publish(&[&key]);
    assert!(identity.caller_of(&key.token(&good)).await.is_ok());

    let fetches = provider.fetches();
    let giant = json!({ "keys": [key.public], "padding": "x".repeat(300 << 10) }).to_string();
    for bad in [
        Answer::Status(StatusCode::SERVICE_UNAVAILABLE),
        Answer::Text("<html>".to_owned()),
        Answer::Text(json!({ "error": "none" }).to_string()),
        Answer::Text(giant),
        Answer::Elsewhere,
    ] {
        provider.answer(bad);
        let unknown = SigningKey::es256("rotated").token(&good);
        assert_eq!(
            refusal(&identity, &unknown).await,
            TokenProblem::NoKeys,
            "it may be a new one"
        );
        assert!(
            identity.caller_of(&key.token(&good)).await.is_ok(),
            "the keys at hand serve on"
        );
    }
    assert!(provider.fetches() > fetches);
}
