//! Who a server has to prove to be. The certificate in `tls/` is for `tls.example`, is signed by
//! the authority beside it, and holds until the year 2126.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;
use wakeful_engine::{Network, Runner};

use super::server::{Server, ok};
use super::{fetch, fetched_one, grant, here, with_network};
use crate::support::PROMPT;

fn authority() -> CertificateDer<'static> {
    CertificateDer::from(include_bytes!("tls/authority.der").as_slice())
}

fn trusting(authorities: Vec<CertificateDer<'_>>) -> Arc<dyn Runner> {
    with_network(Network::new(here(), authorities).unwrap())
}

/// Answers over TLS, as `tls.example`; returns its port.
fn serve() -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivatePkcs8KeyDer::from(include_bytes!("tls/server.key.der").as_slice());
    let certificate = CertificateDer::from(include_bytes!("tls/server.der").as_slice());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut reader = BufReader::new(StreamOwned::new(connection, tcp));
            let mut line = String::new();
            // A client that trusts nobody here ends the connection.
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let stream = reader.get_mut();
            let _ = stream.write_all(&ok("privately"));
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    address.port()
}

#[tokio::test]
async fn a_server_has_to_prove_who_it_is() {
    let port = serve();
    for (host, authorities, error) in [
        ("tls.example", vec![authority()], None),
        ("other.example", vec![authority()], Some("TlsCertificateError")),
        ("tls.example", Vec::new(), Some("TlsCertificateError")),
    ] {
        let runner = trusting(authorities);
        let url = format!("https://{host}:{port}");
        let (answer, _) = fetched_one(&runner, json!({ "url": url }), |job| {
            job.grants.hosts.push(grant(&url, &[], true));
        })
        .await;
        assert_eq!(answer["error"].as_str(), error, "{host}: {answer}");
        assert_eq!(answer["body"].as_str(), error.is_none().then_some("privately"));
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_or_nothing_at_all_costs_no_more_than_its_time() {
    let plain = Server::start(|_| ok("hello"));
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    let runner = trusting(Vec::new());
    runner.load(fetch()).await.unwrap();
    for (port, error) in [(plain.port(), None), (mute_port, Some("ConnectionTimeout"))] {
        let url = format!("https://tls.example:{port}");
        let begun = std::time::Instant::now();
        let (answer, _) = fetched_one(&runner, json!({ "url": url }), |job| {
            job.grants.hosts.push(grant(&url, &[], true));
            job.limits.http.connect = Duration::from_millis(500);
        })
        .await;
        assert!(answer["error"].is_string(), "{answer}");
        assert!(error.is_none() || answer["error"].as_str() == error, "{answer}");
        assert!(begun.elapsed() < PROMPT);
    }
    assert_eq!(plain.count(), 0);
}
