//! HTTP/1.1 framing, as much as a proxy between an AWS SDK and an endpoint needs: start line, headers, and a body by
//! `Content-Length`, in chunks, or (of a response) up to the end of the connection.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// No AWS call of ours comes near this size.
const MOST: usize = 64 * 1024 * 1024;

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The request line or the status line.
    pub start: String,
    /// Headers in their order.
    pub headers: Vec<(String, String)>,
    /// The body, without its framing.
    pub body: Vec<u8>,
}

/// Which kind of message is read; a request without framing has no body, a response is read to the end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Request,
    Response,
}

/// Headers that belong to one connection and are written anew.
const FRAMING: [&str; 4] = ["connection", "content-length", "keep-alive", "transfer-encoding"];

impl Message {
    /// A response with a body.
    pub fn response(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            start: format!("HTTP/1.1 {status} by the proxy"),
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.into(),
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The status of a response; 0 for what is none.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
    }

    /// The message as bytes, framed by its length.
    pub fn to_bytes(&self, close: bool) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in self.headers.iter().filter(|(name, _)| !FRAMING.contains(&&*name.to_ascii_lowercase())) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let connection = if close { "close" } else { "keep-alive" };
        head.push_str(&format!("content-length: {}\r\nconnection: {connection}\r\n\r\n", self.body.len()));
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what.to_owned())
}

/// Reads one message; `None` if the connection ended before it began.
pub async fn read<R: AsyncBufRead + Unpin>(from: &mut R, side: Side) -> Result<Option<Message>> {
    let Some(start) = line(from).await? else { return Ok(None) };
    let mut message = Message { start, ..Message::default() };
    loop {
        let header = line(from).await?.ok_or_else(|| broken("the headers do not end"))?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(|| broken("a header without a colon"))?;
        message.headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let chunked = message.header("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().contains("chunked"));
    let length = message.header("content-length").map(str::parse::<usize>).transpose();
    let length = length.map_err(|_| broken("the length is no number"))?;
    message.body = match (chunked, length) {
        (true, _) => chunks(from).await?,
        (false, Some(length)) => exactly(from, length).await?,
        (false, None) if side == Side::Response && !matches!(message.status(), 204 | 304) => {
            let mut body = Vec::new();
            from.read_to_end(&mut body).await?;
            body
        }
        (false, None) => Vec::new(),
    };
    Ok(Some(message))
}

async fn line<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<Option<String>> {
    let mut line = String::new();
    if from.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

async fn exactly<R: AsyncBufRead + Unpin>(from: &mut R, length: usize) -> Result<Vec<u8>> {
    if length > MOST {
        return Err(broken("too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    Ok(body)
}

async fn chunks<R: AsyncBufRead + Unpin>(from: &mut R) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(from).await?.ok_or_else(|| broken("the chunks do not end"))?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).map_err(|_| broken("a chunk without a size"))?;
        if size == 0 {
            // trailers, if any, end with an empty line
            while line(from).await?.is_some_and(|trailer| !trailer.is_empty()) {}
            return Ok(body);
        }
        body.extend(exactly(from, size).await?);
        line(from).await?;
        if body.len() > MOST {
            return Err(broken("too long"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(mut text: &[u8], side: Side) -> Result<Option<Message>> {
        read(&mut text, side).await
    }

    #[tokio::test]
    async fn every_framing_is_read() {
        let length = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcREST";
        assert_eq!(parse(length, Side::Request).await.unwrap().unwrap().body, b"abc");
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
        assert_eq!(parse(chunked, Side::Response).await.unwrap().unwrap().body, b"abc");
        let to_the_end = b"HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(parse(to_the_end, Side::Response).await.unwrap().unwrap().body, b"abc");
        let none = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET";
        assert_eq!(parse(none, Side::Request).await.unwrap().unwrap().body, b"");
        assert_eq!(parse(b"", Side::Request).await.unwrap(), None);
    }

    #[tokio::test]
    async fn broken_framing_is_an_error() {
        let cases: [&[u8]; 5] = [
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"POST / HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: x\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ];
        for case in cases {
            assert!(parse(case, Side::Request).await.is_err(), "{}", String::from_utf8_lossy(case));
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read_again() {
        let answer = Message::response(403, "text/xml", "<x/>");
        let bytes = answer.to_bytes(false);
        let back = parse(&bytes, Side::Response).await.unwrap().unwrap();
        assert_eq!((back.status(), back.header("Content-Type"), &*back.body), (403, Some("text/xml"), &b"<x/>"[..]));
        let twice = parse(&back.to_bytes(true), Side::Response).await.unwrap().unwrap();
        assert_eq!(twice.header("connection"), Some("close"));
        assert_eq!(twice.headers.iter().filter(|(name, _)| name == "content-length").count(), 1);
    }
}
