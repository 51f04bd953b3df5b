//! From a change of a video to its receivers: real HTTP on loopback, with a clock of our own.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use domain::content_key::KeyEncryptionKeys;
use domain::ids::{Generation, VideoId};
use domain::job::{Job, JobReason, Mode, Source};
use domain::receipt::Receipt;
use domain::state::VideoEvent;
use domain::webhook::EventType;
use functions::webhooks::{Dispatcher, DispatcherConfig, Round, Sender};
use platform::catalog::{Catalog, ClaimOutcome, SqlCatalog};
use platform::database::{Database, open_sqlite};
use platform::net::{Guard, Lookup, Policy};
use platform::webhooks::{
    Delivery, DeliveryFilter, DeliveryStatus, DisabledWhy, Endpoint, EndpointPatch, NewEndpoint, SqlWebhooks,
    WebhookStore,
};
use standardwebhooks::Webhook;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::receiver::{Receiver, Reply, reply};
use crate::world::now_ms;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const LIFE: [&str; 4] = ["upload.completed", "video.processing", "video.playable", "video.ready"];
const ALL: Policy = Policy { allow_private: true, allow_http: true };

/// A catalog, webhooks, and one who sends them.
struct Office {
    database: Database,
    catalog: SqlCatalog,
    store: Arc<SqlWebhooks>,
    keys: Arc<KeyEncryptionKeys>,
    dispatcher: Dispatcher,
    folder: TempDir,
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = open_sqlite(&folder.path().join("edgereel.db")).await.unwrap();
        let keys = KeyEncryptionKeys::parse("k:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
        let keys = Arc::new(keys);
        let store = Arc::new(SqlWebhooks::new(&database));
        let dispatcher = dispatcher(&store, &keys, Guard::new(ALL));
        Self { catalog: SqlCatalog::new(&database), database, store, keys, dispatcher, folder }
    }

    /// An endpoint, and its secret.
    async fn endpoint(&self, number: u8, url: &str, types: Option<Vec<EventType>>) -> (Endpoint, String) {
        let id = domain::webhook::EndpointId::new(0, [number; 10]);
        let secret = secret(number);
        let sealed = self.keys.seal(secret.as_bytes(), &format!("webhooks/{id}"), [number; 12]);
        let sealed_secret = String::from_utf8(sealed).unwrap();
        let new = NewEndpoint { id, owner: None, url: url.to_owned(), types, description: None, sealed_secret };
        (self.store.create(&new, 0).await.unwrap(), secret)
    }

    async fn dispatch(&self, now_ms: u64) -> Round {
        self.dispatcher.dispatch(now_ms, &CancellationToken::new()).await.unwrap()
    }

    /// Time goes by, and somebody looks every few minutes.
    async fn pass(&self, from_ms: u64, to_ms: u64) -> Round {
        let mut sum = Round::default();
        let mut now_ms = from_ms;
        while now_ms < to_ms {
            let round = self.dispatch(now_ms).await;
            sum.delivered += round.delivered;
            sum.failed += round.failed;
            sum.given_up += round.given_up;
            sum.disabled += round.disabled;
            now_ms += 5 * MINUTE_MS;
        }
        sum
    }

    /// Uploaded, and nothing more.
    async fn upload(&self, number: u8, now_ms: u64) -> Job {
        let job = job(number);
        self.catalog.note_upload_event(&job, now_ms).await.unwrap();
        job
    }

    /// From upload to ready: four events.
    async fn life(&self, number: u8, now_ms: u64) -> VideoId {
        let job = self.upload(number, now_ms).await;
        let generation = Generation::of("etag", "default");
        let lease = Duration::from_secs(60);
        let claimed = self.catalog.claim(&job, &generation, "worker", lease, now_ms).await.unwrap();
        let ClaimOutcome::Claimed(claim) = claimed else { panic!("{claimed:?}") };
        self.catalog.mark_playable(&claim, now_ms).await.unwrap();
        self.catalog.mark_ready(&claim, &Receipt::default(), now_ms).await.unwrap();
        job.video
    }

    /// Oldest first.
    async fn log(&self, endpoint: &Endpoint) -> Vec<Delivery> {
        let filter = DeliveryFilter { endpoint: endpoint.id, status: None, after: None, limit: 1_000 };
        let mut log = self.store.deliveries(&filter).await.unwrap().deliveries;
        log.reverse();
        log
    }

    async fn last_error(&self, endpoint: &Endpoint) -> String {
        let entry = self.log(endpoint).await.pop().unwrap();
        entry.last.and_then(|it| it.error).unwrap_or_default()
    }
}

