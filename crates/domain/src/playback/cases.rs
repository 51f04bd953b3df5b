//! Requests and their expected responses, as data: every shell that executes decisions has to give these responses.
//!
//! A shell test fills a store with [`world::objects`] and its list with [`world::listed`], configures itself with
//! [`world::keyring`], [`world::key_encryption_keys`] and [`world::config`], sends each of [`all`], and passes the
//! response to [`Case::check`].

mod grants;
mod pace;
mod passes;
mod renewals;
mod reports;
mod requests;
mod revocations;
pub mod world;

use super::Refusal;

/// A request and its expected response.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique name.
    pub name: String,
    /// HTTP method.
    pub method: &'static str,
    /// Path and query, as sent over the wire.
    pub target: String,
    /// Request headers.
    pub headers: Vec<(&'static str, String)>,
    /// The client's address, as the shell sees it.
    pub client_ip: &'static str,
    /// The country that the shell's front reports; `None`: none.
    pub country: Option<&'static str>,
    /// The expected response.
    pub expected: Expected,
}

/// The expected response.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// HTTP status.
    pub status: u16,
    /// Response headers; `None`: the header must be absent.
    pub headers: Vec<(&'static str, Option<String>)>,
    /// The exact body.
    pub body: Option<Vec<u8>>,
    /// Texts that the body must contain.
    pub holds: Vec<String>,
    /// Texts that the body must not contain.
    pub lacks: Vec<String>,
}

/// The response that was received.
#[derive(Debug, Clone, Default)]
pub struct CaseResponse {
    /// HTTP status.
    pub status: u16,
    /// Response headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

/// All cases. `now` is the time at which the shell under test will see the requests, Unix seconds.
pub fn all(now: u64) -> Vec<Case> {
    let grants = [
        grants::cases(now),
        passes::cases(now),
        renewals::cases(now),
        revocations::cases(now),
    ]
    .concat();
    [
        grants,
        requests::cases(now),
        reports::cases(now),
        pace::cases(now),
    ]
    .concat()
}

impl Case {
    /// A request that is served.
    fn good(name: &str, target: String) -> Self {
        Self {
            name: name.to_owned(),
            method: "GET",
            target,
            headers: vec![],
            client_ip: "198.51.100.7",
            country: None,
            expected: Expected {
                status: 200,
                ..Expected::default()
            },
        }
    }

    /// A request that is refused.
    fn refused(name: &str, target: String, refusal: Refusal) -> Self {
        let header = |name, value: &str| (name, Some(value.to_owned()));
        let mut case = Self::good(name, target).status(refusal.status());
        case.expected.headers = vec![
            header("edgereel-refusal", refusal.code()),
            header("content-type", "application/problem+json"),
            header("cache-control", "no-store"),
        ];
        case.expected.body = Some(refusal.problem().into_bytes());
        case
    }

    fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        // A HEAD response has only the headers of the GET response.
        if method == "HEAD" {
            self.expected.body = Some(vec![]);
        }
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn from(mut self, client_ip: &'static str) -> Self {
        self.client_ip = client_ip;
        self
    }

    fn country(mut self, country: &'static str) -> Self {
        self.country = Some(country);
        self
    }

    fn status(mut self, status: u16) -> Self {
        self.expected.status = status;
        self
    }

    fn answers(mut self, name: &'static str, value: &str) -> Self {
        self.expected.headers.push((name, Some(value.to_owned())));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.expected.headers.push((name, None));
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.expected.body = Some(body.into());
        self
    }

    fn holds(mut self, text: &str) -> Self {
        self.expected.holds.push(text.to_owned());
        self
    }

    fn lacks(mut self, text: &str) -> Self {
        self.expected.lacks.push(text.to_owned());
        self
    }

    /// Compares a response with the expected one; the error describes the difference.
    pub fn check(&self, response: &CaseResponse) -> Result<(), String> {
        let expected = &self.expected;
        let text = String::from_utf8_lossy(&response.body);
        if response.status != expected.status {
            return Err(format!(
                "{}: status {} instead of {}: {text}",
                self.name, response.status, expected.status
            ));
        }
        for (name, value) in &expected.headers {
            let found = response
                .headers
                .iter()
                .find(|it| it.0 == *name)
                .map(|it| it.1.as_str());
            let good = match (*name, found, value) {
                // Each name separately: a response may vary by more headers.
                ("vary", Some(names), Some(name)) => names.split(',').any(|it| it.trim() == name),
                _ => found == value.as_deref(),
            };
            if !good {
                return Err(format!(
                    "{}: header {name} is {found:?} instead of {value:?}",
                    self.name
                ));
            }
        }
        if expected
            .body
            .as_ref()
            .is_some_and(|it| *it != response.body)
        {
            return Err(format!(
                "{}: the body is {} bytes: {text}",
                self.name,
                response.body.len()
            ));
        }
        if let Some(part) = expected.holds.iter().find(|it| !text.contains(it.as_str())) {
            return Err(format!("{}: the body lacks {part}: {text}", self.name));
        }
        if let Some(part) = expected.lacks.iter().find(|it| text.contains(it.as_str())) {
            return Err(format!("{}: the body holds {part}: {text}", self.name));
        }
        Ok(())
    }
}
