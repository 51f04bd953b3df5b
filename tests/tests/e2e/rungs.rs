//! Re-encodes of single rungs: the others are reused, and viewers notice nothing before all rungs
//! are complete.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::Catalog;
use catalog::SqlQueue;
use catalog::database::open_sqlite;
use domain::ids::{Generation, VideoId};
use domain::job::{JobMessage, JobReason, Partial};
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::player::{Player, Presentation};
use e2e::processes::all_gone;
use e2e::program::{PROFILE, check};
use platform::job_queue::{JobQueue as _, QueueName};
use serde_json::{Value, json};

/// Key and first segment of a rendition, stored and decrypted.
type Seen = BTreeMap<String, ([u8; 16], Vec<u8>, Vec<u8>)>;

async fn look(player: &Player, dev: &Dev, video: VideoId) -> (Presentation, Seen) {
    let presentation = player
        .presentation(&dev.hls_url(video).await)
        .await
        .unwrap()
        .unwrap();
    let mut seen = Seen::new();
    for (name, media) in &presentation.media {
        let (key, ..) = player.key(media, 0).await;
        // I-frames are ranges of an object.
        let clear = if name == "iframes" {
            vec![]
        } else {
            player.clear_segment(media, 0).await
        };
        seen.insert(name.clone(), (key, player.segment(media, 0).await, clear));
    }
    (presentation, seen)
}

/// `/s/{pass}/{generation}/...`
fn generation(url: &url::Url) -> Generation {
    url.path_segments()
        .unwrap()
        .nth(2)
        .unwrap()
        .parse()
        .unwrap()
}

fn write_profile(home: &Home, from: &str, to: &str) {
    assert!(PROFILE.contains(from));
    std::fs::write(
        home.folder.path().join("small.toml"),
        PROFILE.replace(from, to),
    )
    .unwrap();
}

async fn reencode(dev: &Dev, video: VideoId, fields: Value) -> (u16, Value) {
    dev.call(
        "POST",
        &format!("/v1/videos/{video}/reencode"),
        Some(&fields),
    )
    .await
}