fn dispatcher(store: &Arc<SqlWebhooks>, keys: &Arc<KeyEncryptionKeys>, guard: Guard) -> Dispatcher {
    let sender = Sender::new(guard, Duration::from_millis(500)).unwrap();
    Dispatcher { store: store.clone(), keys: keys.clone(), sender, config: DispatcherConfig::default() }
}

/// `whsec_` and 24 bytes.
fn secret(number: u8) -> String {
    let letter = char::from(b'a' + number % 26);
    format!("whsec_{}", String::from(letter).repeat(32))
}

fn job(number: u8) -> Job {
    let video = VideoId::new(1_700_000_000_000, [number; 10]);
    let key = format!("uploads/{video}/film.mp4");
    let source = Source { bucket: "private".to_owned(), key, etag: "etag".to_owned(), size: 1 };
    Job::new(video, source, "default", Mode::Abr, JobReason::Upload)
}

#[tokio::test]
async fn the_standards_own_library_verifies_what_arrives() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (_, secret) = office.endpoint(1, &receiver.url, None).await;
    let now = now_ms();
    let video = office.life(1, now).await;
    let round = office.dispatch(now).await;
    assert_eq!(round, Round { shared: 4, delivered: 4, ..Round::default() });
    let received = receiver.received();
    let kinds: Vec<_> = received.iter().map(|it| it.kind()).collect();
    assert_eq!(kinds, LIFE);
    for it in &received {
        Webhook::new(&secret).unwrap().verify(&it.body, &it.headers).unwrap();
        assert!(Webhook::new(&self::secret(2)).unwrap().verify(&it.body, &it.headers).is_err());
        assert_eq!((it.video(), it.path.as_str()), (video.to_string().as_str(), "/hook"));
        assert_eq!(it.header("content-type"), "application/json");
        assert!(it.header("user-agent").starts_with("Edgereel-Webhooks/"));
    }
    let ids: HashSet<_> = received.iter().map(|it| it.id()).collect();
    assert_eq!(ids.len(), 4, "every event has its own");
}

#[tokio::test]
async fn a_receiver_that_is_down_for_almost_three_days_misses_nothing() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(503));
    let began = now_ms();
    let mut videos = vec![];
    for number in 1..=3 {
        videos.push(office.life(number, began + u64::from(number)).await);
    }
    let down = office.pass(began + 10, began + 3 * DAY_MS - HOUR_MS).await;
    assert_eq!((down.delivered, down.given_up, down.disabled), (0, 0, 0));
    assert!((60..=120).contains(&down.failed), "three heads of line, each some thirty times: {}", down.failed);
    let heads: HashSet<_> = receiver.received().iter().map(|it| it.id()).collect();
    assert_eq!(heads.len(), 3, "of each video, the first event alone, with one id for ever");

    receiver.answer(|_| reply(200));
    let back = office.pass(began + 3 * DAY_MS - HOUR_MS, began + 3 * DAY_MS + HOUR_MS).await;
    assert_eq!((back.delivered, back.failed, back.given_up, back.disabled), (12, 0, 0, 0));
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
    assert!(heads.is_subset(&receiver.taken().iter().map(|it| it.id()).collect()));

    let after = office.pass(began + 3 * DAY_MS + HOUR_MS, began + 5 * DAY_MS).await;
    assert_eq!((after.delivered, after.failed), (0, 0), "acknowledged once, never sent again");
}

#[tokio::test]
async fn one_that_is_down_longer_is_disabled_until_somebody_enables_it() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(500));
    let began = now_ms();
    office.life(1, began).await;
    let down = office.pass(began, began + 3 * DAY_MS + 2 * HOUR_MS).await;
    assert_eq!((down.delivered, down.given_up, down.disabled), (0, 1, 1));
    let (_, why) = office.store.get(endpoint.id).await.unwrap().disabled.unwrap();
    assert_eq!(why, DisabledWhy::Failing);
    assert!(office.log(&endpoint).await.iter().all(|it| it.status == DeliveryStatus::GivenUp));

    receiver.answer(|_| reply(200));
    office.life(2, began + 4 * DAY_MS).await;
    office.pass(began + 4 * DAY_MS, began + 5 * DAY_MS).await;
    assert_eq!(receiver.taken().len(), 0, "disabled is disabled");
    let patch = EndpointPatch { active: Some(true), ..EndpointPatch::default() };
    office.store.patch(endpoint.id, &patch, began + 5 * DAY_MS).await.unwrap();
    office.life(3, began + 5 * DAY_MS).await;
    office.dispatch(began + 5 * DAY_MS).await;
    assert_eq!(receiver.kinds(), LIFE);
}

