//! Files that are not videos are refused: with a stable code and a message, soon, and without a
//! trace.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::dev::{Home, files};
use e2e::media::{H264, ffmpeg, film, make_film};
use e2e::processes::all_gone;
use e2e::program::{text, transcode};
use serde_json::json;

/// Time limit of a refusal, however busy the machine is.
const SOON: Duration = Duration::from_secs(20);

/// Checks that `edgereel transcode` refuses a file.
async fn check(name: &str, content: &[u8], expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join(name);
    std::fs::write(&input, content).unwrap();
    check_file(folder.path(), &input, expected).await;
}

async fn check_file(folder: &Path, input: &Path, expected: &[&str]) {
    let (out, temporary) = (folder.join("out"), folder.join("tmp"));
    std::fs::create_dir_all(&temporary).unwrap();
    let answer = transcode(input, &out, &temporary, &[]).await;
    let shown = format!(
        "{}: {:?}\n{}",
        input.display(),
        answer.objects,
        answer.stderr
    );
    assert_eq!(answer.code, Some(1), "{shown}");
    let error = &answer.last()["error"];
    let (code, message) = (
        error["code"].as_str().expect(&shown),
        error["message"].as_str().expect(&shown),
    );
    assert!(
        expected.contains(&code),
        "`{code}` instead of {expected:?}: {shown}"
    );
    assert!(
        message.ends_with('.') && message.len() > 20,
        "no message: {message}"
    );
    assert!(
        !message.contains(folder.to_str().unwrap()),
        "a path of ours: {message}"
    );
    assert!(answer.took < SOON, "it took {:?}: {shown}", answer.took);
    assert_eq!(
        files(&out),
        Vec::<PathBuf>::new(),
        "something was left of {shown}"
    );
    assert_eq!(
        files(&temporary),
        Vec::<PathBuf>::new(),
        "temporary files were left of {shown}"
    );
}

fn mp4(folder: &Path, more: &[&str]) -> Vec<u8> {
    std::fs::read(make_film(
        &folder.join("good.mp4"),
        "320x180",
        "24",
        8.0,
        more,
    ))
    .unwrap()
}

/// The offset of a box of this type.
fn box_at(file: &[u8], name: &[u8; 4]) -> usize {
    file.windows(4)
        .position(|it| it == name)
        .expect("the box is there")
        - 4
}

#[tokio::test]
async fn files_that_are_not_videos() {
    check("empty.mp4", b"", &["empty-file"]).await;
    check(
        "text.mp4",
        "Once upon a time, in a file far away.\n"
            .repeat(50)
            .as_bytes(),
        &["not-a-video"],
    )
    .await;
    check("one-byte.mp4", b"x", &["not-a-video"]).await;
    check("zeros.mp4", &[0; 100_000], &["not-a-video"]).await;
    let mut fake = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    fake.extend((0_u32..200_000).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8));
    check("fake.mp4", &fake, &["truncated", "damaged", "not-a-video"]).await;
    check(
        "header-only.mp4",
        &fake[..32],
        &["truncated", "not-a-video"],
    )
    .await;
}

#[tokio::test]
async fn files_without_a_track() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let mut all: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        all.push(text(&path));
        ffmpeg(&all);
        path
    };
    let picture = make(
        "picture.jpg",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180",
            "-frames:v",
            "1",
        ],
    );
    check(
        "picture.mp4",
        &std::fs::read(picture).unwrap(),
        &["no-video-stream", "not-a-video"],
    )
    .await;
    // A cover before something that is not MPEG audio.
    let mut tagged = b"ID3\x03\0\0\0\0\x02\x00".to_vec();
    tagged.resize(266, b'x');
    tagged.extend(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".repeat(40));
    check("tagged.mp3", &tagged, &["not-a-video"]).await;
    // A video track that is declared and has no frame.
    let mut empty = film("320x180", "24", 1.0);
    empty.extend(H264.iter().map(|it| (*it).to_owned()));
    empty.extend(["-frames:v", "0"].map(str::to_owned));
    let path = folder.path().join("empty-track.mp4");
    empty.push(text(&path));
    ffmpeg(&empty);
    check(
        "no-frames.mp4",
        &std::fs::read(path).unwrap(),
        &["no-video-stream", "truncated", "damaged"],
    )
    .await;
}

#[tokio::test]
async fn files_that_were_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let front = mp4(folder.path(), &["-movflags", "+faststart"]);
    check("front.mp4", &front[..front.len() * 6 / 10], &["truncated"]).await;
    check(
        "front-almost.mp4",
        &front[..front.len() - 1000],
        &["truncated"],
    )
    .await;
    check(
        "in-moov.mp4",
        &front[..box_at(&front, b"moov") + 200],
        &["truncated"],
    )
    .await;
    let end = mp4(folder.path(), &[]);
    check("end.mp4", &end[..end.len() * 6 / 10], &["truncated"]).await;
    check("end-almost.mp4", &end[..end.len() - 100], &["truncated"]).await;
}

