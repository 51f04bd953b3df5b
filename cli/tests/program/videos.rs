//! `edgereel ls`, `show` and `rm`, against a running system; completions and manual pages.

use serde_json::Value;

use crate::process::{Dev, run};

/// Stores files that wait for their first view, so that nothing is transcoded.
fn upload(dev: &Dev, names: &[&str]) -> Vec<String> {
    let ids = names.iter().map(|name| {
        let path = dev.folder.path().join(name);
        std::fs::write(&path, name.repeat(100)).unwrap();
        let path = path.to_str().unwrap();
        let run = dev.run(&["upload", path, "--on-first-view", "--json"]);
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        run.objects()[0]["video"].as_str().unwrap().to_owned()
    });
    ids.collect()
}

fn ids(run: &crate::process::Run) -> Vec<String> {
    let objects = run.objects().into_iter();
    objects
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn videos_are_listed_shown_and_deleted() {
    let dev = Dev::start(&[]);
    let videos = upload(&dev, &["one.mp4", "two.mp4", "three.mp4"]);
    let newest_first: Vec<String> = videos.iter().rev().cloned().collect();
    assert_eq!(ids(&dev.run(&["ls", "--json"])), newest_first);
    assert_eq!(ids(&dev.run(&["ls", "--all", "--json"])), newest_first);
    let found = dev.run(&["ls", "--search", "TWO", "--json"]);
    assert_eq!(ids(&found), videos[1..2]);
    assert_eq!(
        ids(&dev.run(&["ls", "--state", "failed,ready", "--json"])),
        [""; 0]
    );

    let text = dev.run(&["ls", "--sort", "title", "--limit", "2"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].starts_with("ID ") && lines[0].ends_with(" TITLE"),
        "{text}"
    );
    assert!(
        lines[1].starts_with(&videos[0]) && lines[1].ends_with("one.mp4"),
        "{text}"
    );
    assert_eq!(lines[3], "2 of 3 videos: use --all, or --limit, for more");

    let shown = dev.run(&["show", &videos[0]]).stdout;
    for part in [videos[0].as_str(), "one.mp4", "700 bytes"] {
        assert!(shown.contains(part), "{shown}");
    }
    let object: Value = dev.run(&["show", &videos[0], "--json"]).objects().remove(0);
    assert_eq!(object["id"], videos[0].as_str());

    let refused = dev.run(&["rm", &videos[0]]);
    assert_eq!(refused.code, 2, "nobody can be asked");
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let unknown = "vid_018bcfe5680077078707070707070707";
    let deleted = dev.run(&["rm", &videos[0], unknown, &videos[2], "--yes"]);
    assert_eq!(
        (deleted.code, deleted.stdout.lines().count()),
        (1, 2),
        "{}",
        deleted.stdout
    );
    assert!(deleted.stderr.starts_with("error: "), "{}", deleted.stderr);
    assert_eq!(ids(&dev.run(&["ls", "--json"])), videos[1..2]);
    let gone = dev.run(&["show", unknown, "--json"]);
    assert_eq!(
        (gone.code, gone.error_code().as_str()),
        (1, "no-such-video")
    );
}

#[test]
fn costs_are_shown_by_group() {
    let dev = Dev::start(&[]);
    let videos = upload(&dev, &["one.mp4"]);
    let table = dev.run(&["cost"]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    let lines: Vec<&str> = table.stdout.lines().collect();
    assert!(
        lines[0].starts_with("MONTH ") && lines[0].ends_with(" USD/MONTH"),
        "{lines:?}"
    );
    assert!(
        lines.len() == 2 && lines[1].starts_with("total "),
        "{lines:?}"
    );
    let csv = dev
        .run(&["cost", "--by", "owner", "--since", "2026-01", "--csv"])
        .stdout;
    assert!(
        csv.starts_with("owner,videos,") && csv.lines().count() == 1,
        "{csv}"
    );
    let objects = dev.run(&["cost", "--owner", "ann", "--json"]).objects();
    assert_eq!(
        (objects.len(), &objects[0]["total"]["videos"]),
        (1, &Value::from(0))
    );
    let without = dev.run(&["cost", &videos[0], "--json"]);
    assert_eq!(
        (without.code, without.error_code().as_str()),
        (1, "no-receipt")
    );
    for wrong in [
        &["--since", "2026-13"][..],
        &["--by", "video"],
        &["--csv", "--json"],
        &[&videos[0], "--by", "owner"],
    ] {
        let mut arguments = vec!["cost"];
        arguments.extend(wrong);
        assert_eq!(dev.run(&arguments).code, 2, "{wrong:?}");
    }
}

#[test]
fn completions_and_manual_pages_name_all_commands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = run(folder.path(), &["completions", shell]);
        assert_eq!(script.code, 0, "{}", script.stderr);
        for word in ["transcode", "on-first-view", "doctor"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    let written = run(folder.path(), &["man", "share/man1"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    let pages = folder.path().join("share/man1");
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap();
    assert!(page("edgereel.1").contains("edgereel\\-upload(1)"));
    assert!(page("edgereel-upload.1").contains("\\-\\-wait"));
    // Values of the environment, such as tokens, stay out of it.
    assert!(!page("edgereel-upload.1").contains(folder.path().to_str().unwrap()));
}