#[tokio::test]
async fn one_that_is_gone_is_asked_once() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| reply(410));
    let now = now_ms();
    office.life(1, now).await;
    let round = office.pass(now, now + DAY_MS).await;
    assert_eq!((round.disabled, receiver.received().len()), (1, 1));
    let (_, why) = office.store.get(endpoint.id).await.unwrap().disabled.unwrap();
    assert_eq!(why, DisabledWhy::Gone);
}

#[tokio::test]
async fn a_wish_for_a_pause_is_respected_for_all_messages() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| Reply { headers: vec![("retry-after", "7200")], ..reply(429) });
    let now = now_ms();
    office.upload(1, now).await;
    assert_eq!(office.dispatch(now).await.failed, 1);
    office.upload(2, now + MINUTE_MS).await;
    receiver.answer(|_| reply(200));
    office.pass(now + MINUTE_MS, now + 2 * HOUR_MS - MINUTE_MS).await;
    assert_eq!(receiver.taken().len(), 0, "neither that message nor another");
    assert_eq!(office.dispatch(now + 2 * HOUR_MS + MINUTE_MS).await.delivered, 2);
}

#[tokio::test]
async fn a_slow_receiver_is_left_and_nobody_waits_for_it() {
    let (office, slow, quick) = (Office::open().await, Receiver::start().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &slow.url, None).await;
    office.endpoint(2, &quick.url, None).await;
    slow.answer(|_| Reply { delay: Duration::from_secs(60), ..reply(200) });
    let now = now_ms();
    for number in 0..40 {
        office.upload(number, now).await;
    }
    let began = std::time::Instant::now();
    let round = tokio::spawn(async move {
        let round = office.dispatch(now).await;
        (round, office.last_error(&endpoint).await)
    });
    while quick.received().len() < 40 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert!(began.elapsed() < Duration::from_secs(20), "the quick one has {} messages", quick.received().len());
    }
    assert!(slow.received().len() < 40, "the slow one has its share, and the quick one was not behind it");
    let (round, error) = round.await.unwrap();
    assert_eq!((round.delivered, round.failed), (40, 40));
    assert_eq!(error, "no answer within 0.5 s");
}

#[tokio::test]
async fn redirects_and_other_answers_are_failures() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = now_ms();
    for (number, status, error) in [
        (1, 301, "it answered 301, and redirects are not followed"),
        (2, 307, "it answered 307, and redirects are not followed"),
        (3, 404, "it answered 404"),
        (4, 500, "it answered 500"),
    ] {
        receiver.answer(move |_| Reply { headers: vec![("location", "/elsewhere")], ..reply(status) });
        let delivery = office.store.send_test(endpoint.id, now + number).await.unwrap();
        let round = office.dispatch(now + number).await;
        assert_eq!((round.delivered, round.failed), (0, 1), "{status}");
        let log = office.log(&endpoint).await;
        let last = log.into_iter().find(|it| it.id == delivery.id).unwrap().last.unwrap();
        assert_eq!((last.status, last.error.as_deref()), (Some(status), Some(error)));
    }
    assert!(receiver.received().iter().all(|it| it.path == "/hook"));
}

#[tokio::test]
async fn where_nobody_listens_is_a_failure() {
    let office = Office::open().await;
    // A port that was free a moment ago.
    let address = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (endpoint, _) = office.endpoint(1, &format!("http://{address}/"), None).await;
    let now = now_ms();
    office.store.send_test(endpoint.id, now).await.unwrap();
    assert_eq!(office.dispatch(now).await.failed, 1);
    let error = office.last_error(&endpoint).await;
    assert!(error.starts_with("could not connect: "), "{error}");
}

#[tokio::test]
async fn answers_without_end_are_not_read_to_it() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| {
        let endless = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 << 10]));
        Reply { body: Body::from_stream(endless), ..reply(200) }
    });
    let now = now_ms();
    office.life(1, now).await;
    assert_eq!(office.dispatch(now).await.delivered, 4);
}

