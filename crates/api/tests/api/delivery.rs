//! Webhook delivery from a state change to the receivers, over HTTP on loopback, with a simulated clock.

mod failures;
mod office;
mod order;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::webhooks::DispatchSummary;
use async_trait::async_trait;
use domain::content_key::KeyEncryptionKeys;
use domain::state::VideoEvent;
use domain::webhook::EventType;
use platform::clock;
use platform::net::{Guard, Lookup, Policy};
use standardwebhooks::Webhook;
use tokio_util::sync::CancellationToken;

use crate::receiver::Receiver;
use office::{ALL, DAY, HOUR, LIFE, MINUTE, Office, dispatcher, secret};

#[tokio::test]
async fn the_standards_own_library_verifies_what_arrives() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (_, secret) = office.endpoint(1, &receiver.url, None).await;
    let now = clock::now();
    let video = office.life(1, now).await;
    let round = office.dispatch(now).await;
    assert_eq!(
        round,
        DispatchSummary {
            shared: 4,
            delivered: 4,
            ..DispatchSummary::default()
        }
    );
    let received = receiver.received();
    let kinds: Vec<_> = received.iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, LIFE);
    for it in &received {
        Webhook::new(&secret)
            .unwrap()
            .verify(&it.body, &it.headers)
            .unwrap();
        assert!(
            Webhook::new(&self::secret(2))
                .unwrap()
                .verify(&it.body, &it.headers)
                .is_err()
        );
        assert_eq!(
            (it.video(), it.path.as_str()),
            (video.to_string().as_str(), "/hook")
        );
        assert_eq!(it.header("content-type"), "application/json");
        assert!(it.header("user-agent").starts_with("Edgereel-Webhooks/"));
    }
    let ids: HashSet<_> = received.iter().map(|it| it.id()).collect();
    assert_eq!(ids.len(), 4, "every event has its own");
}

#[tokio::test]
async fn a_rotated_secret_signs_for_a_day_beside_its_successor() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, old) = office.endpoint(1, &receiver.url, None).await;
    let now = clock::now();
    let new = secret(2);
    let sealed = office.keys.seal(
        new.as_bytes(),
        &format!("webhooks/{}", endpoint.id),
        [9; 12],
    );
    let sealed = String::from_utf8(sealed).unwrap();
    office
        .store
        .rotate_secret(endpoint.id, &sealed, now + DAY, now)
        .await
        .unwrap();
    for (after, both) in [(Duration::ZERO, true), (DAY - MINUTE, true), (DAY, false)] {
        office
            .store
            .send_test(endpoint.id, now + after)
            .await
            .unwrap();
        assert_eq!(office.dispatch(now + after).await.delivered, 1);
        let last = receiver.received().pop().unwrap();
        assert!(last.is_signed_with(&new));
        assert_eq!(last.is_signed_with(&old), both, "after {after:?}");
        assert_eq!(
            last.header("webhook-signature").split(' ').count(),
            if both { 2 } else { 1 }
        );
    }
}

#[tokio::test]
async fn filters_replays_and_tests() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, secret) = office
        .endpoint(1, &receiver.url, Some(vec![EventType::VideoReady]))
        .await;
    let now = clock::now();
    office.life(1, now).await;
    assert_eq!(office.dispatch(now).await.delivered, 1);
    assert_eq!(receiver.kinds(), ["video.ready"]);
    let first = office.log(&endpoint).await.pop().unwrap();
    office
        .store
        .replay(endpoint.id, first.id, now + MINUTE)
        .await
        .unwrap();
    office
        .store
        .send_test(endpoint.id, now + MINUTE)
        .await
        .unwrap();
    assert_eq!(office.dispatch(now + MINUTE).await.delivered, 2);
    let received = receiver.received();
    let again = received[1..]
        .iter()
        .find(|it| it.kind() == "video.ready")
        .unwrap();
    assert_eq!(
        (again.id(), &again.body),
        (received[0].id(), &received[0].body)
    );
    assert!(again.header("webhook-timestamp") > received[0].header("webhook-timestamp"));
    let test = received.iter().find(|it| it.kind() == "test").unwrap();
    assert!(test.is_signed_with(&secret));
    assert_eq!(test.message["data"]["webhook"], endpoint.id.to_string());
}

