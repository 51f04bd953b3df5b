//! Answers, built from a decision's headers.

use domain::playback::Headers;
use web_sys::{ReadableStream, Response, ResponseInit};

type Result<T> = std::result::Result<T, worker::Error>;

/// An answer in the making.
pub(super) struct Answer {
    status: u16,
    headers: web_sys::Headers,
}

impl Answer {
    pub(super) fn new(status: u16, headers: &Headers) -> Result<Self> {
        let answer = Self { status, headers: web_sys::Headers::new()? };
        headers.iter().try_fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// A value that cannot stand in a header is left out.
    pub(super) fn header(self, name: &str, value: &str) -> Result<Self> {
        if value.bytes().all(|it| matches!(it, b'\t' | b' '..=b'~')) {
            self.headers.append(name, value)?;
        }
        Ok(self)
    }

    /// A body that the runtime moves by itself.
    pub(super) fn stream(self, body: Option<&ReadableStream>) -> Result<Response> {
        Ok(Response::new_with_opt_readable_stream_and_init(body, &self.init())?)
    }

    /// A small body, or for a HEAD its length alone.
    pub(super) fn bytes(self, bytes: &[u8], is_head: bool) -> Result<Response> {
        if is_head {
            return self.length(bytes.len() as u64);
        }
        // Copied once, out of memory that the next request may change.
        let body = js_sys::Uint8Array::from(bytes);
        Ok(Response::new_with_opt_buffer_source_and_init(Some(&body), &self.init())?)
    }

    /// The headers of what a GET would give.
    pub(super) fn length(self, length: u64) -> Result<Response> {
        self.header("content-length", &length.to_string())?.stream(None)
    }

    fn init(&self) -> ResponseInit {
        let init = ResponseInit::new();
        init.set_status(self.status);
        init.set_headers_headers(&self.headers);
        init
    }
}