/// Two dispatchers with a connection of their own, many videos, and a receiver that is now quick, now
/// slow, and fails now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_dispatchers_send_each_event_once_and_in_order() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|it| {
        let chance = it.body.iter().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
        Reply { delay: Duration::from_millis(u64::from(chance % 7)), ..reply(200) }
    });
    let other = open_sqlite(&office.folder.path().join("edgereel.db")).await.unwrap();
    let other = Arc::new(SqlWebhooks::new(&other));
    let other = dispatcher(&other, &office.keys, Guard::new(ALL));
    let now = now_ms();
    let (stop, mut videos) = (CancellationToken::new(), vec![]);
    // They work while events are still being written.
    let writing = async {
        for number in 0..50 {
            videos.push(office.life(number, now).await);
        }
    };
    let sending = async {
        let mut delivered = 0;
        while delivered < 200 {
            let rounds = tokio::join!(office.dispatcher.dispatch(now, &stop), other.dispatch(now, &stop));
            delivered += rounds.0.unwrap().delivered + rounds.1.unwrap().delivered;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        delivered
    };
    let ((), delivered) = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(writing, sending) })
        .await
        .expect("all arrive");
    assert_eq!((delivered, receiver.received().len()), (200, 200), "each once");
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
}

/// As above, and every third message has to be sent again.
#[tokio::test]
async fn failures_do_not_break_the_order() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    let tries = std::sync::Mutex::new(HashMap::<String, u32>::new());
    receiver.answer(move |it| {
        let mut tries = tries.lock().unwrap();
        let tried = tries.entry(it.id()).or_default();
        *tried += 1;
        let bad = it.body.iter().map(|&byte| u32::from(byte)).sum::<u32>() % 3;
        reply(if *tried <= bad { 503 } else { 200 })
    });
    let now = now_ms();
    let mut videos = vec![];
    for number in 0..50 {
        videos.push(office.life(number, now + u64::from(number)).await);
    }
    let round = office.pass(now + 100, now + DAY_MS).await;
    assert_eq!((round.delivered, round.given_up), (200, 0));
    assert!(round.failed > 50, "the receiver did fail: {}", round.failed);
    let taken = receiver.kinds_by_video();
    for video in videos {
        assert_eq!(taken[&video.to_string()], LIFE, "in order");
    }
}

#[tokio::test]
async fn a_crash_before_the_acknowledgement_sends_it_again_with_the_same_id() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    // It has the message, and its answer never arrives.
    receiver.answer(|_| Reply { delay: Duration::from_secs(60), ..reply(200) });
    let now = now_ms();
    office.upload(1, now).await;
    tokio::select! {
        round = office.dispatch(now) => panic!("it came back: {round:?}"),
        () = receiver.arrived() => {}
    }
    receiver.answer(|_| reply(200));
    assert_eq!(office.dispatch(now + 1_000).await, Round::default(), "it may still be on its way");
    assert_eq!(office.dispatch(now + MINUTE_MS).await.delivered, 1);
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!((received[0].id(), &received[0].body), (received[1].id(), &received[1].body));
    assert_eq!(office.dispatch(now + DAY_MS).await, Round::default());
}

#[tokio::test]
async fn who_is_told_to_stop_ends_what_it_has_begun() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    receiver.answer(|_| Reply { delay: Duration::from_millis(200), ..reply(200) });
    let (now, stop) = (now_ms(), CancellationToken::new());
    office.life(1, now).await;
    let stopping = async {
        receiver.arrived().await;
        stop.cancel();
    };
    let (round, ()) = tokio::join!(office.dispatcher.dispatch(now, &stop), stopping);
    assert_eq!(round.unwrap().delivered, 1, "the first of four");
    assert_eq!(office.dispatch(now).await.delivered, 3, "the others wait, unharmed");
    assert_eq!(receiver.kinds(), LIFE);
}

#[tokio::test]
async fn a_rotated_secret_signs_for_a_day_beside_its_successor() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, old) = office.endpoint(1, &receiver.url, None).await;
    let now = now_ms();
    let new = secret(2);
    let sealed = office.keys.seal(new.as_bytes(), &format!("webhooks/{}", endpoint.id), [9; 12]);
    let sealed = String::from_utf8(sealed).unwrap();
    office.store.rotate_secret(endpoint.id, &sealed, now + DAY_MS, now).await.unwrap();
    for (after_ms, both) in [(0, true), (DAY_MS - MINUTE_MS, true), (DAY_MS, false)] {
        office.store.send_test(endpoint.id, now + after_ms).await.unwrap();
        assert_eq!(office.dispatch(now + after_ms).await.delivered, 1);
        let last = receiver.received().pop().unwrap();
        assert!(last.is_signed_with(&new));
        assert_eq!(last.is_signed_with(&old), both, "after {after_ms} ms");
        assert_eq!(last.header("webhook-signature").split(' ').count(), if both { 2 } else { 1 });
    }
}

