use super::*;

#[test]
fn video_ids_print_parse_and_keep_their_time() {
    let id = VideoId::new(1_700_000_000_123, [0xff; 10]);
    assert_eq!(id.to_string(), "vid_018bcfe5687b7fffbfffffffffffffff");
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(id.created_ms(), 1_700_000_000_123);
}

#[test]
fn odd_video_ids_are_refused() {
    for text in [
        "",
        "vid_",
        "vid_018BCFE5687B7FFFBFFFFFFFFFFFFFFF",
        "vid_+18bcfe5687b7fffbfffffffffffffff",
        "../x",
    ] {
        assert!(text.parse::<VideoId>().is_err(), "{text}");
    }
}

#[test]
fn ids_of_one_kind_are_none_of_another() {
    let key = ApiKeyId::new(1_700_000_000_123, [0xff; 10]);
    assert_eq!(key.to_string(), "key_018bcfe5687b7fffbfffffffffffffff");
    assert_eq!(key.to_string().parse(), Ok(key));
    assert!(key.to_string().parse::<VideoId>().is_err());
}

#[test]
fn a_plan_is_named_by_the_hash_of_its_document() {
    // FIPS 180-4: SHA-256 of the message "abc".
    let plan = PlanId::of(b"abc");
    assert_eq!(plan.as_str(), "ba7816bf8f01cfea414140de5dae2223");
    assert_eq!(plan.to_string().parse(), Ok(plan.clone()));
    assert_ne!(PlanId::of(b"abc "), plan);
    for text in [
        "",
        "0123456789abcdef",
        "BA7816BF8F01CFEA414140DE5DAE2223",
        "../x",
    ] {
        let problem = text.parse::<PlanId>().unwrap_err().to_string();
        assert_eq!(
            problem,
            format!("`{text}` is not a plan id: expected 32 lower-case hex digits")
        );
    }
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<PlanId>(&json).unwrap(), plan);
    assert!(serde_json::from_str::<PlanId>("\"0123\"").is_err());
}

#[test]
fn parts_do_not_run_together() {
    assert_ne!(
        JobId::of("a", "bc", "e", "p"),
        JobId::of("ab", "c", "e", "p")
    );
    assert_eq!(JobId::of("a", "b", "e", "p"), JobId::of("a", "b", "e", "p"));
    assert_ne!(Generation::of("e", "p"), Generation::of("p", "e"));
}
