//! Formats the measurements as a page.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use e2e::crowd::Times;

use crate::library;
use crate::routes::Route;
use crate::{Measured, Size};

/// Formats the report.
pub(crate) fn write(size: Size, bare: [&Route; 2], measured: &[Measured]) -> String {
    let Size {
        uploads,
        callers,
        requests,
        videos,
    } = size;
    let mut page = format!(
        "- Date: {}
- Machine: {}, which runs the API, the database, the S3 server and the callers together
- `edgereel api`, release build; catalog and queue in the same database; SQLite synced at every commit
  (the PostgreSQL of the tests is not: `fsync=off`)
- {callers} callers at once; each sends its next request as soon as it has the response to the last one

### {uploads} uploads, created, sent and completed by {callers} callers

Each caller uploads different small files, and announces every tenth one twice at once under one
`Idempotency-Key`. The run fails unless there are afterwards {uploads} videos, {uploads} jobs for
different videos, and {uploads} objects with the bytes that were sent: nothing lost, nothing doubled.

|  | seconds | uploads per second | p50 ms | p99 ms |
|---|---:|---:|---:|---:|
",
        today(),
        machine(),
    );
    for Measured {
        database, uploads, ..
    } in measured
    {
        let _ = writeln!(
            page,
            "| {database} | {:.1} | {:.0} | {} | {} |",
            uploads.all.as_secs_f64(),
            uploads.per_second(),
            ms(uploads.percentile(50)),
            ms(uploads.percentile(99)),
        );
    }
    let _ = write!(
        page,
        "
### Single routes

Each row is {requests} requests. \"Alone\" is one caller, so it shows the time of a response
without queueing. With {callers} callers, a request mostly waits for the others: on average, its time is
{callers} divided by the requests per second.

| | | alone, p50 ms | requests per second | p50 ms | p99 ms |
|---|---|---:|---:|---:|---:|
"
    );
    for (route, when) in bare.iter().zip(["before", "after"]) {
        row(&mut page, route, when);
    }
    for Measured {
        database, routes, ..
    } in measured
    {
        for route in routes {
            row(&mut page, route, database);
        }
    }
    large_library(&mut page, videos, bare[1], measured);
    page
}

/// The first pages of a large library, and its live events.
fn large_library(page: &mut String, videos: u32, bare: &Route, measured: &[Measured]) {
    let _ = write!(
        page,
        "
### A library of {videos} videos

The first page of 60 videos with its total, as the web app asks for it, by one caller. The last row
is a page of 200 in the middle of the list, by title.

| |"
    );
    for Measured { database, .. } in measured {
        let _ = write!(page, " {database}, p50 ms | p99 ms |");
    }
    let columns = "---:|".repeat(2 * measured.len());
    let _ = write!(page, "\n|---|{columns}\n| a bare route of axum |");
    let cells = |times: &Times| {
        format!(
            " {} | {} |",
            ms(times.percentile(50)),
            ms(times.percentile(99))
        )
    };
    let _ = writeln!(page, "{}", cells(&bare.alone).repeat(measured.len()));
    let Some(Measured { library: first, .. }) = measured.first() else {
        return;
    };
    for (at, (name, _)) in first.pages.iter().enumerate() {
        let all: String = measured
            .iter()
            .map(|it| cells(&it.library.pages[at].1))
            .collect();
        let _ = writeln!(page, "| {name} |{all}");
    }
    let deep: String = measured.iter().map(|it| cells(&it.library.deep)).collect();
    let _ = writeln!(page, "| the middle of the list |{deep}");
    page.push_str(
        "
Live events in the same library, to 50 listening browsers. The API's CPU time for the same
changes without listeners is in parentheses.

| | changes per second | CPU time of the API | events received | lists loaded again |
|---|---:|---:|---:|---:|
",
    );
    for Measured {
        database, library, ..
    } in measured
    {
        let live = &library.live;
        let share = |cpu: Duration| format!("{:.0} %", 100.0 * cpu.as_secs_f64() / live.seconds);
        let _ = writeln!(
            page,
            "| {database} | {:.0} | {} of a core ({}) | {} of {} | {} |",
            f64::from(live.changes) / live.seconds,
            share(live.cpu),
            share(live.cpu_alone),
            live.events,
            live.changes as usize * library::LISTENERS,
            live.missed,
        );
    }
}

/// The marks around the report in a page.
const MARKS: [&str; 2] = ["<!-- measured: begin -->\n", "<!-- measured: end -->"];

/// Replaces the previous report.
pub(crate) fn put_into(path: &Path, report: &str) -> anyhow::Result<()> {
    let page = std::fs::read_to_string(path)?;
    let (before, rest) = page
        .split_once(MARKS[0])
        .context("the page has no mark where the report begins")?;
    let (_, after) = rest
        .split_once(MARKS[1])
        .context("the page has no mark where the report ends")?;
    std::fs::write(path, [before, MARKS[0], report, MARKS[1], after].concat())?;
    Ok(())
}

fn row(page: &mut String, route: &Route, which: &str) {
    let Route { name, alone, crowd } = route;
    let _ = writeln!(
        page,
        "| {name} | {which} | {} | {:.0} | {} | {} |",
        ms(alone.percentile(50)),
        crowd.per_second(),
        ms(crowd.percentile(50)),
        ms(crowd.percentile(99)),
    );
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1_000.0;
    if ms < 1.0 {
        format!("{ms:.2}")
    } else {
        format!("{ms:.1}")
    }
}

fn today() -> String {
    let seconds = i64::try_from(platform::clock::now().as_secs()).unwrap_or_default();
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .map_or_else(|_| "unknown".to_owned(), |it| it.date().to_string())
}

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|it| it.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "{}, {cores} cores (load average {load} at the end of the run)",
        model.map_or("unknown", |it| it.1)
    )
}