#[tokio::test]
async fn filters_replays_and_tests() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, secret) = office.endpoint(1, &receiver.url, Some(vec![EventType::VideoReady])).await;
    let now = now_ms();
    office.life(1, now).await;
    assert_eq!(office.dispatch(now).await.delivered, 1);
    assert_eq!(receiver.kinds(), ["video.ready"]);
    let first = office.log(&endpoint).await.pop().unwrap();
    office.store.replay(endpoint.id, first.id, now + MINUTE_MS).await.unwrap();
    office.store.send_test(endpoint.id, now + MINUTE_MS).await.unwrap();
    assert_eq!(office.dispatch(now + MINUTE_MS).await.delivered, 2);
    let received = receiver.received();
    let again = received[1..].iter().find(|it| it.kind() == "video.ready").unwrap();
    assert_eq!((again.id(), &again.body), (received[0].id(), &received[0].body));
    assert!(again.header("webhook-timestamp") > received[0].header("webhook-timestamp"));
    let test = received.iter().find(|it| it.kind() == "test").unwrap();
    assert!(test.is_signed_with(&secret));
    assert_eq!(test.message["data"]["webhook"], endpoint.id.to_string());
}

/// Points every name at this machine.
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
    let port = receiver.url.split(':').nth(2).unwrap().trim_end_matches("/hook");
    let policy = Policy { allow_private: false, allow_http: true };
    let guarded = dispatcher(&office.store, &office.keys, Guard::with_lookup(policy, Arc::new(Inside)));
    let inside = "is not on the public internet: it is this host itself";
    let now = now_ms();
    // The routes refuse what can be seen at once; these stand in the database all the same.
    let table = [
        (1, format!("http://127.0.0.1:{port}/hook"), format!("`127.0.0.1` {inside}")),
        (2, format!("http://0177.1:{port}/hook"), format!("`127.0.0.1` {inside}")),
        (3, format!("http://public.example:{port}/hook"), format!("`public.example` {inside}")),
        (4, "ftp://public.example/".to_owned(), "`ftp:` is not allowed: use https".to_owned()),
    ];
    for (number, url, expected) in table {
        let (endpoint, _) = office.endpoint(number, &url, None).await;
        office.store.send_test(endpoint.id, now).await.unwrap();
        let round = guarded.dispatch(now, &CancellationToken::new()).await.unwrap();
        assert_eq!((round.delivered, round.failed), (0, 1), "{url}");
        assert_eq!(office.last_error(&endpoint).await, expected);
    }
    assert_eq!(receiver.received().len(), 0);
}

#[tokio::test]
async fn a_secret_that_does_not_open_keeps_its_messages() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = now_ms();
    office.upload(1, now).await;
    let other_keys = KeyEncryptionKeys::parse("other:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=").unwrap();
    let wrong = dispatcher(&office.store, &Arc::new(other_keys), Guard::new(ALL));
    assert_eq!(wrong.dispatch(now, &CancellationToken::new()).await.unwrap().failed, 1);
    assert_eq!(office.last_error(&endpoint).await, "its secret cannot be opened here");
    assert_eq!(receiver.received().len(), 0, "nothing goes out unsigned");
    assert_eq!(office.dispatch(now + MINUTE_MS).await.delivered, 1);
}

#[tokio::test]
async fn the_log_goes_back_thirty_days() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    let (endpoint, _) = office.endpoint(1, &receiver.url, None).await;
    let now = now_ms();
    let video = office.life(1, now).await;
    office.dispatch(now).await;
    office.catalog.apply(video, &VideoEvent::Deleted, now + 10 * DAY_MS).await.unwrap();
    office.dispatch(now + 10 * DAY_MS).await;
    let prune = async |at_ms| functions::webhooks::prune(&*office.store, at_ms).await.unwrap();
    assert_eq!(prune(now + 30 * DAY_MS - HOUR_MS).await.deliveries, 0);
    let pruned = prune(now + 30 * DAY_MS + HOUR_MS).await;
    assert_eq!((pruned.deliveries, pruned.events), (4, 4));
    let left = office.log(&endpoint).await;
    assert_eq!(left.iter().map(|it| it.kind).collect::<Vec<_>>(), [EventType::VideoDeleted]);
}

#[tokio::test]
async fn a_closed_database_is_an_error_and_no_hang() {
    let (office, receiver) = (Office::open().await, Receiver::start().await);
    office.endpoint(1, &receiver.url, None).await;
    office.database.close().await;
    let ended = office.dispatcher.dispatch(now_ms(), &CancellationToken::new()).await;
    assert!(ended.is_err(), "{ended:?}");
}
