//! A curl example for every operation, for the document and for `docs/requests.md`.

use http::Method;
use serde_json::Value;

/// Longer bodies are on a separate line.
const LINE: usize = 110;

/// A curl command. `path`: the route template, below the base URL of the API. `headers`: in quotes.
pub(super) fn curl(
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: Option<&Value>,
    headers: &[&str],
) -> String {
    let query = query.map(|it| format!("?{it}")).unwrap_or_default();
    let mut line = "curl".to_owned();
    if *method != Method::GET {
        line += &format!(" -X {method}");
    }
    line += &format!(" \"$API{}{query}\"", variables(path));
    for header in headers {
        line += &format!(" -H {header}");
    }
    if let Some(body) = body {
        let head = " -H 'content-type: application/json'";
        // Examples contain no quotes.
        let data = format!("-d '{body}'");
        if line.len() + head.len() + data.len() > LINE {
            line += &format!("{head} \\\n  {data}");
        } else {
            line += &format!("{head} {data}");
        }
    }
    line
}

/// `{video}` as `$VIDEO`.
fn variables(path: &str) -> String {
    let mut text = String::new();
    for (at, part) in path.split(['{', '}']).enumerate() {
        if at % 2 == 0 {
            text += part
        } else {
            text += &format!("${}", part.to_uppercase())
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::super::document;
    use super::*;

    /// Every operation with its request, as Markdown, for `docs/requests.md`.
    fn requests() -> String {
        let document = serde_json::to_value(document()).expect("the document is JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut page = String::new();
        for tag in document["tags"].as_array().into_iter().flatten() {
            let _ = write!(page, "\n## {}\n", text(&tag["name"]));
            for (path, item) in document["paths"].as_object().into_iter().flatten() {
                for (method, operation) in item.as_object().into_iter().flatten() {
                    if operation["tags"][0] != tag["name"] {
                        continue;
                    }
                    let (summary, sample) = (
                        &operation["summary"],
                        &operation["x-codeSamples"][0]["source"],
                    );
                    let title =
                        format!("**{}**, `{} {path}`", text(summary), method.to_uppercase());
                    let _ = write!(page, "\n{title}\n\n```sh\n{}\n```\n", text(sample));
                }
            }
        }
        page
    }

    #[test]
    fn a_request_is_typed_as_it_is_sent() {
        let token = &["\"Authorization: Bearer $TOKEN\""];
        let read = curl(
            &Method::GET,
            "/v1/videos/{video}/stream",
            Some("viewer=user-42"),
            None,
            token,
        );
        assert_eq!(
            read,
            r#"curl "$API/v1/videos/$VIDEO/stream?viewer=user-42" -H "Authorization: Bearer $TOKEN""#
        );
        let open = curl(&Method::GET, "/shared/{secret}", None, None, &[]);
        assert_eq!(open, r#"curl "$API/shared/$SECRET""#);
        let long = curl(
            &Method::POST,
            "/v1/uploads",
            None,
            Some(&json!({ "a": "x".repeat(90) })),
            token,
        );
        assert!(
            long.contains("-H 'content-type: application/json' \\\n  -d '{\"a\":"),
            "{long}"
        );
    }

    #[test]
    fn the_page_has_every_request() {
        let page = include_str!("../../../../docs/requests.md");
        let requests = requests();
        assert!(
            page.ends_with(&requests),
            "put this at the end of docs/requests.md:\n{requests}"
        );
        assert!(!requests.contains("''"), "a quote in an example ends it");
    }
}
