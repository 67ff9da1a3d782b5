//! What a guest is told of what went wrong: a code of `wasi:http`, and nothing of this host.

use std::io;

use wasmtime_wasi_http::Error;

use super::connect::ConnectError;

pub(super) fn of_connecting(error: &ConnectError) -> Error {
    match error {
        ConnectError::NoAddress => Error::DestinationNotFound,
        ConnectError::Tcp(error) => of_tcp(error),
        ConnectError::Name(_) => Error::HttpRequestUriInvalid,
        ConnectError::Tls(error) => of_tls(error),
    }
}

fn of_tcp(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => Error::DestinationUnavailable,
    }
}

fn of_tls(error: &io::Error) -> Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        _ => Error::TlsProtocolError,
    }
}

pub(super) fn of_hyper(error: &hyper::Error) -> Error {
    if error.is_timeout() {
        Error::HttpResponseTimeout
    } else if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_canceled() || error.is_closed() || error.is_body_write_aborted() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}
