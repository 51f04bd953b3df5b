//! The web app in Chromium, against `edgereel dev`: every flow of its users, by the scripts in
//! `tests/browser/web`.

use std::time::Duration;

use e2e::browser;
use e2e::media::{make_film, shared_media};
use e2e::program::{edgereel, text};
use tempfile::TempDir;

/// A film of 12 s, which most flows upload, and one that is longer than players buffer.
struct Films {
    folder: TempDir,
}

impl Films {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("temporary directories can be created"),
        }
    }

    fn make(&self, name: &str, seconds: f64) -> String {
        text(&make_film(
            &self.folder.path().join(name),
            "640x360",
            "25",
            seconds,
            &["-bf", "0"],
        ))
    }
}

/// Runs a script, which starts a server of its own.
async fn flow(script: &str, films: &[String]) {
    let program = text(&edgereel());
    let arguments: Vec<&str> = [&program]
        .into_iter()
        .chain(films)
        .map(String::as_str)
        .collect();
    browser::run(script, &arguments, Duration::from_secs(400)).await;
}

/// Uploads survive a reload, a crash, a cut of the network and the end of a session, and the store
/// gets each part once. Meanwhile, the library, conversions and settings are used, by keyboard too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_and_the_library() {
    if !browser::is_there() {
        return;
    }
    let films = Films::new();
    let film = [films.make("film.mp4", 12.0)];
    tokio::join!(flow("web/upload.mjs", &film), flow("web/manage.mjs", &film));
}

/// Playback on every page that plays: keys, qualities, previews, grants, a cut of the network, a
/// phone. Meanwhile, files and servers that refuse.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn playback_and_refusals() {
    if !browser::is_there() {
        return;
    }
    let films = Films::new();
    let short = films.make("film.mp4", 12.0);
    let both = [short, films.make("long.mp4", 90.0)];
    tokio::join!(
        flow("web/watch.mjs", &both),
        flow("web/refusals.mjs", &both[..1])
    );
}

/// Every page and state, in light, in dark and on a phone: axe-core finds nothing serious.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_accessible() {
    if !browser::is_there() {
        return;
    }
    let films = Films::new();
    // Images for the documentation show a real film.
    let real = shared_media().map(|it| it.join("bbb-480p-30s.mp4"));
    let film = match real
        .filter(|it| it.is_file() && std::env::var_os("EDGEREEL_SCREENSHOTS").is_some())
    {
        Some(real) => text(&real),
        None => films.make("film.mp4", 12.0),
    };
    flow("web/looks.mjs", &[film]).await;
}
