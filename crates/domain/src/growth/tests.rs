use proptest::prelude::*;

use super::*;

const SEGMENT_MS: u64 = 6_000;

/// RFC 8216, 6.2.2, with a target duration of one segment.
const LONGEST_STANDSTILL_MS: u64 = SEGMENT_MS * 3 / 2;

/// The work of one encoder run.
fn one_run(segments: u32) -> Work {
    let ends_ms = (1..=u64::from(segments))
        .map(|it| it * SEGMENT_MS)
        .collect();
    Work {
        ends_ms,
        chunk_ends: vec![],
        side_by_side: 1,
    }
}

/// The growth after `moves` segments, one every `step_ms`.
fn steady(segments: u32, step_ms: u64, moves: u32) -> Growth {
    let mut growth = Growth::new(one_run(segments), 0, 0);
    for ready in 1..=moves {
        growth.note(u64::from(ready) * step_ms, ready);
    }
    growth
}

#[test]
fn a_video_is_shown_when_it_lasts() {
    for (name, step_ms, ready, of, expected) in [
        ("one segment is not enough", 1_000, 1, 20, 0),
        ("two are not enough", 1_000, 2, 20, 0),
        ("three of a fast encoder", 1_000, 3, 20, 3),
        ("a remuxed rung", 10, 3, 1_000, 3),
        ("the whole of a short video", 1_000, 2, 2, 2),
        ("one segment that is all", 90_000, 1, 1, 1),
        (
            "barely faster than playback: the margin is used up by a long video",
            5_900,
            3,
            100,
            0,
        ),
        (
            "as fast as playback, with three tenths of the video in hand",
            6_000,
            30,
            100,
            10,
        ),
        ("half as fast: too early", 12_000, 50, 100, 0),
        (
            "half as fast: the rest is made in time, and most is held back",
            12_000,
            65,
            100,
            8,
        ),
        (
            "slower than a playlist may stand still, nearly complete",
            30_000,
            99,
            100,
            82,
        ),
    ] {
        let growth = steady(of, step_ms, ready);
        let now_ms = u64::from(ready) * step_ms;
        assert_eq!(growth.to_show(now_ms, None), expected, "{name}");
    }
}

#[test]
fn what_goes_on_after_a_restart_waits_until_its_speed_is_known() {
    let mut growth = Growth::new(one_run(20), 50_000, 7);
    assert_eq!(growth.to_show(50_000, None), 0);
    let shown = Some(Shown {
        segments: 9,
        since_ms: 50_000,
    });
    assert_eq!(
        growth.to_show(50_000, shown),
        9,
        "never less than what is shown"
    );
    assert_eq!(growth.to_show(90_000, shown), 9, "nothing new is ready");
    growth.note(91_000, 10);
    assert_eq!(
        growth.to_show(91_000, shown),
        10,
        "it has stood still for long enough"
    );
}

#[test]
fn segments_are_held_back_while_the_next_ones_are_late() {
    let mut growth = steady(100, 1_000, 5);
    growth.note(15_000, 12);
    // Ten seconds without a move; if the next standstill is three quarters longer, two segments
    // bridge it.
    assert_eq!(
        growth.to_show(
            15_000,
            Some(Shown {
                segments: 5,
                since_ms: 5_000
            })
        ),
        10
    );
    // Segments that were held back follow as fast as they can be played.
    let shown = Some(Shown {
        segments: 10,
        since_ms: 15_000,
    });
    assert_eq!(growth.to_show(18_000, shown), 10);
    assert_eq!(growth.to_show(20_500, shown), 11);
    // Later than predicted.
    let shown = Some(Shown {
        segments: 11,
        since_ms: 30_000,
    });
    assert_eq!(growth.to_show(35_999, shown), 11);
    assert_eq!(growth.to_show(36_000, shown), 12);
}

/// Chunks that several workers encode in parallel, as the lanes do.
struct Encoders {
    work: Work,
    /// Completion time of each segment.
    done_ms: Vec<u64>,
}

impl Encoders {
    /// `cost_ms` of each segment; `chunks`: lengths, the last one repeats.
    fn new(workers: usize, chunks: &[usize], cost_ms: &[u64]) -> Self {
        let (mut free, mut done_ms, mut chunk_ends) = (vec![0_u64; workers], vec![], vec![]);
        let mut lengths = chunks
            .iter()
            .copied()
            .chain(std::iter::repeat(*chunks.last().unwrap()));
        while done_ms.len() < cost_ms.len() {
            let worker = (0..workers).min_by_key(|it| free[*it]).unwrap();
            for _ in 0..lengths.next().unwrap() {
                if let Some(cost) = cost_ms.get(done_ms.len()) {
                    free[worker] += cost;
                    done_ms.push(free[worker]);
                }
            }
            chunk_ends.push(done_ms.len() as u32);
        }
        let work = Work {
            chunk_ends,
            side_by_side: workers as u32,
            ..one_run(cost_ms.len() as u32)
        };
        Self { work, done_ms }
    }