#[tokio::test]
async fn mp4_whose_header_lies() {
    let folder = tempfile::tempdir().unwrap();
    let good = mp4(folder.path(), &["-movflags", "+faststart"]);
    let edit = |name: &[u8; 4], offset: usize, bytes: &[u8]| {
        let mut file = good.clone();
        let at = box_at(&file, name) + offset;
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    // The declared data is larger than the file, but every frame is present: nothing may be missing
    // then.
    let input = folder.path().join("mdat-size.mp4");
    std::fs::write(&input, edit(b"mdat", 0, &0x7fff_0000_u32.to_be_bytes())).unwrap();
    let answer = transcode(&input, &folder.path().join("out"), folder.path(), &[]).await;
    assert_eq!(answer.last()["duration_s"], 8.0, "{:?}", answer.last());
    // Chunk offsets after the end of the file.
    check(
        "stco.mp4",
        &edit(b"stco", 16, &0x7000_0000_u32.to_be_bytes()),
        &["truncated", "damaged"],
    )
    .await;
    // A table of four billion entries: FFmpeg may use as much memory as it is allowed before it
    // finds out.
    let endless = ["truncated", "damaged", "not-a-video", "too-demanding"];
    check(
        "stsz-count.mp4",
        &edit(b"stsz", 16, &u32::MAX.to_be_bytes()),
        &endless,
    )
    .await;
    check(
        "stts-count.mp4",
        &edit(b"stts", 12, &u32::MAX.to_be_bytes()),
        &endless,
    )
    .await;
    // A sample of two gigabytes.
    check(
        "stsz-size.mp4",
        &edit(b"stsz", 20, &0x7fff_ffff_u32.to_be_bytes()),
        &["truncated", "damaged", "not-a-video"],
    )
    .await;
    // Frames with a duration of 13 hours each, and no edit list that limits the presentation.
    let mut long = mp4(
        folder.path(),
        &["-movflags", "+faststart", "-use_editlist", "0"],
    );
    let at = box_at(&long, b"stts") + 20;
    long[at..at + 4].copy_from_slice(&0x2400_0000_u32.to_be_bytes());
    check(
        "stts-delta.mp4",
        &long,
        &["too-long", "damaged", "truncated"],
    )
    .await;
}

#[tokio::test]
async fn scripts_that_point_elsewhere_are_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let refused = ["playlist-not-allowed"];
    let playlist = |uri: &str| {
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{uri}\n#EXT-X-ENDLIST\n")
    };
    check(
        "file.mp4",
        playlist("file:///etc/passwd").as_bytes(),
        &refused,
    )
    .await;
    check(
        "host.mp4",
        playlist(&format!("http://127.0.0.1:{port}/x.ts")).as_bytes(),
        &refused,
    )
    .await;
    let key = format!(
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"http://127.0.0.1:{port}/k\"\n#EXTINF:1,\nx.ts\n"
    );
    check("key.mp4", key.as_bytes(), &refused).await;
    check(
        "concat.mp4",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        &refused,
    )
    .await;
    let sdp = format!(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {port} RTP/AVP 96\n"
    );
    check("session.mp4", sdp.as_bytes(), &refused).await;
    let mpd = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>"
    );
    check(
        "dash.mp4",
        mpd.as_bytes(),
        &["playlist-not-allowed", "not-a-video"],
    )
    .await;
    let called = listener.accept().map(|(_, from)| from);
    assert!(called.is_err(), "a server was contacted: {called:?}");
}

#[tokio::test]
async fn the_service_refuses_the_same_and_goes_on() {
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    let dev = home.start().await;
    let good = mp4(&folder, &["-movflags", "+faststart"]);
    let playlist = "#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    let cases: [(&str, &[u8], &str); 3] = [
        ("text.mp4", b"Once upon a time.", "not-a-video"),
        ("../../x.mp4", playlist.as_bytes(), "playlist-not-allowed"),
        ("short.mp4", &good[..good.len() / 2], "truncated"),
    ];
    for (name, content, code) in cases {
        let file = folder.join("upload");
        std::fs::write(&file, content).unwrap();
        let video = dev.upload(&file, name).await;
        let failed = dev.until_failed(video).await;
        assert_eq!(failed["failure"]["code"], code, "{name}: {failed:#}");
        assert_eq!(failed["failure"]["class"], "source", "{name}");
        assert!(
            failed["failure"]["message"]
                .as_str()
                .unwrap()
                .ends_with('.'),
            "{name}"
        );
        assert!(
            !failed["source"]["filename"]
                .as_str()
                .unwrap()
                .contains(['/', '\\']),
            "{name}: {failed:#}"
        );
        let (status, stream) = dev
            .call("GET", &format!("/v1/videos/{video}/stream"), None)
            .await;
        assert!(status >= 400, "{name}: {stream}");
        assert_eq!(
            dev.media_objects(video).await,
            Vec::<String>::new(),
            "{name}"
        );
    }
    // An empty file cannot even be announced, and no name escapes into another directory.
    let (status, problem) = dev
        .call(
            "POST",
            "/v1/uploads",
            Some(&json!({ "filename": "a.mp4", "size": 0 })),
        )
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (422, Some("empty-file")),
        "{problem}"
    );
    assert!(dev.children().is_empty(), "FFmpeg is still at work");
    // The service still works.
    let file = folder.join("good.mp4");
    let video = dev.upload(&file, "good.mp4").await;
    dev.until_ready(video).await;
    let children = dev.children();
    assert!(dev.terminate().await.success());
    all_gone(&children, Duration::from_secs(5)).await;
    assert_eq!(files(&home.temporary()), Vec::<PathBuf>::new());
}
