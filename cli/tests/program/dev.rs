//! `edgereel dev`: other commands find it while it runs.

use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;

use crate::process::Dev;

#[test]
fn other_commands_find_it_while_it_runs() {
    let mut dev = Dev::start(&[]);
    let info = dev.info();
    let keys = |value: &serde_json::Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&info), ["api", "edge", "s3", "token"]);
    assert_eq!(
        keys(&info["s3"]),
        [
            "access_key_id",
            "endpoint",
            "media_bucket",
            "private_bucket",
            "secret_access_key"
        ]
    );
    assert_eq!(
        std::fs::metadata(dev.info_file())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );

    let second = dev.run(&["dev", "--listen", "127.0.0.1:0", "--json"]);
    assert_eq!(
        (second.code, second.error_code().as_str()),
        (1, "data-dir-in-use")
    );
    let api = info["api"].as_str().unwrap();
    assert!(
        second.stdout.contains(api),
        "it says where the other is: {}",
        second.stdout
    );
    let listen = api.strip_prefix("http://").unwrap();
    let same_port = dev.run(&["dev", "--data", "other", "--listen", listen, "--json"]);
    assert_eq!(
        (same_port.code, same_port.error_code().as_str()),
        (1, "port-in-use")
    );
    assert!(dev.info_file().exists(), "neither has touched the first");

    assert_eq!(dev.end(Signal::TERM), Some(0), "{}", dev.log());
    assert!(!dev.info_file().exists());
    let folder = dev.folder.path().join(".edgereel");
    let left: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert!(
        !left
            .iter()
            .any(|it| it.to_string_lossy().starts_with(".new-")),
        "{left:?}"
    );
}

#[test]
fn a_readable_folder_gets_private_files_and_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("open");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut dev = Dev::start(&["--data", data.to_str().unwrap()]);
    let open: Vec<_> = std::fs::read_dir(&data)
        .unwrap()
        .map(|it| it.unwrap())
        .filter(|it| it.metadata().unwrap().permissions().mode() & 0o077 != 0)
        .map(|it| it.file_name())
        .collect();
    assert!(open.is_empty(), "others can read {open:?}");
    assert_eq!(dev.end(Signal::TERM), Some(0), "{}", dev.log());
    assert!(dev.log().contains("chmod -R go="), "{}", dev.log());
}

#[test]
fn after_a_kill_it_starts_as_if_nothing_had_been() {
    let mut dev = Dev::start(&[]);
    let token = dev.info()["token"].clone();
    assert_eq!(dev.end(Signal::KILL), None);
    assert!(dev.info_file().exists(), "nobody could remove it");
    let not_there = dev.run(&["grant", "vid_018bcfe5680077078707070707070707", "--json"]);
    assert_eq!(
        (not_there.code, not_there.error_code().as_str()),
        (1, "api-unreachable")
    );

    let data = dev
        .folder
        .path()
        .join(".edgereel")
        .to_string_lossy()
        .into_owned();
    let again = Dev::start(&["--data", &data]);
    let info: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dev.info_file()).unwrap()).unwrap();
    assert_eq!(info["token"], token);
    drop(again);
}
