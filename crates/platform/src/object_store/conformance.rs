//! The conformance suite for object stores: one function per behaviour, for any implementation.
//!
//! Each case works on its own video and removes it at the end, so cases may run concurrently, on a
//! store that holds other objects. They panic on a violation.

mod conditions;
mod families;
mod reading;

use bytes::Bytes;
use domain::ids::{Generation, VideoId};
use domain::object_key::{FileName, ObjectKey, ObjectPrefix, SegmentFormat};
use futures::TryStreamExt as _;

pub use self::conditions::*;
pub use self::families::*;
pub use self::reading::*;
use super::{ObjectStore, PutCondition, StoreError};

/// Generates one test per behaviour. `$store`: an expression of `(store, guard)`, which may await;
/// the store lives as long as the guard.
///
/// With `together:` in front, it generates a `Vec` of `testkit::Case` instead: for a store on a
/// server that is slow to start.
#[macro_export]
macro_rules! object_store_conformance {
    (together: $store:expr) => {
        $crate::object_store_conformance! { @behaviours together $store }
    };
    ($store:expr) => {
        $crate::object_store_conformance! { @behaviours each $store }
    };
    (@behaviours $how:ident $store:expr) => {
        $crate::object_store_conformance! { @$how $store;
            puts_and_reads_back, reads_ranges, refuses_ranges_outside, reads_only_what_matches,
            holds_empty_objects, says_what_is_missing, describes_objects, streams_large_objects,
            a_reader_keeps_the_version_it_began,
            one_of_sixteen_first_writers_wins, one_of_sixteen_replacements_wins, conditions_are_checked,
            etags_change_with_each_content,
            lists_in_pages, lists_only_its_family, deletes_families, deletes_are_repeatable,
            copies_between_buckets, copies_onto_what_is_there, unusual_file_names_survive,
        }
    };
    (@each $store:expr; $($behaviour:ident),* $(,)?) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $behaviour() {
            let (store, guard) = $store;
            $crate::object_store::conformance::$behaviour(&store).await;
            drop(guard);
        }
    )* };
    (@together $store:expr; $($behaviour:ident),* $(,)?) => {
        vec![$(
            (stringify!($behaviour), Box::pin(async {
                let (store, _guard) = $store;
                $crate::object_store::conformance::$behaviour(&store).await;
            }) as ::std::pin::Pin<Box<dyn Future<Output = ()>>>),
        )*]
    };
}

/// A new video and its keys.
struct Subject {
    video: VideoId,
    generation: Generation,
}

impl Subject {
    fn new() -> Self {
        let mut random = [0; 10];
        getrandom::fill(&mut random).expect("the operating system has randomness");
        Self {
            video: VideoId::new(1_700_000_000_000, random),
            generation: Generation::of("etag", "profile"),
        }
    }

    fn segment(&self, index: u32) -> ObjectKey {
        ObjectKey::Segment {
            video: self.video,
            generation: self.generation.clone(),
            rendition: "1080p".parse().expect("it is a legal name"),
            index,
            attempt: 1,
            format: SegmentFormat::MpegTs,
        }
    }

    fn master(&self) -> ObjectKey {
        ObjectKey::Master { video: self.video }
    }

    fn source(&self, name: &str) -> ObjectKey {
        ObjectKey::Source {
            video: self.video,
            file_name: FileName::clean(name),
        }
    }

    /// Removes all objects of the video, and checks that none is left.
    async fn clear(self, store: &dyn ObjectStore) {
        for prefix in ObjectPrefix::of_video(self.video) {
            store
                .delete_all(&prefix)
                .await
                .expect("a family can be deleted");
            let rest = store
                .list(&prefix, None)
                .await
                .expect("a family can be listed");
            assert_eq!(rest.entries, [], "left after delete_all");
        }
    }
}

async fn put(store: &dyn ObjectStore, key: &ObjectKey, body: &[u8]) -> super::ETag {
    let body = Bytes::copy_from_slice(body);
    store
        .put(key, body, PutCondition::Always)
        .await
        .expect("an object can be put")
}

async fn get(
    store: &dyn ObjectStore,
    key: &ObjectKey,
    range: Option<std::ops::Range<u64>>,
) -> Vec<u8> {
    let body = store
        .get(key, range, None)
        .await
        .expect("an object can be read");
    body.stream
        .try_collect::<Vec<Bytes>>()
        .await
        .expect("its bytes arrive")
        .concat()
}

#[track_caller]
fn is_missing<T>(result: Result<T, StoreError>, key: &ObjectKey) {
    match result {
        Err(StoreError::NotFound { path }) => assert_eq!(path, key.path()),
        Err(other) => panic!("expected NotFound, got {other:?}"),
        Ok(_) => panic!("`{}` should not be there", key.path()),
    }
}

#[track_caller]
fn condition_failed<T>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::ConditionFailed { .. }) => {}
        Err(other) => panic!("expected ConditionFailed, got {other:?}"),
        Ok(_) => panic!("the condition should not hold"),
    }
}
