//! What is asked wrongly is answered with a sentence and 2; what fails, with 1.

use crate::process::run;

#[test]
fn wrong_questions_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.mp4"), "").unwrap();
    std::fs::write(folder.path().join("text.mp4"), "not a video").unwrap();
    std::fs::write(folder.path().join("wrong.toml"), "segment_seconds = 99.0").unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check", "nothing.m3u8", "--json"], 2, "usage"),
        (&["check", "ftp://example.com/a.m3u8", "--json"], 2, "usage"),
        (&["check", "text.mp4", "--json"], 1, "unreadable"),
        (&["upload", "text.mp4", "--json"], 1, "not-running"),
        (&["grant", "vid_018bcfe5680077078707070707070707", "--json"], 1, "not-running"),
        (&["transcode", "empty.mp4", "--out", "o", "--json"], 1, "empty-file"),
        (&["transcode", "text.mp4", "--out", "o", "--json"], 1, "not-a-video"),
        (&["transcode", "text.mp4", "--out", "o", "--profile", "wrong.toml", "--json"], 1, "invalid-profile"),
        (&["transcode", "text.mp4", "--out", "o", "--profile", "none.toml", "--json"], 1, "failed"),
        (&["upload", "text.mp4", "--json", "--log", "info=loud"], 2, "usage"),
    ];
    for (arguments, code, error) in cases {
        let run = run(folder.path(), arguments);
        assert_eq!((run.code, run.error_code().as_str()), (*code, *error), "{arguments:?} {}", run.stdout);
    }
    assert!(!folder.path().join("o").join("hls").exists(), "nothing is left of what failed");
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
        &["grant", "vid_018bcfe5680077078707070707070707", "--for", "soon"],
        &["dev", "--listen", "everywhere"],
        &["dev", "--encoders", "0"],
    ];
    for arguments in wrong {
        let run = run(folder.path(), arguments);
        assert_eq!(run.code, 2, "{arguments:?}");
        assert!(run.stderr.contains("Usage") || run.stderr.contains("--help"), "{arguments:?} {}", run.stderr);
    }
}

#[test]
fn people_get_a_sentence_and_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), &["transcode", "nothing.mp4", "--out", "o"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.starts_with("error: "), "{}", run.stderr);
    assert_eq!(run.stdout, "");
}
