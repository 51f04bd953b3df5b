//! Content keys: clear keys exist only in memory, and in the responses to authorised viewers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::ids::hex;
use e2e::dev::{Home, files};
use e2e::media::{make_film, probe};
use e2e::player::{Player, Presentation};
use e2e::processes::children;
use e2e::program::text;

/// A key in every encoding in which it might leak.
fn writings(key: &[u8; 16]) -> Vec<Vec<u8>> {
    use base64ct::{Base64, Encoding as _};
    let (lower, base64) = (hex(key), Base64::encode_string(key));
    let list = format!("{key:?}");
    vec![
        key.to_vec(),
        lower.clone().into_bytes(),
        lower.to_uppercase().into_bytes(),
        base64.trim_end_matches('=').as_bytes().to_vec(),
        list.trim_matches(['[', ']']).as_bytes().to_vec(),
    ]
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|it| it == needle)
}

/// Every key of a presentation, by the path of its URL.
async fn keys(player: &Player, seen: &Presentation) -> Vec<[u8; 16]> {
    let mut keys = vec![];
    for media in seen.media.values() {
        let (key, ..) = player.key(media, 0).await;
        keys.push(key);
    }
    keys
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_is_written_down() {
    let mut home = Home::new();
    home.environment
        .push(("RUST_LOG".to_owned(), "debug".to_owned()));
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        24.0,
        &[],
    );
    let dev = home.start().await;

    // Command lines and temporary files, sampled while the job runs.
    let (stop, pid, temporary) = (
        Arc::new(AtomicBool::new(false)),
        dev.process().pid,
        home.temporary(),
    );
    let stopped = Arc::clone(&stop);
    let watching = std::thread::spawn(move || {
        let mut seen = BTreeSet::<Vec<u8>>::new();
        while !stopped.load(Ordering::Relaxed) {
            for child in children(pid) {
                for file in ["cmdline", "environ"] {
                    seen.insert(
                        std::fs::read(format!("/proc/{}/{file}", child.pid)).unwrap_or_default(),
                    );
                }
            }
            for file in files(&temporary) {
                seen.insert(std::fs::read(temporary.join(file)).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        seen
    });
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let player = Player::new();
    let seen = player
        .presentation(&dev.hls_url(video).await)
        .await
        .unwrap()
        .unwrap();
    let keys = keys(&player, &seen).await;
    assert_eq!(keys.len(), seen.media.len());
    assert!(
        keys.len() >= 4,
        "a ladder, its audio and its I-frames: {:?}",
        seen.media.keys()
    );
    assert_eq!(
        keys.iter().collect::<BTreeSet<_>>().len(),
        keys.len(),
        "renditions share a key"
    );
    stop.store(true, Ordering::Relaxed);
    let lines = watching.join().unwrap();
    assert!(
        lines.iter().any(|it| holds(it, b"libx264")),
        "no FFmpeg was seen at work"
    );

    assert!(dev.terminate().await.success());
    let mut written: Vec<(PathBuf, Vec<u8>)> = vec![];
    for file in files(home.folder.path()) {
        let path = home.folder.path().join(file);
        written.push((path.clone(), std::fs::read(path).unwrap()));
    }
    assert!(
        home.log().len() > 2_000 && home.log().contains("DEBUG"),
        "a debug log: {}",
        home.log()
    );
    written.extend(
        lines
            .into_iter()
            .map(|it| (PathBuf::from("/proc or temporary file"), it)),
    );
    for writing in keys.iter().flat_map(writings) {
        for (path, bytes) in &written {
            assert!(
                !holds(bytes, &writing),
                "a content key stands in {}",
                path.display()
            );
        }
    }
    // The other secrets must not appear in a log either.
    let secrets: serde_json::Value =
        serde_json::from_slice(&std::fs::read(home.data().join("secrets.json")).unwrap()).unwrap();
    for (name, secret) in secrets.as_object().unwrap() {
        if name != "s3_access_key_id" {
            let secret = secret.as_str().unwrap().rsplit(':').next().unwrap();
            assert!(!home.log().contains(secret), "`{name}` stands in the log");
        }
    }
    assert!(
        !home.log().contains("X-Amz-Signature"),
        "a signed address stands in the log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn segments_are_encrypted_one_by_one() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "640x360",
        "24",
        12.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let player = Player::new();
    let seen = player
        .presentation(&dev.hls_url(video).await)
        .await
        .unwrap()
        .unwrap();
    for (name, media) in &seen.media {
        let segments = &media.playlist.segments;
        let ivs: BTreeSet<_> = segments
            .iter()
            .map(|it| media.playlist.keys[it.keys[0]].iv_at(it.sequence))
            .collect();
        assert_eq!(
            ivs.len(),
            segments.len(),
            "{name}: an IV comes twice: {}",
            media.text
        );
    }
    let (name, media) = seen
        .media
        .iter()
        .find(|it| it.0.ends_with('p'))
        .expect("a rung");
    let (key, iv, _) = player.key(media, 1).await;
    let (stored, clear) = (
        home.folder.path().join("stored"),
        home.folder.path().join("clear.ts"),
    );
    std::fs::write(&stored, player.segment(media, 1).await).unwrap();
    let status = Command::new("openssl")
        .args([
            "enc",
            "-d",
            "-aes-128-cbc",
            "-K",
            &hex(&key),
            "-iv",
            &hex(&iv),
        ])
        .args(["-in", &text(&stored), "-out", &text(&clear)])
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) => assert!(
            status.success(),
            "openssl could not decrypt a segment of {name}"
        ),
        // The same cipher; only the tool is missing.
        Err(_) => {
            println!("openssl is missing: decrypting in this process instead");
            std::fs::write(&clear, player.clear_segment(media, 1).await).unwrap();
        }
    }
    let found = probe(&text(&clear));
    assert_eq!(found["streams"][0]["codec_name"], "h264", "{found:#}");
    let seconds: f64 = found["format"]["duration"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((seconds - 2.0).abs() < 0.2, "{seconds} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_grant_nothing_opens() {
    let mut home = Home::new();
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "24",
        4.0,
        &[],
    );
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    let other = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    dev.until_ready(other).await;
    let url = dev.hls_url(video).await;
    let (address, grant) = url.split_once("?grant=").unwrap();
    let player = Player::new();
    let status = async |url: String| player.get(&url).await.unwrap().0;
    assert_eq!(status(url.clone()).await, 200);
    assert_eq!(status(address.to_owned()).await, 401, "no grant");
    assert_eq!(
        status(format!("{address}?grant=")).await,
        401,
        "an empty grant"
    );
    let forged = |place: usize| {
        let mut bytes = grant.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        format!("{address}?grant={}", String::from_utf8(bytes).unwrap())
    };
    let signature = grant.rfind('.').unwrap() + 5;
    assert_eq!(status(forged(signature)).await, 403, "a forged signature");
    let (foreign, _) = dev
        .hls_url(other)
        .await
        .split_once("?grant=")
        .map(|it| (it.0.to_owned(), it.1.to_owned()))
        .unwrap();
    assert_eq!(
        status(format!("{foreign}?grant={grant}")).await,
        403,
        "the grant of another video"
    );

    // A pass is bound to its purpose.
    let seen = player.presentation(&url).await.unwrap().unwrap();
    let media = seen.media.values().next().unwrap();
    let (.., key) = player.key(media, 0).await;
    let parts: Vec<&str> = key.path().trim_start_matches('/').split('/').collect();
    assert_eq!((parts[0], parts.len()), ("k", 4), "{}", key.path());
    let with = |pass: &str| {
        let mut key = key.clone();
        key.set_path(&format!("/k/{pass}/{}/{}", parts[2], parts[3]));
        key.to_string()
    };
    let mut broken = parts[1].as_bytes().to_vec();
    let middle = broken.len() / 2;
    broken[middle] = if broken[middle] == b'A' { b'B' } else { b'A' };
    let stream_pass = media.url.path().split('/').nth(2).unwrap().to_owned();
    for (what, url) in [
        ("a forged pass", with(&String::from_utf8(broken).unwrap())),
        ("the pass of a playlist", with(&stream_pass)),
        ("no pass", with("x")),
    ] {
        let status = status(url).await;
        assert!(matches!(status, 401 | 403), "{what}: {status}");
    }
    let escape = format!(
        "{}/../../../secrets.json",
        media.url.as_str().rsplit_once('/').unwrap().0
    );
    assert_ne!(status(escape).await, 200);
}
