use domain::ids::VideoId;
use domain::object_key::FileName;

use super::*;

fn store() -> (DirectoryStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (
        DirectoryStore::new(folder.path().join("out"), folder.path().join("private")),
        folder,
    )
}

crate::object_store_conformance!(store());

fn video() -> VideoId {
    VideoId::new(1_700_000_000_000, [7; 10])
}

#[tokio::test]
async fn objects_are_files_at_their_paths() {
    let (store, folder) = store();
    let master = ObjectKey::Master { video: video() };
    let source = ObjectKey::Source {
        video: video(),
        file_name: FileName::clean("a.mp4"),
    };
    for key in [&master, &source] {
        store
            .put(key, "text".into(), PutCondition::Always)
            .await
            .unwrap();
    }
    let path = folder
        .path()
        .join("out/hls")
        .join(video().to_string())
        .join("master.m3u8");
    assert_eq!(std::fs::read(&path).unwrap(), b"text");
    assert_eq!(store.path(&master), path);
    assert!(folder.path().join("private/uploads").is_dir());
}

#[tokio::test]
async fn nothing_is_left_but_objects() {
    let (store, folder) = store();
    let master = ObjectKey::Master { video: video() };
    store
        .put(&master, "text".into(), PutCondition::Absent)
        .await
        .unwrap();
    store
        .put(&master, "text".into(), PutCondition::Absent)
        .await
        .unwrap_err();
    let files = std::fs::read_dir(store.path(&master).parent().unwrap())
        .unwrap()
        .count();
    assert_eq!(files, 1, "no temporary file, after success or refusal");
    store.delete(&master).await.unwrap();
    assert!(
        !folder.path().join("out/hls").exists(),
        "no empty directory"
    );
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_is_an_error() {
    let (store, _folder) = store();
    let master = ObjectKey::Master { video: video() };
    store
        .put(&master, vec![0; 1 << 20].into(), PutCondition::Always)
        .await
        .unwrap();
    let mut body = store.get(&master, None, None).await.unwrap().stream;
    File::options()
        .write(true)
        .open(store.path(&master))
        .unwrap()
        .set_len(10)
        .unwrap();
    let error = loop {
        match body.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("a silent end"),
        }
    };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_folder_in_the_way_is_refused_with_the_reason() {
    let (store, _folder) = store();
    let master = ObjectKey::Master { video: video() };
    std::fs::create_dir_all(store.path(&master).join("x")).unwrap();
    let error = store
        .put(&master, "x".into(), PutCondition::Always)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error:?}");
}
