//! `edgereel doctor --cloud` in a whole installation, and in ones with a fault.

use std::time::Duration;

use catalog::connect::QueueAddress;
use catalog::database::DatabaseConfig;
use config::Services;
use domain::object_key::ObjectPrefix;
use e2e::part::Part;
use e2e::program::{Answer, edgereel_run_with};
use e2e::site::Site;
use platform::object_store::ObjectStore as _;
use platform::testing::RunningServer;
use serde_json::Value;

/// Another key than that of the site.
const OTHER_KEY: &str = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";

struct Installation {
    site: Site,
    s3: RunningServer,
    edge: Part,
    api: Part,
}

impl Installation {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let s3 = RunningServer::start(&folder.path().join("s3")).await;
        let database = format!("sqlite:{}", folder.path().join("edgereel.db").display());
        let services = Services {
            database: DatabaseConfig::migrating(database.parse().expect("an address")),
            queue: QueueAddress::Database.into(),
            store: s3.store_config(),
        };
        let mut site = Site::new(services, folder).await;
        let edge = site.part(&["edge", "--listen", "127.0.0.1:0"], &[]).await;
        let address = edge.said["edge"].as_str().unwrap().to_owned();
        site.variables.retain(|it| it.0 != "EDGEREEL_EDGE_URL");
        site.variables.push(("EDGEREEL_EDGE_URL", address));
        let api = site.api().await;
        Self {
            site,
            s3,
            edge,
            api,
        }
    }

    /// Runs the doctor with these variables instead of those of the site.
    async fn doctor(&self, wait: &str, changed: &[(&str, String)]) -> Answer {
        let address = self.api.said["api"].as_str().unwrap().to_owned();
        let variables = self.site.variables.iter();
        let environment: Vec<(String, String)> = variables
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .filter(|it| changed.iter().all(|(name, _)| *name != it.0))
            .chain([("EDGEREEL_API_URL".to_owned(), address)])
            .chain(changed.iter().map(|it| (it.0.to_owned(), it.1.clone())))
            .filter(|it| !it.1.is_empty())
            .collect();
        let arguments = ["doctor", "--cloud", "--event-wait", wait, "--json"];
        let folder = self.site.folder.path();
        let limit = Duration::from_secs(60);
        let answer = edgereel_run_with(&environment, &arguments, folder, limit).await;
        let shown = format!("{}{}", answer.last(), answer.stderr);
        for (name, value) in &environment {
            let is_secret = ["KEYS", "TOKEN", "SECRET_ACCESS_KEY"]
                .iter()
                .any(|it| name.ends_with(it));
            let secret = value.rsplit(':').next().unwrap_or_default();
            assert!(!is_secret || !shown.contains(secret), "{name}: {shown}");
        }
        answer
    }

    async fn is_tidy(&self) -> bool {
        let store = &self.site.functions.store;
        for prefix in [
            ObjectPrefix::AllManifests,
            ObjectPrefix::AllContentKeys,
            ObjectPrefix::Uploads,
        ] {
            if !store.list(&prefix, None).await.unwrap().entries.is_empty() {
                return false;
            }
        }
        true
    }

    async fn stop(self) {
        assert!(self.edge.terminate().await.success());
        assert!(self.api.terminate().await.success());
    }
}

/// The findings that are not `ok`.
fn faults(answer: &Answer) -> Vec<&Value> {
    let findings = answer.last()["findings"].as_array().unwrap();
    findings.iter().filter(|it| it["state"] != "ok").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_installation_is_found_whole() {
    let installation = Installation::start().await;
    let pump = installation.site.pump(installation.s3.server.events());
    let answer = installation.doctor("30s", &[]).await;
    assert_eq!(answer.code, Some(0), "{}{}", answer.last(), answer.stderr);
    assert_eq!(faults(&answer), Vec::<&Value>::new());
    let findings = answer.last()["findings"].as_array().unwrap().clone();
    let what: Vec<&str> = findings
        .iter()
        .filter_map(|it| it["what"].as_str())
        .collect();
    assert_eq!(
        what,
        [
            "settings", "database", "queues", "buckets", "buckets", "clock", "edge", "edge",
            "events"
        ]
    );
    assert!(
        findings[6]["found"]
            .as_str()
            .unwrap()
            .contains("an encrypted test video plays")
    );
    assert!(installation.is_tidy().await);
    pump.abort();
    installation.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_is_named_with_what_to_do() {
    let installation = Installation::start().await;
    let cases = [
        (
            "EDGEREEL_KEY_ENCRYPTION_KEYS",
            format!("one:{OTHER_KEY}"),
            "edge",
            "request for the key",
            "EDGEREEL_KEY_ENCRYPTION_KEYS",
        ),
        (
            "EDGEREEL_GRANT_KEYS",
            format!("one:HS256:{OTHER_KEY}"),
            "edge",
            "request for the master playlist with 403",
            "EDGEREEL_GRANT_KEYS",
        ),
        (
            "EDGEREEL_EDGE_URL",
            "http://127.0.0.1:9".to_owned(),
            "edge",
            "cannot get the master playlist",
            "EDGEREEL_EDGE_URL",
        ),
        (
            "EDGEREEL_MEDIA_BUCKET",
            "typo".to_owned(),
            "buckets",
            "`typo`: cannot write an object",
            "the name",
        ),
        (
            "EDGEREEL_S3_SECRET_ACCESS_KEY",
            "guessed".to_owned(),
            "buckets",
            "cannot write an object",
            "access key",
        ),
        (
            "EDGEREEL_DATABASE",
            format!(
                "sqlite:{}",
                installation.site.folder.path().join("none.db").display()
            ),
            "database",
            "migrations",
            "edgereel migrate",
        ),
        (
            "EDGEREEL_DATABASE",
            String::new(),
            "database",
            "EDGEREEL_DATABASE",
            "docs/configuration.md",
        ),
    ];
    for (variable, value, what, found, advice) in cases {
        let answer = installation.doctor("0s", &[(variable, value)]).await;
        assert_eq!(answer.code, Some(1), "{variable}: {}", answer.last());
        let faults = faults(&answer);
        let fault = faults.iter().find(|it| it["what"] == what);
        let fault = fault.unwrap_or_else(|| panic!("{variable}: {faults:#?}"));
        let said = |name: &str| fault[name].as_str().unwrap_or_default();
        assert!(said("found").contains(found), "{variable}: {fault:#}");
        assert!(said("advice").contains(advice), "{variable}: {fault:#}");
        assert!(installation.is_tidy().await, "{variable}");
    }

    // Nobody receives the events.
    let answer = installation.doctor("2s", &[]).await;
    assert_eq!(answer.code, Some(0), "{}", answer.last());
    let faults = faults(&answer);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(
        (&faults[0]["what"], &faults[0]["state"]),
        (&"events".into(), &"warning".into())
    );
    assert!(installation.is_tidy().await);
    installation.stop().await;
}
