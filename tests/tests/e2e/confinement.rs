//! A compromised FFmpeg: a stand-in of the same name tries various actions, and succeeds with none
//! except talking to the loopback server.

use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use confine::{Enforcement, Policy, Support};
use e2e::media::{make_film, shared_media};
use e2e::program::{edgereel, edgereel_run_with, text, transcode};

/// The targets that the stand-in tries to reach.
struct Targets {
    folder: tempfile::TempDir,
    secret: PathBuf,
    other_port: TcpListener,
    _sockets: [UnixListener; 2],
}

impl Targets {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let secret = data.join("secrets.json");
        std::fs::write(&secret, "{}  ").unwrap();
        let path = folder.path().join("socket");
        let name = SocketAddr::from_abstract_name(text(&path)).unwrap();
        let sockets = [
            UnixListener::bind(&path).unwrap(),
            UnixListener::bind_addr(&name).unwrap(),
        ];
        Self {
            secret,
            other_port: TcpListener::bind("127.0.0.1:0").unwrap(),
            _sockets: sockets,
            folder,
        }
    }

    /// Compiles the stand-in; the compiler that Rust uses as its linker is always installed.
    fn attacker(&self) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("attacker/attacker.c");
        let program = self.folder.path().join("ffprobe");
        let define = |name: &str, path: &Path| format!("-D{name}=\"{}\"", path.display());
        let mut compiler = Command::new("cc");
        compiler.arg("-O1").arg(source).arg("-o").arg(&program);
        compiler
            .arg(define("SECRET", &self.secret))
            .arg(define("FOLDER", self.secret.parent().unwrap()));
        compiler.arg(define("SOCKET", &self.folder.path().join("socket")));
        compiler.arg(format!(
            "-DOTHER_PORT={}",
            self.other_port.local_addr().unwrap().port()
        ));
        let compiled = compiler.output().expect("a C compiler is there");
        assert!(
            compiled.status.success(),
            "{}",
            String::from_utf8_lossy(&compiled.stderr)
        );
        program
    }
}

/// The attempts that succeed under an enforcement, and those that do not.
fn attempts(
    targets: &Targets,
    attacker: &Path,
    enforcement: Enforcement,
) -> (Vec<String>, Vec<String>) {
    let loopback = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = loopback.local_addr().unwrap().port();
    let policy = Policy {
        enforcement,
        parent: std::process::id(),
        port: Some(port),
        memory: 1 << 30,
        execute: confine::libraries(attacker, &[]).unwrap().execute,
        command: vec![
            attacker.into(),
            port.to_string().into(),
            "ATTACKS_PLAIN".into(),
        ],
        ..Policy::default()
    };
    let output = Command::new(edgereel())
        .args(policy.arguments())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // An attempt that removed the file would affect the next one.
    assert!(targets.secret.is_file());
    let with = |ending: &str| {
        said.lines()
            .filter_map(|it| it.strip_suffix(ending))
            .map(str::to_owned)
            .collect()
    };
    (with(" works"), with(" refused"))
}

fn is_complete() -> bool {
    let missing = Support::of_kernel().missing();
    if !missing.is_empty() {
        testkit::skipped(&format!("the kernel lacks {}", missing.join(", ")));
    }
    missing.is_empty()
}

#[test]
fn a_program_that_was_taken_over_reaches_nothing() {
    let targets = Targets::new();
    let attacker = targets.attacker();
    // Without the confinement, the attempts succeed.
    let (works, _) = attempts(&targets, &attacker, Enforcement::Off);
    for name in [
        "loopback",
        "secret",
        "passwd",
        "write-data",
        "write-tmp",
        "other-port",
        "bind",
        "abstract-socket",
    ] {
        assert!(
            works.iter().any(|it| it == name),
            "{name} fails without a confinement too: only {works:?} work"
        );
    }
    for name in [
        "unix-socket",
        "udp",
        "fork",
        "clone3",
        "memfd",
        "chmod",
        "watch",
        "exec",
        "command-line-of-parent",
    ] {
        assert!(
            works.iter().any(|it| it == name),
            "{name} fails without a confinement too: only {works:?} work"
        );
    }
    assert!(works.len() >= 20, "{works:?}");
    if is_complete() {
        let (works, refused) = attempts(&targets, &attacker, Enforcement::Required);
        assert_eq!(works, ["loopback"], "the others were refused: {refused:?}");
        assert!(refused.len() >= 24, "{refused:?}");
    }
}

