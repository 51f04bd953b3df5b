//! Forged passes.

use super::*;

pub(super) fn forged(now: u64) -> Vec<Case> {
    let all = pass(now);
    let good = signed(&all);
    let bytes = Base64UrlUnpadded::decode_vec(&good).unwrap_or_default();
    let path = |pass: &str| format!("/s/{pass}/{}/{PLAYLIST}", generation());
    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1;
        }
        path(&Base64UrlUnpadded::encode_string(&bytes))
    };
    let by = |keys: &str| {
        let keys = PassKeys::parse(keys).expect("well-formed");
        path(&all.sign(&keys).expect("short enough"))
    };
    let case = Case::refused;
    vec![
        Case::good(
            "signed with the key before",
            by("p1:cGFzcyBrZXkgbnVtYmVyIG9uZSwgMzIgYnl0ZXMgISE"),
        ),
        case(
            "signed with a key that is gone",
            by("p0:cGFzcyBrZXkgbnVtYmVyIG9uZSwgMzIgYnl0ZXMgISE"),
            Refusal::PassKeyUnknown,
        ),
        case(
            "signed with another key of that name",
            by("p2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"),
            Refusal::PassSignature,
        ),
        case("pass of another version", flipped(0), Refusal::PassVersion),
        case(
            "pass with another purpose",
            flipped(1),
            Refusal::PassSignature,
        ),
        case(
            "pass with another key name",
            flipped(4),
            Refusal::PassKeyUnknown,
        ),
        case(
            "pass with another video",
            flipped(10),
            Refusal::PassSignature,
        ),
        case(
            "pass with another expiry",
            flipped(52),
            Refusal::PassSignature,
        ),
        case(
            "pass with another signature",
            flipped(bytes.len() - 1),
            Refusal::PassSignature,
        ),
        case(
            "pass cut",
            path(&good[..good.len() - 3]),
            Refusal::PassSignature,
        ),
        case("pass cut short", path(&good[..8]), Refusal::PassMalformed),
        case(
            "pass with more behind",
            path(&format!("{good}AAAA")),
            Refusal::PassSignature,
        ),
        case("pass of one letter", path("A"), Refusal::PassMalformed),
        case("pass with a point", path("A.B"), Refusal::PassMalformed),
        case(
            "giant pass",
            path(&"A".repeat(8200)),
            Refusal::PassMalformed,
        ),
        case(
            "giant key pass",
            format!("/k/{}/{}/1080p.key", "A".repeat(8200), generation()),
            Refusal::PassMalformed,
        ),
        case(
            "a grant as a pass",
            path("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"),
            Refusal::PassMalformed,
        ),
    ]
}
