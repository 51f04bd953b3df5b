//! `edgereel import` from stand-ins for Mux and Cloudflare Stream: killed and stopped, it imports nothing twice.

use std::process::ExitStatus;
use std::time::Duration;

use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::program::{check, command, text};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{MuxStandIn, ServiceTrouble, StreamStandIn};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// Longest run.
const LIMIT: Duration = Duration::from_secs(120);

/// A run of the command.
struct Run {
    status: ExitStatus,
    events: Vec<Value>,
    /// Everything that it printed.
    output: String,
}

impl Run {
    fn code(&self) -> Option<i32> {
        self.status.code()
    }

    fn error(&self) -> &Value {
        &self.events.last().unwrap()["error"]["code"]
    }

    fn ended(&self) -> &Value {
        let ended = self.events.iter().find(|it| it["event"] == "ended");
        ended.unwrap_or_else(|| panic!("{}", self.output))
    }
}

/// A service with its credentials.
struct Account<'a> {
    name: &'a str,
    url: &'a str,
    variables: [(&'a str, &'a str); 2],
}

fn mux(stand_in: &MuxStandIn) -> Account<'_> {
    Account {
        name: "mux",
        url: &stand_in.url,
        variables: [
            ("MUX_TOKEN_ID", MuxStandIn::TOKEN_ID),
            ("MUX_TOKEN_SECRET", MuxStandIn::TOKEN_SECRET),
        ],
    }
}

fn stream(stand_in: &StreamStandIn) -> Account<'_> {
    Account {
        name: "stream",
        url: &stand_in.url,
        variables: [
            ("CLOUDFLARE_ACCOUNT_ID", StreamStandIn::ACCOUNT),
            ("CLOUDFLARE_API_TOKEN", StreamStandIn::TOKEN),
        ],
    }
}

/// Runs the command. The signal is sent at the first event that `when` accepts.
async fn import(
    home: &Home,
    account: &Account<'_>,
    more: &[&str],
    when: impl Fn(&Value) -> bool,
    signal: Signal,
) -> Run {
    let (data, report) = (
        text(&home.data()),
        text(&home.folder.path().join("report.json")),
    );
    let mut arguments = vec!["import", account.name, "--json", "--data", &data];
    arguments.extend(["--service-url", account.url, "--report", &report]);
    arguments.extend(["--profile", "small", "--rate", "2", "--log", "trace"]);
    arguments.extend(more);
    let mut command = command(&arguments, &home.temporary());
    command.envs(account.variables);
    let mut child = command.spawn().unwrap();
    let pid = Pid::from_raw(child.id().unwrap() as i32).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stderr = child.stderr.take().unwrap();
    let log = tokio::spawn(async move {
        let mut log = String::new();
        stderr.read_to_string(&mut log).await.unwrap();
        log
    });
    let run = async {
        let (mut events, mut output, mut is_sent) = (vec![], String::new(), false);
        while let Some(line) = lines.next_line().await.unwrap() {
            let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            if !is_sent && when(&event) {
                is_sent = true;
                kill_process(pid, signal).unwrap();
            }
            events.push(event);
            output += &line;
        }
        let status = child.wait().await.unwrap();
        output += &log.await.unwrap();
        let of_url = ("", MuxStandIn::URL_SECRET);
        for (name, secret) in account.variables.into_iter().chain([of_url]) {
            // The id of an account is not a secret: it is in the path of each request.
            if name != "CLOUDFLARE_ACCOUNT_ID" {
                assert!(!output.contains(secret), "{output}");
            }
        }
        Run {
            status,
            events,
            output,
        }
    };
    tokio::time::timeout(LIMIT, run).await.expect("it ends")
}

async fn run_to_end(home: &Home, account: &Account<'_>, more: &[&str]) -> Run {
    import(home, account, more, |_| false, Signal::KILL).await
}

fn is_asset(event: &Value, state: &str) -> bool {
    event["event"] == "asset" && event["asset"]["state"] == state
}

