//! The cues of each mode.

use super::*;

#[test]
fn captions_pop_on() {
    let stream = Stream::of(1)
        .at(1_000)
        .does(RCL)
        .does(ENM)
        .row(14)
        .says("First & ")
        .row(15)
        .says("second")
        .at(2_000)
        .does(EOC)
        .does(RCL)
        .does(ENM)
        .row(1)
        .says("Third")
        .at(4_000)
        .does(EOC)
        .at(5_000)
        .does(EDM)
        .at(6_000)
        .does(EOC);
    // The last one is shown to the end: the memories were exchanged once more.
    assert_eq!(
        stream.cues(),
        [
            "2000-4000 First &amp; / second",
            "4000-5000 line:0 Third",
            "6000-60000 First &amp; / second",
        ]
    );
}

#[test]
fn captions_roll_up() {
    let line = |stream: Stream, text: &str| stream.does(RU2).does(CR).row(15).says(text);
    let mut stream = Stream::of(1).at(1_000);
    stream = line(stream, "One");
    stream = line(stream.at(3_000), "Two");
    stream = line(stream.at(5_000), "Three");
    // 66 ms for each of the three codes come before the text.
    assert_eq!(
        stream.at(7_000).does(EDM).cues(),
        [
            "1198-3198 One",
            "3198-5198 One / Two",
            "5198-7000 Two / Three"
        ]
    );
}

#[test]
fn rows_of_a_roll_up_come_at_once_unless_there_is_a_pause() {
    let stream = Stream::of(1)
        .does(RU3)
        .row(15)
        .says("Slow")
        .at(1_000)
        .says("ly ");
    let stream = stream
        .at(4_000)
        .says("typed")
        .at(5_000)
        .does(CR)
        .says("end");
    assert_eq!(
        stream.at(9_000).does(EDM).cues(),
        [
            "132-4000 Slowly",
            "4000-5066 Slowly typed",
            "5066-9000 Slowly typed / end"
        ]
    );
}

#[test]
fn a_window_moves_and_shrinks() {
    let stream = Stream::of(1)
        .does(RU3)
        .row(15)
        .says("a")
        .does(CR)
        .says("b")
        .does(CR)
        .says("c");
    let moved = stream
        .at(3_000)
        .does(CR)
        .row(1)
        .says("d")
        .at(5_000)
        .does(RU2)
        .does(CR)
        .says("e");
    assert_eq!(
        moved.at(9_000).does(EDM).cues(),
        [
            "132-231 a",
            "231-330 a / b",
            "330-3066 a / b / c",
            "3066-5000 line:0 b / c / d",
            "5000-5132 line:0 c / d",
            "5132-9000 line:0 d / e",
        ]
    );
}

#[test]
fn captions_are_painted() {
    let stream = Stream::of(1)
        .at(1_000)
        .does(RDC)
        .row(14)
        .says("Painted")
        .row(15)
        .says("at once")
        .at(3_000)
        .does(RDC)
        .row(15)
        .does(DER)
        .says("again")
        .at(5_000)
        .does(EDM);
    assert_eq!(
        stream.cues(),
        ["1132-3132 Painted / at once", "3132-5000 Painted / again"]
    );
}

#[test]
fn the_mode_changes() {
    let stream = Stream::of(1)
        .does(RU2)
        .says("rolled")
        .at(2_000)
        .does(RCL)
        .row(15)
        .says("popped");
    let stream = stream
        .at(3_000)
        .does(EOC)
        .at(4_000)
        .does(RU2)
        .says("rolled again");
    assert_eq!(
        stream.at(6_000).does(EDM).cues(),
        [
            "66-3000 rolled",
            "3000-4000 popped",
            "4066-6000 rolled again"
        ]
    );
}
