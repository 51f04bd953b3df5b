//! `edgereel convert` with files that are not videos: plans, filters, reports and exit codes.

use domain::ids::VideoId;
use domain::object_key::{ExternalPath, ObjectKey};
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::object_store::{ObjectStore as _, PutCondition};
use platform::secret::Secret;
use serde_json::{Value, json};

use crate::process::{Dev, run};

/// Puts objects into the private bucket.
fn put(dev: &Dev, objects: &[(&str, &'static str)]) {
    let info = dev.info();
    let word = |name: &str| info["s3"][name].as_str().unwrap().to_owned();
    let config = S3StoreConfig {
        endpoint: word("endpoint"),
        public_endpoint: None,
        region: "auto".to_owned(),
        access_key_id: word("access_key_id"),
        secret_access_key: Secret::new(word("secret_access_key")),
        private_bucket: word("private_bucket"),
        media_bucket: word("media_bucket"),
        force_path_style: true,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = S3Store::new(&config);
        for (path, content) in objects {
            let path = ExternalPath::try_from((*path).to_owned()).unwrap();
            let video = VideoId::new(1, [1; 10]);
            let key = ObjectKey::External { video, path };
            let put = store.put(&key, (*content).into(), PutCondition::Always);
            put.await.unwrap();
        }
    });
}

/// The keys and states of the events about objects.
fn plans(events: &[Value]) -> Vec<(String, String)> {
    let word = |it: &Value| it.as_str().unwrap().to_owned();
    let objects = events.iter().filter(|it| it["event"] == "object");
    objects
        .map(|it| (word(&it["object"]["object"]), word(&it["object"]["state"])))
        .collect()
}

#[test]
fn a_plan_says_what_would_be_converted() {
    let dev = Dev::start(&[]);
    put(
        &dev,
        &[
            ("films/a.mp4", "one"),
            ("films/b.mov", "one"),
            ("films/c.mp4", "two"),
            ("films/empty.mp4", ""),
            ("films/notes.txt", "text"),
            ("other/d.mp4", "three"),
        ],
    );
    let plan = dev.run(&["convert", "--prefix", "films/", "--dry-run", "--json"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    let events = plan.objects();
    let expected = [
        ("films/a.mp4", "waiting"),
        ("films/b.mov", "duplicate"),
        ("films/c.mp4", "waiting"),
        ("films/empty.mp4", "skipped"),
        ("films/notes.txt", "skipped"),
    ];
    let expected = expected.map(|(key, state)| (key.to_owned(), state.to_owned()));
    assert_eq!(plans(&events), expected);
    assert_eq!(events[1]["object"]["duplicate_of"], "films/a.mp4");
    let last = events.last().unwrap();
    assert_eq!(last["event"], "plan");
    assert_eq!(
        (&last["left"], &last["left_estimate"]["bytes"]),
        (&json!(2), &json!(6))
    );

    let text = dev.run(&[
        "convert",
        "--include",
        "{b,d}.*",
        "--exclude",
        "other/**",
        "--dry-run",
    ]);
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", text.stdout);
    assert!(
        lines[0].starts_with("OBJECT ") && lines[1].starts_with("films/b.mov "),
        "{lines:?}"
    );
    assert!(
        lines[1].ends_with("convert") && lines[2].starts_with("1 objects to convert: 3 bytes"),
        "{lines:?}"
    );
    assert!(lines[4].contains("by the default prices"), "{lines:?}");
    assert_eq!(
        dev.run(&["ls", "--json"]).stdout,
        "",
        "nothing was converted"
    );
}

#[test]
fn files_that_are_not_videos_are_reported() {
    let dev = Dev::start(&[]);
    put(
        &dev,
        &[("a.mp4", "one"), ("b.mp4", "two"), ("c.mp4", "one")],
    );
    let report = dev.folder.path().join("out.json");
    let path = report.to_str().unwrap();
    let halted = dev.run(&["convert", "--budget", "0", "--report", path, "--json"]);
    assert_eq!(
        (halted.code, halted.error_code().as_str()),
        (3, "budget-reached")
    );
    let states = || {
        let text = std::fs::read_to_string(&report).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let objects = document["objects"].as_array().unwrap().clone();
        objects
            .iter()
            .map(|it| it["state"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        states(),
        ["not-started: budget", "not-started: budget", "duplicate"]
    );

    let failed = dev.run(&[
        "convert",
        "--report",
        path,
        "--owner",
        "ann",
        "--external-id",
        "none",
        "--json",
    ]);
    assert_eq!(
        (failed.code, failed.error_code().as_str()),
        (1, "videos-failed")
    );
    assert_eq!(states(), ["failed", "failed", "duplicate"]);
    let videos = dev.run(&["ls", "--json"]).objects();
    assert_eq!(videos.len(), 2);
    for video in videos {
        assert_eq!(
            (&video["owner"], &video["external_id"]),
            (&json!("ann"), &json!(null))
        );
        assert_eq!(video["failure"]["code"], "not-a-video");
    }
    // Another run finds them, although it asks for other ids.
    let again = dev.run(&["convert"]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("2 objects have no correct video"),
        "{}",
        again.stderr
    );
    assert_eq!(dev.run(&["ls", "--json"]).objects().len(), 2);

    let wrong = dev.run(&[
        "convert",
        "--include",
        "new/*",
        "--profile",
        "none",
        "--json",
    ]);
    assert_eq!(wrong.code, 0, "no object, no request");
    put(&dev, &[("new/d.mp4", "four")]);
    let wrong = dev.run(&[
        "convert",
        "--include",
        "new/*",
        "--profile",
        "none",
        "--report",
        path,
        "--json",
    ]);
    assert_eq!(
        (wrong.code, wrong.error_code().as_str()),
        (1, "no-such-profile")
    );
    assert_eq!(states(), ["not-started: error"]);
}

#[test]
fn settings_are_checked_before_anything_is_requested() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [["--include", "[a"], ["--report", "report.txt"]] {
        let run = run(folder.path(), &["convert", "--json", wrong[0], wrong[1]]);
        assert_eq!(
            (run.code, run.error_code().as_str()),
            (2, "usage"),
            "{wrong:?}"
        );
    }
    for wrong in [
        ["--budget", "nan"],
        ["--rate", "0"],
        ["--newer-than", "yesterday"],
        ["--larger-than", "big"],
        ["--external-id", "etag"],
    ] {
        let run = run(folder.path(), &["convert", wrong[0], wrong[1]]);
        assert_eq!(run.code, 2, "{wrong:?}");
        assert!(
            run.stderr.contains(wrong[0]) && run.stderr.contains("--help"),
            "{}",
            run.stderr
        );
    }
    let alone = run(folder.path(), &["convert", "--json"]);
    assert_eq!(
        (alone.code, alone.error_code().as_str()),
        (1, "not-running")
    );
}
