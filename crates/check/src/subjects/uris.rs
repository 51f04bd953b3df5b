//! Checks URIs: relative, and without visible secrets.

use url::Url;

use crate::place;
use crate::report::Findings;
use crate::rules::{ABSOLUTE_URI, CREDENTIALS, INSECURE_URI};
use crate::tree::{Document, Tree};

/// Query parameters of URLs that stores and networks sign.
const SIGNATURES: [&str; 8] = [
    "x-amz-signature",
    "x-amz-security-token",
    "signature",
    "sig",
    "token",
    "access_token",
    "password",
    "hdnts",
];

pub(super) fn check(tree: &Tree, findings: &mut Findings) {
    let documents = tree
        .master
        .iter()
        .map(|it| &it.document)
        .chain(tree.renditions.iter().map(|it| &it.document));
    for document in documents {
        for (line, uri) in &document.uris {
            check_uri(document, *line, uri, findings);
        }
    }
}

fn check_uri(document: &Document, line: u32, uri: &str, findings: &mut Findings) {
    let absolute = Url::parse(uri).ok().filter(|it| it.has_host());
    let Ok(url) = document.url.join(uri) else {
        return;
    };
    let shown = place::written(uri);
    let same_host = absolute
        .as_ref()
        .is_some_and(|it| it.origin() == document.url.origin());
    // A server that signs its URLs may use root-relative ones; a tree of files has no root.
    let rooted = uri.starts_with('/') && document.url.scheme() == "file";
    if same_host || rooted {
        findings.add(
            &ABSOLUTE_URI,
            document.at(line),
            format!("`{shown}` is not relative to the playlist"),
            "Write it relative to the playlist, so that the tree can move and tokens in the path are inherited.",
        );
    }
    let from_playlist = absolute.is_some() || !uri.contains("://");
    let signed = url
        .query_pairs()
        .any(|(name, _)| SIGNATURES.contains(&name.to_ascii_lowercase().as_str()));
    let login = absolute
        .as_ref()
        .is_some_and(|it| !it.username().is_empty() || it.password().is_some());
    if from_playlist && (login || signed) {
        findings.add(
            &CREDENTIALS,
            document.at(line),
            format!("`{shown}` carries {}", if login { "a user name or password" } else { "a signature or token" }),
            "Put short-lived tokens into the path, where relative URIs inherit them, and no password anywhere.",
        );
    }
    if document.url.scheme() == "https" && url.scheme() == "http" {
        findings.add(
            &INSECURE_URI,
            document.at(line),
            format!("`{shown}` is read over plain http"),
            "Use https: browsers refuse to mix them.",
        );
    }
}
