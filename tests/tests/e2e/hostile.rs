//! Files that declare absurd sizes, rates and numbers: refused or transcoded, at the first attempt,
//! with a message, within memory limits.

mod files;
mod streams;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::media::{ffmpeg, film, make_film};
use e2e::program::{Answer, edgereel_run, text, transcode};
use files::{
    at, boxed, content_of, film_bytes, folder, made_or, put, refused, save, within_bounds,
};
use flate2::Compression;
use flate2::write::ZlibEncoder;

#[tokio::test]
async fn millions_of_samples_that_share_their_bytes() {
    let folder = folder();
    let path = folder.path().join("small.mov");
    let mut arguments = film("320x180", "25", 2.0);
    arguments.extend(["-c:v", "mjpeg", "-an", &text(&path)].map(str::to_owned));
    ffmpeg(&arguments);
    let mut file = std::fs::read(&path).unwrap();
    for samples in [2_900_000, 20_000_000] {
        let (stts, stsz, stsc) = (at(&file, b"stts"), at(&file, b"stsz"), at(&file, b"stsc"));
        put(&mut file, stts + 12, samples);
        put(&mut file, stsz + 8, 1);
        put(&mut file, stsz + 12, samples);
        put(&mut file, stsc + 16, samples);
        let path = save(folder.path(), &format!("{samples}-samples.mov"), &file);
        refused(
            folder.path(),
            &path,
            &["too-demanding", "too-long", "damaged", "truncated"],
        )
        .await;
    }
}

#[tokio::test]
async fn tags_as_large_as_a_film() {
    let folder = folder();
    let metadata = folder.path().join("tags.txt");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&metadata).unwrap());
    file.write_all(b";FFMETADATA1\ntitle=").unwrap();
    file.write_all(&vec![1; 45 << 20]).unwrap();
    file.write_all(b"\n").unwrap();
    drop(file);
    let path = folder.path().join("tags.mkv");
    let mut arguments = film("320x180", "25", 2.0);
    arguments.extend(
        [
            "-f",
            "ffmetadata",
            "-i",
            &text(&metadata),
            "-map",
            "0",
            "-map",
            "1",
        ]
        .map(str::to_owned),
    );
    arguments.extend(
        [
            "-map_metadata",
            "2",
            "-c:v",
            "libx264",
            "-c:a",
            "aac",
            &text(&path),
        ]
        .map(str::to_owned),
    );
    ffmpeg(&arguments);
    made_or(folder.path(), &path, &["too-demanding"]).await;
}

/// A GOP of 45 MB in a film with an ordinary average rate.
#[tokio::test]
async fn one_gop_of_noise() {
    let folder = folder();
    for name in ["noise.mp4", "noise.mkv"] {
        let path = folder.path().join(name);
        let noise = [
            "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "1280x720", "-r", "25", "-t", "1.6",
            "-i",
        ];
        let mut arguments: Vec<String> = noise.map(str::to_owned).to_vec();
        arguments.extend(
            [
                "/dev/urandom",
                "-f",
                "lavfi",
                "-i",
                "color=size=1280x720:rate=25:duration=58",
            ]
            .map(str::to_owned),
        );
        arguments.extend(
            [
                "-filter_complex",
                "[0:v][1:v]concat",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
            ]
            .map(str::to_owned),
        );
        arguments.extend(
            [
                "-pix_fmt",
                "yuv420p",
                "-qp",
                "4",
                "-g",
                "50",
                "-sc_threshold",
                "0",
                &text(&path),
            ]
            .map(str::to_owned),
        );
        ffmpeg(&arguments);
        assert!(std::fs::metadata(&path).unwrap().len() > 34 << 20);
        let answer = within_bounds(folder.path(), &path).await;
        assert_eq!(
            answer.code,
            Some(0),
            "{:?}\n{}",
            answer.objects,
            answer.stderr
        );
        let rungs = answer.last()["rungs"].as_array().unwrap();
        assert!(rungs.iter().all(|it| it["copied"] == false), "{rungs:?}");
    }
}

#[tokio::test]
async fn an_index_that_is_larger_than_any() {
    let folder = folder();
    let file = film_bytes(folder.path(), &[]);
    let (moov, mdat) = (content_of(&file, b"moov"), at(&file, b"mdat") - 4);
    for mib in [50, 100] {
        let filled = [&file[moov.clone()], &boxed(b"free", &vec![0; mib << 20])].concat();
        let large = [
            &file[..mdat],
            &file[mdat..moov.start - 8],
            &boxed(b"moov", &filled),
        ]
        .concat();
        let path = save(folder.path(), &format!("index-{mib}-mib.mp4"), &large);
        made_or(folder.path(), &path, &["too-demanding"]).await;
    }
}

#[tokio::test]
async fn a_compressed_index_that_claims_a_gigabyte() {
    let folder = folder();
    let file = film_bytes(folder.path(), &[]);
    let mdat = at(&file, b"mdat") - 4;
    let moov = at(&file, b"moov") - 4;
    let mut compressed = ZlibEncoder::new(Vec::new(), Compression::fast());
    let mebibyte = vec![0; 1 << 20];
    for _ in 0..700 {
        compressed.write_all(&mebibyte).unwrap();
    }
    for claimed in [700_u32 << 20, 400 << 20] {
        let data = [&claimed.to_be_bytes()[..], compressed.get_ref()].concat();
        let index = boxed(
            b"moov",
            &boxed(
                b"cmov",
                &[boxed(b"dcom", b"zlib"), boxed(b"cmvd", &data)].concat(),
            ),
        );
        let whole = [&file[..mdat], &file[mdat..moov], &index].concat();
        let path = save(
            folder.path(),
            &format!("compressed-{}.mov", claimed >> 20),
            &whole,
        );
        refused(
            folder.path(),
            &path,
            &["too-demanding", "truncated", "not-a-video", "damaged"],
        )
        .await;
    }
}

