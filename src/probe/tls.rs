//! TLS as a load balancer speaks it to targets: no certificate is validated, none is offered.
//!
//! rustls speaks TLS 1.2 and 1.3 with modern ciphers only; what it cannot speak is seen as a failed handshake.

use std::io;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::connection::dial;
use super::observation::{Handshake, Outcome, Presented, Tls};
use super::subject::{Subject, Versions};
use super::words::NO_TLS;
use crate::model::value::Protocol;

/// Certificates that are kept of a chain.
const CHAIN: usize = 8;

/// What a handshake showed.
#[derive(Debug)]
pub(super) struct Shown {
    chain: Mutex<Vec<CertificateDer<'static>>>,
    asked: AtomicBool,
    provider: Arc<CryptoProvider>,
}

impl Shown {
    fn asks_certificate(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
    fn chain(&self) -> Vec<Presented> {
        let chain = self.chain.lock().map(|chain| chain.clone()).unwrap_or_default();
        chain.iter().filter_map(|certificate| presented(certificate)).collect()
    }
}

/// Makes a TLS handshake on a connection. A name is sent only if there is one.
pub(super) async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    versions: Versions,
    name: Option<&str>,
    protocols: &[&str],
) -> (io::Result<TlsStream<S>>, Arc<Shown>) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let shown =
        Arc::new(Shown { chain: Mutex::default(), asked: AtomicBool::new(false), provider: Arc::clone(&provider) });
    let offered: &[_] = match versions {
        Versions::UpTo12 => &[&TLS12],
        Versions::UpTo13 => &[&TLS12, &TLS13],
    };
    let config = match ClientConfig::builder_with_provider(provider).with_protocol_versions(offered) {
        Ok(builder) => builder,
        Err(error) => return (Err(io::Error::other(error)), shown),
    };
    let config = config.dangerous().with_custom_certificate_verifier(Arc::clone(&shown) as _);
    let mut config = config.with_client_cert_resolver(Arc::clone(&shown) as _);
    let named = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
    config.enable_sni = named.is_some();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    // an address is never sent as a name
    let name = named.unwrap_or_else(|| ServerName::from(std::net::IpAddr::from([192, 0, 2, 1])));
    (TlsConnector::from(Arc::new(config)).connect(name, stream).await, shown)
}

/// Three handshakes on the port that speaks TLS: capped at 1.2, up to 1.3, with a name.
pub(super) async fn look(subject: &Subject) -> Tls {
    let mut tls = Tls::default();
    let (first, _) = handshake(subject, Versions::UpTo12, None, &mut tls).await;
    tls.up_to_12 = Some(first);
    let (second, reached) = handshake(subject, Versions::UpTo13, None, &mut tls).await;
    tls.up_to_13 = Some(second);
    if reached && let Some(name) = subject.public_host.as_deref() {
        tls.named = Some(handshake(subject, Versions::UpTo13, Some(name), &mut tls).await.0);
    }
    tls
}

/// One handshake, and whether the port was reached at all.
async fn handshake(subject: &Subject, versions: Versions, name: Option<&str>, tls: &mut Tls) -> (Handshake, bool) {
    let to = if subject.protocol == Protocol::Https { subject.address } else { subject.check_address };
    let attempt = async {
        let stream = match dial(to).await {
            Ok(stream) => stream,
            Err(Outcome::Reset | Outcome::Closed) => return (Handshake::Closed, true),
            Err(_) => return (Handshake::Failed("no connection".to_owned()), false),
        };
        let (done, shown) = shake(stream, versions, name, &[]).await;
        tls.asks_certificate |= shown.asks_certificate();
        if tls.chain.is_empty() {
            tls.chain = shown.chain();
        }
        let ended = match done {
            Ok(stream) => {
                let version = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
                Handshake::Done(version.unwrap_or("TLS").to_owned())
            }
            Err(error) if is_closed(&error) => Handshake::Closed,
            Err(error) => Handshake::Failed(in_words(&error)),
        };
        (ended, true)
    };
    timeout(subject.timeout, attempt).await.unwrap_or((Handshake::TimedOut, true))
}

/// A failed handshake in a few words.
pub(super) fn in_words(error: &io::Error) -> String {
    let said = error.to_string();
    // the words of a library for whoever answers a handshake in plain text
    let no_tls = said.contains("InvalidContentType");
    match is_closed(error) {
        true => "connection closed".to_owned(),
        false if no_tls => NO_TLS.to_owned(),
        false => said.chars().take(120).collect(),
    }
}

fn is_closed(error: &io::Error) -> bool {
    [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe].contains(&error.kind())
}

fn presented(certificate: &CertificateDer<'_>) -> Option<Presented> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let names = parsed.subject_alternative_name().ok().flatten();
    let names = names
        .iter()
        .flat_map(|names| &names.value.general_names)
        .filter_map(|name| if let GeneralName::DNSName(name) = name { Some((*name).to_owned()) } else { None });
    Some(Presented {
        subject: parsed.subject().to_string(),
        issuer: parsed.issuer().to_string(),
        not_after: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?,
        names: names.collect(),
    })
}

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut chain) = self.chain.lock() {
            *chain =
                std::iter::once(end_entity).chain(intermediates).take(CHAIN).map(|c| c.clone().into_owned()).collect();
        }
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        None
    }
    fn has_certs(&self) -> bool {
        false
    }
}
