//! Connections to targets: plain or TLS, and what it is called when there is none.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::observation::Outcome;
use super::subject::Ask;
use super::tls;
use crate::model::value::Protocol;

/// Something to speak to.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// A connection.
pub(super) type Io = Box<dyn Duplex>;

/// Opens a TCP connection.
pub(super) async fn dial(to: SocketAddr) -> Result<TcpStream, Outcome> {
    match TcpStream::connect(to).await {
        Ok(stream) => {
            // what cannot be set only costs time
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(Outcome::Refused),
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Err(Outcome::Reset),
        Err(error) if error.kind() == ErrorKind::TimedOut => Err(Outcome::Unconnected),
        Err(error) => Err(Outcome::Unreachable(error.to_string())),
    }
}

/// Opens the connection that a request is for, TLS without a server name and without validation.
pub(super) async fn open(ask: &Ask, protocols: &[&str], deadline: Instant) -> Result<Io, Outcome> {
    let mut stream = timeout_at(deadline, dial(ask.to)).await.unwrap_or(Err(Outcome::Unconnected))?;
    if !ask.before().is_empty() {
        stream.write_all(ask.before().as_bytes()).await.map_err(|error| broken(&error))?;
    }
    match ask.protocol {
        Protocol::Http => Ok(Box::new(stream)),
        Protocol::Https => match timeout_at(deadline, tls::shake(stream, ask.tls, None, protocols)).await {
            Ok((Ok(stream), _)) => Ok(Box::new(stream)),
            Ok((Err(error), _)) => Err(Outcome::TlsFailed(tls::in_words(&error))),
            Err(_) => Err(Outcome::TlsFailed("not ended in time".to_owned())),
        },
    }
}

/// What a connection that breaks is called.
pub(super) fn broken(error: &io::Error) -> Outcome {
    let kind = error.kind();
    if [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe, ErrorKind::ConnectionAborted].contains(&kind) {
        Outcome::Reset
    } else if kind == ErrorKind::UnexpectedEof {
        Outcome::Closed
    } else if kind == ErrorKind::InvalidData {
        // a TLS alert after the handshake: so TLS 1.3 refuses a client without a certificate
        Outcome::TlsFailed(tls::in_words(error))
    } else {
        Outcome::Unreachable(error.to_string())
    }
}
