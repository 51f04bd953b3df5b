//! Measures the start of a function (`make bench-lambda`).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::Postgres;

use crate::cases::{Cloud, request};
use crate::runtime::Function;

const STARTS: usize = 20;
const FUNCTIONS: [&str; 5] = ["api", "ingest", "dead-letter", "sweeper", "webhooks"];
/// Markers of the table in the page.
const MARKS: [&str; 2] = ["<!-- measured: begin -->\n", "<!-- measured: end -->"];

/// A function from its zip.
struct Built {
    program: PathBuf,
    zip_bytes: u64,
    bytes: u64,
}

impl Built {
    /// `None` if it was not built.
    fn read(zips: &Path, processor: &str, function: &str, folder: &Path) -> Option<Self> {
        let zip = zips.join(processor).join(function).join("bootstrap.zip");
        if !zip.exists() {
            return None;
        }
        let folder = folder.join(processor).join(function);
        std::fs::create_dir_all(&folder).unwrap();
        let unpacked = Command::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(&zip)
            .arg(&folder)
            .status()
            .unwrap();
        assert!(unpacked.success(), "{} cannot be unpacked", zip.display());
        let program = folder.join("bootstrap");
        let mut mode = std::fs::metadata(&program).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o755);
        std::fs::set_permissions(&program, mode).unwrap();
        let [zip_bytes, bytes] = [&zip, &program].map(|it| std::fs::metadata(it).unwrap().len());
        Some(Self {
            program,
            zip_bytes,
            bytes,
        })
    }
}

/// Medians of the time until the first event is requested, until it is answered, and of the next response.
async fn start(program: &Path, cloud: &Cloud) -> [Duration; 3] {
    let mut runs = [vec![], vec![], vec![]];
    for _ in 0..STARTS {
        let mut api = Function::start(program.to_str().unwrap(), &cloud.variables).await;
        let list = || request("GET", "/v1/videos", None, "x");
        assert_eq!(api.invoke(list()).await.unwrap()["statusCode"], 200);
        let answered = api.age();
        assert_eq!(api.invoke(list()).await.unwrap()["statusCode"], 200);
        for (times, time) in
            runs.iter_mut()
                .zip([api.ready_after().unwrap(), answered, api.age() - answered])
        {
            times.push(time);
        }
    }
    runs.map(|mut times| {
        times.sort();
        times[STARTS / 2]
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: make bench-lambda"]
async fn cold_starts() {
    let zips = PathBuf::from(
        std::env::var_os("LAMBDA_ZIPS").expect("LAMBDA_ZIPS names what scripts/lambda.sh made"),
    );
    let folder = tempfile::tempdir().unwrap();
    let mut page = String::from(
        "| function | x86-64, zip | unpacked | arm64, zip | unpacked |\n|---|---:|---:|---:|---:|\n",
    );
    let mb = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let sizes = |it: Option<Built>| {
        it.map_or("not built | ".to_owned(), |it| {
            [it.zip_bytes, it.bytes].map(mb).join(" | ")
        })
    };
    for function in FUNCTIONS {
        let [x86, arm] =
            ["x86-64", "arm64"].map(|it| sizes(Built::read(&zips, it, function, folder.path())));
        writeln!(page, "| `{function}` | {x86} | {arm} |").unwrap();
    }
    let here = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86-64"
    };
    let api = Built::read(&zips, here, "api", folder.path())
        .expect("`api` is built: scripts/lambda.sh")
        .program;
    let mut clouds = vec![("SQLite", Cloud::new().await)];
    let postgres = Postgres::start();
    if let Some(postgres) = &postgres {
        clouds.push((
            "PostgreSQL",
            Cloud::with(postgres.database(), tempfile::tempdir().unwrap()).await,
        ));
    }
    let today = time::OffsetDateTime::now_utc().date();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    write!(
        page,
        "\nCold start of `api` ({here}), {today}, {cores} processors, load average {load}; median of {STARTS} starts, counted from exec:\n\n\
         | database | requests its first event after | responds after | time of the next response |\n|---|---:|---:|---:|\n"
    )
    .unwrap();
    for (database, cloud) in &clouds {
        let times = start(&api, cloud)
            .await
            .map(|it| format!("{:.0} ms", it.as_secs_f64() * 1e3));
        writeln!(page, "| {database} | {} |", times.join(" | ")).unwrap();
    }
    println!("{page}");
    if let Some(path) = std::env::var_os("LAMBDA_REPORT") {
        let text = std::fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(MARKS[0]).unwrap();
        let (_, after) = rest.split_once(MARKS[1]).unwrap();
        std::fs::write(&path, [before, MARKS[0], &page, MARKS[1], after].concat()).unwrap();
    }
}
