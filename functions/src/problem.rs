//! Every kind of problem that the API tells, in one table (RFC 9457, 3.1: `type`, `status`, `title`).
//!
//! A kind is stable: programs compare its code. `docs/problems.md` and the OpenAPI document are made of
//! this table.

use http::StatusCode;

macro_rules! problems {
    ($($name:ident $status:ident $code:literal $title:literal $meaning:literal)*) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Problem {
            $(#[doc = $meaning] $name,)*
        }

        impl Problem {
            /// All of them, as the documentation lists them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The last part of its `type`. Never renamed.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The status of the answer.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The same for every answer of its kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means, and what to do, for readers of the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

problems! {
    MalformedRequest BAD_REQUEST "malformed-request" "The request cannot be read"
        "The body, the query or a header cannot be read. `detail` says where."
    Unauthorized UNAUTHORIZED "unauthorized" "Not authenticated"
        "There is no token, or it opens nothing. Send a good one as `Authorization: Bearer`."
    InsufficientScope FORBIDDEN "insufficient-scope" "Not allowed"
        "The token is good, but not for this. `scope` names what is missing."
    NoSuchRoute NOT_FOUND "no-such-route" "No such address"
        "There is nothing at this address; an id in it cannot be one."
    NoSuchVideo NOT_FOUND "no-such-video" "No such video"
        "Never made, deleted, or somebody else's."
    NoSuchApiKey NOT_FOUND "no-such-api-key" "No such API key"
        "Never made, or somebody else's."
    NoSuchWebhook NOT_FOUND "no-such-webhook" "No such webhook"
        "Never made, removed, or somebody else's."
    NoSuchDelivery NOT_FOUND "no-such-delivery" "No such delivery"
        "Never made, or no longer in the log, which goes back 30 days."
    NoSuchShare NOT_FOUND "no-such-share" "No such link"
        "Never made, ended, or revoked."
    NoSuchDeadLetter NOT_FOUND "no-such-dead-letter" "No such dead letter"
        "Redriven already, or removed."
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed" "No such method here"
        "The address exists, and does not answer to this method. `Allow` names those it answers to."
    IdempotencyInProgress CONFLICT "idempotency-in-progress" "The request is being executed"
        "The same request came before and is not finished. Ask again after `Retry-After`."
    IdempotencyAnswerLost CONFLICT "idempotency-answer-lost" "The answer is lost"
        "The same request was executed, and its answer can no longer be told. Look what became of it."
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused" "The key belongs to another request"
        "This `Idempotency-Key` came with another request. Send each request with a key of its own."
    InvalidField UNPROCESSABLE_ENTITY "invalid-field" "A field is not accepted"
        "The request can be read, but a value in it is out of its bounds. `detail` names the field."
    FieldTooLong UNPROCESSABLE_ENTITY "field-too-long" "A field is too long"
        "`detail` names the field, and how many bytes it may have."
    NoSuchProfile UNPROCESSABLE_ENTITY "no-such-profile" "No such profile"
        "This installation has no profile of that name. `detail` lists those it has."
    EmptyFile UNPROCESSABLE_ENTITY "empty-file" "Nothing to upload"
        "A file of no bytes was announced."
    TooLarge PAYLOAD_TOO_LARGE "too-large" "The file is too large"
        "The file is larger than this installation accepts. `detail` says how large it may be."
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large" "The body is too large"
        "The body of the request is larger than this address takes."
    UnsupportedType UNSUPPORTED_MEDIA_TYPE "unsupported-type" "Not the type of a video"
        "Announce `video/...`, or `application/octet-stream` where the type is not known."
    OnlyInParts UNPROCESSABLE_ENTITY "only-in-parts" "Only in parts"
        "Uppy 6 sends a whole file as a form, which R2 does not take. Set `shouldUseMultipart: true`. An empty file cannot be uploaded."
    NotAMultipartUpload CONFLICT "not-a-multipart-upload" "Not an upload in parts"
        "This upload has no parts: send its one request."
    UploadComplete CONFLICT "upload-complete" "The upload is complete"
        "All of it has arrived. To get rid of it, delete the video."
    TooManyUploads CONFLICT "too-many-uploads" "Too many uploads"
        "One owner has only so many under way at a time. Complete or give one up first."
    OverQuota CONFLICT "over-quota" "Over the quota"
        "This owner has as many videos, or as many bytes of sources, as this installation allows. Delete something first."
    RequestTimeout REQUEST_TIMEOUT "request-timeout" "The body comes too slowly"
        "The body of the request did not come in time. Send the request again, over a better connection."
    UploadIncomplete CONFLICT "upload-incomplete" "The upload is not complete"
        "What has arrived is not all, or not what was sent. `detail` says what is missing."
    UploadGone GONE "upload-gone" "The upload is gone"
        "It expired or was given up. Begin a new one."
    VideoFailed CONFLICT "video-failed" "The video failed"
        "Nothing plays. `failure` says why, and whose fault it is: only one of the source can be helped by another file alone."
    VideoCancelled CONFLICT "video-cancelled" "The video was cancelled"
        "It was cancelled before it could be watched. Ask for another attempt."
    SourceGone CONFLICT "source-gone" "No source"
        "There is nothing to encode from: the source has not arrived, or was archived or deleted."
    NoSuchObject UNPROCESSABLE_ENTITY "no-such-object" "No such object"
        "The private bucket has no such object, or it is where Edgereel keeps its own."
    Conflict CONFLICT "conflict" "Not possible now"
        "The state of the thing does not allow it. `detail` says why."
    UrlNotAccepted UNPROCESSABLE_ENTITY "url-not-accepted" "The URL is not accepted"
        "Nothing is fetched from there: it is no absolute URL, or one inside a private network."
    PosterNotAccepted UNPROCESSABLE_ENTITY "poster-not-accepted" "The poster is not accepted"
        "It is neither a JPEG, PNG or WebP picture of a bearable size nor a moment of the video. `detail` says which."
    NoSuchRung UNPROCESSABLE_ENTITY "no-such-rung" "No such rung"
        "The video has no rung of that name. `detail` lists those it has."
    RungNotEncoded UNPROCESSABLE_ENTITY "rung-not-encoded" "The rung is not encoded"
        "It is the source's own picture, remuxed: made anew, it would be the same."
    BadWebhookUrl UNPROCESSABLE_ENTITY "bad-webhook-url" "Not an address"
        "`url` is not an address at all."
    WebhookUrlNotAllowed UNPROCESSABLE_ENTITY "webhook-url-not-allowed" "Not an allowed address"
        "Nothing is sent to this address: it is not HTTPS, has credentials in it, or is inside a private network."
    BadEventTypes UNPROCESSABLE_ENTITY "bad-event-types" "No such events"
        "`events` names none, or one that does not exist."
    WebhookDisabled CONFLICT "webhook-disabled" "The webhook is disabled"
        "It gets nothing until `active` is set to true."
    TooManyWebhooks CONFLICT "too-many-webhooks" "Too many webhooks"
        "One owner has only so many. Remove one first."
    TooManyShares CONFLICT "too-many-shares" "Too many links"
        "One video has only so many. Revoke one first."
    TooManyRequests TOO_MANY_REQUESTS "too-many-requests" "Too many requests"
        "Come again after `Retry-After` seconds. `RateLimit` tells how many are left."
    Internal INTERNAL_SERVER_ERROR "internal" "Internal error"
        "Something failed on our side, and was logged."
    Unavailable SERVICE_UNAVAILABLE "unavailable" "Not available now"
        "A service behind the API could not be reached. Try again after `Retry-After` seconds."
}

impl Problem {
    /// The `type` of its documents: a URI that names it and leads nowhere.
    pub fn uri(self) -> String {
        format!("urn:edgereel:problem:{}", self.code())
    }
}

/// The table as Markdown, for `docs/problems.md`.
pub fn table() -> String {
    let mut text = "| Status | `code` | Title | What it means |\n|---|---|---|---|\n".to_owned();
    for problem in Problem::ALL {
        let row = [&format!("`{}`", problem.code()), problem.title(), problem.meaning()].join(" | ");
        text += &format!("| {} | {row} |\n", problem.status().as_u16());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let codes: BTreeSet<_> = Problem::ALL.iter().map(|it| it.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
        assert!(codes.iter().all(|it| it.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')));
    }

    #[test]
    fn the_documentation_has_this_table() {
        let page = include_str!("../../docs/problems.md");
        assert!(page.contains(&table()), "put this into docs/problems.md:\n\n{}", table());
    }
}
