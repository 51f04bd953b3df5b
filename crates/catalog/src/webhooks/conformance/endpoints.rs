//! Endpoints and their subscriptions.

use domain::time::UnixMillis;
use domain::webhook::EventType::*;

use super::{MANY, NOW, Subject, endpoint_id, new_endpoint};
use crate::videos::conformance::ms;
use crate::webhooks::{
    EndpointFilter, EndpointPatch, EndpointSecret, MAX_ENDPOINTS, NewEndpoint, WebhookError,
};

/// An endpoint is read back as it was created.
pub async fn endpoints_are_kept_as_they_were_made(subject: &Subject) {
    let types = Some(vec![VideoReady, VideoFailed]);
    let new = NewEndpoint {
        owner: Some("anna".to_owned()),
        types: types.clone(),
        ..new_endpoint(1)
    };
    let odd = NewEndpoint {
        description: Some("a\0b".to_owned()),
        ..new_endpoint(2)
    };
    let odd = subject.webhooks.create(&odd, NOW).await.expect("create");
    assert_eq!(
        odd.description.as_deref(),
        Some("a\u{FFFD}b"),
        "PostgreSQL cannot store NUL"
    );
    let made = subject.webhooks.create(&new, NOW).await.expect("create");
    assert_eq!(
        (made.id, &made.owner, &made.url, &made.types),
        (new.id, &new.owner, &new.url, &types)
    );
    assert_eq!(
        (
            made.description.as_deref(),
            made.disabled,
            made.failing_since_ms
        ),
        (Some("Receiver 1"), None, None)
    );
    assert_eq!(
        made.secrets,
        [EndpointSecret {
            sealed: "sealed-1".to_owned(),
            until_ms: None
        }]
    );
    assert_eq!((made.created_ms, made.updated_ms), (NOW, NOW));
    assert_eq!(subject.webhooks.get(new.id).await.expect("get"), made);
    assert!(matches!(
        subject.webhooks.get(endpoint_id(9)).await,
        Err(WebhookError::NoSuchEndpoint(_))
    ));
}

/// Omitted fields stay unchanged; a removed endpoint is gone with its log.
pub async fn endpoints_are_changed_and_removed(subject: &Subject) {
    let made = subject.endpoint(1).await;
    let unchanged = subject
        .webhooks
        .patch(made.id, &EndpointPatch::default(), NOW + ms(1))
        .await
        .expect("patch");
    assert_eq!(
        unchanged,
        super::Endpoint {
            updated_ms: NOW + ms(1),
            ..made.clone()
        }
    );
    let patch = EndpointPatch {
        url: Some("https://other.example/".to_owned()),
        types: Some(Some(vec![VideoReady])),
        description: Some(None),
        active: None,
    };
    let changed = subject
        .webhooks
        .patch(made.id, &patch, NOW + ms(2))
        .await
        .expect("patch");
    assert_eq!(
        (changed.url.as_str(), &changed.types),
        ("https://other.example/", &Some(vec![VideoReady]))
    );
    assert_eq!(
        (changed.description, changed.updated_ms),
        (None, NOW + ms(2))
    );
    let patch = EndpointPatch {
        types: Some(None),
        ..EndpointPatch::default()
    };
    assert_eq!(
        subject
            .webhooks
            .patch(made.id, &patch, NOW)
            .await
            .expect("patch")
            .types,
        None
    );

    subject
        .webhooks
        .send_test(made.id, NOW)
        .await
        .expect("test");
    let flying = subject.claim_one(NOW).await;
    subject.webhooks.delete(made.id).await.expect("delete");
    let gone = [
        subject.webhooks.delete(made.id).await.err(),
        subject.webhooks.patch(made.id, &patch, NOW).await.err(),
        subject
            .webhooks
            .rotate_secret(made.id, "s", NOW, NOW)
            .await
            .err(),
        subject.webhooks.send_test(made.id, NOW).await.err(),
    ];
    for error in gone {
        assert!(
            matches!(error, Some(WebhookError::NoSuchEndpoint(_))),
            "{error:?}"
        );
    }
    let late = subject
        .webhooks
        .record_attempt(
            &flying,
            &super::attempted(super::AttemptOutcome::Delivered),
            NOW,
        )
        .await;
    assert!(matches!(late, Err(WebhookError::LeaseLost(_))), "{late:?}");
    assert_eq!(subject.claim(NOW).await, []);
}