/// The assets of the report.
fn report(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(home.folder.path().join("report.json")).unwrap();
    assert!(!text.contains(MuxStandIn::URL_SECRET), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    report["assets"].as_array().unwrap().clone()
}

fn states(home: &Home) -> Vec<String> {
    let states = report(home).into_iter().map(|it| it["state"].clone());
    states.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// All videos of the installation, oldest first.
async fn videos(dev: &Dev) -> Vec<Value> {
    let path = "/v1/videos?limit=200&sort=created_at";
    let (status, page) = dev.call("GET", path, None).await;
    assert_eq!(status, 200, "{page}");
    page["videos"].as_array().unwrap().clone()
}

async fn started(home: &mut Home) -> (Dev, Vec<u8>) {
    home.options.push("--allow-private-imports".to_owned());
    let path = home.folder.path().join("film.mp4");
    let film = make_film(&path, "320x180", "25", 2.0, &[]);
    (home.start().await, std::fs::read(film).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mux_is_imported_once_whatever_happens() {
    let mut home = Home::new();
    let (dev, film) = started(&mut home).await;
    let stand_in = MuxStandIn::start(film).await;
    let account = mux(&stand_in);

    // A dry run requests nothing, and knows the durations.
    let planned = run_to_end(&home, &account, &["--dry-run"]).await;
    assert_eq!(planned.code(), Some(0), "{}", planned.output);
    let plan = planned.events.last().unwrap();
    assert_eq!((&plan["left"], &plan["failed"]), (&json!(3), &json!(3)));
    let seconds = plan["left_estimate"]["seconds"].as_f64().unwrap();
    assert!((seconds - 768.107_167).abs() < 1e-6, "{plan}");
    assert!(
        plan["left_estimate"]["usd"].as_f64().unwrap() > 0.01,
        "{plan}"
    );
    assert!(!stand_in.requests().iter().any(|it| it.starts_with("PUT")));
    assert_eq!(videos(&dev).await.len(), 0);

    // The master is prepared when the run is stopped, and the URL was given to the API when it is killed.
    let preparing = |it: &Value| is_asset(it, "preparing");
    let stopped = import(&home, &account, &[], preparing, Signal::INT).await;
    assert_eq!(
        (stopped.code(), stopped.error()),
        (Some(1), &json!("interrupted"))
    );
    let in_flight = |it: &Value| is_asset(it, "in-flight");
    let killed = import(&home, &account, &["--limit", "1"], in_flight, Signal::KILL).await;
    assert_eq!(killed.code(), None, "{}", killed.output);

    let limited = run_to_end(&home, &account, &["--limit", "0"]).await;
    assert_eq!(limited.code(), Some(1), "{}", limited.output);
    assert!(states(&home).contains(&"not-started: limit".to_owned()));
    let over = run_to_end(&home, &account, &["--budget", "0"]).await;
    assert_eq!(
        (over.code(), over.error()),
        (Some(3), &json!("budget-reached"))
    );

    // The rest. The assets that Mux does not provide are named.
    let finished = run_to_end(&home, &account, &[]).await;
    assert_eq!(
        (finished.code(), finished.error()),
        (Some(1), &json!("videos-failed"))
    );
    let again = run_to_end(&home, &account, &[]).await;
    assert_eq!(again.ended()["done"], 2, "{}", again.output);
    assert_eq!(videos(&dev).await.len(), 2, "nothing was imported twice");
    let rows = report(&home);
    let expected = [
        "ready",
        "ready",
        "unavailable",
        "unavailable",
        "unavailable",
        "unavailable",
    ];
    assert_eq!(states(&home), expected);
    for row in &rows[2..] {
        let problem = row["problem"].as_str().unwrap();
        let id = row["asset"].as_str().unwrap();
        assert!(problem.contains("Mux") && problem.contains(id), "{row}");
    }
    for row in &rows[..2] {
        let video = dev
            .video(row["video"].as_str().unwrap().parse().unwrap())
            .await;
        assert_eq!(video["external_id"], row["external_id"]);
        assert_eq!(video["title"], row["title"]);
        let details = &video["metadata"]["mux"];
        assert_eq!(details["playback_ids"], row["playback_ids"]);
        assert!(row["seconds"].as_f64().is_some_and(|it| it > 1.5), "{row}");
        assert!(row["cost_usd"].as_f64().is_some_and(|it| it > 0.0), "{row}");
        let id = video["id"].as_str().unwrap().parse().unwrap();
        check(&dev.hls_url(id).await, &home.temporary()).await;
    }
    assert!(!home.log().contains(MuxStandIn::URL_SECRET));
    assert!(dev.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stream_is_imported_and_expired_urls_are_replaced() {
    let mut home = Home::new();
    let (dev, film) = started(&mut home).await;
    let stand_in = StreamStandIn::start(film).await;
    let account = stream(&stand_in);

    // The URL has expired when the transcoder reads the file.
    stand_in.set_trouble(ServiceTrouble::ExpiredUrls);
    let more = ["--limit", "1", "--owner", "ops"];
    let expired = run_to_end(&home, &account, &more).await;
    assert_eq!(expired.code(), Some(1), "{}", expired.output);
    let rows = report(&home);
    assert_eq!(rows[0]["state"], "failed", "{rows:?}");
    let problem = rows[0]["problem"].as_str().unwrap();
    assert!(problem.starts_with("fetch-refused: "), "{problem}");

    stand_in.set_trouble(ServiceTrouble::TooManyRequests(2));
    let owners = ["--owner", "ops", "--creators-are-owners"];
    let finished = run_to_end(&home, &account, &owners).await;
    assert_eq!(finished.code(), Some(1), "{}", finished.output);
    let expected = [
        "ready",
        "ready",
        "unavailable",
        "unavailable",
        "unavailable",
    ];
    assert_eq!(states(&home), expected, "{}", finished.output);
    let made = videos(&dev).await;
    assert_eq!(made.len(), 2, "the video without a file was replaced");
    for row in &report(&home)[..2] {
        let id = row["video"].as_str().unwrap();
        let video = dev.video(id.parse().unwrap()).await;
        let creator = row["creator"].as_str().unwrap_or("ops");
        assert_eq!(video["owner"], creator, "{video:#}");
        assert_eq!(video["metadata"]["stream"]["uid"], row["asset"]);
        check(&dev.hls_url(id.parse().unwrap()).await, &home.temporary()).await;
    }
    assert!(dev.terminate().await.success());
}
