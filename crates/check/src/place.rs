//! Formats locations for a report: short, and without secrets.

use url::Url;

/// `url` relative to the directory of `base`, or without query, fragment and credentials if it is
/// elsewhere.
///
/// Queries and credentials may grant access to a reader of the report, so they are never shown.
pub(crate) fn short(base: &Url, url: &Url) -> String {
    let url = bare(url);
    let folder = bare(base).join(".").map(String::from).unwrap_or_default();
    match url.as_str().strip_prefix(&folder) {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => url.into(),
    }
}

fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // These fail only for URLs that cannot have a user name or password.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// A URI as written in the playlist, without its query.
pub(crate) fn written(uri: &str) -> String {
    let uri = uri.split(['?', '#']).next().unwrap_or_default();
    let mut short: String = uri.chars().take(200).collect();
    if let Some((scheme, rest)) = short.split_once("://")
        && let Some((_, host)) = rest.split_once('@')
    {
        short = format!("{scheme}://{host}");
    }
    short
}
