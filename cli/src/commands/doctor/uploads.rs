//! Whether browsers can upload to the private bucket.

use api::upload_cors;
use config::ServiceArgs;
use platform::object_store::s3::{S3Store, S3StoreConfig};

use super::finding::{Finding, State};

/// Uploads from these origins, and from those in `EDGEREEL_CORS_ORIGINS`. Without an origin, nothing is reported.
pub(super) async fn check(store: &S3Store, given: &[String], mut report: impl FnMut(Finding)) {
    for origin in origins(given) {
        report(match upload_cors::check(store, &origin).await {
            Ok(()) => Finding::ok("bucket", format!("browsers can upload from {origin}")),
            Err(problem) => {
                let found = format!(
                    "browsers cannot upload from {origin}: {:#}",
                    anyhow::Error::from(problem)
                );
                let advice = "set the CORS rule of the private bucket as in docs/uploads.md";
                Finding::other("bucket", State::Error, found, advice)
            }
        });
    }
}

/// The origins of pages. One origin represents all.
pub(super) fn origins(given: &[String]) -> Vec<String> {
    let listed = std::env::var("EDGEREEL_CORS_ORIGINS").unwrap_or_default();
    let listed = listed.split(',').map(str::trim).filter(|it| !it.is_empty());
    let listed = listed.map(|it| if it == "*" { "https://any.example" } else { it }.to_owned());
    given.iter().cloned().chain(listed).collect()
}

/// The buckets from the environment, if configured.
pub(super) fn cloud_store() -> Option<S3StoreConfig> {
    let services = config::read::<ServiceArgs>().ok()?;
    Some(services.store.into())
}
