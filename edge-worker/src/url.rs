//! Splits a URL into its parts without decoding or normalising it, so that the decision sees
//! exactly what was sent. (A full parser would also double the size of the script.)

/// The parts of an absolute URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Url<'a> {
    /// Origin, for example `https://edge.example`.
    pub origin: &'a str,
    /// Host, for example `edge.example`, with the port if there is one.
    pub host: &'a str,
    /// Path; begins with a slash.
    pub path: &'a str,
    /// Query without the question mark.
    pub query: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Splits a URL; `None`: it is not absolute.
    pub fn split(url: &'a str) -> Option<Self> {
        let (scheme, after) = url.split_once("://")?;
        let length = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (host, rest) = after.split_at_checked(length)?;
        let origin = url.get(..scheme.len().checked_add(3)?.checked_add(length)?)?;
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        Some(Self {
            origin,
            host,
            path: if path.is_empty() { "/" } else { path },
            query,
        })
    }

    /// The host as clients send it: without the port that is the default of the scheme.
    pub fn host_header(&self) -> &'a str {
        let default = if self.origin.starts_with("https:") {
            ":443"
        } else {
            ":80"
        };
        self.host.strip_suffix(default).unwrap_or(self.host)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_split_as_they_are() {
        let split = |url| Url::split(url).map(|it| (it.origin, it.host, it.path, it.query));
        for (url, expected) in [
            (
                "https://a.example/v/x?grant=1",
                ("https://a.example", "a.example", "/v/x", Some("grant=1")),
            ),
            ("http://a:8080", ("http://a:8080", "a:8080", "/", None)),
            ("http://a?b", ("http://a", "a", "/", Some("b"))),
            (
                "http://a/%2e%2e/b?c?d#e",
                ("http://a", "a", "/%2e%2e/b", Some("c?d")),
            ),
            ("http://a/?", ("http://a", "a", "/", Some(""))),
        ] {
            assert_eq!(split(url), Some(expected), "{url}");
        }
        assert_eq!(split("/v/x"), None);
    }

    #[test]
    fn a_default_port_is_not_sent() {
        for (url, expected) in [
            ("https://a.example", "a.example"),
            ("https://a.example:443/q", "a.example"),
            ("https://a.example:80/q", "a.example:80"),
            ("https://a.example:4443/q", "a.example:4443"),
            ("http://a:80", "a"),
            ("http://a:443", "a:443"),
        ] {
            assert_eq!(
                Url::split(url).map(|it| it.host_header()),
                Some(expected),
                "{url}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_not(url in "\\PC{0,20}(://)?[a-z:/?#]{0,20}\\PC{0,20}") {
            if let Some(split) = Url::split(&url) {
                prop_assert!(url.starts_with(split.origin) && split.path.starts_with('/'));
            }
        }
    }
}
