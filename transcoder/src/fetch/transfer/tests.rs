use super::*;

#[test]
fn any_size_fits() {
    for (size, expected) in [
        (0, PART_BYTES),
        (1, PART_BYTES),
        (80 << 30, 9 << 20),
        (100 << 30, 11 << 20),
    ] {
        assert_eq!(part_bytes(size), expected, "{size}");
    }
    let most = MOST_PART_BYTES * u64::from(MAX_PARTS);
    assert_eq!(most.div_ceil(part_bytes(most)), u64::from(MAX_PARTS));
    assert_eq!(
        part_bytes(5 << 40),
        MOST_PART_BYTES,
        "memory is bounded, whatever a server says"
    );
}

#[test]
fn the_first_bytes_decide() {
    assert_eq!(check_kind(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1"), Ok(()));
    assert_eq!(
        check_kind(b"<!DOCTYPE html><title>Sign in</title>"),
        Err(SourceProblem::WebPage)
    );
    assert_eq!(
        check_kind(b"#EXTM3U\n#EXT-X-VERSION:3\n"),
        Err(SourceProblem::PlaylistNotAllowed)
    );
    assert_eq!(
        check_kind(b"\xff\xd8\xff\xe0\0\x10JFIF"),
        Err(SourceProblem::NotAVideo)
    );
}
