//! `edgereel redrive` with a message that cannot be read: it becomes a dead letter each time.

use std::time::{Duration, Instant};

use catalog::SqlQueue;
use catalog::database::open_sqlite;
use platform::job_queue::{JobQueue as _, QueueName};
use serde_json::{Value, json};

use crate::process::{Dev, Run};

/// Sends messages that cannot be read.
fn send(dev: &Dev, bodies: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let path = dev.folder.path().join(".edgereel/edgereel.db");
        let database = open_sqlite(&path).await.unwrap();
        let queue = SqlQueue::new(&database, QueueName::Interactive, 5, "test");
        for body in bodies {
            queue.send_body(body, Duration::ZERO).await.unwrap();
        }
    });
}

/// Waits until there are this many dead letters, and returns them.
fn wait_for(dev: &Dev, count: usize) -> Vec<Value> {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let list = dev.run(&["redrive", "--json"]);
        assert_eq!(list.code, 0, "{}{}", list.stdout, list.stderr);
        let letters = list.objects();
        if letters.len() == count {
            return letters;
        }
        assert!(Instant::now() < until, "{letters:?} {}", dev.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn results(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let letters = run.objects().into_iter();
    letters.map(|it| it["result"].clone()).collect()
}

#[test]
fn dead_letters_are_listed_redriven_and_removed() {
    let dev = Dev::start(&[]);
    let empty = dev.run(&["redrive"]);
    assert_eq!((empty.code, empty.stdout.as_str()), (0, "0 dead letters\n"));
    send(&dev, &["rubbish", "nonsense"]);
    let letters = wait_for(&dev, 2);
    let id = |it: &Value| it["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (
            &letters[0]["readable"],
            &letters[0]["video"],
            letters[0].get("class")
        ),
        (&json!(false), &json!(null), None)
    );

    let text = dev.run(&["redrive"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].starts_with("ID ") && lines[1].starts_with(&id(&letters[0])),
        "{text}"
    );
    assert!(lines[3].starts_with("Select some"), "{text}");

    let none = dev.run(&["redrive", "--class", "infrastructure", "--json"]);
    assert_eq!(results(&none), [""; 0], "their class is not known");
    let old = dev.run(&["redrive", "--older-than", "1d", "--json"]);
    assert_eq!(results(&old), [""; 0]);
    let planned = dev
        .run(&["redrive", "--all", "--dry-run", "--json"])
        .objects();
    assert_eq!(planned, letters);

    let again = dev.run(&["redrive", &id(&letters[0]), "--json"]);
    assert_eq!(results(&again), ["redriven"]);
    let letters = wait_for(&dev, 2);
    let all = dev.run(&["redrive", "--all"]);
    assert!(
        all.stdout
            .ends_with("2 sent again, 0 obsolete and removed, 0 removed\n"),
        "{}",
        all.stdout
    );
    wait_for(&dev, 2);

    let asked = dev.run(&["redrive", "--all", "--purge"]);
    assert_eq!(asked.code, 2, "no terminal can ask");
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    let unselected = dev.run(&["redrive", "--purge", "--yes"]);
    assert_eq!(unselected.code, 2);
    let one = dev.run(&[
        "redrive",
        &id(&letters[0]),
        "unknown",
        "--purge",
        "--yes",
        "--json",
    ]);
    let objects = one.objects();
    assert_eq!((one.code, objects.len()), (1, 2), "{}", one.stdout);
    assert_eq!(objects[0]["error"]["code"], "no-such-dead-letter");
    assert_eq!(objects[1]["result"], "removed");
    wait_for(&dev, 1);
    let rest = dev.run(&["redrive", "--all", "--purge", "--yes", "--json"]);
    assert_eq!(results(&rest), ["removed"]);
    wait_for(&dev, 0);
}
