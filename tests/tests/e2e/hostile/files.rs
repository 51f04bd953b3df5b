//! Bounds of the tests, and builders of files.

use super::*;

/// Memory limit of our own process, bytes.
const OWN_MEMORY: u64 = 200 << 20;

/// Memory limit of each FFmpeg, bytes. Its actual use is a little higher: its program and
/// libraries.
const FFMPEG_MEMORY: u64 = 768 << 20;
const PROGRAM: u64 = 128 << 20;

/// Transcodes a file within the limits.
pub(super) async fn within_bounds(folder: &Path, input: &Path) -> Answer {
    let (out, temporary) = (folder.join("out"), folder.join("tmp"));
    std::fs::create_dir_all(&temporary).unwrap();
    let answer = transcode(
        input,
        &out,
        &temporary,
        &["--ffmpeg-memory", &FFMPEG_MEMORY.to_string()],
    )
    .await;
    drop(std::fs::remove_dir_all(out));
    let shown = format!(
        "{}: {:?}\n{}",
        input.display(),
        answer.objects,
        answer.stderr
    );
    let mib = |bytes: u64| bytes >> 20;
    let (own, child) = (answer.peaks.own, answer.peaks.child);
    let name = input.file_name().unwrap().to_string_lossy();
    let code = answer.last()["error"]["code"].as_str().unwrap_or("ready");
    println!(
        "{name}: {code} after {:.1?}, {} MiB, FFmpeg {} MiB",
        answer.took,
        mib(own),
        mib(child)
    );
    assert!(own < OWN_MEMORY, "{} MiB: {shown}", mib(own));
    assert!(
        child < FFMPEG_MEMORY + PROGRAM,
        "{} MiB: {shown}",
        mib(child)
    );
    assert!(
        answer.took < Duration::from_secs(110),
        "{:?}: {shown}",
        answer.took
    );
    answer
}

/// The file is refused for one of these reasons.
pub(super) async fn refused(folder: &Path, input: &Path, codes: &[&str]) {
    let answer = within_bounds(folder, input).await;
    let error = &answer.last()["error"];
    let shown = format!(
        "{}: {:?}\n{}",
        input.display(),
        answer.objects,
        answer.stderr
    );
    let code = error["code"].as_str().expect(&shown);
    assert!(
        codes.contains(&code),
        "`{code}` instead of {codes:?}: {shown}"
    );
    // Failures that are retried.
    let ours = [
        "internal",
        "timed-out",
        "verification-failed",
        "unavailable",
    ];
    assert!(!ours.contains(&code), "{shown}");
    assert!(
        error["message"]
            .as_str()
            .is_some_and(|it| it.ends_with('.')),
        "no message: {shown}"
    );
}

/// The file is transcoded, or refused for one of these reasons.
pub(super) async fn made_or(folder: &Path, input: &Path, codes: &[&str]) {
    let answer = within_bounds(folder, input).await;
    let code = answer.last()["error"]["code"].as_str();
    assert!(
        code.is_none_or(|it| codes.contains(&it)),
        "{}: {:?}\n{}",
        input.display(),
        answer.objects,
        answer.stderr
    );
}

pub(super) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(super) fn at(file: &[u8], name: &[u8]) -> usize {
    file.windows(name.len())
        .position(|it| it == name)
        .expect("it is there")
}

pub(super) fn put(file: &mut [u8], place: usize, number: u32) {
    file[place..place + 4].copy_from_slice(&number.to_be_bytes());
}

pub(super) fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, content].concat()
}

/// A top-level box: the range of its content.
pub(super) fn content_of(file: &[u8], name: &[u8; 4]) -> std::ops::Range<usize> {
    let start = at(file, name);
    let size = u32::from_be_bytes(*file[start - 4..].first_chunk().unwrap()) as usize;
    start + 4..start - 4 + size
}

pub(super) fn save(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

pub(super) fn film_bytes(folder: &Path, more: &[&str]) -> Vec<u8> {
    std::fs::read(make_film(
        &folder.join("good.mp4"),
        "320x180",
        "25",
        2.0,
        more,
    ))
    .unwrap()
}
