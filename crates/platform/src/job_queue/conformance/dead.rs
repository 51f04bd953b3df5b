//! Dead letters, and counting.

use std::time::Duration;

use domain::job::InvalidMessage;

use super::{Subject, message};
use crate::job_queue::{DeadLetter, DeadLetterId, Depth, QueueError};

/// A message that is released too often becomes a dead letter with the last reason, and is not
/// delivered.
pub async fn gives_up_after_the_last_delivery(subject: &Subject) {
    let sent = subject.send(1).await;
    for time in 1..=subject.max_receives {
        let delivery = subject.receive(subject.long()).await;
        assert_eq!(
            (delivery.receive_count, delivery.is_last),
            (time, time == subject.max_receives)
        );
        assert!(subject.dead_letters(10).await.is_empty());
        let reason = format!("failed for the {time}. time");
        subject
            .queue()
            .release(&delivery.receipt, Duration::ZERO, &reason)
            .await
            .expect("release");
    }
    subject.expect_nothing(subject.tick * 2, "it is dead").await;
    let dead = subject.dead_letters(10).await;
    let [letter] = dead.as_slice() else {
        panic!("one dead letter, not {dead:?}")
    };
    assert_eq!(
        (letter.message.as_ref(), letter.body.as_str()),
        (Ok(&sent), sent.to_body().as_str())
    );
    assert_eq!(letter.receive_count, subject.max_receives);
    assert!(letter.died_after_ms >= letter.sent_ms);
    assert!(letter.dead_lettered_ms >= letter.died_after_ms);
    if let Some(reason) = &letter.reason {
        assert_eq!(
            *reason,
            format!("failed for the {}. time", subject.max_receives)
        );
    }
}

/// A message that kills every worker becomes a dead letter too: a lease that just expires counts.
pub async fn gives_up_what_workers_die_of(subject: &Subject) {
    subject.send(1).await;
    for _ in 0..subject.max_receives {
        subject.receive(subject.tick).await;
    }
    tokio::time::sleep(subject.tick * 2).await;
    subject.expect_nothing(subject.tick * 2, "it is dead").await;
    assert_eq!(subject.dead_letters(10).await.len(), 1);
}

/// A malformed body is delivered unchanged, and can be made a dead letter with a reason.
pub async fn a_malformed_body_becomes_a_dead_letter(subject: &Subject) {
    for body in ["", "rubbish", r#"{"type":"transcode-v9"}"#] {
        // SQS rejects empty bodies.
        if body.is_empty()
            && subject
                .queue()
                .send_body(body, Duration::ZERO)
                .await
                .is_err()
        {
            continue;
        }
        if !body.is_empty() {
            subject
                .queue()
                .send_body(body, Duration::ZERO)
                .await
                .expect("send");
        }
        let delivery = subject.receive(subject.long()).await;
        assert_eq!(delivery.body, body);
        let problem: InvalidMessage = delivery.message.expect_err("the message is malformed");
        subject
            .queue()
            .dead_letter(&delivery.receipt, &problem.to_string())
            .await
            .expect("dead_letter");
        let lost = subject
            .queue()
            .extend(&delivery.receipt, subject.long())
            .await;
        assert!(matches!(lost, Err(QueueError::LeaseLost)), "{lost:?}");
        let dead = subject.dead_letters(10).await;
        let [letter] = dead.as_slice() else {
            panic!("one dead letter, not {dead:?}")
        };
        assert_eq!(
            (letter.body.as_str(), letter.message.as_ref()),
            (body, Err(&problem))
        );
        if let Some(reason) = &letter.reason {
            assert_eq!(*reason, problem.to_string());
        }
        assert_eq!(
            subject
                .queue()
                .purge(Some(&letter.id))
                .await
                .expect("purge"),
            1
        );
    }
}

/// A dead letter is settled once, stays in the list, and is found by its id.
pub async fn settles_once(subject: &Subject) {
    let dead = three_dead_letters(subject).await;
    let unsettled = || async {
        let letters = subject.queue().unsettled_dead_letters(10).await;
        letters.expect("unsettled dead letters").len()
    };
    assert_eq!(unsettled().await, 3);
    for _ in 0..2 {
        let settled = subject.queue().settle_dead_letter(&dead[1]).await;
        settled.expect("settle");
        assert_eq!(unsettled().await, 2);
    }
    assert_eq!(subject.dead_letters(10).await.len(), 3);
    let found = subject.queue().dead_letter_of(&dead[1]).await;
    let found = found.expect("a read").expect("it is there");
    assert_eq!((&found.id, found.is_settled), (&dead[1], true));
    let other = subject.queue().dead_letter_of(&dead[0]).await;
    assert!(!other.expect("a read").expect("it is there").is_settled);
    let missing = DeadLetterId("missing".to_owned());
    let found = subject.queue().dead_letter_of(&missing).await;
    assert!(found.expect("a read").is_none());

    // It becomes a dead letter once more, which is another one.
    subject
        .queue()
        .redrive(Some(&dead[1]))
        .await
        .expect("redrive");
    let again = subject.receive(subject.long()).await;
    let buried = subject.queue().dead_letter(&again.receipt, "again").await;
    buried.expect("dead_letter");
    assert_eq!(subject.dead_letters(10).await.len(), 3);
    assert_eq!(unsettled().await, 3);
}

