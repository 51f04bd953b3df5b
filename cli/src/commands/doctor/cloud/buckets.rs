//! Both buckets: what the programs do with objects.

use bytes::Bytes;
use domain::object_key::{Bucket, ObjectKey, ObjectPrefix};
use platform::object_store::s3::{S3Store, S3StoreConfig};
use platform::object_store::{ObjectStore as _, PutCondition, StoreError};

use super::super::finding::{Finding, State};
use super::TestVideo;

const WHAT: &str = "buckets";

/// A request that failed, or had another effect than S3's.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("cannot {what}")]
    Failed {
        what: &'static str,
        #[source]
        source: StoreError,
    },
    #[error("{0}")]
    Differs(&'static str),
}

/// Writes the video, and reads it in each way. Returns whether all of it is there.
pub(super) async fn check(
    store: &S3Store,
    config: &S3StoreConfig,
    video: &TestVideo,
    mut report: impl FnMut(Finding),
) -> bool {
    let mut are_good = true;
    for bucket in [Bucket::Private, Bucket::Media] {
        let name = name(config, bucket);
        let mut result = Ok(());
        for (key, body) in video.objects.iter().filter(|it| it.0.bucket() == bucket) {
            result = try_object(store, key, body).await;
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            result = try_listing(store, video, bucket).await;
        }
        report(match result {
            Ok(()) => Finding::ok(
                WHAT,
                format!("`{name}`: objects can be written, read, listed"),
            ),
            Err(problem) => {
                are_good = false;
                Finding::other(
                    WHAT,
                    State::Error,
                    format!("`{name}`: {:#}", anyhow::Error::from(problem)),
                    "correct the endpoint, the name and the access key; it needs the right to read and write objects",
                )
            }
        });
    }
    are_good
}

fn name(config: &S3StoreConfig, bucket: Bucket) -> &str {
    match bucket {
        Bucket::Private => &config.private_bucket,
        Bucket::Media => &config.media_bucket,
    }
}

async fn try_object(store: &S3Store, key: &ObjectKey, body: &[u8]) -> Result<(), Fault> {
    let failed = |what| move |source| Fault::Failed { what, source };
    let bytes = || Bytes::copy_from_slice(body);
    let written = store.put(key, bytes(), PutCondition::Absent).await;
    let etag = written.map_err(failed("write an object"))?;
    match store.put(key, bytes(), PutCondition::Absent).await {
        Err(StoreError::ConditionFailed { .. }) => {}
        Ok(_) => {
            return Err(Fault::Differs(
                "the store ignores `If-None-Match`: two transcoders could overwrite each other's objects",
            ));
        }
        Err(source) => return Err(failed("write an object on a condition")(source)),
    }
    let meta = store.head(key).await.map_err(failed("query an object"))?;
    if (meta.size, &meta.etag) != (body.len() as u64, &etag) {
        return Err(Fault::Differs(
            "the object has another size or ETag than was written",
        ));
    }
    let part = store.get(key, Some(0..1), Some(&etag)).await;
    part.map(drop).map_err(failed("read a part of an object"))
}

async fn try_listing(store: &S3Store, video: &TestVideo, bucket: Bucket) -> Result<(), Fault> {
    let mut listed = 0;
    for family in of_bucket(video, bucket) {
        let page = store.list(&family, None).await;
        let page = page.map_err(|source| Fault::Failed {
            what: "list objects",
            source,
        })?;
        listed += page.entries.len();
    }
    let written = video.objects.iter().filter(|it| it.0.bucket() == bucket);
    if listed == written.count() {
        Ok(())
    } else {
        Err(Fault::Differs(
            "a listing lacks objects that were just written",
        ))
    }
}

fn of_bucket(video: &TestVideo, bucket: Bucket) -> impl Iterator<Item = ObjectPrefix> {
    let families = video.families().into_iter();
    families.filter(move |it| it.bucket() == bucket)
}

/// Removes the video. A finding names what stays.
pub(super) async fn remove(
    store: &S3Store,
    config: &S3StoreConfig,
    video: &TestVideo,
) -> Option<Finding> {
    let mut left = vec![];
    for family in video.families() {
        if let Err(problem) = store.delete_all(&family).await {
            let name = name(config, family.bucket());
            let problem = anyhow::Error::from(problem);
            left.push(format!("`{name}`, `{}`: {problem:#}", family.path()));
        }
    }
    (!left.is_empty()).then(|| {
        let found = format!(
            "cannot remove the objects of this check: {}",
            left.join("; ")
        );
        let advice = "give the access key the right to delete objects, and remove these";
        Finding::other(WHAT, State::Error, found, advice)
    })
}

#[cfg(test)]
mod tests {
    use domain::content_key::KeyEncryptionKeys;
    use platform::testing::RunningServer;

    use super::*;

    #[tokio::test]
    async fn a_video_is_written_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let server = RunningServer::start(folder.path()).await;
        let config = server.store_config();
        let store = S3Store::new(&config);
        let keys =
            KeyEncryptionKeys::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        for keys in [Some(&keys), None] {
            let video = TestVideo::new(keys).unwrap();
            let mut findings = vec![];
            assert!(check(&store, &config, &video, |it| findings.push(it)).await);
            assert!(
                findings.iter().all(|it| it.state == State::Ok),
                "{findings:?}"
            );
            assert_eq!(findings.len(), 2);

            // Its objects are there already.
            assert!(!check(&store, &config, &video, |it| findings.push(it)).await);
            assert_eq!(findings[2].state, State::Error, "{findings:?}");

            assert!(remove(&store, &config, &video).await.is_none());
            for family in video.families() {
                assert!(store.list(&family, None).await.unwrap().entries.is_empty());
            }
        }
    }

    #[tokio::test]
    async fn a_bucket_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let server = RunningServer::start(folder.path()).await;
        let config = S3StoreConfig {
            media_bucket: "typo".to_owned(),
            ..server.store_config()
        };
        let video = TestVideo::new(None).unwrap();
        let mut findings = vec![];
        assert!(
            !check(&S3Store::new(&config), &config, &video, |it| findings
                .push(it))
            .await
        );
        assert_eq!(findings[0].state, State::Ok, "{findings:?}");
        assert_eq!(findings[1].state, State::Error, "{findings:?}");
        assert!(
            findings[1].found.contains("`typo`: cannot write an object"),
            "{findings:?}"
        );
    }
}
