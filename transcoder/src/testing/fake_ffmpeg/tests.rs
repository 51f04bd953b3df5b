use super::*;

/// The name of the rendition of I-frames stands in command lines too.
#[test]
fn runs_are_known_by_their_outputs() {
    let plan = crate::testing::remuxed_plan();
    let arguments: Vec<String> = [
        "-segment_times",
        "6,12",
        "-segment_start_number",
        "3",
        "http://ffmpeg:@h/1/720p/%d.ts",
    ]
    .into_iter()
    .chain([
        "-segment_time",
        "1000000",
        "-segment_start_number",
        "1",
        "http://ffmpeg:@h/1/iframes/%d.ts",
    ])
    .map(str::to_owned)
    .collect();
    let run = Run::parse(Path::new("/"), &arguments);
    assert_eq!(run.task, Task::Encode);
    let counts: Vec<_> = run
        .outputs
        .iter()
        .map(|it| (it.name.as_str(), it.first, it.count))
        .collect();
    assert_eq!(counts, [("720p", 3, 3), ("iframes", 1, 1)]);
    assert_eq!(objects_of(&plan, Lane::Copy).len(), 20);
}
