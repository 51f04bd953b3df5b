//! Validation of requests that create and update webhooks.

use api_types::webhooks::WebhookChange;
use catalog::webhooks::EndpointPatch;
use domain::webhook::EventType;
use platform::net::{Guard, UrlRejected};
use url::Url;

use crate::error::ApiError;
use crate::problem::Problem;

/// Longest URL in bytes.
const URL_LIMIT: usize = 2_048;
/// Longest description in bytes.
const DESCRIPTION_LIMIT: usize = 1_000;

/// Why a webhook is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWebhook {
    /// The URL cannot be parsed.
    #[error("`url` is not a valid URL: {0}")]
    Url(String),
    /// The address is not allowed.
    #[error("`url`: {0}")]
    Address(UrlRejected),
    /// There are no event types, or one cannot be subscribed to.
    #[error("`events`: {0}")]
    Types(String),
    /// A field is too long.
    #[error("`{field}` may have at most {limit} bytes")]
    TooLong {
        /// The HTTP method.
        field: &'static str,
        /// Maximum length in bytes.
        limit: usize,
    },
}

impl InvalidWebhook {
    /// The kind of problem.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Url(_) => Problem::InvalidWebhookUrl,
            Self::Address(_) => Problem::WebhookUrlNotAllowed,
            Self::Types(_) => Problem::InvalidEventTypes,
            Self::TooLong { .. } => Problem::FieldTooLong,
        }
    }
}

impl From<InvalidWebhook> for ApiError {
    fn from(error: InvalidWebhook) -> Self {
        Self::new(error.problem(), error.to_string())
    }
}

/// The validated change.
pub(super) fn patch(change: WebhookChange, guard: &Guard) -> Result<EndpointPatch, InvalidWebhook> {
    Ok(EndpointPatch {
        url: change.url.map(|it| url(&it, guard)).transpose()?,
        types: change.events.map(types).transpose()?,
        description: change.description.map(description).transpose()?,
        active: change.active,
    })
}

/// The normalised URL. Its host is resolved and checked for every message, not here:
/// the address may change.
pub(super) fn url(text: &str, guard: &Guard) -> Result<String, InvalidWebhook> {
    if text.len() > URL_LIMIT {
        return Err(InvalidWebhook::TooLong {
            field: "url",
            limit: URL_LIMIT,
        });
    }
    let mut url = Url::parse(text).map_err(|it| InvalidWebhook::Url(it.to_string()))?;
    guard.check(&url).map_err(InvalidWebhook::Address)?;
    // A fragment is never sent.
    url.set_fragment(None);
    Ok(url.into())
}

/// The types, sorted and without duplicates.
pub(super) fn types(words: Option<Vec<String>>) -> Result<Option<Vec<EventType>>, InvalidWebhook> {
    let Some(words) = words else { return Ok(None) };
    let mut types = Vec::new();
    for word in words {
        let kind = word
            .parse::<EventType>()
            .map_err(|it| InvalidWebhook::Types(it.to_string()))?;
        if kind == EventType::Test {
            return Err(InvalidWebhook::Types(
                "`test` cannot be subscribed to".to_owned(),
            ));
        }
        types.push(kind);
    }
    types.sort();
    types.dedup();
    if types.is_empty() {
        return Err(InvalidWebhook::Types(
            "name at least one type, or omit `events` to receive all default types".to_owned(),
        ));
    }
    Ok(Some(types))
}

pub(super) fn description(text: Option<String>) -> Result<Option<String>, InvalidWebhook> {
    match text {
        Some(it) if it.len() > DESCRIPTION_LIMIT => Err(InvalidWebhook::TooLong {
            field: "description",
            limit: DESCRIPTION_LIMIT,
        }),
        text => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use platform::net::Policy;

    use super::*;

    #[test]
    fn url_errors_are_specific() {
        let guard = Guard::new(Policy::default());
        let long = format!("https://example.com/{}", "x".repeat(URL_LIMIT));
        let table = [
            (
                "https://example.com/hook#part",
                Ok("https://example.com/hook"),
            ),
            ("https://EXAMPLE.com", Ok("https://example.com/")),
            ("example.com/hook", Err(Problem::InvalidWebhookUrl)),
            ("", Err(Problem::InvalidWebhookUrl)),
            ("http://example.com/", Err(Problem::WebhookUrlNotAllowed)),
            ("https://0x7f000001/", Err(Problem::WebhookUrlNotAllowed)),
            (
                "https://name@example.com/",
                Err(Problem::WebhookUrlNotAllowed),
            ),
            (&long, Err(Problem::FieldTooLong)),
        ];
        for (text, expected) in table {
            let answer = url(text, &guard);
            assert_eq!(
                answer.as_deref().map_err(InvalidWebhook::problem),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn types_are_known_and_without_duplicates() {
        let read = |words: &[&str]| types(Some(words.iter().map(|&it| it.to_owned()).collect()));
        let both = Some(vec![EventType::VideoProgress, EventType::VideoReady]);
        assert_eq!(
            read(&["video.ready", "video.progress", "video.ready"]),
            Ok(both)
        );
        assert_eq!(types(None), Ok(None));
        for wrong in [vec![], vec!["video.redy"], vec!["test"], vec!["*"]] {
            assert_eq!(
                read(&wrong).unwrap_err().problem(),
                Problem::InvalidEventTypes,
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn null_differs_from_a_missing_field() {
        let guard = Guard::new(Policy::default());
        let read =
            |text| patch(serde_json::from_str::<WebhookChange>(text).unwrap(), &guard).unwrap();
        assert_eq!(read("{}"), EndpointPatch::default());
        let nulls = read(r#"{ "events": null, "description": null, "active": false }"#);
        let expected = EndpointPatch {
            url: None,
            types: Some(None),
            description: Some(None),
            active: Some(false),
        };
        assert_eq!(nulls, expected);
    }
}
