use std::os::unix::process::ExitStatusExt as _;

use domain::failure::FailureCode;

use super::*;
use crate::testing::fake_ffmpeg::{End, Fault, Task};
use crate::testing::world::World;

#[test]
fn the_secret_of_the_loopback_is_not_logged() {
    let secret = "0a".repeat(16);
    let command = format!(r#""ffmpeg" "-i" "http://127.0.0.1:4000/{secret}/source" "-f" "null""#);
    assert_eq!(
        without_secrets(&command),
        r#""ffmpeg" "-i" "http://127.0.0.1:4000/.../source" "-f" "null""#
    );
}

#[test]
fn the_benchmark_line_is_read() {
    assert_eq!(
        benchmark("[info] bench: utime=1.250s stime=0.250s rtime=0.700s"),
        Some(Duration::from_millis(1500))
    );
    assert_eq!(benchmark("[info] bench: maxrss=378576kB"), None);
    assert_eq!(benchmark("[info] bench: utime=xs stime=0.250s"), None);
}

#[test]
fn the_log_does_not_tell_the_loopback_path() {
    let line = "[error] http://127.0.0.1:4711/0123456789abcdef/source: Invalid data found when processing input";
    assert_eq!(
        without_token(line),
        "[error] source: Invalid data found when processing input"
    );
    let line = "[error] http://ffmpeg:@127.0.0.1:4711/0123456789abcdef/1/720p/3.ts: Broken pipe";
    assert_eq!(without_token(line), "[error] (output)");
}

/// A run of the stand-in, with a fault.
async fn outcome(
    fault: Fault,
    time_limit: Duration,
    cancel: &CancellationToken,
) -> Result<Ended, TranscodeError> {
    let world = World::new();
    world.fake.set_faults(&[fault]);
    let tools = world.fake.tools();
    let (weight, task) = (Weight::Light, "try it".to_owned());
    // A run without outputs is taken for one of sound.
    run(
        Run {
            tools: &tools,
            port: 1,
            files: vec![],
            weight,
            hardware: vec![],
            task,
            arguments: vec![],
            time_limit,
        },
        cancel,
    )
    .await
}

async fn ended(fault: Fault) -> Result<Ended, TranscodeError> {
    outcome(fault, Duration::from_secs(60), &CancellationToken::new()).await
}

fn fault(end: End, log: &str) -> Fault {
    Fault::ends(Task::Audio, 0, end).saying(log)
}

#[tokio::test]
async fn a_run_that_went_well_says_what_it_cost() {
    let run = ended(Fault::of(Task::Audio)).await.unwrap();
    assert_eq!(
        (run.cost.cpu, run.log_tail.as_str(), run.complained),
        (Duration::from_millis(300), "", false)
    );
    assert!(run.cost.wall > Duration::ZERO);
}

#[tokio::test]
async fn complaints_and_warnings_are_kept() {
    let complained = ended(fault(End::Exit(0), "Error while filtering"))
        .await
        .unwrap();
    assert!(
        complained.complained && complained.log_tail.contains("Error while filtering"),
        "{complained:?}"
    );
    let warned = ended(fault(
        End::Exit(0),
        "x\n[warning] deprecated pixel format\n[info] not this",
    ))
    .await
    .unwrap();
    assert!(
        warned.log_tail.contains("deprecated") && !warned.log_tail.contains("not this"),
        "{warned:?}"
    );
    let lines: String = (0..50).map(|it| format!("[error] line {it}\n")).collect();
    let many = ended(fault(End::Exit(0), &lines)).await.unwrap();
    assert_eq!(many.log_tail.lines().count(), LOG_LINES);
    assert!(
        many.log_tail.contains("line 49") && !many.log_tail.contains("line 9\n"),
        "{many:?}"
    );
}

#[tokio::test]
async fn each_end_has_its_meaning() {
    for (end, log, code) in [
        (End::Exit(1), "Conversion failed!", FailureCode::Internal),
        (End::Abort, "", FailureCode::Internal),
        (
            End::Exit(1),
            "Cannot allocate memory",
            FailureCode::TooDemanding,
        ),
        (
            End::Abort,
            "terminate called after throwing std::bad_alloc",
            FailureCode::TooDemanding,
        ),
        (End::ExceedCpu, "", FailureCode::TooDemanding),
        (End::Kill, "", FailureCode::Internal),
        (
            End::Exit(255),
            "Exiting normally, received signal 15.",
            FailureCode::Internal,
        ),
    ] {
        let problem = ended(fault(end, log)).await.unwrap_err();
        assert_eq!(problem.failure().code, code, "{end:?} {log}: {problem:?}");
        let is_interrupted = matches!(problem, TranscodeError::Interrupted { .. });
        assert_eq!(
            is_interrupted,
            matches!(end, End::Kill | End::Exit(255)),
            "{problem:?}"
        );
        if let TranscodeError::Ffmpeg { task, log_tail, .. } = &problem {
            assert_eq!(task, "try it");
            assert!(log_tail.contains(log), "{log_tail}");
        }
    }
    for code in [confine::CANNOT_CONFINE, confine::CANNOT_EXECUTE] {
        let problem = ended(fault(End::Exit(code), "no Landlock"))
            .await
            .unwrap_err();
        assert!(
            matches!(&problem, TranscodeError::Spawn(why) if why.to_string().contains("no Landlock")),
            "{problem:?}"
        );
    }
}

#[test]
fn exit_statuses_are_understood() {
    let exited = |code: i32| Death::of(ExitStatus::from_raw(code << 8));
    let signalled = |signal: Signal| Death::of(ExitStatus::from_raw(signal.as_raw()));
    for code in [1, 2, 69, 127, 254] {
        assert_eq!(exited(code), Death::Failed, "{code}");
    }
    assert_eq!(exited(255), Death::Interrupted);
    for signal in [
        Signal::SEGV,
        Signal::BUS,
        Signal::ILL,
        Signal::FPE,
        Signal::ABORT,
        Signal::TRAP,
        Signal::SYS,
    ] {
        assert_eq!(signalled(signal), Death::Crashed, "{signal:?}");
    }
    for signal in [
        Signal::INT,
        Signal::TERM,
        Signal::KILL,
        Signal::HUP,
        Signal::QUIT,
        Signal::PIPE,
    ] {
        assert_eq!(signalled(signal), Death::Interrupted, "{signal:?}");
    }
    assert_eq!(signalled(Signal::XCPU), Death::TooMuch);
}

#[tokio::test]
async fn a_run_that_hangs_is_ended() {
    let started = Instant::now();
    let limit = Duration::from_millis(500);
    let problem = outcome(
        fault(End::Stall, "it hangs"),
        limit,
        &CancellationToken::new(),
    )
    .await
    .unwrap_err();
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(problem.failure().code, FailureCode::TimedOut);
    assert!(
        matches!(&problem, TranscodeError::TimedOut { task, log_tail } if task == "try it" && log_tail.contains("hangs"))
    );
}

#[tokio::test]
async fn a_run_that_is_cancelled_is_ended() {
    for end in [End::Stall, End::Kill] {
        let cancel = CancellationToken::new();
        let stop = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            cancel.cancel();
        };
        let started = Instant::now();
        let (outcome, ()) = tokio::join!(
            outcome(fault(end, ""), Duration::from_secs(60), &cancel),
            stop
        );
        assert!(
            matches!(outcome, Err(TranscodeError::Cancelled)),
            "{end:?}: {outcome:?}"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_cannot_be_started() {
    let world = World::new();
    let mut tools = world.fake.tools();
    tools.ffmpeg = world.folder().join("no-such-program");
    let (weight, task, time_limit) = (Weight::Light, "try it".to_owned(), Duration::from_secs(9));
    let it = Run {
        tools: &tools,
        port: 1,
        files: vec![],
        weight,
        hardware: vec![],
        task,
        arguments: vec![],
        time_limit,
    };
    assert!(matches!(
        run(it, &CancellationToken::new()).await,
        Err(TranscodeError::Spawn(_))
    ));
}

/// Other work of the job failed while the child was being started.
#[tokio::test]
async fn a_run_that_is_given_up_at_its_start_leaves_no_process_behind() {
    let world = World::new();
    world.fake.set_faults(&[fault(End::Stall, "").times(99)]);
    let tools = world.fake.tools();
    for pause_ms in [0, 2, 500] {
        let (weight, task, time_limit) =
            (Weight::Light, "try it".to_owned(), Duration::from_secs(60));
        let it = Run {
            tools: &tools,
            port: 1,
            files: vec![],
            weight,
            hardware: vec![],
            task,
            arguments: vec![],
            time_limit,
        };
        let cancel = CancellationToken::new();
        let mut running = Box::pin(run(it, &cancel));
        assert!(futures::poll!(&mut running).is_pending());
        // The child starts and runs, and nothing has taken it over.
        std::thread::sleep(Duration::from_millis(pause_ms));
    }
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if !world.fake.runs().is_empty() && world.processes().is_empty() {
            return;
        }
    }
    panic!("{:?} are left", world.processes());
}

/// The driver says that it lacks memory, which is not the memory of this machine; and the encoder
/// says nothing about the source.
#[tokio::test]
async fn a_device_that_is_lost_is_not_the_fault_of_the_source() {
    let log = "x\n[h264_nvenc @ 0x55] [error] EncodePicture failed!: device removed (2)\n\
               [error] Cannot allocate memory\n[error] Error while decoding stream #0:0";
    let lost = "an encoder in hardware failed";
    for (hardware, code, expected) in [
        (vec![Hardware::Nvenc], 1, lost),
        (vec![Hardware::Nvenc], 255, lost),
        (vec![], 1, "ran out of memory"),
        (vec![], 255, "ended ffmpeg"),
    ] {
        let world = World::new();
        world.fake.set_faults(&[fault(End::Exit(code), log)]);
        let tools = world.fake.tools();
        let it = Run {
            tools: &tools,
            port: 1,
            files: vec![],
            weight: Weight::Light,
            hardware,
            task: "try it".to_owned(),
            arguments: vec![],
            time_limit: Duration::from_secs(60),
        };
        let problem = run(it, &CancellationToken::new()).await.unwrap_err();
        assert!(problem.to_string().contains(expected), "{problem}");
    }
}
