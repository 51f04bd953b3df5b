//! As much of HTTP/1.1 as a client with small requests needs; each connection has one request.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// Reads a request; `None` if the client sends none.
    pub(super) fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        let mut next = || -> Option<String> {
            line.clear();
            reader.read_line(&mut line).ok()?;
            Some(line.trim_end().to_owned())
        };
        let first = next()?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut headers = vec![];
        loop {
            let line = next()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut request = Self {
            method,
            path,
            headers,
            body: vec![],
        };
        request.body = vec![0; request.header("content-length").parse().ok()?];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    /// The value of a header, or nothing.
    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|it| it.0 == name);
        found.map_or("", |it| &it.1)
    }
}

/// Sends a response with a body of JSON.
pub(super) fn respond(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    // A client that does not wait for the response has gone.
    drop(stream.write_all(format!("{head}{body}").as_bytes()));
}