#[tokio::test]
async fn a_frame_that_is_larger_than_memory() {
    let folder = folder();
    let path = folder.path().join("png.mov");
    let picture = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=5:duration=2",
        "-c:v",
        "png",
        "-pix_fmt",
        "rgba64be",
    ];
    let mut arguments: Vec<String> = picture.map(str::to_owned).to_vec();
    arguments.push(text(&path));
    ffmpeg(&arguments);
    let mut file = std::fs::read(&path).unwrap();
    let heads: Vec<usize> = file
        .windows(4)
        .enumerate()
        .filter(|it| it.1 == b"IHDR")
        .map(|it| it.0)
        .collect();
    for head in heads {
        put(&mut file, head + 4, 10_000);
        put(&mut file, head + 8, 10_000);
    }
    let entry = at(&file, b"png ") + 4;
    file[entry + 24..entry + 28].copy_from_slice(&[0x27, 0x10, 0x27, 0x10]);
    let path = save(folder.path(), "pixels.mov", &file);
    refused(folder.path(), &path, &["too-many-pixels"]).await;
}

#[tokio::test]
async fn faults_of_a_source_are_its_own() {
    let folder = folder();
    let make = |name: &str, inputs: &[String], options: &[&str]| {
        let path = folder.path().join(name);
        let mut arguments = inputs.to_vec();
        arguments.extend(options.iter().map(|it| (*it).to_owned()));
        arguments.push(text(&path));
        ffmpeg(&arguments);
        path
    };
    let input = film("320x180", "25", 3.0);
    const SOURCE: [&str; 4] = ["damaged", "not-a-video", "truncated", "too-many-pixels"];
    for aspect in ["1000/1", "1/200", "9/1", "1/9"] {
        let name = format!("aspect-{}.mp4", aspect.replace('/', "-"));
        let filter = format!("setsar={aspect}:max=100000");
        let path = make(
            &name,
            &input,
            &[
                "-vf",
                &filter,
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-pix_fmt",
                "yuv420p",
            ],
        );
        made_or(folder.path(), &path, &SOURCE).await;
    }
    for (name, codec) in [
        ("good.flv", "flv"),
        ("good.mpg", "mpeg2video"),
        ("good.ts", "libx264"),
        ("good.avi", "mpeg4"),
    ] {
        let good = std::fs::read(make(name, &input, &["-c:v", codec])).unwrap();
        for every in [50_usize, 700, 9_000] {
            let mut damaged = good.clone();
            // The head stays intact: the file is recognised, and then its content is damaged.
            for place in (600..damaged.len()).step_by(every) {
                damaged[place] ^= (place.wrapping_mul(2_654_435_761) >> 7) as u8 | 1;
            }
            let path = save(folder.path(), &format!("damaged-{every}-{name}"), &damaged);
            made_or(
                folder.path(),
                &path,
                &[
                    &SOURCE[..],
                    &["no-video-stream", "audio-only", "unsupported-codec"],
                ]
                .concat(),
            )
            .await;
        }
    }
    let mut elsewhere = film_bytes(folder.path(), &[]);
    let reference = at(&elsewhere, b"url ");
    elsewhere[reference..reference + 4].copy_from_slice(b"alis");
    elsewhere[reference + 7] = 0;
    let path = save(folder.path(), "elsewhere.mov", &elsewhere);
    made_or(folder.path(), &path, &SOURCE).await;
}

/// Two frames in 3,000 seconds: a slide show.
#[tokio::test]
async fn two_frames_in_most_of_an_hour() {
    let folder = folder();
    let path = folder.path().join("slides.mp4");
    let slides = [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=1/1500:duration=3000",
        "-c:v",
        "libx264",
    ];
    let mut arguments: Vec<String> = slides.map(str::to_owned).to_vec();
    arguments.extend(["-pix_fmt".to_owned(), "yuv420p".to_owned(), text(&path)]);
    ffmpeg(&arguments);
    made_or(folder.path(), &path, &[]).await;
}

/// An ordinary film that needs more memory than the operator allows: that is reported, and not that
/// it is damaged.
#[tokio::test]
async fn a_film_that_needs_more_memory_than_is_allowed() {
    let folder = folder();
    let path = make_film(
        &folder.path().join("film.mp4"),
        "3840x2160",
        "25",
        1.0,
        &["-bf", "2"],
    );
    let memory = (256 << 20).to_string();
    let (film, out) = (text(&path), text(&folder.path().join("out")));
    let arguments = [
        "transcode",
        &film,
        "--out",
        &out,
        "--json",
        "--ffmpeg-memory",
        &memory,
    ];
    let answer = edgereel_run(&arguments, folder.path(), Duration::from_secs(120)).await;
    assert_eq!(
        answer.last()["error"]["code"],
        "too-demanding",
        "{:?}\n{}",
        answer.objects,
        answer.stderr
    );
}
