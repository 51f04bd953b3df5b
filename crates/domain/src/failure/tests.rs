use super::*;

#[test]
fn codes_print_and_parse() {
    for code in FailureCode::ALL {
        assert_eq!(code.as_str().parse(), Ok(code));
        assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
    }
    assert!("no-such-code".parse::<FailureCode>().is_err());
}

#[test]
fn every_sentence_is_one() {
    for code in FailureCode::ALL {
        let message = code.message();
        assert!(
            message.ends_with('.') && message.len() > 20,
            "{code}: {message}"
        );
    }
}

#[test]
fn the_class_decides_what_follows() {
    assert_eq!(
        FailureCode::NotAVideo.class().verdict(),
        FailureVerdict::Reject
    );
    assert_eq!(
        FailureCode::DiskFull.class().verdict(),
        FailureVerdict::Retry
    );
    assert_eq!(
        FailureCode::Shutdown.class().verdict(),
        FailureVerdict::Release
    );
}
