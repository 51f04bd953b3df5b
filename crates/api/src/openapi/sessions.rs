//! OpenAPI documentation of sessions of browsers.

use api_types::sessions::{Session, SignIn};
use http::StatusCode;
use serde_json::{Value, json};

use super::Doc;
use crate::problem::Problem::*;

fn session() -> Value {
    json!({
        "subject": "user:42", "owner": "42", "scopes": ["upload", "read", "play"],
        "profiles": ["default"], "max_upload_bytes": 107_374_182_400_u64,
        "expires_at": "2026-11-29T12:00:00Z",
    })
}

pub(crate) fn read() -> Doc {
    let about = "The caller who is signed in, and what this installation offers. Without a session, the response is \
        401, and `methods` lists how a browser can sign in: `api-key` (`POST /v1/session`), `link` (the link that \
        `edgereel dev` prints), `oidc` (`/sign-in/oidc`).";
    Doc::new("getSession", "Get the session", about)
        .any_caller()
        .response::<Session>(StatusCode::OK, "The session.", session())
        .problems(&[Unauthorized, TooManyRequests, Internal, Unavailable])
}

pub(crate) fn start() -> Doc {
    let about = "Signs a browser in with a token. The response sets a cookie that scripts cannot read, with which the \
        browser authenticates from then on. Requests with the cookie that change something need the header \
        `Edgereel-Request: 1`.";
    Doc::new("startSession", "Sign in", about)
        .own_page_only()
        .request_body::<SignIn>(json!({ "token": "er_..." }))
        .response::<Session>(StatusCode::OK, "Signed in.", session())
        .with_headers(&["Set-Cookie"])
        .problems(&[
            Unauthorized,
            InvalidField,
            TooManyRequests,
            Internal,
            Unavailable,
        ])
}

pub(crate) fn end() -> Doc {
    Doc::new(
        "endSession",
        "Sign out",
        "Removes the cookie. Repeating the request is not an error.",
    )
    .own_page_only()
    .no_content("Signed out.")
    .problems(&[Internal])
}