/// Resolves every name to this machine.
struct Inside;

#[async_trait]
impl Lookup for Inside {
    async fn lookup(&self, _host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec!["127.0.0.1".parse().unwrap()])
    }
}

#[tokio::test]
async fn nothing_inside_is_reached_by_digits_or_by_name() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let port = receiver
        .url
        .split(':')
        .nth(2)
        .unwrap()
        .trim_end_matches("/hook");
    let policy = Policy {
        allow_private: false,
        allow_http: true,
    };
    let guarded = dispatcher(
        &office.store,
        &office.keys,
        Guard::with_lookup(policy, Arc::new(Inside)),
    );
    let inside = "is not on the public internet: it is this host itself";
    let now = clock::now();
    // The routes reject such URLs, so the test writes them to the database.
    let table = [
        (
            1,
            format!("http://127.0.0.1:{port}/hook"),
            format!("`127.0.0.1` {inside}"),
        ),
        (
            2,
            format!("http://0177.1:{port}/hook"),
            format!("`127.0.0.1` {inside}"),
        ),
        (
            3,
            format!("http://public.example:{port}/hook"),
            format!("`public.example` {inside}"),
        ),
        (
            4,
            "ftp://public.example/".to_owned(),
            "`ftp:` is not allowed: use https".to_owned(),
        ),
    ];
    for (number, url, expected) in table {
        let (endpoint, _) = office.endpoint(number, &url, None).await;
        office.store.send_test(endpoint.id, now).await.unwrap();
        let round = guarded
            .dispatch(now, &CancellationToken::new())
            .await
            .unwrap();
        assert_eq!((round.delivered, round.failed), (0, 1), "{url}");
        assert_eq!(office.last_error(&endpoint).await, expected);
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn a_secret_that_does_not_open_keeps_its_messages() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = clock::now();
    office.upload(1, now).await;
    let other_keys =
        KeyEncryptionKeys::parse("other:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
    let wrong = dispatcher(&office.store, &Arc::new(other_keys), Guard::new(ALL));
    assert_eq!(
        wrong
            .dispatch(now, &CancellationToken::new())
            .await
            .unwrap()
            .failed,
        1
    );
    assert_eq!(
        office.last_error(&endpoint).await,
        "cannot decrypt the secret of the webhook"
    );
    assert_eq!(receiver.received().len(), 0, "nothing goes out unsigned");
    assert_eq!(office.dispatch(now + MINUTE).await.delivered, 1);
}

#[tokio::test]
async fn old_deliveries_are_pruned() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = clock::now();
    let video = office.life(1, now).await;
    office.dispatch(now).await;
    office
        .catalog
        .apply(video, &VideoEvent::Deleted, now + 10 * DAY)
        .await
        .unwrap();
    office.dispatch(now + 10 * DAY).await;
    let prune = async |at| office.store.prune(at).await.unwrap();
    assert_eq!(prune(now - HOUR).await.deliveries, 0);
    let pruned = prune(now + HOUR).await;
    assert_eq!((pruned.deliveries, pruned.events), (4, 4));
    let left = office.log(&endpoint).await;
    assert_eq!(
        left.iter().map(|it| it.kind).collect::<Vec<_>>(),
        [EventType::VideoDeleted]
    );
}

#[tokio::test]
async fn a_closed_database_is_an_error_and_no_hang() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    office.database.close().await;
    let ended = office
        .dispatcher
        .dispatch(clock::now(), &CancellationToken::new())
        .await;
    assert!(ended.is_err(), "{ended:?}");
}
