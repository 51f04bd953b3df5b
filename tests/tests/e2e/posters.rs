//! Custom posters: a frame of the video, or an uploaded image.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use domain::ids::VideoId;
use e2e::dev::{Dev, Home};
use e2e::media::{H264, ffmpeg, make_film};
use e2e::memory::Watch;
use e2e::player::Player;
use e2e::program::text;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

/// Six seconds of red, then six of blue.
fn make_flag(path: &Path) {
    let half = |colour: &str| format!("color=c={colour}:size=1280x720:rate=25:duration=6");
    let mut arguments: Vec<String> = [
        "-f",
        "lavfi",
        "-i",
        &half("red"),
        "-f",
        "lavfi",
        "-i",
        &half("blue"),
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.extend(["-filter_complex", "concat=n=2"].map(str::to_owned));
    arguments.extend(H264.iter().map(|it| (*it).to_owned()));
    arguments.push(text(path));
    ffmpeg(&arguments);
}

fn make_image(path: &Path, colour: &str, size: &str) -> Vec<u8> {
    let source = format!("color=c={colour}:size={size}");
    ffmpeg(&["-f", "lavfi", "-i", &source, "-frames:v", "1", &text(path)]);
    std::fs::read(path).unwrap()
}

/// An Exif segment of a JPEG that requests a rotation by a quarter turn.
const TURNED: &[u8] =
    b"\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

async fn put(dev: &Dev, video: VideoId, body: Vec<u8>) -> (u16, Value) {
    let url = format!(
        "{}/v1/videos/{video}/poster",
        dev.info["api"].as_str().unwrap()
    );
    let request = Player::new()
        .http
        .put(url)
        .bearer_auth(dev.info["token"].as_str().unwrap())
        .body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn until_poster(dev: &Dev, video: VideoId, status: &str) -> Value {
    dev.until(video, Duration::from_secs(20), |it| {
        it["poster"]["status"] == status
    })
    .await["poster"]
        .clone()
}

/// The URL of the poster, and red, green and blue in its middle.
async fn look(dev: &Dev, home: &Home, video: VideoId) -> (String, [u8; 3], (u64, u64)) {
    let (_, stream) = dev
        .call("GET", &format!("/v1/videos/{video}/stream"), None)
        .await;
    let url = stream["poster_url"].as_str().unwrap().to_owned();
    let (status, jpeg) = Player::new().get(&url).await.unwrap();
    assert_eq!(status, 200, "{url}");
    let (file, raw) = (
        home.folder.path().join("seen.jpg"),
        home.folder.path().join("seen.raw"),
    );
    std::fs::write(&file, jpeg).unwrap();
    ffmpeg(&[
        "-i",
        &text(&file),
        "-vf",
        "scale=1:1",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        &text(&raw),
    ]);
    let found = e2e::media::probe(&text(&file));
    let side = |name: &str| found["streams"][0][name].as_u64().unwrap();
    let colour = std::fs::read(&raw).unwrap().try_into().unwrap();
    (url, colour, (side("width"), side("height")))
}

/// The dominant colour.
fn name([red, green, blue]: [u8; 3]) -> &'static str {
    match (red > 90, green > 90, blue > 90) {
        (true, false, false) => "red",
        (false, true, false) => "green",
        (false, false, true) => "blue",
        _ => "something else",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poster_is_chosen_and_survives() {
    let mut home = Home::new();
    let folder = home.folder.path().to_owned();
    make_flag(&folder.join("film.mp4"));
    let dev = home.start().await;
    let video = dev.upload(&folder.join("film.mp4"), "film.mp4").await;
    let early = put(&dev, video, b"{\"at\": 1}".to_vec()).await;
    assert_eq!(
        (early.0, &early.1["code"]),
        (409, &json!("conflict")),
        "{}",
        early.1
    );
    let ready = dev.until_ready(video).await;
    assert_eq!(
        ready["poster"],
        json!({ "status": "automatic", "failure": null })
    );
    let (automatic, colour, _) = look(&dev, &home, video).await;
    assert_eq!(
        (name(colour), automatic.ends_with("/poster.jpg")),
        ("red", true),
        "{automatic}"
    );

    // A frame of the video.
    let asked = put(&dev, video, b"{\"at\": 9.04}".to_vec()).await;
    assert_eq!(asked.0, 202, "{}", asked.1);
    until_poster(&dev, video, "custom").await;
    let (moment, colour, size) = look(&dev, &home, video).await;
    assert_eq!(
        (name(colour), size, moment.contains("/posters/")),
        ("blue", (1280, 720), true),
        "{moment}"
    );
    let again = put(&dev, video, b"{\"at\":9.04}".to_vec()).await;
    assert_eq!(
        (again.0, &again.1["poster"]["status"]),
        (200, &json!("custom"))
    );

    // Images of every kind; large ones are scaled down, and rotated ones turned upright.
    for (file, size, expected) in [
        ("a.jpg", "320x180", (320, 180)),
        ("turned.jpg", "320x180", (180, 320)),
        ("a.webp", "640x362", (640, 362)),
        ("a.png", "2000x2000", (1080, 1080)),
    ] {
        let mut picture = make_image(&folder.join(file), "0x00ff00", size);
        if file == "turned.jpg" {
            picture.splice(2..2, TURNED.iter().copied());
        }
        let (status, answer) = put(&dev, video, picture).await;
        assert_eq!(
            (status, &answer["poster"]["status"]),
            (202, &json!("pending")),
            "{file}"
        );
        until_poster(&dev, video, "custom").await;
        let (_, colour, size) = look(&dev, &home, video).await;
        assert_eq!((name(colour), size), ("green", expected), "{file}");
    }
    assert_eq!(
        Player::new().get(&moment).await.unwrap().0,
        404,
        "the previous one is removed"
    );
    let posters = || async {
        let objects = dev.objects(video).await;
        objects
            .into_iter()
            .filter(|it| it.contains("posters/"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        posters().await.len(),
        1,
        "only the poster that is shown: {:?}",
        posters().await
    );

    // Rejected requests, and later failures, change nothing.
    let mut damaged = std::fs::read(folder.join("a.png")).unwrap();
    damaged.truncate(60);
    for (body, status, code) in [
        (b"{\"at\": 13}".to_vec(), 422, "poster-not-accepted"),
        (b"GIF89a".to_vec(), 422, "poster-not-accepted"),
        (vec![0xff; 5 << 20], 413, "body-too-large"),
        (damaged, 202, "null"),
    ] {
        let answer = put(&dev, video, body).await;
        assert_eq!(
            (answer.0, answer.1["code"].as_str().unwrap_or("null")),
            (status, code),
            "{}",
            answer.1
        );
    }
    let failed = until_poster(&dev, video, "failed").await;
    assert_eq!(failed["failure"]["code"], "image-damaged", "{failed}");
    assert_eq!(posters().await.len(), 1);

    // A new encoding has its own images, and the custom poster stays.
    let fields = json!({ "mode": "copy" });
    let (status, _) = dev
        .call(
            "POST",
            &format!("/v1/videos/{video}/reencode"),
            Some(&fields),
        )
        .await;
    assert_eq!(status, 202);
    dev.until(video, Duration::from_secs(60), |it| {
        it["attempts"][1]["outcome"] == "ready"
    })
    .await;
    let (own, colour, _) = look(&dev, &home, video).await;
    assert_eq!(
        (name(colour), own.contains("/posters/")),
        ("green", true),
        "{own}"
    );

    for _ in 0..2 {
        assert_eq!(
            dev.call("DELETE", &format!("/v1/videos/{video}/poster"), None)
                .await
                .0,
            204
        );
    }
    let (back, colour, _) = look(&dev, &home, video).await;
    assert_eq!(
        (name(colour), back.ends_with("/poster.jpg")),
        ("red", true),
        "{back}"
    );
    assert_ne!(back, automatic, "that of the new encoding");
    assert_eq!(posters().await, Vec::<String>::new());
    // The end of the video is valid too.
    assert_eq!(put(&dev, video, b"{\"at\": 12}".to_vec()).await.0, 202);
    until_poster(&dev, video, "custom").await;
    assert_eq!(name(look(&dev, &home, video).await.1), "blue");
    assert_eq!(
        dev.call("DELETE", &format!("/v1/videos/{video}"), None)
            .await
            .0,
        204
    );
    assert_eq!(dev.objects(video).await, Vec::<String>::new());
    assert!(dev.terminate().await.success());
}

/// A PNG of a megabyte whose text is 700 MiB long: the text is not read.
#[tokio::test]
async fn an_image_with_endless_text_takes_no_memory() {
    let mut home = Home::new();
    home.environment.push((
        "EDGEREEL_FFMPEG_MEMORY_BYTES".to_owned(),
        (512 << 20).to_string(),
    ));
    let film = make_film(
        &home.folder.path().join("film.mp4"),
        "320x180",
        "25",
        2.0,
        &[],
    );
    let picture = make_image(&home.folder.path().join("picture.png"), "green", "320x180");
    let mut text = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mebibyte = vec![b'x'; 1 << 20];
    for _ in 0..700 {
        text.write_all(&mebibyte).unwrap();
    }
    let data = [b"zTXtComment\0\0", &text.finish().unwrap()[..]].concat();
    let chunk = [&(data.len() as u32 - 4).to_be_bytes()[..], &data, &[0; 4]].concat();
    // After the header, which has 33 bytes with the signature.
    let picture = [&picture[..33], &chunk, &picture[33..]].concat();
    let dev = home.start().await;
    let video = dev.upload(&film, "film.mp4").await;
    dev.until_ready(video).await;
    let watch = Watch::of(dev.process().pid as u32);
    assert_eq!(put(&dev, video, picture).await.0, 202);
    until_poster(&dev, video, "custom").await;
    let peaks = watch.end();
    assert!(peaks.child < 300 << 20, "{peaks:?}");
}