/// Endpoints are listed newest first, of one owner or of all.
pub async fn lists_endpoints_in_pages(subject: &Subject) {
    for number in 1..=5 {
        let owner = Some(if number % 2 == 0 { "anna" } else { "ben" }.to_owned());
        subject
            .webhooks
            .create(
                &NewEndpoint {
                    owner,
                    ..new_endpoint(number)
                },
                NOW,
            )
            .await
            .expect("create");
    }
    let (mut seen, mut after) = (vec![], None);
    loop {
        let filter = EndpointFilter {
            owner: None,
            after,
            limit: 2,
        };
        let page = subject.webhooks.list(&filter).await.expect("list");
        assert!(page.endpoints.len() <= 2);
        seen.extend(page.endpoints.iter().map(|it| it.id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(endpoint_id));
    let filter = EndpointFilter {
        owner: Some("anna".to_owned()),
        after: None,
        limit: MANY,
    };
    let page = subject.webhooks.list(&filter).await.expect("list");
    assert_eq!(
        page.endpoints.iter().map(|it| it.id).collect::<Vec<_>>(),
        [4, 2].map(endpoint_id)
    );
    assert_eq!(page.next, None);
}

/// The limit counts each owner separately.
pub async fn an_owner_has_only_so_many(subject: &Subject) {
    let most = u8::try_from(MAX_ENDPOINTS).expect("a small number");
    let of = |owner: Option<&str>, number| NewEndpoint {
        owner: owner.map(str::to_owned),
        ..new_endpoint(number)
    };
    for number in 0..most {
        subject
            .webhooks
            .create(&of(Some("anna"), number), NOW)
            .await
            .expect("create");
    }
    let refused = subject.webhooks.create(&of(Some("anna"), most), NOW).await;
    assert!(matches!(refused, Err(WebhookError::TooMany)), "{refused:?}");
    subject
        .webhooks
        .create(&of(Some("ben"), most + 1), NOW)
        .await
        .expect("create");
    subject
        .webhooks
        .create(&of(None, most + 2), NOW)
        .await
        .expect("create");
}

/// The old secret stays valid for a while, and further rotations do not extend that.
pub async fn secrets_rotate_with_an_overlap(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    let rotate = async |sealed: &str, keep_ms: UnixMillis, now: UnixMillis| {
        let after = subject
            .webhooks
            .rotate_secret(id, sealed, keep_ms, now)
            .await
            .expect("rotate");
        after
            .secrets
            .into_iter()
            .map(|it| (it.sealed, it.until_ms))
            .collect::<Vec<_>>()
    };
    let secret = |sealed: &str, until_ms| (sealed.to_owned(), until_ms);
    assert_eq!(
        rotate("second", NOW + ms(100), NOW).await,
        [
            secret("second", None),
            secret("sealed-1", Some(NOW + ms(100)))
        ]
    );
    assert_eq!(
        rotate("third", NOW + ms(150), NOW + ms(50)).await,
        [
            secret("third", None),
            secret("second", Some(NOW + ms(150))),
            secret("sealed-1", Some(NOW + ms(100)))
        ]
    );
    assert_eq!(
        rotate("fourth", NOW + ms(200), NOW + ms(100)).await,
        [
            secret("fourth", None),
            secret("third", Some(NOW + ms(200))),
            secret("second", Some(NOW + ms(150)))
        ]
    );
    for number in 0..10 {
        let secrets = rotate(&format!("more-{number}"), NOW + ms(300), NOW + ms(101)).await;
        assert!(
            secrets.len() <= 5 && secrets[0].0 == format!("more-{number}"),
            "{secrets:?}"
        );
    }
}

/// A stored secret is replaced in its place, and only if it is still there.
pub async fn a_stored_secret_is_replaced(subject: &Subject) {
    let id = subject.endpoint(1).await.id;
    subject
        .webhooks
        .rotate_secret(id, "second", NOW + ms(100), NOW)
        .await
        .expect("rotate");
    let replace = async |old: &str, new: &str| {
        subject
            .webhooks
            .replace_secret(id, old, new)
            .await
            .expect("replace")
    };
    assert!(replace("sealed-1", "sealed-again").await);
    assert!(!replace("sealed-1", "never").await);
    let secrets = subject.webhooks.get(id).await.expect("get").secrets;
    let secrets: Vec<_> = secrets
        .into_iter()
        .map(|it| (it.sealed, it.until_ms))
        .collect();
    assert_eq!(
        secrets,
        [
            ("second".to_owned(), None),
            ("sealed-again".to_owned(), Some(NOW + ms(100)))
        ]
    );
    let missing = subject
        .webhooks
        .replace_secret(endpoint_id(9), "a", "b")
        .await;
    assert!(
        matches!(missing, Err(WebhookError::NoSuchEndpoint(_))),
        "{missing:?}"
    );
}
