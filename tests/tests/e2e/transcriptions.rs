//! Captions that a transcriber makes of the audio: a stand-in that hears when there is sound.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use domain::ids::VideoId;
use e2e::dev::{Dev, Home};
use e2e::media::ffmpeg;
use e2e::program::{check, text};
use serde_json::{Value, json};

/// Reads the WAV file, and prints a cue for each time in which it is loud.
const EAR: &str = r#"#!/usr/bin/env python3
import array, os, wave
with wave.open(os.environ["EDGEREEL_AUDIO"]) as audio:
    assert (audio.getnchannels(), audio.getsampwidth(), audio.getframerate()) == (1, 2, 16000), audio.getparams()
    samples = array.array("h", audio.readframes(audio.getnframes()))
assert len(samples) == audio.getnframes(), (len(samples), audio.getnframes())
WINDOW = 320
loud = [max(map(abs, samples[i:i + WINDOW])) > 1000 for i in range(0, len(samples), WINDOW)]
changes = [i for i, (a, b) in enumerate(zip([False] + loud, loud + [False])) if a != b]
stamp = lambda i: f"00:{i * WINDOW / 16000:06.3f}"
print("WEBVTT\n")
for number, (start, end) in enumerate(zip(changes[::2], changes[1::2]), 1):
    print(f"{stamp(start)} --> {stamp(end)}\nsound {number} in {os.environ['EDGEREEL_LANGUAGE']}\n")
"#;

const LIMIT: Duration = Duration::from_secs(60);

/// Eight seconds, with sound from 2 s to 3 s and from 5 s to 6.5 s in the first track, and from 4 s to
/// 5 s in the second one.
fn make_talk(file: &Path) {
    let voice =
        |times: &str| format!("sine=frequency=440:sample_rate=48000,volume='{times}':eval=frame");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25",
        "-f",
        "lavfi",
        "-i",
        &voice("between(t,2,3)+between(t,5,6.5)"),
        "-f",
        "lavfi",
        "-i",
        &voice("between(t,4,5)"),
        "-t",
        "8",
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-map",
        "2:a",
        "-metadata:s:a:0",
        "language=eng",
        "-metadata:s:a:1",
        "language=deu",
        "-pix_fmt",
        "yuv420p",
        &text(file),
    ]);
}

async fn until_transcribed(dev: &Dev, video: VideoId, language: &str) -> Value {
    let path = format!("/v1/videos/{video}/captions");
    let body = json!({ "language": language });
    let (status, requested) = dev.call("POST", &path, Some(&body)).await;
    assert_eq!(
        (status, &requested["status"]),
        (202, &json!("pending")),
        "{requested}"
    );
    let made = async {
        loop {
            let (_, list) = dev.call("GET", &path, None).await;
            let captions = list["captions"].as_array().unwrap();
            let found = captions.iter().find(|it| it["language"] == language);
            match found {
                Some(found)
                    if found["status"] == "published" && list["transcriptions"] == json!([]) =>
                {
                    return found.clone();
                }
                _ => {}
            }
            let failed = list["transcriptions"]
                .as_array()
                .unwrap()
                .iter()
                .find(|it| it["status"] == "failed");
            assert!(failed.is_none(), "{list}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(LIMIT, made)
        .await
        .expect("the captions are made")
}

/// The times at which a language says something, seconds.
async fn times(dev: &Dev, video: VideoId, text: &str) -> Vec<(String, f64, f64)> {
    let path = format!("/v1/videos/{video}/captions?text={text}");
    let (_, list) = dev.call("GET", &path, None).await;
    let matches = list["matches"].as_array().unwrap().iter();
    matches
        .map(|it| {
            let seconds = |name: &str| it[name].as_f64().unwrap();
            (
                it["text"].as_str().unwrap().to_owned(),
                seconds("start"),
                seconds("end"),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_becomes_captions() {
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    let (ear, talk) = (folder.join("ear"), folder.join("talk.mp4"));
    std::fs::write(&ear, EAR).unwrap();
    std::fs::set_permissions(&ear, std::fs::Permissions::from_mode(0o700)).unwrap();
    make_talk(&talk);
    home.environment = vec![("EDGEREEL_TRANSCRIBER_COMMAND".to_owned(), text(&ear))];
    let dev = home.start().await;
    let video = dev.upload(&talk, "talk.mp4").await;
    let path = format!("/v1/videos/{video}/captions");
    let body = json!({ "language": "en" });
    let (status, early) = dev.call("POST", &path, Some(&body)).await;
    assert_eq!(
        (status, &early["code"]),
        (409, &json!("conflict")),
        "{early}"
    );
    dev.until_ready(video).await;

    let english = until_transcribed(&dev, video, "en").await;
    assert_eq!(
        (
            &english["origin"],
            &english["name"],
            &english["default"],
            &english["cues"]
        ),
        (
            &json!("machine"),
            &json!("English (automatic)"),
            &json!(false),
            &json!(2)
        )
    );
    until_transcribed(&dev, video, "de").await;
    for (said, expected) in [
        ("sound 1 in en", (2.0, 3.0)),
        ("sound 2 in en", (5.0, 6.5)),
        ("sound 1 in de", (4.0, 5.0)),
    ] {
        let found = times(&dev, video, &said.replace(' ', "%20")).await;
        let [(words, start, end)] = &found[..] else {
            panic!("{said}: {found:?}")
        };
        assert_eq!(words, said);
        // A window of the stand-in, and the delay of the codec.
        assert!(
            (start - expected.0).abs() < 0.06 && (end - expected.1).abs() < 0.06,
            "{found:?}"
        );
    }
    check(&dev.hls_url(video).await, &folder).await;

    // Captions that were deleted can be made again.
    let (status, deleted) = dev.call("DELETE", &format!("{path}/en"), None).await;
    assert_eq!(status, 204, "{deleted}");
    until_transcribed(&dev, video, "en").await;
}
