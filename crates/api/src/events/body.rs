//! The body of `POST /v1/events`: one event, or a list. Each item of a list is parsed separately, so that a malformed
//! item does not affect the others.

use api_types::events::BucketEvent;
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::extract::Body;
use crate::problem::Problem;
use crate::routes;

/// Largest body in bytes: a hundred jobs with the longest keys need a quarter of it.
pub(crate) const BODY_LIMIT: usize = 1 << 20;
/// Largest event in bytes, alone or in a list.
const EVENT_LIMIT: usize = routes::BODY_LIMIT;
/// Largest number of items in a list: the largest batch of Cloudflare Queues.
pub(super) const ITEMS_LIMIT: usize = 100;

/// The content of a body.
#[derive(Debug)]
pub(super) enum EventsBody {
    /// One event.
    One(BucketEvent),
    /// The items of a list; an item that is not an event is an error of its own.
    List(Vec<Result<BucketEvent, ApiError>>),
}

impl EventsBody {
    /// Parses a body.
    ///
    /// # Errors
    /// The body is not JSON, has a wrong number of items, or is one event that is malformed or too large.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        if bytes.iter().find(|it| !it.is_ascii_whitespace()) != Some(&b'[') {
            return event(bytes, "the body").map(Self::One);
        }
        let items: Vec<&RawValue> = serde_json::from_slice(bytes)
            .map_err(|error| ApiError::malformed(format!("the body: {error}")))?;
        if !(1..=ITEMS_LIMIT).contains(&items.len()) {
            return Err(ApiError::invalid(format!(
                "the body: a list has 1 to {ITEMS_LIMIT} items, this one has {}",
                items.len()
            )));
        }
        let items = items
            .iter()
            .map(|it| event(it.get().as_bytes(), "the item"));
        Ok(Self::List(items.collect()))
    }
}

fn event(text: &[u8], place: &str) -> Result<BucketEvent, ApiError> {
    if text.len() > EVENT_LIMIT {
        return Err(ApiError::new(
            Problem::BodyTooLarge,
            format!("{place}: an event has at most {EVENT_LIMIT} bytes"),
        ));
    }
    Body::parse(text, place).map(|Body(event)| event)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `one`, the result of each item, or the problem of the whole body.
    fn kinds(body: &str) -> String {
        let text = |error: &ApiError| format!("{}: {error}", error.problem().code());
        match EventsBody::parse(body.as_bytes()) {
            Ok(EventsBody::One(event)) => format!("one of {} fields", event.0.len()),
            Ok(EventsBody::List(items)) => {
                let of_item = |it: &Result<BucketEvent, ApiError>| match it {
                    Ok(event) => format!("{} fields", event.0.len()),
                    Err(error) => text(error),
                };
                let items: Vec<_> = items.iter().map(of_item).collect();
                format!("list: {}", items.join("; "))
            }
            Err(error) => text(&error),
        }
    }

    #[test]
    fn a_body_is_one_event_or_a_list() {
        let list = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(EVENT_LIMIT));
        let (too_deep, whole_too_deep) = ("[".repeat(200) + &"]".repeat(200), "[".repeat(200));
        let table = [
            ("", "one of 0 fields"),
            (r#" {"a":1}"#, "one of 1 fields"),
            ("7", "malformed-request: the body: not a JSON object"),
            (
                "{",
                "malformed-request: the body: EOF while parsing an object at line 1 column 1",
            ),
            (
                r#"{"a":1,"a":2}"#,
                "malformed-request: the body: duplicate field `a` at line 1 column 13",
            ),
            (
                &large,
                "body-too-large: the body: an event has at most 65536 bytes",
            ),
            (" \n[{}, {\"a\":1.0}]\n", "list: 0 fields; 1 fields"),
            (
                r#"[7, "text", null, [{}], {"a":1,"a":2}, {}]"#,
                "list: malformed-request: the item: not a JSON object; \
                 malformed-request: the item: not a JSON object; \
                 malformed-request: the item: not a JSON object; \
                 malformed-request: the item: not a JSON object; \
                 malformed-request: the item: duplicate field `a` at line 1 column 13; 0 fields",
            ),
            (
                &format!("[{large},{{}}]"),
                "list: body-too-large: the item: an event has at most 65536 bytes; 0 fields",
            ),
            (
                &format!("[{{\"a\":{too_deep}}},{{}}]"),
                "list: malformed-request: the item: recursion limit exceeded at line 1 column 132; 0 fields",
            ),
            (
                &whole_too_deep,
                "malformed-request: the body: EOF while parsing a list at line 1 column 200",
            ),
            (
                "[]",
                "invalid-field: the body: a list has 1 to 100 items, this one has 0",
            ),
            (
                &list(101),
                "invalid-field: the body: a list has 1 to 100 items, this one has 101",
            ),
            (
                "[{}",
                "malformed-request: the body: EOF while parsing a list at line 1 column 3",
            ),
            (
                "[{}] {}",
                "malformed-request: the body: trailing characters at line 1 column 6",
            ),
        ];
        for (body, expected) in table {
            let shown: String = body.chars().take(60).collect();
            assert_eq!(kinds(body), expected, "{shown}");
        }
        assert_eq!(
            kinds(&list(100)),
            format!("list: {}", vec!["0 fields"; 100].join("; "))
        );
    }
}
