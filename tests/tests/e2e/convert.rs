//! `edgereel convert` over a bucket with 500 objects: killed, stopped and out of budget, it converts nothing twice.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use domain::ids::VideoId;
use domain::object_key::{ExternalPath, ObjectKey};
use e2e::dev::{Dev, Home};
use e2e::media::make_film;
use e2e::program::{command, edgereel_run, text};
use futures::StreamExt as _;
use platform::object_store::{ObjectStore as _, PutCondition};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

/// One small rung: most of the work is per file.
const PROFILE: &str = r#"
name = "small"
segment_seconds = 2.0
thumbnails = 1

[encoder]
preset = "ultrafast"

[[rung]]
name = "120p"
width = 214
height = 120
video_kbps = 100
audio_kbps = 64
"#;

const OBJECTS: usize = 500;
/// Different films.
const FILMS: usize = 6;
/// Different files that are named like films.
const FAKES: usize = 3;
/// Objects with other names.
const TEXTS: usize = 5;
/// Longest run.
const LIMIT: Duration = Duration::from_secs(120);

/// The key of an object, and its content: every film and fake is there many times.
fn object(number: usize, films: &[Bytes]) -> (String, Bytes) {
    let kinds = FILMS + FAKES;
    if number < TEXTS {
        return (
            format!("films/{number:03}.txt"),
            Bytes::from_static(b"text"),
        );
    }
    let kind = number % kinds;
    let content = match films.get(kind) {
        Some(film) => film.clone(),
        None => format!("no film {kind}").into(),
    };
    (format!("films/{:02}/{number:03}.mp4", number % 10), content)
}

async fn fill(dev: &Dev, films: &[Bytes]) {
    let store = dev.store();
    let puts = (0..OBJECTS).map(|number| {
        let (key, content) = object(number, films);
        let store = &store;
        async move {
            let path = ExternalPath::try_from(key).unwrap();
            let video = VideoId::new(1, [1; 10]);
            let key = ObjectKey::External { video, path };
            store
                .put(&key, content, PutCondition::Always)
                .await
                .unwrap();
        }
    });
    futures::stream::iter(puts)
        .buffer_unordered(8)
        .collect::<Vec<()>>()
        .await;
}

/// A run of the command, with its events.
struct Run {
    status: ExitStatus,
    events: Vec<Value>,
}

impl Run {
    fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The totals at the end.
    fn ended(&self) -> &Value {
        let ended = self.events.iter().find(|it| it["event"] == "ended");
        ended.unwrap_or_else(|| panic!("{:?}", self.events.last()))
    }

    fn error(&self) -> &Value {
        &self.events.last().unwrap()["error"]["code"]
    }
}

/// Runs the command. The signal is sent at the first event that `when` accepts.
async fn convert(home: &Home, more: &[&str], when: impl Fn(&Value) -> bool, signal: Signal) -> Run {
    let (data, report) = (
        text(&home.data()),
        text(&home.folder.path().join("report.csv")),
    );
    let mut arguments = vec!["convert", "--json", "--prefix", "films/", "--data", &data];
    arguments.extend(["--report", &report, "--profile", "small"]);
    arguments.extend(["--mode", "copy", "--rate", "2"]);
    arguments.extend(more);
    let mut child = command(&arguments, &home.temporary()).spawn().unwrap();
    let pid = Pid::from_raw(child.id().unwrap() as i32).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let run = async {
        let (mut events, mut is_sent) = (vec![], false);
        while let Some(line) = lines.next_line().await.unwrap() {
            let event: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
            if !is_sent && when(&event) {
                is_sent = true;
                kill_process(pid, signal).unwrap();
            }
            events.push(event);
        }
        let status = child.wait().await.unwrap();
        let mut log = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut log).await.unwrap();
        print!("{log}");
        Run { status, events }
    };
    tokio::time::timeout(LIMIT, run).await.expect("it ends")
}

async fn run_to_end(home: &Home, more: &[&str]) -> Run {
    convert(home, more, |_| false, Signal::KILL).await
}

/// The rows of the report by the key of the object. Only the last cell may have commas here.
fn report(home: &Home) -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(home.folder.path().join("report.csv")).unwrap();
    let mut rows = text.lines();
    let names = rows.next().unwrap();
    assert_eq!(
        names,
        "object,size,etag,video,state,duplicate_of,seconds,cost_usd,problem"
    );
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.split(',').map(str::to_owned).collect();
        (cells[0].clone(), cells)
    });
    rows.collect()
}

const VIDEO: usize = 3;
const STATE: usize = 4;
const ORIGINAL: usize = 5;
const COST: usize = 7;

fn states(rows: &BTreeMap<String, Vec<String>>) -> BTreeMap<&str, usize> {
    let mut states = BTreeMap::new();
    for row in rows.values() {
        *states.entry(row[STATE].as_str()).or_default() += 1;
    }
    states
}

/// All videos of the installation.
async fn videos(dev: &Dev) -> Vec<Value> {
    let (status, page) = dev.call("GET", "/v1/videos?limit=200", None).await;
    assert_eq!(status, 200, "{page}");
    page["videos"].as_array().unwrap().clone()
}

