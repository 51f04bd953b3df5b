//! The Content Security Policy of the pages (W3C, level 3).

/// Whether other sites may show a page in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Refused,
    Allowed,
}

/// The policy. `edge`, `bucket`: origins, or empty for the page's own. Scripts, styles and workers are files of this
/// origin; hls.js plays through `blob:` URLs, and begins the text tracks of captions with an empty file, `data:,WEBVTT`.
pub(crate) fn policy(edge: &str, bucket: &str, framing: Framing) -> String {
    let with = |sources: &str, more: &[&str]| {
        let more = more
            .iter()
            .filter(|it| !it.is_empty())
            .map(|it| format!(" {it}"));
        format!("{sources}{}", more.collect::<String>())
    };
    let mut policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src {}; media-src {}; img-src {}; \
         worker-src 'self'; base-uri 'none'; form-action 'none'",
        with("'self'", &[edge, bucket]),
        with("'self' blob: data:", &[edge]),
        with("'self' blob:", &[edge]),
    );
    if framing == Framing::Refused {
        policy.push_str("; frame-ancestors 'none'");
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origins_of_the_installation_are_allowed() {
        let own = policy("", "", Framing::Refused);
        assert!(
            own.contains(
                "connect-src 'self'; media-src 'self' blob: data:; img-src 'self' blob:; "
            ),
            "{own}"
        );
        assert!(
            own.ends_with("frame-ancestors 'none'") && !own.contains("unsafe"),
            "{own}"
        );
        let cloud = policy(
            "https://edge.example",
            "https://bucket.example",
            Framing::Allowed,
        );
        assert!(
            cloud.contains("connect-src 'self' https://edge.example https://bucket.example;"),
            "{cloud}"
        );
        assert!(
            cloud.contains("media-src 'self' blob: data: https://edge.example;"),
            "{cloud}"
        );
        assert!(!cloud.contains("frame-ancestors"), "{cloud}");
    }
}
