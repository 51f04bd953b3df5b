//! OpenAPI documentation of revocations.

use api_types::revocations::{Revocation, RevocationRequest};
use http::StatusCode;
use serde_json::json;

use super::Doc;
use crate::problem::Problem::*;

pub(crate) fn create() -> Doc {
    let about = "The edge refuses the grants and the passes that it derived from them: playback that has started ends \
        within a minute, if the grants have `check_segments`; otherwise, when the player needs another playlist or key. \
        The names go to the list that `EDGEREEL_EDGE_LIST` names. If it cannot be reached, the response is \
        `unavailable`: send the request again. A repeated request renews the revocation.";
    Doc::new("createRevocation", "Revoke grants", about)
        .request_body::<RevocationRequest>(json!({ "viewer": "user-42", "expires_in": 691_200 }))
        .response::<Revocation>(
            StatusCode::OK,
            "The edge has the names.",
            json!({
                "names": ["viewer/3b9f4a0c1d2e5f60"], "expires_at": "2026-11-29T18:27:05.123Z",
            }),
        )
        .problems(&[InvalidField])
}