    fn ready(&self, now_ms: u64) -> u32 {
        self.done_ms.iter().take_while(|it| **it <= now_ms).count() as u32
    }
}

/// The experience of a viewer who starts with the first version of the playlist.
#[derive(Debug, Default)]
struct Seen {
    begun_with: u32,
    /// Time from the start of the work to the first publication.
    after_ms: u64,
    longest_standstill_ms: u64,
    /// Time that the viewer had to wait in the middle of the video.
    stalled_ms: u64,
}

/// Checks every 250 ms, and writes every 1.5 s at most, as the publisher does.
fn watch(encoders: &Encoders) -> Seen {
    let work = &encoders.work;
    let (mut growth, mut shown, mut seen) = (
        Growth::new(work.clone(), 0, 0),
        None::<Shown>,
        Seen::default(),
    );
    let (mut begun_ms, mut played_ms) = (0, 0);
    for now_ms in (0..).step_by(250) {
        growth.note(now_ms, encoders.ready(now_ms));
        let segments = growth.to_show(now_ms, shown);
        let before = shown.map_or(0, |it| it.segments);
        assert!(segments >= before && segments <= encoders.ready(now_ms));
        let may_write = shown.is_none_or(|it| now_ms - it.since_ms >= 1_500);
        if segments > before && may_write {
            match shown {
                None => (seen.begun_with, seen.after_ms, begun_ms) = (segments, now_ms, now_ms),
                Some(it) => {
                    seen.longest_standstill_ms =
                        seen.longest_standstill_ms.max(now_ms - it.since_ms)
                }
            }
            shown = Some(Shown {
                segments,
                since_ms: now_ms,
            });
        }
        let there_ms = work.begin(shown.map_or(0, |it| it.segments));
        if shown.is_some() && now_ms > begun_ms {
            if played_ms + 250 <= there_ms {
                played_ms += 250
            } else {
                seen.stalled_ms += 250
            }
        }
        if shown.is_some_and(|it| it.segments as usize == work.ends_ms.len()) {
            return seen;
        }
    }
    seen
}

const RAMP: [usize; 7] = [1, 1, 1, 1, 1, 1, 2];

#[test]
fn encoders_of_every_speed() {
    let seen = |workers, cost_ms| watch(&Encoders::new(workers, &RAMP, &vec![cost_ms; 40]));
    let text: String = [(2, 2_000), (2, 4_000), (2, 8_000), (2, 12_000), (2, 24_000), (16, 6_000), (16, 20_000)]
        .map(|(workers, cost_ms)| {
            let Seen { begun_with, after_ms, longest_standstill_ms, stalled_ms } = seen(workers, cost_ms);
            format!("{workers} x {cost_ms}: {begun_with} after {after_ms}, {longest_standstill_ms}, {stalled_ms}\n")
        })
        .concat();
    insta::assert_snapshot!(text, @"
    2 x 2000: 4 after 4000, 3000, 0
    2 x 4000: 3 after 8000, 6000, 0
    2 x 8000: 3 after 18000, 6000, 0
    2 x 12000: 3 after 91500, 6000, 0
    2 x 24000: 3 after 360000, 6000, 0
    16 x 6000: 5 after 6000, 5250, 0
    16 x 20000: 22 after 40000, 6000, 0
    ");
}

proptest! {
    #[test]
    fn a_shown_video_moves_and_lasts(
        workers in 1_usize..9,
        cost_ms in 500_u64..24_000,
        segments in 1_usize..120,
        jitter in prop::collection::vec(90_u64..111, 120),
    ) {
        let costs: Vec<u64> = jitter.iter().take(segments).map(|it| cost_ms * it / 100).collect();
        let seen = watch(&Encoders::new(workers, &RAMP, &costs));
        prop_assert!(seen.begun_with >= FEWEST_SEGMENTS || seen.begun_with as usize == segments, "{seen:?}");
        prop_assert!(seen.longest_standstill_ms <= LONGEST_STANDSTILL_MS, "{seen:?}");
        prop_assert_eq!(seen.stalled_ms, 0, "{:?}", seen);
    }

    #[test]
    fn what_is_shown_never_shrinks_and_is_always_ready(
        moves in prop::collection::vec((0_u64..30_000, 0_u32..4), 1..40),
        segments in 1_u32..60,
        shown in prop::option::of(0_u32..60),
    ) {
        let (mut growth, mut now_ms) = (Growth::new(one_run(segments), 0, 0), 0);
        let mut ready = 0;
        let mut shown = shown.map(|it| Shown { segments: it.min(segments), since_ms: 0 });
        for (pause, more) in moves {
            now_ms += pause;
            ready = (ready + more).min(segments);
            growth.note(now_ms, ready);
            let next = growth.to_show(now_ms, shown);
            let before = shown.map_or(0, |it| it.segments);
            prop_assert!(next >= before && next <= ready.max(before));
            if next > before {
                shown = Some(Shown { segments: next, since_ms: now_ms });
            }
        }
    }
}
