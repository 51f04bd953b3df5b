use super::*;
use crate::tests::build::{copy_of, good};
use crate::tests::edit::{HIGH, LOW, MASTER, Tree};

#[test]
fn a_good_tree_breaks_no_must_and_all_of_it_is_read() {
    let report = check(&good().join(MASTER));
    assert!(report.ok, "{}", listing(&report));
    assert_eq!(
        broken(&report, Level::Must),
        [] as [&str; 0],
        "{}",
        listing(&report)
    );
    assert_eq!(
        broken(&report, Level::Should),
        [] as [&str; 0],
        "{}",
        listing(&report)
    );
    assert_eq!(
        (
            report.checked.playlists,
            report.checked.segments,
            report.checked.keys
        ),
        (5, 9 + 18, 4)
    );
    assert!(
        (report.checked.seconds - (3.0 * 18.0 + 18.0)).abs() < 20.0,
        "{}",
        report.checked.seconds
    );
    let stored: u64 = walk(&good().join("gen"))
        .iter()
        .filter(|it| it.0.ends_with(".ts"))
        .map(|it| it.1)
        .sum();
    assert_eq!(report.checked.bytes, stored);
}

fn walk(folder: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .flat_map(|it| match it.file_type().unwrap().is_dir() {
            true => walk(&it.path()),
            false => vec![(
                it.file_name().into_string().unwrap(),
                it.metadata().unwrap().len(),
            )],
        })
        .collect()
}

#[test]
fn a_folder_and_a_media_playlist_are_targets_too() {
    let report = check(good());
    assert!(
        report.ok && report.target.ends_with("master.m3u8"),
        "{}",
        listing(&report)
    );
    let report = check(&good().join(HIGH));
    assert_eq!(
        (report.ok, report.checked.playlists, report.checked.segments),
        (true, 1, 3),
        "{}",
        listing(&report)
    );
}

#[test]
fn a_growing_playlist_is_fine_and_its_rates_are_not_judged() {
    let copy = copy_of(good());
    let tree = Tree(copy.path());
    for file in [HIGH, LOW, crate::tests::edit::AUDIO] {
        tree.replace(file, "VOD", "EVENT");
        tree.replace(file, "#EXT-X-ENDLIST\n", "");
    }
    tree.set(MASTER, "BANDWIDTH=", |_| "9000000".to_owned());
    let report = check(&copy.path().join(MASTER));
    assert!(report.ok, "{}", listing(&report));
}

#[test]
fn sampling_reads_less_and_finds_no_false_fault() {
    let target: Target = good().join(MASTER).to_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = Options {
        every: 10,
        ..Options::default()
    };
    let report = runtime.block_on(run(&target, &options, &|_| {})).unwrap();
    assert!(report.ok, "{}", listing(&report));
    assert_eq!(report.checked.segments, 3 * 2 + 3);
}

#[test]
fn what_cannot_be_checked_answers_in_a_sentence() {
    let target = |text: &str| text.parse::<Target>().unwrap_err().to_string();
    insta_like(
        &target("/no/such/file.m3u8"),
        "there is no file `/no/such/file.m3u8`; give the path or the http URL of a playlist (.m3u8)",
    );
    insta_like(
        &target("ftp://host/a.m3u8"),
        "`ftp:` URLs cannot be checked; use http, https or a path",
    );
    let folder = tempfile::tempdir().unwrap();
    assert!(target(folder.path().to_str().unwrap()).contains("name the playlist itself"));
    let file = folder.path().join("a.m3u8");
    std::fs::write(&file, "hello").unwrap();
    let target: Target = file.to_str().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let error = runtime
        .block_on(run(&target, &Options::default(), &|_| {}))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is not a playlist: it does not begin with #EXTM3U"),
        "{error}"
    );
}

#[track_caller]
fn insta_like(actual: &str, expected: &str) {
    assert_eq!(actual, expected);
}

#[test]
fn the_report_serialises_as_documented() {
    let copy = copy_of(good());
    Tree(copy.path()).remove_attribute(MASTER, "AVERAGE-BANDWIDTH");
    let json = serde_json::to_value(check(&copy.path().join(MASTER))).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["summary"]["must"], 2);
    let finding = &json["findings"][0];
    assert_eq!(
        (
            finding["rule"].as_str(),
            finding["level"].as_str(),
            finding["place"]["playlist"].as_str()
        ),
        (Some("Apple-9.14"), Some("must"), Some("master.m3u8"))
    );
    assert_eq!(finding["place"]["line"], 5);
    assert!(json["checked"]["bytes"].as_u64().unwrap() > 0);
}
