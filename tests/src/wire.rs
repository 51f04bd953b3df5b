//! HTTP byte by byte: a client library would normalise the requests under test.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A response.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, with chunked encoding removed.
    pub body: Vec<u8>,
}

/// Sends a request unchanged, and waits for the whole response.
///
/// # Errors
/// If there is no valid response.
pub async fn send(
    address: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
) -> anyhow::Result<Answer> {
    let mut text =
        format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    send_bytes(address, method, format!("{text}\r\n").as_bytes()).await
}

/// Sends arbitrary bytes, and waits for the response. `method`: the method of the request, as far
/// as it affects the body of the response.
///
/// # Errors
/// If there is no valid response.
pub async fn send_bytes(address: &str, method: &str, request: &[u8]) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut bytes = vec![];
    let read = async {
        // Does not read to the end of the connection: some servers keep it open in any case.
        while !is_whole(&bytes, method) && stream.read_buf(&mut bytes).await? > 0 {}
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), read).await??;
    let (head, body) = split(&bytes).ok_or_else(|| anyhow::anyhow!("no whole head"))?;
    let (status, headers) = read_head(head).ok_or_else(|| anyhow::anyhow!("no status: {head}"))?;
    let body = if is_chunked(&headers) {
        unchunk(body)?
    } else {
        body.to_vec()
    };
    Ok(Answer {
        status,
        headers,
        body,
    })
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|it| it == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]))
}

type Headers = Vec<(String, String)>;

fn read_head(head: &str) -> Option<(u16, Headers)> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|it| it.split_once(':'));
    Some((
        status,
        headers
            .map(|it| (it.0.to_lowercase(), it.1.trim().to_owned()))
            .collect(),
    ))
}

fn is_chunked(headers: &Headers) -> bool {
    headers
        .iter()
        .any(|it| it.0 == "transfer-encoding" && it.1 == "chunked")
}

fn is_whole(bytes: &[u8], method: &str) -> bool {
    let Some((head, body)) = split(bytes) else {
        return false;
    };
    let Some((status, headers)) = read_head(head) else {
        return true;
    };
    if method == "HEAD" || matches!(status, 204 | 304) {
        return true;
    }
    if is_chunked(&headers) {
        return body.ends_with(b"0\r\n\r\n");
    }
    let length = headers
        .iter()
        .find(|it| it.0 == "content-length")
        .and_then(|it| it.1.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

fn unchunk(mut rest: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut body = vec![];
    while !rest.is_empty() {
        let end = rest
            .windows(2)
            .position(|it| it == b"\r\n")
            .ok_or_else(|| anyhow::anyhow!("a chunk is cut"))?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end])?.trim(), 16)?;
        let chunk = rest
            .get(end + 2..end + 2 + size)
            .ok_or_else(|| anyhow::anyhow!("a chunk is cut"))?;
        body.extend_from_slice(chunk);
        rest = &rest[(end + 4 + size).min(rest.len())..];
    }
    Ok(body)
}
