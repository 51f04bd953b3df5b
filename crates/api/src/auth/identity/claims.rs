//! Interpretation of the claims of a verified JWT.

use serde_json::{Map, Value};

use super::super::{Caller, Scope, Scopes, USER, is_owner};
use super::{IdentitySettings, TokenProblem};

/// All claims: the name of the owner claim is configurable.
pub(super) type Claims = Map<String, Value>;

/// The caller that the claims describe.
pub(super) fn caller(claims: &Claims, settings: &IdentitySettings) -> Result<Caller, TokenProblem> {
    let subject = claims
        .get("sub")
        .and_then(Value::as_str)
        .filter(|it| is_owner(it));
    let subject = subject.ok_or(TokenProblem::Invalid("empty subject"))?;
    let scopes = scopes(claims, &settings.scope_prefix)?;
    let owner = if scopes.contains(Scope::Admin) {
        None
    } else {
        let owner = claims
            .get(&settings.owner_claim)
            .and_then(Value::as_str)
            .filter(|it| is_owner(it));
        Some(
            owner
                .ok_or(TokenProblem::Invalid("empty owner claim"))?
                .to_owned(),
        )
    };
    Ok(Caller {
        subject: format!("{USER}{subject}"),
        owner,
        scopes,
    })
}

/// `scope` (RFC 8693, 4.2) or, with some providers, `scp`; space-separated or a list.
fn scopes(claims: &Claims, prefix: &str) -> Result<Scopes, TokenProblem> {
    const UNREADABLE: TokenProblem = TokenProblem::Invalid("malformed scopes");
    let words: Vec<&str> = match claims.get("scope").or_else(|| claims.get("scp")) {
        None => return Ok(Scopes::owner_default()),
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|it| it.as_str().ok_or(UNREADABLE))
            .collect::<Result<_, _>>()?,
        // Reject instead of guessing: an unusual format must not remove the limits of a token.
        Some(_) => return Err(UNREADABLE),
    };
    Ok(words
        .into_iter()
        .filter_map(|it| it.strip_prefix(prefix)?.parse::<Scope>().ok())
        .collect())
}

#[cfg(test)]
mod tests {
    use platform::secret::Secret;
    use serde_json::json;

    use super::super::Signature;
    use super::*;

    fn settings() -> IdentitySettings {
        IdentitySettings::new(
            Signature::Hs256 {
                secret: Secret::new(""),
            },
            "issuer",
            "edgereel",
        )
    }

    #[track_caller]
    fn check(settings: &IdentitySettings, claims: &Value, expected: Option<(Option<&str>, &str)>) {
        let caller = caller(claims.as_object().unwrap(), settings).ok();
        let seen = caller.map(|it| (it.owner, it.scopes.to_string()));
        let expected =
            expected.map(|(owner, scopes)| (owner.map(str::to_owned), scopes.to_owned()));
        assert_eq!(seen, expected, "{claims}");
    }

    #[test]
    fn scopes_are_what_the_token_says() {
        let all = "upload read write play download webhooks";
        let mut with_scope = vec![
            (json!(null), None),
            (json!(7), None),
            (json!([7]), None),
            (json!(""), Some((Some("ann"), ""))),
            (json!("openid profile"), Some((Some("ann"), ""))),
            (json!("openid read"), Some((Some("ann"), "read"))),
            (
                json!(["read", "upload"]),
                Some((Some("ann"), "upload read")),
            ),
            (json!("Admin READ"), Some((Some("ann"), ""))),
            (json!("admin"), Some((None, "admin"))),
        ];
        for (scope, expected) in with_scope.drain(..) {
            check(
                &settings(),
                &json!({ "sub": "ann", "scope": scope }),
                expected,
            );
            check(
                &settings(),
                &json!({ "sub": "ann", "scp": scope }),
                expected,
            );
        }
        check(
            &settings(),
            &json!({ "sub": "ann" }),
            Some((Some("ann"), all)),
        );
        // `scope` takes precedence over `scp`.
        check(
            &settings(),
            &json!({ "sub": "ann", "scope": "read", "scp": ["admin"] }),
            Some((Some("ann"), "read")),
        );
        let ours = IdentitySettings {
            scope_prefix: "edgereel:".to_owned(),
            ..settings()
        };
        check(
            &ours,
            &json!({ "sub": "ann", "scope": "admin edgereel:read" }),
            Some((Some("ann"), "read")),
        );
        check(
            &ours,
            &json!({ "sub": "ann", "scope": "edgereel:admin" }),
            Some((None, "admin")),
        );
    }

    #[test]
    fn owners_are_named_by_their_claim() {
        let settings = IdentitySettings {
            owner_claim: "https://example.com/tenant".to_owned(),
            ..settings()
        };
        let tenant = |tenant: Value| json!({ "sub": "ann", "scope": "read", "https://example.com/tenant": tenant });
        check(
            &settings,
            &tenant(json!("acme")),
            Some((Some("acme"), "read")),
        );
        for odd in [
            json!(""),
            json!(null),
            json!(7),
            json!(["acme"]),
            json!("a\u{0}b"),
            json!("x".repeat(201)),
        ] {
            check(&settings, &tenant(odd), None);
        }
        check(&settings, &json!({ "sub": "ann", "scope": "read" }), None);
        check(&settings, &json!({ "scope": "admin" }), None);
        check(
            &settings,
            &json!({ "sub": "ann", "scope": "admin" }),
            Some((None, "admin")),
        );
    }
}
