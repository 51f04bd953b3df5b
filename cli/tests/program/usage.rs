//! Usage errors exit with 2 and a message that says what to do; failures exit with 1.

use crate::process::run;

#[test]
fn usage_errors_have_a_message() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.mp4"), "").unwrap();
    std::fs::write(folder.path().join("text.mp4"), "not a video").unwrap();
    std::fs::write(folder.path().join("wrong.toml"), "segment_seconds = 99.0").unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check", "nothing.m3u8", "--json"], 2, "usage"),
        (&["check", "ftp://example.com/a.m3u8", "--json"], 2, "usage"),
        (&["check", "text.mp4", "--json"], 1, "unreadable"),
        (&["upload", "text.mp4", "--json"], 1, "not-running"),
        (
            &["grant", "vid_018bcfe5680077078707070707070707", "--json"],
            1,
            "not-running",
        ),
        (
            &["transcode", "empty.mp4", "--out", "o", "--json"],
            1,
            "empty-file",
        ),
        (
            &["transcode", "text.mp4", "--out", "o", "--json"],
            1,
            "not-a-video",
        ),
        (
            &[
                "transcode",
                "text.mp4",
                "--out",
                "o",
                "--profile",
                "wrong.toml",
                "--json",
            ],
            1,
            "invalid-profile",
        ),
        (
            &[
                "transcode",
                "text.mp4",
                "--out",
                "o",
                "--profile",
                "none.toml",
                "--json",
            ],
            1,
            "failed",
        ),
        (
            &["upload", "text.mp4", "--json", "--log", "info=loud"],
            2,
            "usage",
        ),
    ];
    for (arguments, code, error) in cases {
        let run = run(folder.path(), arguments);
        assert_eq!(
            (run.code, run.error_code().as_str()),
            (*code, *error),
            "{arguments:?} {}",
            run.stdout
        );
    }
    assert!(
        !folder.path().join("o").join("hls").exists(),
        "nothing is left of what failed"
    );
}

#[test]
fn an_incomplete_environment_is_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let of_all = [
        "DATABASE",
        "S3_ENDPOINT",
        "S3_ACCESS_KEY_ID",
        "S3_SECRET_ACCESS_KEY",
        "PRIVATE_BUCKET",
        "MEDIA_BUCKET",
    ];
    let of_api = ["API_TOKEN", "EDGE_URL", "GRANT_KEYS", "WEBHOOK_KEYS"];
    let of_transcoder = ["KEY_ENCRYPTION_KEYS"];
    for command in ["api", "transcoder"] {
        let run = run(folder.path(), &[command, "--json"]);
        assert_eq!((run.code, run.error_code().as_str()), (2, "usage"));
        let text = run.objects().pop().unwrap()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        for name in of_all {
            assert!(
                text.contains(&format!("EDGEREEL_{name} is not set")),
                "{text}"
            );
        }
        for (names, asks) in [(&of_api[..], "api"), (&of_transcoder, "transcoder")] {
            for name in names {
                assert_eq!(
                    text.contains(&format!("EDGEREEL_{name} is not set")),
                    command == asks,
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn help_teaches_what_the_environment_needs() {
    let folder = tempfile::tempdir().unwrap();
    for (command, keys) in [
        ("api", "EDGEREEL_WEBHOOK_KEYS"),
        ("transcoder", "EDGEREEL_KEY_ENCRYPTION_KEYS"),
    ] {
        let text = run(folder.path(), &[command, "--help"]).stdout;
        for name in ["EDGEREEL_DATABASE", keys, "docs/configuration.md"] {
            assert!(text.contains(name), "{text}");
        }
    }
}

#[test]
fn arguments_are_explained_by_the_parser() {
    let folder = tempfile::tempdir().unwrap();
    let wrong: &[&[&str]] = &[
        &[],
        &["fly"],
        &["upload"],
        &["upload", "a.mp4", "--mode", "fast"],
        &["upload", "a.mp4", "--api", "http://example.com"],
        &["grant", "film"],
        &[
            "grant",
            "vid_018bcfe5680077078707070707070707",
            "--for",
            "soon",
        ],
        &["dev", "--listen", "everywhere"],
        &["dev", "--encoders", "0"],
        &["api", "--listen", "8787"],
        &["transcoder", "--jobs", "0"],
    ];
    for arguments in wrong {
        let run = run(folder.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(
            run.stderr.contains("Usage") || run.stderr.contains("--help"),
            "{arguments:?} {}",
            run.stderr
        );
    }
}

#[test]
fn text_errors_have_a_message_and_causes() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &["transcode", "nothing.mp4", "--out", "o"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}
