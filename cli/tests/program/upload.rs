//! `edgereel upload`, against a running system.

use std::path::{Path, PathBuf};

use api_types::uploads::{NewUpload, UploadInstructions};
use domain::ids::VideoId;
use domain::object_key::{FileName, ObjectKey};
use edgereel::api::Api;
use edgereel::upload::{ResumeNote, UploadFile};
use platform::object_store::ObjectStoreExt as _;
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::secret::Secret;
use serde_json::{Value, json};

use crate::process::Dev;

/// A file with different parts, which is not a video.
fn large_file(folder: &Path) -> PathBuf {
    let path = folder.join("large film.mp4");
    let bytes: Vec<u8> = (0..66_u32 << 18)
        .flat_map(|it| it.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The content of the private bucket.
async fn stored(info: &Value, video: VideoId, name: &str) -> Vec<u8> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let store = S3Store::new(&S3StoreConfig {
        endpoint: text(&info["s3"]["endpoint"]),
        public_endpoint: None,
        region: "auto".to_owned(),
        access_key_id: text(&info["s3"]["access_key_id"]),
        secret_access_key: Secret::new(text(&info["s3"]["secret_access_key"])),
        private_bucket: text(&info["s3"]["private_bucket"]),
        media_bucket: text(&info["s3"]["media_bucket"]),
        force_path_style: true,
    });
    let key = ObjectKey::Source {
        video,
        file_name: FileName::clean(name),
    };
    store.read(&key, 1 << 30).await.unwrap().to_vec()
}

fn video_of(object: &Value) -> VideoId {
    object["video"].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_uploaded_in_parts_and_a_rejection_is_reported() {
    let dev = Dev::start(&[]);
    let path = large_file(dev.folder.path());
    let run = dev.run(&["upload", path.to_str().unwrap(), "--wait", "--json"]);
    assert_eq!(
        (run.code, run.error_code().as_str()),
        (1, "not-a-video"),
        "{}",
        run.stdout
    );
    let objects = run.objects();
    assert_eq!(
        (&objects[0]["event"], &objects[0]["resumed"]),
        (&json!("created"), &json!(false))
    );
    assert!(
        objects.iter().any(|it| it["event"] == "uploaded"),
        "{}",
        run.stdout
    );
    let arrived = stored(&dev.info(), video_of(&objects[0]), "large film.mp4").await;
    assert!(
        arrived == std::fs::read(&path).unwrap(),
        "the bytes are those of the file"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_resumes_with_the_missing_parts() {
    let dev = Dev::start(&[]);
    let path = large_file(dev.folder.path());
    let info = dev.info();
    let base = info["api"].as_str().unwrap();
    let api = Api::new(base, Secret::new(info["token"].as_str().unwrap())).unwrap();
    let file = UploadFile::open(&path).await.unwrap();

    // An earlier run sent two parts, one of them damaged, and was killed.
    let request = NewUpload {
        filename: file.name.clone(),
        size: file.size,
        ..NewUpload::default()
    };
    let created = api.create_upload(&request).await.unwrap();
    let UploadInstructions::Multipart { part_size, parts } = created.upload else {
        panic!("one request")
    };
    assert_eq!(parts, 5);
    let bytes = std::fs::read(&path).unwrap();
    let mut damaged = bytes[part_size as usize..2 * part_size as usize].to_vec();
    damaged[7] ^= 1;
    for (number, body) in [(1, bytes[..part_size as usize].to_vec()), (2, damaged)] {
        let signed = api
            .sign_parts(created.video, &[number])
            .await
            .unwrap()
            .remove(0);
        let answer = api
            .http()
            .put(&signed.request.url)
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    ResumeNote::within(&dev.folder.path().join("state"), base, &file).write(created.video);

    let run = dev.run(&["upload", path.to_str().unwrap(), "--json"]);
    assert_eq!(run.code, 0, "{} {}", run.stdout, run.stderr);
    let first = run.objects().remove(0);
    assert_eq!(
        (video_of(&first), &first["resumed"]),
        (created.video, &json!(true))
    );
    assert!(
        stored(&info, created.video, &file.name).await == bytes,
        "the damaged part was sent again"
    );

    // The upload is complete: uploading the same file again creates another video.
    let again = dev
        .run(&["upload", path.to_str().unwrap(), "--json"])
        .objects()
        .remove(0);
    assert_eq!(again["resumed"], false);
    assert_ne!(video_of(&again), created.video);
}

#[test]
fn errors_of_the_api_are_reported() {
    let dev = Dev::start(&[]);
    let path = dev.folder.path().join("a.mp4");
    std::fs::write(&path, "abc").unwrap();
    let path = path.to_str().unwrap();
    let run = dev.run(&["upload", path, "--profile", "huge", "--json"]);
    assert_eq!(
        (run.code, run.error_code().as_str()),
        (1, "no-such-profile")
    );
    let api = dev.info()["api"].as_str().unwrap().to_owned();
    let run = dev.run(&["upload", path, "--api", &api, "--token", "wrong", "--json"]);
    assert_eq!((run.code, run.error_code().as_str()), (1, "unauthorized"));
}
