//! The metrics that programs export: those of the table, and no others.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use metrics::table::ALL;
use metrics::{Kind, Program, Values};

/// Compares what a program exports as text with the table.
///
/// # Panics
/// If a metric is not in the table, or one that begins at 0 is missing.
#[track_caller]
pub(super) fn is_as_in_the_table(program: Program, text: &str) {
    let families = text.lines().filter_map(|it| it.strip_prefix("# TYPE "));
    let families: BTreeSet<&str> = families.filter_map(|it| it.split(' ').next()).collect();
    let of_program = |it: &&metrics::Definition| it.programs.contains(&program);
    let known: BTreeSet<&str> = ALL
        .into_iter()
        .filter(of_program)
        .map(|it| it.family())
        .collect();
    let unknown: Vec<_> = families.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "not metrics of {program:?}: {unknown:?}"
    );
    for it in ALL.into_iter().filter(of_program) {
        let is_listed = |label: &metrics::Label| matches!(label.values, Values::Listed(_));
        let begins = it.kind != Kind::Gauge && it.labels.iter().all(is_listed);
        assert!(
            !begins || families.contains(it.family()),
            "{} is missing",
            it.name
        );
    }
}

/// A collector of OTLP. It keeps the bodies, in which names are plain text.
pub(super) struct Collector {
    pub(super) url: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let kept = Arc::clone(&bodies);
        let receive = post(async move |body: Bytes| kept.lock().unwrap().push(body));
        let router = Router::new().route("/v1/metrics", receive);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, bodies }
    }

    /// Whether one export has all these texts.
    pub(super) fn has(&self, texts: &[&str]) -> bool {
        let contains =
            |body: &[u8], text: &str| body.windows(text.len()).any(|it| it == text.as_bytes());
        let bodies = self.bodies.lock().unwrap();
        bodies
            .iter()
            .any(|body| texts.iter().all(|text| contains(body, text)))
    }
}
