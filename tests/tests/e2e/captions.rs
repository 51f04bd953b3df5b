//! Captions: uploaded, published without a re-encode, shown by hls.js, replaced and deleted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::ids::VideoId;
use e2e::browser;
use e2e::dev::{Dev, Home};
use e2e::media::{ffmpeg, make_film};
use e2e::player::Player;
use e2e::program::{PROFILE, check, text};
use serde_json::{Value, json};
use testkit::closed_captions::{Captions, Command, Pairs};

const SRT: &str = "1\r\n00:00:02,000 --> 00:00:05,000\r\n<i>Hello</i> & welcome\r\n\r\n\
    2\r\n00:00:28,000 --> 00:00:33,000\r\n{\\an8}Across two segments\r\n\r\n\
    3\r\n00:00:36,000 --> 00:09:00,000\r\nUntil the end\r\n";

const TTML: &str = r#"<tt xmlns="http://www.w3.org/ns/ttml" xml:lang="de"><body><div>
    <p begin="2s" end="5s">Grüß Gott</p><p begin="30s" dur="2s">Genau an der Grenze</p>
</div></body></tt>"#;

const LIMIT: Duration = Duration::from_secs(30);

async fn put(dev: &Dev, video: VideoId, language: &str, query: &str, body: &str) -> (u16, Value) {
    let api = dev.info["api"].as_str().unwrap();
    let request = Player::new()
        .http
        .put(format!(
            "{api}/v1/videos/{video}/captions/{language}?{query}"
        ))
        .bearer_auth(dev.info["token"].as_str().unwrap())
        .body(body.to_owned());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn list(dev: &Dev, video: VideoId, query: &str) -> Value {
    let path = format!("/v1/videos/{video}/captions{query}");
    let (status, list) = dev.call("GET", &path, None).await;
    assert_eq!(status, 200, "{list}");
    list
}

/// The languages, once all of them are published.
async fn until_published(dev: &Dev, video: VideoId) -> Vec<String> {
    let published = async {
        loop {
            let listed = list(dev, video, "").await["captions"].clone();
            let captions = listed.as_array().unwrap();
            if captions.iter().all(|it| it["status"] == "published") {
                let language = |it: &Value| it["language"].as_str().unwrap().to_owned();
                return captions.iter().map(language).collect();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, published)
        .await
        .expect("they are published")
}

async fn master(dev: &Dev, video: VideoId) -> String {
    let (status, text) = Player::new().get(&dev.hls_url(video).await).await.unwrap();
    assert_eq!(status, 200);
    String::from_utf8(text.to_vec()).unwrap()
}

async fn until_master(dev: &Dev, video: VideoId, is_right: impl Fn(&str) -> bool) -> String {
    let changed = async {
        loop {
            let text = master(dev, video).await;
            if is_right(&text) {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, changed)
        .await
        .expect("the playlist changes")
}

/// Text, whether each cue was seen from its start to its end, and its line.
fn shown(report: &Value, times: &[(f64, f64)]) -> Vec<(String, bool, Value)> {
    let shown = report["shown"].as_array().unwrap();
    assert_eq!(shown.len(), times.len(), "{report:#}");
    let cues = shown.iter().zip(times).map(|(it, (start, end))| {
        let (from, to) = (it["from"].as_f64().unwrap(), it["to"].as_f64().unwrap());
        // A frame of the page at twice the speed, on a busy machine.
        let in_time =
            from >= start - 0.05 && from < start + 0.6 && to > end - 0.6 && to < end + 0.3;
        let text = it["text"].as_str().unwrap().to_owned();
        (text, in_time, it["line"].clone())
    });
    cues.collect()
}

async fn captions_are_published(profile: &str, is_encrypted: bool) {
    let mut home = Home::with_profile(profile);
    let film = home.folder.path().join("film.mp4");
    let film = make_film(&film, "640x360", "25", 40.0, &["-g", "50"]);
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    // Before the video is ready: they come with it.
    let (status, stored) = put(&dev, video, "en", "default=true&sdh=true", SRT).await;
    assert_eq!(
        (status, &stored["format"]),
        (201, &json!("SRT")),
        "{stored}"
    );
    let captions = &stored["captions"];
    assert_eq!(
        (&captions["name"], &captions["status"], &captions["cues"]),
        (&json!("English (SDH)"), &json!("pending"), &json!(3))
    );
    dev.until_ready(video).await;
    assert_eq!(until_published(&dev, video).await, ["en"]);
    let (status, refused) = put(&dev, video, "de", "", "<tt>\n<body>\n<p begin=\"soon\"/>").await;
    assert_eq!(
        (status, &refused["code"]),
        (422, &json!("captions-not-accepted"))
    );
    assert!(
        refused["detail"]
            .as_str()
            .unwrap()
            .starts_with("line 3: `soon` is not a time"),
        "{refused}"
    );
    let (status, stored) = put(&dev, video, "DE-at", "name=Deutsch", TTML).await;
    assert_eq!(
        (status, &stored["captions"]["language"]),
        (201, &json!("de-AT")),
        "{stored}"
    );
    assert_eq!(until_published(&dev, video).await, ["de-AT", "en"]);

    let url = dev.hls_url(video).await;
    check(&url, home.folder.path()).await;
    let text = master(&dev, video).await;
    assert_eq!(text.matches("TYPE=SUBTITLES").count(), 2, "{text}");
    let media = text
        .lines()
        .find(|it| it.contains("LANGUAGE=\"en\""))
        .unwrap();
    assert!(
        media.contains("DEFAULT=YES") && media.contains("describes-music-and-sound"),
        "{media}"
    );
    let uri = media.split("URI=\"").nth(1).unwrap().trim_end_matches('"');
    let playlist = format!("{}{uri}", dev.info["edge"].as_str().unwrap());
    let (_, playlist) = Player::new().get(&playlist).await.unwrap();
    let playlist = String::from_utf8(playlist.to_vec()).unwrap();
    assert_eq!(
        playlist.contains("#EXT-X-KEY:METHOD=AES-128"),
        is_encrypted,
        "{playlist}"
    );

    if browser::is_there() {
        let report = browser::run("captions.mjs", &[&url, "en"], Duration::from_secs(120)).await;
        assert_eq!(
            (&report["errors"], &report["ended"]),
            (&json!([]), &json!(true)),
            "{report:#}"
        );
        let tracks = report["tracks"].as_array().unwrap();
        let names: Vec<&str> = tracks
            .iter()
            .map(|it| it["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Deutsch", "English (SDH)"], "{report:#}");
        assert_eq!(
            shown(&report, &[(2.0, 5.0), (28.0, 33.0), (36.0, 40.0)]),
            [
                ("<i>Hello</i> &amp; welcome".to_owned(), true, json!("auto")),
                ("Across two segments".to_owned(), true, json!(0)),
                ("Until the end".to_owned(), true, json!("auto")),
            ],
            "{report:#}"
        );
    }

    // Replaced and deleted, without another attempt at the video.
    let (status, stored) = put(
        &dev,
        video,
        "en",
        "sdh=true",
        "WEBVTT\n\n00:10.000 --> 00:12.000\nAnother text\n",
    )
    .await;
    assert_eq!(status, 200, "{stored}");
    assert_eq!(until_published(&dev, video).await, ["de-AT", "en"]);
    let changed = until_master(&dev, video, |it| {
        !it.contains("DEFAULT=YES,AUTOSELECT=YES,CHARACTERISTICS")
    })
    .await;
    assert_eq!(changed.matches("TYPE=SUBTITLES").count(), 2, "{changed}");
    // Viewers who watch at this moment keep what they have.
    let old = uri
        .rsplit('/')
        .next()
        .unwrap()
        .trim_end_matches(".m3u8")
        .to_owned();
    let objects = dev.media_objects(video).await;
    assert!(
        objects.iter().any(|it| it.contains(&old)),
        "{old}: {objects:#?}"
    );
    let (status, _) = dev
        .call(
            "DELETE",
            &format!("/v1/videos/{video}/captions/de-AT"),
            None,
        )
        .await;
    assert_eq!(status, 204);
    until_master(&dev, video, |it| it.matches("TYPE=SUBTITLES").count() == 1).await;
    if browser::is_there() {
        let report = browser::run("captions.mjs", &[&url, "en"], Duration::from_secs(120)).await;
        assert_eq!(report["errors"], json!([]), "{report:#}");
        assert_eq!(
            shown(&report, &[(10.0, 12.0)]),
            [("Another text".to_owned(), true, json!("auto"))],
            "{report:#}"
        );
    }
    check(&url, home.folder.path()).await;

    // The minute is found.
    let found = list(&dev, video, "?text=ANOTHER").await["matches"].clone();
    let (language, name) = ("en", "English (SDH)");
    let expected = json!([
        { "language": language, "name": name, "start": 10.0, "end": 12.0, "text": "Another text" }
    ]);
    assert_eq!(found, expected);
    for (text, count) in [("another%20text", 1), ("welcome", 0), ("Gott", 0)] {
        let (_, videos) = dev
            .call("GET", &format!("/v1/videos?text={text}"), None)
            .await;
        assert_eq!(
            videos["videos"].as_array().unwrap().len(),
            count,
            "{text}: {videos}"
        );
    }

    // A re-encode takes them along; a deletion removes all.
    let attempts = dev.video(video).await["attempts"].as_array().unwrap().len();
    assert_eq!(attempts, 1, "captions need no attempt");
    let reencode = json!({ "mode": "copy" });
    let path = format!("/v1/videos/{video}/reencode");
    let (status, answer) = dev.call("POST", &path, Some(&reencode)).await;
    assert_eq!(status, 202, "{answer}");
    let before = dev.video(video).await;
    dev.until(video, Duration::from_secs(120), |it| {
        let attempts = it["attempts"].as_array().unwrap();
        attempts.len() == 2 && attempts.iter().all(|it| it["ended_at"] != Value::Null)
    })
    .await;
    let after = master(&dev, video).await;
    assert_eq!(
        after.matches("TYPE=SUBTITLES").count(),
        1,
        "{after}\n{before}"
    );
    check(&dev.hls_url(video).await, home.folder.path()).await;
    let (status, _) = dev
        .call("DELETE", &format!("/v1/videos/{video}"), None)
        .await;
    assert_eq!((status, dev.objects(video).await), (204, vec![]));
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn encrypted_captions_are_shown_replaced_and_deleted() {
    captions_are_published(PROFILE, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clear_captions_are_shown_replaced_and_deleted() {
    captions_are_published(&format!("encrypt = false\n{PROFILE}"), false).await;
}

/// An MP4 file of six seconds, with captions in its frames: CC1 and CC3.
fn captioned_film(folder: &Path) -> PathBuf {
    let plain = make_film(
        &folder.join("plain.mp4"),
        "320x180",
        "25",
        6.0,
        &["-bf", "0"],
    );
    let raw = folder.join("plain.h264");
    ffmpeg(&[
        "-i",
        &text(&plain),
        "-map",
        "0:v",
        "-c",
        "copy",
        &text(&raw),
    ]);
    let pops_on = |words: &str| {
        Pairs::default()
            .command(Command::ResumeCaptionLoading)
            .last_row()
            .text(words)
            .command(Command::EndOfCaption)
    };
    let captions = Captions::default()
        .send(0, 25, pops_on("Hello"))
        .send(0, 75, Pairs::default().command(Command::EraseDisplayed))
        .send(1, 50, pops_on("Hola"));
    let captioned = folder.join("captioned.h264");
    std::fs::write(
        &captioned,
        captions.write(&std::fs::read(&raw).unwrap(), false),
    )
    .unwrap();
    let (film, inputs) = (folder.join("film.mp4"), [text(&captioned), text(&plain)]);
    let maps = ["-map", "0:v", "-map", "1:a", "-c", "copy"];
    let inputs = ["-r", "25", "-i", &inputs[0], "-i", &inputs[1]];
    ffmpeg(&[&inputs[..], &maps, &[&text(&film)]].concat());
    film
}

/// Captions in the frames of the file come with the video. An upload takes their place, and deleted
/// ones do not come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_captions_in_the_file_are_published() {
    let mut home = Home::with_profile(PROFILE);
    let film = captioned_film(home.folder.path());
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let (status, stored) = put(&dev, video, "und-x-2", "", SRT).await;
    assert_eq!(status, 201, "{stored}");
    let ready = dev.until_ready(video).await;
    assert_eq!(ready["warnings"], json!([]), "{ready:#}");
    assert_eq!(until_published(&dev, video).await, ["und", "und-x-2"]);

    let listed = list(&dev, video, "").await["captions"].clone();
    let shown = |it: &Value| (it["name"].clone(), it["origin"].clone());
    assert_eq!(
        (shown(&listed[0]), &listed[1]["origin"]),
        ((json!("CC1"), json!("embedded")), &json!("uploaded")),
        "{listed:#}"
    );
    let api = dev.info["api"].as_str().unwrap();
    let request = Player::new()
        .http
        .get(format!("{api}/v1/videos/{video}/captions/und"))
        .bearer_auth(dev.info["token"].as_str().unwrap());
    let vtt = request.send().await.unwrap().text().await.unwrap();
    // Frames 32 and 75: the code after the text, and the one that erases it.
    let expected = "WEBVTT\n\n00:00:01.280 --> 00:00:03.000\nHello\n";
    assert_eq!(vtt, expected);
    assert_eq!(
        master(&dev, video).await.matches("TYPE=SUBTITLES").count(),
        2
    );
    check(&dev.hls_url(video).await, home.folder.path()).await;

    let path = format!("/v1/videos/{video}/captions/und");
    assert_eq!(dev.call("DELETE", &path, None).await.0, 204);
    let path = format!("/v1/videos/{video}/reencode");
    let (status, answer) = dev
        .call("POST", &path, Some(&json!({ "mode": "copy" })))
        .await;
    assert_eq!(status, 202, "{answer}");
    dev.until(video, Duration::from_secs(60), |it| {
        let attempts = it["attempts"].as_array().unwrap();
        attempts.len() == 2 && attempts.iter().all(|it| it["ended_at"] != Value::Null)
    })
    .await;
    assert_eq!(until_published(&dev, video).await, ["und-x-2"]);
    assert!(dev.terminate().await.success());
}