fn is_object(event: &Value, state: &str) -> bool {
    event["event"] == "object" && event["object"]["state"] == state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_is_converted_once_whatever_happens() {
    let mut home = Home::with_profile(PROFILE);
    let films: Vec<Bytes> = (0..FILMS)
        .map(|number| {
            // Of the same size: so each costs about the same.
            let path = home.folder.path().join(format!("{number}.mp4"));
            let title = format!("title={number}");
            let film = make_film(&path, "160x90", "12", 1.0, &["-metadata", &title]);
            std::fs::read(film).unwrap().into()
        })
        .collect();
    let dev = home.start().await;
    fill(&dev, &films).await;

    // A dry run requests nothing.
    let planned = run_to_end(&home, &["--dry-run"]).await;
    assert_eq!(planned.code(), Some(0));
    let plan = planned.events.last().unwrap();
    assert_eq!(
        (
            &plan["left"],
            &plan["skipped"],
            &plan["left_estimate"]["by_receipts_of_videos"]
        ),
        (
            &Value::from(FILMS + FAKES),
            &Value::from(TEXTS),
            &Value::Null
        )
    );
    assert_eq!(videos(&dev).await.len(), 0);
    assert_eq!(
        states(&report(&home))["not-started: dry-run"],
        FILMS + FAKES
    );

    // Killed while the first video is made, and again when one is ready.
    let in_flight = |it: &Value| is_object(it, "in-flight");
    let killed = convert(&home, &[], in_flight, Signal::KILL).await;
    assert_eq!(killed.code(), None);
    let ready = |it: &Value| is_object(it, "ready");
    let killed = convert(&home, &[], ready, Signal::KILL).await;
    assert_eq!(killed.code(), None);
    assert_eq!(
        report(&home).len(),
        OBJECTS,
        "the report is never a part of one"
    );

    // Ctrl-C: what is in flight goes on.
    let stopped = convert(&home, &[], in_flight, Signal::INT).await;
    assert_eq!(
        (stopped.code(), stopped.error()),
        (Some(1), &Value::from("interrupted"))
    );
    let rows = report(&home);
    assert!(
        states(&rows)["not-started: interrupted"] > 0,
        "{:?}",
        states(&rows)
    );

    // A budget for what is in flight, and about one film more.
    let spent = run_to_end(&home, &["--budget", "0"]).await;
    assert_eq!(
        (spent.code(), spent.error()),
        (Some(3), &Value::from("budget-reached"))
    );
    let (usd, done) = (
        spent.ended()["spent_usd"].as_f64().unwrap(),
        spent.ended()["done"].as_f64().unwrap(),
    );
    assert!(done >= 1.0 && usd > 0.0, "{:?}", spent.ended());
    let budget = usd + 1.6 * usd / done;
    let halted = run_to_end(&home, &["--budget", &budget.to_string()]).await;
    assert_eq!(
        (halted.code(), halted.error()),
        (Some(3), &Value::from("budget-reached"))
    );
    let now_usd = halted.ended()["spent_usd"].as_f64().unwrap();
    assert!(
        now_usd > usd && now_usd < budget + 1.5 * usd / done,
        "{usd} {budget} {now_usd}"
    );
    let rows = report(&home);
    let left = states(&rows)["not-started: budget"];
    assert!(left > 0 && left < FILMS + FAKES, "{:?}", states(&rows));

    // The rest. Files that are not videos failed.
    let finished = run_to_end(&home, &[]).await;
    assert_eq!(
        (finished.code(), finished.error()),
        (Some(1), &Value::from("videos-failed"))
    );
    let again = run_to_end(&home, &[]).await;
    assert_eq!(again.code(), Some(1));
    assert!(
        !again.events.iter().any(|it| it["event"] == "object"),
        "nothing is left"
    );

    let made = videos(&dev).await;
    assert_eq!(made.len(), FILMS + FAKES, "nothing was converted twice");
    for video in &made {
        let video = dev
            .video(video["id"].as_str().unwrap().parse().unwrap())
            .await;
        assert_eq!(video["attempts"].as_array().unwrap().len(), 1, "{video:#}");
    }
    let rows = report(&home);
    assert_eq!(rows.len(), OBJECTS);
    let expected = BTreeMap::from([
        ("ready", FILMS),
        ("failed", FAKES),
        ("skipped", TEXTS),
        ("duplicate", OBJECTS - FILMS - FAKES - TEXTS),
    ]);
    assert_eq!(states(&rows), expected);
    let mut usd = 0.0;
    for (key, row) in &rows {
        match row[STATE].as_str() {
            "duplicate" => {
                let original = &rows[&row[ORIGINAL]];
                assert!(
                    !row[VIDEO].is_empty() && row[VIDEO] == original[VIDEO],
                    "{row:?}"
                );
                assert_eq!(row[1..3], original[1..3], "the same size and ETag");
            }
            "ready" => {
                let video = dev.video(row[VIDEO].parse().unwrap()).await;
                assert_eq!(video["external_id"], key.as_str());
                usd += row[COST].parse::<f64>().unwrap();
            }
            _ => assert!(row[8].len() > 5, "a reason: {row:?}"),
        }
    }
    let spent = again.ended()["spent_usd"].as_f64().unwrap();
    assert!((usd - spent).abs() < 1e-5 && usd > 0.0, "{usd} {spent}");
    let data = text(&home.data());
    let arguments = ["cost", "--by", "month", "--json", "--data", &data];
    let costs = edgereel_run(&arguments, &home.temporary(), LIMIT).await;
    let total = &costs.last()["total"];
    assert_eq!(
        (costs.code, &total["videos"]),
        (Some(0), &Value::from(FILMS))
    );
    let parts =
        ["compute_usd", "egress_usd", "requests_usd"].map(|it| total["cost"][it].as_f64().unwrap());
    assert!(
        (parts.iter().sum::<f64>() - spent).abs() < 1e-9,
        "{total} {spent}"
    );
    assert!(dev.terminate().await.success());
}
