//! Imports that do not come to an end. Those that do need a store that takes parts: see the end-to-end tests.

use catalog::NewVideo;
use domain::ids::VideoId;
use domain::job::{Generate, Import};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::*;

fn imported() -> VideoId {
    VideoId::new(1_700_000_000_000, [8; 10])
}

/// A site with a video that is to be fetched from this address, and its message.
async fn importing(url: &str, imports: Policy) -> Site {
    let mut site = Site::new().await;
    site.worker.config.imports = imports;
    let delivery = site.receive().await;
    site.services.queue.ack(&delivery.receipt).await.unwrap();
    let new = NewVideo {
        id: imported(),
        owner: None,
        title: None,
        external_id: None,
        metadata: serde_json::Map::new(),
        profile: "default".to_owned(),
        mode: Mode::Abr,
        generate: Generate::OnUpload,
        file_name: Some("film.mp4".to_owned()),
        source_key: Some(format!("uploads/{}/film.mp4", imported())),
        source_size: None,
        content_type: None,
    };
    let catalog = &site.services.catalog;
    catalog.create_video(&new, clock::now()).await.unwrap();
    catalog
        .request_import(imported(), url, clock::now())
        .await
        .unwrap();
    site.services
        .queue
        .send(
            &JobMessage::ImportV1(Import::new(imported())),
            Duration::ZERO,
        )
        .await
        .unwrap();
    site
}

const HERE: Policy = Policy {
    allow_private: true,
    allow_http: true,
};

async fn state(site: &Site) -> VideoState {
    site.services
        .catalog
        .get_video(imported())
        .await
        .unwrap()
        .state
}

async fn outcome(site: &Site) -> AttemptOutcome {
    assert_eq!(
        site.services.catalog.holder(imported()).await.unwrap(),
        None,
        "the claim was given back"
    );
    site.services
        .catalog
        .attempts(imported())
        .await
        .unwrap()
        .pop()
        .and_then(|it| it.outcome)
        .unwrap()
}

#[tokio::test]
async fn addresses_that_are_not_allowed_fail_the_video() {
    for url in [
        "http://127.0.0.1:9/film.mp4",
        "http://[::1]/film.mp4",
        "http://10.0.0.1/film.mp4",
    ] {
        let site = importing(url, crate::fetch::DEFAULT_POLICY).await;
        site.work().await;
        let state = state(&site).await;
        assert!(
            failed(FailureCode::AddressNotAllowed)(&state),
            "{url}: {state:?}"
        );
        assert_eq!(site.depth().await, EMPTY, "{url}");
    }
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_again_later() {
    // Nothing listens there any more.
    let address = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let site = importing(&format!("http://{address}/film.mp4"), HERE).await;
    site.work().await;
    let outcome = outcome(&site).await;
    assert!(
        matches!(&outcome, AttemptOutcome::Failed(it) if it.code == FailureCode::FetchFailed),
        "{outcome:?}"
    );
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
    assert!(!matches!(state(&site).await, VideoState::Failed(_)));
}

#[tokio::test]
async fn an_import_that_is_stopped_is_given_back() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = importing(
        &format!("http://{}/film.mp4", silent.local_addr().unwrap()),
        HERE,
    )
    .await;
    let cancel = CancellationToken::new();
    let stop = async {
        // It is connected, and waits for an answer.
        let connection = silent.accept().await.unwrap();
        cancel.cancel();
        connection
    };
    tokio::join!(site.work_until(&cancel), stop);
    assert_eq!(
        (outcome(&site).await, site.depth().await),
        (AttemptOutcome::Released, Depth { ready: 1, ..EMPTY })
    );
}

#[tokio::test]
async fn an_import_of_a_deleted_video_ends() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut site = importing(
        &format!("http://{}/film.mp4", silent.local_addr().unwrap()),
        HERE,
    )
    .await;
    site.worker.config.lease = Duration::from_millis(600);
    let delete = async {
        let connection = silent.accept().await.unwrap();
        site.services
            .catalog
            .apply(imported(), &VideoEvent::Deleted, clock::now())
            .await
            .unwrap();
        connection
    };
    tokio::join!(site.work(), delete);
    assert_eq!(
        (state(&site).await, site.depth().await),
        (VideoState::Deleted, EMPTY)
    );
}

#[tokio::test]
async fn imports_wait_for_slots_of_their_own() {
    let site = importing("http://127.0.0.1:9/film.mp4", HERE).await;
    let jobs = Arc::new(Semaphore::new(2));
    let side = SideSlots::new(&WorkerConfig {
        imports_at_once: 1,
        ..WorkerConfig::default()
    });
    let slot = || async { Arc::clone(&jobs).acquire_owned().await.unwrap() };
    let delivery = site.receive().await;
    let taken = site.worker.slot_for(&delivery, slot().await, &side).await;
    assert_eq!(
        (
            taken.is_some(),
            side.imports.available_permits(),
            jobs.available_permits()
        ),
        (true, 0, 2)
    );
    // The next one finds no slot: it is delivered again later, as a new message.
    assert!(
        site.worker
            .slot_for(&delivery, slot().await, &side)
            .await
            .is_none()
    );
    assert_eq!(
        site.depth().await,
        Depth {
            delayed: 1,
            ..EMPTY
        }
    );
    assert_eq!(jobs.available_permits(), 2, "it keeps no job from its slot");
    site.services
        .queue
        .send(&JobMessage::from(site.job.clone()), Duration::ZERO)
        .await
        .unwrap();
    let job = site.receive().await;
    let taken = site.worker.slot_for(&job, slot().await, &side).await;
    assert_eq!((taken.is_some(), jobs.available_permits()), (true, 1));
}
