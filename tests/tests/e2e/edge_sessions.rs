//! Sessions that are renewed and revoked while a player continues with its URLs: the edge worker in
//! workerd and its local twin.

use std::sync::Arc;
use std::time::Duration;

use domain::grant::{Fingerprint, Grant, Limits};
use domain::object_key::Bucket;
use domain::playback::cases::world;
use domain::playback::revocation;
use e2e::edge::Edge;
use e2e::wire::{self, Answer};
use edge_server::{MemoryList, router, system_time};
use platform::object_store::directory::DirectoryStore;
use platform::object_store::{ObjectStore as _, PutCondition};
use serde_json::{Value, json};

/// The twin, over all objects of the cases.
async fn twin() -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = DirectoryStore::new(folder.path().join("media"), folder.path().join("private"));
    for (key, bytes) in world::objects() {
        store
            .put(&key, bytes.into(), PutCondition::Always)
            .await
            .unwrap();
    }
    let edge = edge_server::Edge {
        store: Arc::new(store),
        keys: world::keyring(),
        key_encryption_keys: world::key_encryption_keys(),
        config: world::config(),
        proxy: None,
        now: Box::new(system_time),
        list: Arc::new(MemoryList::default()),
        views: None,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router(edge)).await });
    (address, folder)
}

/// The worker, over the same objects.
async fn worker() -> Option<Edge> {
    let bindings = json!({
        "EDGEREEL_GRANT_KEYS": world::GRANT_KEYS,
        "EDGEREEL_PASS_KEYS": world::PASS_KEYS,
        "EDGEREEL_KEY_ENCRYPTION_KEYS": world::KEY_ENCRYPTION_KEYS,
    });
    let mut edge = Edge::start(bindings).await?;
    let folder = tempfile::tempdir().unwrap();
    for (key, bytes) in world::objects() {
        let bucket = if key.bucket() == Bucket::Private {
            "private"
        } else {
            "media"
        };
        let path = folder.path().join(bucket).join(key.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    edge.fill("MEDIA", &folder.path().join("media")).await;
    edge.fill("PRIVATE", &folder.path().join("private")).await;
    Some(edge)
}

/// A player and its page, at one edge.
struct Viewer {
    edge: String,
    name: &'static str,
    check_segments: bool,
    /// The URL that the player was given.
    address: String,
    /// A playlist, a segment and its key.
    goes_on_with: [String; 3],
}

impl Viewer {
    fn grant(name: &str, check_segments: bool, expires: u64) -> String {
        let limits = Limits {
            check_segments,
            ..Limits::default()
        };
        let viewer = Some(name.to_owned());
        let grant = Grant {
            video: world::video(),
            viewer,
            id: None,
            expires,
            not_before: None,
            limits,
        };
        grant.issue(&world::keyring().grants).unwrap()
    }

    /// Starts with passes of this lifetime, in seconds.
    async fn start(edge: &str, name: &'static str, check_segments: bool, seconds: u64) -> Self {
        // The clock skew is added to it.
        let grant = Self::grant(
            name,
            check_segments,
            system_time() + seconds - world::config().clock_skew_seconds,
        );
        let address = format!("/v/{}/master.m3u8?grant={grant}", world::video());
        let text = async |target: &str| {
            let answer = wire::send(edge, "GET", target, &[]).await.unwrap();
            let text = String::from_utf8(answer.body).unwrap();
            assert_eq!(answer.status, 200, "{target}: {text}");
            text
        };
        let master = text(&address).await;
        let playlist = master
            .lines()
            .find(|it| it.contains("/1080p/"))
            .expect("a rendition")
            .to_owned();
        let media = text(&playlist).await;
        let key = media
            .split_once("URI=\"")
            .and_then(|it| it.1.split_once('"'))
            .expect("a key")
            .0
            .to_owned();
        let segment = playlist.replace("1080p.m3u8", "1080p_00000.ts");
        Self {
            edge: edge.to_owned(),
            name,
            check_segments,
            address,
            goes_on_with: [playlist, segment, key],
        }
    }

    /// The responses to playlist, segment and key.
    async fn tries(&self) -> [(u16, Option<String>); 3] {
        let mut found = vec![];
        for target in &self.goes_on_with {
            let Answer {
                status, headers, ..
            } = wire::send(&self.edge, "GET", target, &[]).await.unwrap();
            found.push((
                status,
                headers
                    .into_iter()
                    .find(|it| it.0 == "edgereel-refusal")
                    .map(|it| it.1),
            ));
        }
        found.try_into().unwrap()
    }

    /// Sends a new grant, whose pass would have this lifetime.
    async fn renew(&self, seconds: u64) -> (u16, Value) {
        let skew = world::config().clock_skew_seconds;
        let fresh = Self::grant(
            self.name,
            self.check_segments,
            system_time() + seconds - skew,
        );
        let bearer = format!("Bearer {fresh}");
        let answer = wire::send(
            &self.edge,
            "POST",
            &self.address,
            &[("authorization", &bearer)],
        )
        .await
        .unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    async fn revoke(&self) {
        let names = vec![format!("viewer/{}", Fingerprint::of(self.name))];
        let token = revocation(names, 3600, system_time(), &world::keyring().grants).unwrap();
        let bearer = format!("Bearer {token}");
        let answer = wire::send(
            &self.edge,
            "POST",
            "/revocations",
            &[("authorization", &bearer)],
        )
        .await
        .unwrap();
        assert_eq!(answer.status, 204);
    }
}

const PLAYS: [(u16, Option<String>); 3] = [(200, None), (200, None), (200, None)];

fn refused(status: u16, code: &str) -> (u16, Option<String>) {
    (status, Some(code.to_owned()))
}

/// The actions of the page of one viewer, at one edge.
async fn lives_on(edge: &str) {
    let expired = || refused(EXPIRED, "pass-expired");
    let one = Viewer::start(edge, "one", false, 4).await;
    let other = Viewer::start(edge, "other", false, 4).await;
    assert_eq!(one.tries().await, PLAYS);
    // One renews in time, the other too late.
    let (status, answer) = one.renew(8).await;
    assert!(
        status == 200
            && answer["expires_in"]
                .as_u64()
                .is_some_and(|it| (6..=8).contains(&it)),
        "{answer}"
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(one.tries().await, PLAYS, "at {edge}");
    assert_eq!(
        other.tries().await,
        [expired(), expired(), expired()],
        "at {edge}"
    );
    assert_eq!(other.renew(60).await.0, 200);
    assert_eq!(other.tries().await, PLAYS, "at {edge}");
    // A renewal expires as well, and is followed by the next one.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(
        one.tries().await,
        [expired(), expired(), expired()],
        "at {edge}"
    );
    assert_eq!(one.renew(60).await.0, 200);
    assert_eq!(one.tries().await, PLAYS, "at {edge}");
    // A revocation takes precedence. Segments alone are useless; if the grant requires it, they are
    // refused as well.
    let strict = Viewer::start(edge, "strict", true, 60).await;
    assert_eq!(strict.tries().await, PLAYS);
    for viewer in [&one, &strict] {
        viewer.revoke().await;
        let revoked = || refused(403, "revoked");
        let segment = if viewer.check_segments {
            revoked()
        } else {
            (200, None)
        };
        assert_eq!(
            viewer.tries().await,
            [revoked(), segment, revoked()],
            "at {edge}"
        );
        assert_eq!(viewer.renew(60).await.1["code"], "revoked");
    }
    assert_eq!(other.tries().await, PLAYS, "at {edge}");
}

/// The status of an expired URL.
const EXPIRED: u16 = 403;

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_at_the_twin() {
    let (edge, _folder) = twin().await;
    lives_on(&edge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_on_at_the_worker() {
    let Some(edge) = worker().await else { return };
    lives_on(&edge.address).await;
}