/// Waits until attempt number `count` has ended, and returns its outcome.
async fn until_attempt(dev: &Dev, video: VideoId, count: usize) -> Value {
    let ended = |it: &Value| {
        it["attempts"]
            .as_array()
            .is_some_and(|it| it.len() >= count && !it[count - 1]["ended_at"].is_null())
    };
    dev.until(video, Duration::from_secs(120), ended).await["attempts"][count - 1].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rung_is_re_encoded_and_the_rest_is_reused() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1280x720",
        "25",
        13.0,
        &["-crf", "36"],
    );
    let (player, dev) = (Player::new(), home.start().await);
    let video = dev.upload(&film, "film.mp4").await;
    let early = reencode(&dev, video, json!({ "rungs": ["180p"] })).await;
    assert_eq!(early.0, 409, "{}", early.1);
    dev.until_ready(video).await;
    let (before, old) = look(&player, &dev, video).await;
    assert_eq!(
        old.keys().collect::<Vec<_>>(),
        [
            "180p",
            "360p",
            "audio-64k",
            "audio-96k",
            "audio-source",
            "iframes",
            "source"
        ][..],
        "{:?}",
        old.keys()
    );
    for (fields, code) in [
        (json!(["1080p"]), "no-such-rung"),
        (json!(["audio-96k"]), "no-such-rung"),
        (json!(["180p", "source"]), "rung-not-encoded"),
        (json!([]), "invalid-field"),
    ] {
        let (status, problem) = reencode(&dev, video, json!({ "rungs": fields })).await;
        assert_eq!((status, &problem["code"]), (422, &json!(code)), "{problem}");
    }
    assert!(dev.terminate().await.success());

    // The operator has changed a rung of the profile.
    write_profile(&home, "video_kbps = 300", "video_kbps = 150");
    let dev = home.start().await;
    for _ in 0..2 {
        let (status, asked) = reencode(&dev, video, json!({ "rungs": ["180p"] })).await;
        assert_eq!((status, &asked["state"]), (202, &json!("ready")), "{asked}");
    }
    assert_eq!(until_attempt(&dev, video, 2).await["outcome"], "ready");
    let (after, new) = look(&player, &dev, video).await;
    check(&dev.hls_url(video).await, &home.temporary()).await;
    assert_eq!(
        old.keys().collect::<Vec<_>>(),
        new.keys().collect::<Vec<_>>()
    );
    for (name, (key, stored, clear)) in &new {
        let is_new = name == "180p" || name == "iframes";
        assert_eq!(*key == old[name].0, !is_new, "the key of {name}");
        assert_eq!(
            *stored == old[name].1,
            !is_new,
            "the first segment of {name}"
        );
        assert_eq!(*clear == old[name].2, name != "180p", "{name} in clear");
        let moved = generation(&after.media[name].url) != generation(&before.media[name].url);
        assert!(
            moved,
            "{name} is of the new generation: {}",
            after.media[name].url
        );
        assert_eq!(
            after.media[name].playlist.segments.len(),
            before.media[name].playlist.segments.len()
        );
    }
    assert!(new["180p"].2.len() < old["180p"].2.len(), "half the rate");
    let (_, stream) = dev
        .call("GET", &format!("/v1/videos/{video}/stream"), None)
        .await;
    for picture in ["poster_url", "storyboard_url", "large_storyboard_url"] {
        assert_eq!(
            player
                .get(stream[picture].as_str().unwrap())
                .await
                .unwrap()
                .0,
            200,
            "{picture}"
        );
    }
    assert_eq!(
        dev.video(video).await["attempts"].as_array().unwrap().len(),
        2,
        "asked twice, done once"
    );

    // A late message requests a re-encode that is obsolete.
    let database = open_sqlite(&dev.data.join("edgereel.db")).await.unwrap();
    let known = Catalog::new(&database).get_video(video).await.unwrap();
    let base = generation(&before.media["source"].url);
    assert_ne!(known.generation.as_ref(), Some(&base));
    let late = known
        .to_job(JobReason::Retry)
        .unwrap()
        .with_partial(Partial::new(base, ["360p".parse().unwrap()]));
    let queue = SqlQueue::new(&database, QueueName::Interactive, 5, "late");
    queue
        .send(&JobMessage::from(late), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(until_attempt(&dev, video, 3).await["outcome"], "released");
    assert_eq!(look(&player, &dev, video).await.1, new);
    database.close().await;
    assert!(dev.terminate().await.success());

    // With this profile all segment boundaries would differ.
    write_profile(&home, "segment_seconds = 2.0", "segment_seconds = 4.0");
    let dev = home.start().await;
    assert_eq!(
        reencode(&dev, video, json!({ "rungs": ["180p"] })).await.0,
        202
    );
    let attempt = until_attempt(&dev, video, 4).await;
    assert_eq!(attempt["failure"]["code"], "rungs-do-not-fit", "{attempt}");
    assert_eq!(dev.video(video).await["state"], "ready");
    check(&dev.hls_url(video).await, &home.temporary()).await;
    assert!(dev.terminate().await.success());
}

/// Killed in the middle, it resumes; the published video keeps playing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_reencode_of_one_rung_goes_on() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "1280x720",
        "25",
        40.0,
        &["-crf", "36"],
    );
    let (player, dev) = (Player::new(), home.start().await);
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let (_, old) = look(&player, &dev, video).await;
    assert!(dev.terminate().await.success());
    // Slow enough to be hit.
    write_profile(&home, "preset = \"ultrafast\"", "preset = \"slow\"");
    let dev = home.start().await;
    assert_eq!(
        reencode(&dev, video, json!({ "rungs": ["360p"] })).await.0,
        202
    );
    let is_at_work = |it: &Value| {
        it["stage"] == "encode"
            && it["percent"]
                .as_u64()
                .is_some_and(|it| (20..95).contains(&it))
    };
    dev.until(video, Duration::from_secs(60), is_at_work).await;
    let children = dev.kill().await;
    all_gone(&children, Duration::from_secs(5)).await;

    let dev = home.start().await;
    assert_eq!(
        look(&player, &dev, video).await.1,
        old,
        "the published video keeps playing"
    );
    assert_eq!(until_attempt(&dev, video, 3).await["outcome"], "ready");
    let (_, new) = look(&player, &dev, video).await;
    for (name, (key, stored, _)) in &new {
        let is_new = name == "360p" || name == "iframes";
        assert_eq!(
            (*key == old[name].0, *stored == old[name].1),
            (!is_new, !is_new),
            "{name}"
        );
    }
    check(&dev.hls_url(video).await, &home.temporary()).await;
    let ready = dev.video(video).await;
    let outcomes: Vec<&Value> = ready["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["outcome"])
        .collect();
    assert_eq!(outcomes, ["ready", "lost", "ready"], "{ready:#}");
    assert!(dev.terminate().await.success());
}
