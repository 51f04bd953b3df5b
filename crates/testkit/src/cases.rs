//! Runs many cases against one server.

use std::panic::AssertUnwindSafe;

use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _};

/// A case and its name.
pub type Case<'a> = (&'static str, LocalBoxFuture<'a, ()>);

/// Runs all cases, `at_once` of them concurrently, also after one has failed.
///
/// # Panics
/// At the end, with the names of those that failed.
pub async fn together(cases: Vec<Case<'_>>, at_once: usize) {
    let reported = |name| {
        eprintln!("^ this was: {name}");
        name
    };
    let runs = cases.into_iter().map(|(name, case)| {
        AssertUnwindSafe(case)
            .catch_unwind()
            .map(move |it| it.err().map(|_| reported(name)))
    });
    let ended: Vec<_> = futures::stream::iter(runs)
        .buffer_unordered(at_once)
        .collect()
        .await;
    let failed: Vec<_> = ended.into_iter().flatten().collect();
    assert!(
        failed.is_empty(),
        "failed, as reported above: {}",
        failed.join(", ")
    );
}
