//! Logs contain no token, key or signed URL at any level.

use std::process::Command;

use serde_json::Value;

use crate::process::Dev;

#[test]
fn the_most_verbose_log_contains_no_secret() {
    let dev = Dev::start(&["--log", "trace"]);
    let video = dev.folder.path().join("a.mp4");
    let made = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=25",
            "-t",
            "2",
        ])
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
        ])
        .arg(&video)
        .status()
        .unwrap();
    assert!(made.success());
    let run = dev.run(&[
        "upload",
        video.to_str().unwrap(),
        "--wait",
        "--json",
        "--log",
        "trace",
    ]);
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    let ready = run.objects().pop().unwrap();
    let url = ready["hls_url"].as_str().unwrap();
    assert_eq!(dev.run(&["check", url, "--json"]).code, 0);
    let (_, grant) = url.split_once("?grant=").unwrap();

    let secrets: Value = serde_json::from_slice(
        &std::fs::read(dev.folder.path().join(".edgereel/secrets.json")).unwrap(),
    )
    .unwrap();
    let mut words: Vec<String> = secrets
        .as_object()
        .unwrap()
        .iter()
        // The access key id is public.
        .filter(|it| it.0 != "s3_access_key_id")
        .map(|it| {
            it.1.as_str()
                .unwrap()
                .rsplit(':')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(words.len(), 6);
    words.extend([
        "X-Amz-Signature=".to_owned(),
        "grant=ey".to_owned(),
        grant.to_owned(),
    ]);
    for (whose, log) in [("dev", dev.log()), ("upload", run.stderr)] {
        assert!(
            whose == "upload" || log.contains("TRACE"),
            "it was meant to be talkative"
        );
        for word in &words {
            let line = log.lines().find(|it| it.contains(word.as_str()));
            assert!(
                line.is_none(),
                "the log of {whose} holds a secret: {}",
                line.unwrap_or_default()
            );
        }
    }
}
