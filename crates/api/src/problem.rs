//! The table of all problems of the API (RFC 9457, 3.1: `type`, `status`, `title`).
//!
//! Codes are stable, because clients compare them. `docs/problems.md` and the OpenAPI document are generated from this
//! table.

use http::StatusCode;

macro_rules! problems {
    ($($name:ident $status:ident $code:literal $title:literal $meaning:literal)*) => {
        /// A kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Problem {
            $(#[doc = $meaning] $name,)*
        }

        impl Problem {
            /// All kinds, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable code, the last part of `type`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The title, the same for all problems of this kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Meaning and remedy, for the documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }
        }
    };
}

problems! {
    MalformedRequest BAD_REQUEST "malformed-request" "Malformed request"
        "The body, the query or a header cannot be parsed. `detail` says where."
    Unauthorized UNAUTHORIZED "unauthorized" "Not authenticated"
        "The token is missing or invalid. Send a valid one as `Authorization: Bearer`."
    CrossSiteRequest FORBIDDEN "cross-site-request" "Request from another site"
        "The request was authenticated by the session cookie, but lacks the header `Edgereel-Request: 1` or comes from a page of another site."
    InsufficientScope FORBIDDEN "insufficient-scope" "Not allowed"
        "The token is valid but lacks a scope. `scope` names it."
    NoSuchRoute NOT_FOUND "no-such-route" "Not found"
        "No route matches this path, or an id in it has the wrong format."
    NoSuchVideo NOT_FOUND "no-such-video" "Video not found"
        "The video never existed, was deleted, or belongs to another owner."
    NoSuchApiKey NOT_FOUND "no-such-api-key" "API key not found"
        "The API key never existed, or belongs to another owner."
    NoSuchWebhook NOT_FOUND "no-such-webhook" "Webhook not found"
        "The webhook never existed, was deleted, or belongs to another owner."
    NoSuchDelivery NOT_FOUND "no-such-delivery" "Delivery not found"
        "The delivery never existed, or is older than 30 days and no longer in the log."
    NoSuchShare NOT_FOUND "no-such-share" "Link not found"
        "The link never existed, has expired, or was revoked."
    NoSuchDeadLetter NOT_FOUND "no-such-dead-letter" "Dead letter not found"
        "The dead letter was redriven or removed."
    MethodNotAllowed METHOD_NOT_ALLOWED "method-not-allowed" "Method not allowed"
        "The path exists but does not support this method. `Allow` lists the methods it supports."
    IdempotencyInProgress CONFLICT "idempotency-in-progress" "Request in progress"
        "The first request with this `Idempotency-Key` has not finished. Retry after `Retry-After` seconds."
    IdempotencyResponseLost CONFLICT "idempotency-response-lost" "Response no longer available"
        "The first request with this `Idempotency-Key` was executed, but its response can no longer be decrypted. Check its effect."
    IdempotencyKeyReused UNPROCESSABLE_ENTITY "idempotency-key-reused" "Idempotency key reused"
        "This `Idempotency-Key` was used for a different request. Use a new key for each request."
    InvalidField UNPROCESSABLE_ENTITY "invalid-field" "Invalid field"
        "The request is well-formed, but a value is out of range. `detail` names the field."
    FieldTooLong UNPROCESSABLE_ENTITY "field-too-long" "Field too long"
        "`detail` names the field and its maximum length in bytes."
    NoSuchProfile UNPROCESSABLE_ENTITY "no-such-profile" "Unknown profile"
        "This installation has no profile of that name. `detail` lists the available ones."
    EmptyFile UNPROCESSABLE_ENTITY "empty-file" "Empty file"
        "The announced size is 0 bytes."
    TooLarge PAYLOAD_TOO_LARGE "too-large" "File too large"
        "The file is larger than this installation accepts. `detail` gives the limit."
    BodyTooLarge PAYLOAD_TOO_LARGE "body-too-large" "Request body too large"
        "The request body is larger than this route accepts."
    UnsupportedType UNSUPPORTED_MEDIA_TYPE "unsupported-type" "Unsupported content type"
        "Announce `video/...`, or `application/octet-stream` if the type is unknown."
    MultipartRequired UNPROCESSABLE_ENTITY "multipart-required" "Multipart upload required"
        "Uppy 6 sends a whole file as a form, which R2 does not support. Set `shouldUseMultipart: true`. An empty file cannot be uploaded."
    NotAMultipartUpload CONFLICT "not-a-multipart-upload" "Not a multipart upload"
        "This upload has no parts that the API plans: send its single request, or let the client choose the parts."
    UploadComplete CONFLICT "upload-complete" "Upload already complete"
        "All bytes have arrived. To remove them, delete the video."
    TooManyUploads CONFLICT "too-many-uploads" "Too many uploads"
        "The owner has reached the limit of uploads in progress. Complete or abort one first."
    OverQuota CONFLICT "over-quota" "Quota exceeded"
        "The owner has as many videos, or as many bytes of sources, as this installation allows. Delete something first."
    RequestTimeout REQUEST_TIMEOUT "request-timeout" "Request timeout"
        "The request body did not arrive in time. Send the request again over a faster connection."
    UploadIncomplete CONFLICT "upload-incomplete" "Upload incomplete"
        "Bytes are missing, or differ from what was sent. `detail` says which."
    UploadGone GONE "upload-gone" "Upload expired"
        "The upload has expired or was aborted. Start a new one."
    VideoFailed CONFLICT "video-failed" "Video failed"
        "The video cannot be played. `failure` gives the reason and its class: only for the class `source` does another file help."
    VideoCancelled CONFLICT "video-cancelled" "Video cancelled"
        "The video was cancelled before it became playable. Retry it."
    SourceGone CONFLICT "source-gone" "Source not available"
        "There is no source to encode: it has not arrived, or was archived or deleted."
    NoSuchObject UNPROCESSABLE_ENTITY "no-such-object" "Object not found"
        "The private bucket has no such object, or the key is in a directory that Edgereel uses itself."
    Conflict CONFLICT "conflict" "Conflict"
        "The current state does not allow this. `detail` says why."
    UrlNotAccepted UNPROCESSABLE_ENTITY "url-not-accepted" "URL not accepted"
        "Edgereel does not fetch from this URL: it is not absolute, or points into a private network."
    NoSuchCaptions NOT_FOUND "no-such-captions" "Captions not found"
        "The video has no captions in this language."
    CaptionsNotAccepted UNPROCESSABLE_ENTITY "captions-not-accepted" "Captions not accepted"
        "The file is not SRT, WebVTT or TTML, or has a fault that cannot be corrected. `detail` names the line. Subtitles that are images cannot be converted to text."
    PosterNotAccepted UNPROCESSABLE_ENTITY "poster-not-accepted" "Poster not accepted"
        "The body is neither a JPEG, PNG or WebP image of a supported size nor a position in the video. `detail` says which."
    TooManyThumbnails CONFLICT "too-many-thumbnails" "Too many thumbnails"
        "Clients have requested as many different thumbnails of this video as it may have. Use one of them."
    TooManyPreviews CONFLICT "too-many-previews" "Too many previews"
        "Clients have requested as many different previews of this video as it may have. Use one of them."
    NoSuchRung UNPROCESSABLE_ENTITY "no-such-rung" "Unknown rung"
        "The video has no rung of that name. `detail` lists the available ones."
    RungNotEncoded UNPROCESSABLE_ENTITY "rung-not-encoded" "Rung is not encoded"
        "The rung is the source's own video stream, remuxed: encoding it again would change nothing."
    InvalidWebhookUrl UNPROCESSABLE_ENTITY "invalid-webhook-url" "Invalid URL"
        "`url` cannot be parsed as a URL."
    WebhookUrlNotAllowed UNPROCESSABLE_ENTITY "webhook-url-not-allowed" "URL not allowed"
        "Webhooks are not sent to this URL: it does not use HTTPS, contains credentials, or points into a private network."
    InvalidEventTypes UNPROCESSABLE_ENTITY "invalid-event-types" "Unknown event types"
        "`events` is empty or names an event type that does not exist."
    WebhookDisabled CONFLICT "webhook-disabled" "Webhook disabled"
        "The webhook receives nothing until `active` is set to true."
    TooManyWebhooks CONFLICT "too-many-webhooks" "Too many webhooks"
        "The owner has reached the limit of webhooks. Delete one first."
    TooManyShares CONFLICT "too-many-shares" "Too many links"
        "The video has reached the limit of links. Revoke one first."
    TooManyRequests TOO_MANY_REQUESTS "too-many-requests" "Too many requests"
        "Retry after `Retry-After` seconds. `RateLimit` says how many requests are left."
    Internal INTERNAL_SERVER_ERROR "internal" "Internal error"
        "An internal error occurred and was logged."
    PreviewsNotSupported NOT_IMPLEMENTED "previews-not-supported" "Previews not supported"
        "The FFmpeg of a transcoder has no encoder for animated WebP (`libwebp_anim`). The operator has to install one that has it."
    ThumbnailPending SERVICE_UNAVAILABLE "thumbnail-pending" "Thumbnail not made yet"
        "The transcoders are busy. Retry after `Retry-After` seconds."
    PreviewPending SERVICE_UNAVAILABLE "preview-pending" "Preview not made yet"
        "The transcoders are busy. Retry after `Retry-After` seconds."
    Unavailable SERVICE_UNAVAILABLE "unavailable" "Service unavailable"
        "A service behind the API cannot be reached. Retry after `Retry-After` seconds."
}

impl Problem {
    /// The `type` of problem documents: an identifying URI that cannot be dereferenced.
    pub fn uri(self) -> String {
        format!("urn:edgereel:problem:{}", self.code())
    }
}

/// The table as Markdown, for `docs/problems.md`.
pub fn table() -> String {
    let mut text = "| Status | `code` | Title | What it means |\n|---|---|---|---|\n".to_owned();
    for problem in Problem::ALL {
        let row = [
            &format!("`{}`", problem.code()),
            problem.title(),
            problem.meaning(),
        ]
        .join(" | ");
        text += &format!("| {} | {row} |\n", problem.status().as_u16());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_its_own_code() {
        let codes: BTreeSet<_> = Problem::ALL.iter().map(|it| it.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
        assert!(
            codes
                .iter()
                .all(|it| it.bytes().all(|it| it.is_ascii_lowercase() || it == b'-'))
        );
    }

    #[test]
    fn the_documentation_has_this_table() {
        let page = include_str!("../../../docs/problems.md");
        assert!(
            page.contains(&table()),
            "put this into docs/problems.md:\n\n{}",
            table()
        );
    }
}
