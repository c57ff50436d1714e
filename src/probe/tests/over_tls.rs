//! The same over TLS: self-signed, 1.3 only, picky about names, with client certificates, without end.

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::{ResolvesServerCert, ResolvesServerCertUsingSni, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::super::observation::Handshake;
use super::*;

const NAME: &str = "shop.example.com";

fn pair() -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (made.cert.der().clone(), key.into())
}

#[derive(Clone, Copy, PartialEq)]
enum Demand {
    Nothing,
    Tls13,
    Name,
    Certificate,
}

fn config(demand: Demand) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions: &[_] = if demand == Demand::Tls13 { &[&TLS13] } else { &[&TLS12, &TLS13] };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
    let (certificate, key) = pair();
    if demand == Demand::Certificate {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        return builder.with_client_cert_verifier(verifier).with_single_cert(vec![certificate], key).unwrap();
    }
    let builder = builder.with_no_client_auth();
    if demand == Demand::Name {
        let key = aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let mut by_name = ResolvesServerCertUsingSni::new();
        by_name.add(NAME, CertifiedKey::new(vec![certificate], key)).unwrap();
        return builder.with_cert_resolver(Arc::new(by_name) as Arc<dyn ResolvesServerCert>);
    }
    builder.with_single_cert(vec![certificate], key).unwrap()
}

async fn secure(demand: Demand) -> Subject {
    let acceptor = TlsAcceptor::from(Arc::new(config(demand)));
    let address = server(move |stream| {
        let acceptor = acceptor.clone();
        Box::pin(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut bytes = [0; 4096];
            let _ = stream.read(&mut bytes).await;
            let _ = stream.write_all(OK.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
    });
    Subject {
        protocol: Protocol::Https,
        check_protocol: Protocol::Https,
        public_host: Some(NAME.to_owned()),
        ..at(address.await)
    }
}

#[tokio::test]
async fn a_self_signed_certificate_is_shown_and_no_obstacle() {
    let saw = observe(&secure(Demand::Nothing).await, Depth::Quick).await;
    assert!(saw.health_checks.iter().all(|check| check.status() == Some(200)), "{saw:#?}");
    let tls = saw.tls.unwrap();
    assert_eq!(tls.up_to_12, Some(Handshake::Done("TLSv1_2".to_owned())));
    assert_eq!(tls.up_to_13, Some(Handshake::Done("TLSv1_3".to_owned())));
    assert!(!tls.asks_certificate);
    assert_eq!((tls.chain.len(), tls.chain[0].names.as_slice()), (1, &[NAME.to_owned()][..]));
    assert_eq!(tls.chain[0].subject, tls.chain[0].issuer);
}

#[tokio::test]
async fn what_a_handshake_needs_is_found_out() {
    let saw = observe(&secure(Demand::Tls13).await, Depth::Quick).await.tls.unwrap();
    assert!(!saw.up_to_12.unwrap().is_done() && saw.up_to_13.unwrap().is_done());
    let saw = observe(&secure(Demand::Name).await, Depth::Quick).await;
    assert!(matches!(saw.health_checks[0].outcome, Outcome::TlsFailed(_)), "{saw:#?}");
    let tls = saw.tls.unwrap();
    assert!(!tls.up_to_13.unwrap().is_done() && tls.named.unwrap().is_done());
    let saw = observe(&secure(Demand::Certificate).await, Depth::Quick).await;
    assert!(saw.tls.as_ref().unwrap().asks_certificate, "{saw:#?}");
    assert!(saw.health_checks[0].answer().is_none(), "{saw:#?}");
}

#[tokio::test]
async fn the_other_protocol_is_tried() {
    let subject = secure(Demand::Nothing).await;
    let plain = Subject { protocol: Protocol::Http, check_protocol: Protocol::Http, ..subject };
    let saw = observe(&plain, Depth::Quick).await;
    assert!(saw.health_checks[0].answer().is_none(), "{saw:#?}");
    assert_eq!(saw.other_protocol.unwrap().status(), Some(200));
}

#[tokio::test]
async fn a_handshake_without_end_is_bounded() {
    let silent = server(|stream| {
        Box::pin(async move {
            sleep(Duration::from_secs(60)).await;
            drop(stream);
        })
    });
    let start = Instant::now();
    let subject = Subject { protocol: Protocol::Https, check_protocol: Protocol::Https, ..at(silent.await) };
    let saw = observe(&subject, Depth::Quick).await;
    assert_eq!(saw.health_checks[0].outcome, Outcome::TlsFailed("not ended in time".to_owned()));
    assert_eq!(saw.tls.unwrap().up_to_12, Some(Handshake::TimedOut));
    assert!(start.elapsed() < subject.longest(Depth::Quick), "{:?}", start.elapsed());
}
