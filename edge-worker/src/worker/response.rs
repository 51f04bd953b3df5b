//! Responses, built from a decision's headers.

use domain::playback::Headers;
use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;
use web_sys::{ReadableStream, Response, ResponseInit};

type Result<T> = std::result::Result<T, worker::Error>;

/// A response under construction.
pub(super) struct EdgeResponse {
    status: u16,
    headers: Vec<(&'static str, String)>,
}

impl EdgeResponse {
    pub(super) fn new(status: u16, headers: &Headers) -> Self {
        let answer = Self {
            status,
            headers: Vec::with_capacity(12),
        };
        headers
            .iter()
            .fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// Adds a header; an invalid value is omitted. A second value of the same name is appended (RFC
    /// 9110, 5.3).
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        if !value.bytes().all(|it| matches!(it, b'\t' | b' '..=b'~')) {
            return self;
        }
        match self.headers.iter_mut().find(|it| it.0 == name) {
            Some((_, first)) => *first = format!("{first}, {value}"),
            None => self.headers.push((name, value.to_owned())),
        }
        self
    }

    /// A body that the runtime streams by itself.
    pub(super) fn stream(self, body: Option<&ReadableStream>) -> Result<Response> {
        Ok(Response::new_with_opt_readable_stream_and_init(
            body,
            &self.init()?,
        )?)
    }

    /// A small body, or only its length for a HEAD request.
    pub(super) fn bytes(self, bytes: &[u8], is_head: bool) -> Result<Response> {
        if is_head {
            return self.length(bytes.len() as u64);
        }
        // Copied once, because the next request may change the memory.
        let body = js_sys::Uint8Array::from(bytes);
        Ok(Response::new_with_opt_buffer_source_and_init(
            Some(&body),
            &self.init()?,
        )?)
    }

    /// The headers of a GET response.
    pub(super) fn length(self, length: u64) -> Result<Response> {
        self.header("content-length", &length.to_string())
            .stream(None)
    }

    /// Headers as a plain object, the cheapest form that the runtime accepts.
    fn init(&self) -> Result<ResponseInit> {
        let headers = Object::new();
        for (name, value) in &self.headers {
            Reflect::set(
                &headers,
                &JsValue::from_str(name),
                &JsValue::from_str(value),
            )?;
        }
        let init = ResponseInit::new();
        init.set_status(self.status);
        init.set_headers_record_from_str_to_str(&headers);
        Ok(init)
    }
}