/// Pages of dead letters have each of them once, the oldest first.
pub async fn lists_dead_letters_in_pages(subject: &Subject) {
    three_dead_letters(subject).await;
    let all = subject.dead_letters(10).await;
    let ids = |letters: &[DeadLetter]| letters.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    let after = async |letter: &DeadLetter, limit| {
        let (queue, position) = (subject.queue(), letter.position());
        let page = queue.dead_letters_after(&position, limit);
        ids(&page.await.expect("a page"))
    };
    assert_eq!(all.len(), 3);
    assert_eq!(after(&all[0], 1).await, ids(&all[1..2]));
    assert_eq!(after(&all[0], 10).await, ids(&all[1..]));
    assert_eq!(after(&all[2], 10).await, []);
    // The position of a dead letter that is gone holds.
    let purged = subject.queue().purge(Some(&all[1].id)).await;
    purged.expect("purge");
    assert_eq!(after(&all[1], 10).await, ids(&all[2..]));
}

/// A redriven dead letter starts again, with a delivery count of 0.
pub async fn redrives_one_or_all(subject: &Subject) {
    let dead = three_dead_letters(subject).await;
    assert_eq!(
        subject
            .queue()
            .redrive(Some(&dead[1]))
            .await
            .expect("redrive"),
        1
    );
    let again = subject.receive(subject.long()).await;
    assert_eq!(
        (again.message.clone(), again.receive_count, again.is_last),
        (Ok(message(2)), 1, false)
    );
    subject.queue().ack(&again.receipt).await.expect("ack");
    let missing = subject.queue().redrive(Some(&dead[1])).await;
    assert!(
        matches!(missing, Err(QueueError::NoSuchDeadLetter(_))),
        "{missing:?}"
    );

    assert_eq!(subject.queue().redrive(None).await.expect("redrive"), 2);
    for _ in 0..2 {
        assert_eq!(subject.receive(subject.long()).await.receive_count, 1);
    }
    assert_eq!(subject.queue().redrive(None).await.expect("redrive"), 0);
}

/// A purged dead letter is gone.
pub async fn purges_one_or_all(subject: &Subject) {
    let dead = three_dead_letters(subject).await;
    assert_eq!(
        subject.queue().purge(Some(&dead[0])).await.expect("purge"),
        1
    );
    let missing = subject.queue().purge(Some(&dead[0])).await;
    assert!(
        matches!(missing, Err(QueueError::NoSuchDeadLetter(_))),
        "{missing:?}"
    );
    assert_eq!(subject.dead_letters(10).await.len(), 2);
    assert_eq!(subject.queue().purge(None).await.expect("purge"), 2);
    assert_eq!(subject.queue().redrive(None).await.expect("redrive"), 0);
    subject
        .expect_nothing(subject.tick, "all were removed")
        .await;
}

/// A job whose earlier message is a dead letter can be sent again, and both can be delivered.
pub async fn a_dead_letter_does_not_stop_its_job(subject: &Subject) {
    subject.send(1).await;
    let delivery = subject.receive(subject.long()).await;
    subject
        .queue()
        .dead_letter(&delivery.receipt, "as a test")
        .await
        .expect("dead_letter");
    subject.send(1).await;
    assert_eq!(subject.dead_letters(10).await.len(), 1);
    assert_eq!(subject.queue().redrive(None).await.expect("redrive"), 1);
    for _ in 0..2 {
        let delivery = subject.receive(subject.long()).await;
        assert_eq!(delivery.message, Ok(message(1)));
    }
}

/// Every message is counted once, under its state.
pub async fn counts_what_there_is(subject: &Subject) {
    assert_eq!(
        subject.queue().depth().await.expect("depth"),
        Depth::default()
    );
    three_dead_letters(subject).await;
    for number in [10, 11] {
        subject.send(number).await;
    }
    subject.receive(subject.long()).await;
    for number in [12, 13, 14] {
        subject
            .queue()
            .send(&message(number), subject.long())
            .await
            .expect("send");
    }
    subject.send(15).await;
    let expected = Depth {
        ready: 2,
        delayed: 3,
        in_flight: 1,
        dead: 3,
    };
    assert_eq!(subject.queue().depth().await.expect("depth"), expected);
}

/// Creates dead letters from messages 1, 2 and 3, in this order.
async fn three_dead_letters(subject: &Subject) -> Vec<DeadLetterId> {
    for number in 1..=3 {
        subject.send(number).await;
        let delivery = subject.receive(subject.long()).await;
        subject
            .queue()
            .dead_letter(&delivery.receipt, "as a test")
            .await
            .expect("dead_letter");
    }
    let letters = subject.dead_letters(10).await;
    // At most `limit`, the oldest first.
    assert_eq!(subject.dead_letters(2).await.len(), 2);
    let mut ids = vec![];
    for number in 1..=3 {
        let letter = letters
            .iter()
            .find(|it| it.message == Ok(message(number)))
            .expect("each is there");
        ids.push(letter.id.clone());
    }
    assert_eq!(letters.len(), 3);
    ids
}