/// The same, started by the program for a source.
#[tokio::test]
async fn an_ffprobe_that_was_taken_over_reaches_nothing() {
    if !is_complete() {
        return;
    }
    let targets = Targets::new();
    let attacker = targets.attacker();
    let folder = attacker.parent().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path)
        .map(|it| it.join("ffmpeg"))
        .find(|it| it.is_file());
    symlink(real.expect("FFmpeg is there"), folder.join("ffmpeg")).unwrap();
    let film = make_film(&folder.join("film.mp4"), "320x180", "25", 2.0, &[]);
    let environment = [
        ("EDGEREEL_FFMPEG_DIR".to_owned(), text(folder)),
        ("EDGEREEL_CONFINEMENT".to_owned(), "required".to_owned()),
    ];
    let out = text(&folder.join("out"));
    let arguments = ["transcode", "--json", &text(&film), "--out", &out];
    let answer = edgereel_run_with(&environment, &arguments, folder, Duration::from_secs(60)).await;
    let message = answer.last()["error"]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        message.contains("codec `loopback`"),
        "{message}\n{}",
        answer.stderr
    );
}

#[tokio::test]
async fn real_films_come_out_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut films = vec![make_film(
        &folder.path().join("film.mp4"),
        "320x180",
        "25",
        4.0,
        &[],
    )];
    // HDR needs a table in a file.
    films.extend(
        shared_media()
            .iter()
            .flat_map(|it| [it.join("hevc-hlg10.mp4"), it.join("vp9-540p60.webm")]),
    );
    for film in films {
        let out = folder.path().join("out");
        let answer = transcode(&film, &out, folder.path(), &["--confinement", "required"]).await;
        if is_complete() {
            assert_eq!(
                answer.code,
                Some(0),
                "{}: {:?}\n{}",
                film.display(),
                answer.last(),
                answer.stderr
            );
        } else {
            assert_eq!(answer.last()["error"]["code"], "no-confinement");
        }
        drop(std::fs::remove_dir_all(out));
    }
}

/// A device is out of reach unless the policy names it, and then the address space that its driver
/// reserves is not limited.
#[test]
fn only_a_device_of_the_policy_is_reached() {
    let run = |enforcement: Enforcement, devices: &[&str], line: &str| {
        let shell = Path::new("/bin/sh");
        let policy = Policy {
            enforcement,
            parent: std::process::id(),
            memory: 1 << 30,
            execute: confine::libraries(shell, &[]).unwrap().execute,
            devices: devices.iter().map(PathBuf::from).collect(),
            command: vec![shell.into(), "-c".into(), line.into()],
            ..Policy::default()
        };
        let output = Command::new(edgereel())
            .args(policy.arguments())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let opened = |devices: &[&str]| {
        let line = ": < /dev/zero && echo opened";
        run(Enforcement::BestEffort, devices, line)
    };
    let space = |devices: &[&str]| run(Enforcement::Off, devices, "ulimit -v");
    assert!(space(&[]).parse::<u64>().is_ok(), "{}", space(&[]));
    assert_eq!(space(&["/dev/zero"]), "unlimited");
    if is_complete() {
        assert_eq!(opened(&[]), "");
        assert_eq!(opened(&["/dev/full"]), "", "of another device");
        assert_eq!(opened(&["/dev/zero"]), "opened");
    }
}

#[test]
fn a_confined_program_ends_with_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let run = |parent: u32, command: &[&str]| {
        let policy = Policy {
            parent,
            memory: 1 << 30,
            command: command.iter().map(Into::into).collect(),
            ..Policy::default()
        };
        Command::new(edgereel())
            .args(policy.arguments())
            .output()
            .unwrap()
    };
    // The policy names process 1 as the parent, so the program concludes that its parent has ended.
    let orphan = run(1, &["/bin/true"]);
    assert_eq!(
        orphan.status.code(),
        Some(confine::CANNOT_CONFINE),
        "{orphan:?}"
    );
    let missing = run(std::process::id(), &[&text(&folder.path().join("none"))]);
    assert_eq!(
        missing.status.code(),
        Some(confine::CANNOT_EXECUTE),
        "{missing:?}"
    );
}

/// Measures the cost of the confinement per start, and prints it.
#[test]
fn a_start_costs_little() {
    let program = Path::new("/bin/true");
    assert!(std::fs::metadata(program).unwrap().permissions().mode() & 0o111 != 0);
    let policy = Policy {
        parent: std::process::id(),
        memory: 1 << 30,
        execute: confine::libraries(program, &[]).unwrap().execute,
        command: vec![program.into()],
        ..Policy::default()
    };
    let median = |start: &dyn Fn() -> Command| {
        let mut times: Vec<Duration> = (0..100)
            .map(|_| {
                let started = Instant::now();
                assert!(start().status().unwrap().success());
                started.elapsed()
            })
            .collect();
        times.sort();
        times[times.len() / 2]
    };
    let direct = median(&|| Command::new(program));
    let confined = median(&|| {
        let mut command = Command::new(edgereel());
        command.args(policy.arguments());
        command
    });
    eprintln!("a start takes {direct:?}, a confined one {confined:?}");
    assert!(
        confined < direct + Duration::from_millis(250),
        "{direct:?} {confined:?}"
    );
}
