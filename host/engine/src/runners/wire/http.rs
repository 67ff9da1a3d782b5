use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};
use wasmtime_wasi_http::{Error, RequestOptions};

use super::{Damaged, Opened};

/// What a guest tells a server.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum ToServer {
    /// Sends a request.
    Open(RequestHead),
    /// Sends a piece of its body.
    Piece(Piece),
    /// A piece of the answer was taken; there is room for another one.
    Taken,
    /// Wants no more of it.
    Drop,
}

/// What a server tells a guest.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum ToGuest {
    /// The answer begins.
    Head(ResponseHead),
    /// There is none.
    Failed(Problem),
    /// A piece of its body.
    Piece(Piece),
    /// A piece of the request was taken; there is room for another one.
    Taken,
}

/// A part of a body.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) enum Piece {
    Data(Vec<u8>),
    Trailers(Headers),
    /// Nothing follows.
    End,
    /// Something went wrong. Nothing follows.
    Failed(Problem),
}

/// Names and values.
type Headers = Vec<(String, Vec<u8>)>;

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct RequestHead {
    method: String,
    uri: String,
    headers: Headers,
    connect_timeout: Option<Duration>,
    first_byte_timeout: Option<Duration>,
    between_bytes_timeout: Option<Duration>,
    /// Bytes of the body: at least, and at most.
    pub(in crate::runners) size: (u64, Option<u64>),
    /// Whether no body follows.
    pub(in crate::runners) is_empty: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::runners) struct ResponseHead {
    status: u16,
    headers: Headers,
}

impl RequestHead {
    pub(in crate::runners) fn new(
        parts: &http::request::Parts,
        options: RequestOptions,
        size: (u64, Option<u64>),
        is_empty: bool,
    ) -> Self {
        Self {
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            headers: listed(&parts.headers),
            connect_timeout: options.connect_timeout,
            first_byte_timeout: options.first_byte_timeout,
            between_bytes_timeout: options.between_bytes_timeout,
            size,
            is_empty,
        }
    }

    /// The request without its body.
    pub(in crate::runners) fn open(self) -> Opened<(http::Request<()>, RequestOptions)> {
        let mut request = http::Request::new(());
        *request.method_mut() = Method::from_bytes(self.method.as_bytes()).map_err(|_| Damaged)?;
        *request.uri_mut() = self.uri.parse::<Uri>().map_err(|_| Damaged)?;
        *request.headers_mut() = headers(self.headers)?;
        let options = RequestOptions {
            connect_timeout: self.connect_timeout,
            first_byte_timeout: self.first_byte_timeout,
            between_bytes_timeout: self.between_bytes_timeout,
        };
        Ok((request, options))
    }
}

impl ResponseHead {
    pub(in crate::runners) fn new(parts: &http::response::Parts) -> Self {
        Self { status: parts.status.as_u16(), headers: listed(&parts.headers) }
    }

    /// The answer without its body.
    pub(in crate::runners) fn open(self) -> Opened<http::Response<()>> {
        let mut response = http::Response::new(());
        *response.status_mut() = http::StatusCode::from_u16(self.status).map_err(|_| Damaged)?;
        *response.headers_mut() = headers(self.headers)?;
        Ok(response)
    }
}

impl Piece {
    pub(in crate::runners) fn trailers(trailers: &HeaderMap) -> Self {
        Self::Trailers(listed(trailers))
    }
}

fn listed(headers: &HeaderMap) -> Headers {
    let pairs = headers.iter();
    pairs.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

/// Reads headers.
pub(in crate::runners) fn headers(pairs: Vec<(String, Vec<u8>)>) -> Opened<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Damaged)?;
        let value = HeaderValue::from_bytes(&value).map_err(|_| Damaged)?;
        headers.try_append(name, value).map_err(|_| Damaged)?;
    }
    Ok(headers)
}

macro_rules! problems {
    ($($word:ident),* ; $($sized:ident: $size:ty),* $(,)?) => {
        /// What a guest is told of what went wrong.
        #[derive(Debug, Serialize, Deserialize)]
        pub(in crate::runners) enum Problem {
            $($word,)*
            $($sized(Option<$size>),)*
            DnsError { rcode: Option<String>, info_code: Option<u16> },
        }

        impl Problem {
            /// What is for people of this host alone is left out.
            pub(in crate::runners) fn new(error: &Error) -> Self {
                match error {
                    $(Error::$word => Self::$word,)*
                    $(Error::$sized(size) => Self::$sized(size.clone()),)*
                    Error::DnsError { rcode, info_code } => {
                        Self::DnsError { rcode: rcode.clone(), info_code: *info_code }
                    }
                    _ => Self::InternalError(None),
                }
            }

            pub(in crate::runners) fn open(self) -> Error {
                match self {
                    $(Self::$word => Error::$word,)*
                    $(Self::$sized(size) => Error::$sized(size),)*
                    Self::DnsError { rcode, info_code } => Error::DnsError { rcode, info_code },
                }
            }
        }
    };
}

problems! {
    DnsTimeout, DestinationNotFound, DestinationUnavailable, DestinationIpProhibited,
    DestinationIpUnroutable, ConnectionRefused, ConnectionTerminated, ConnectionTimeout,
    ConnectionReadTimeout, ConnectionWriteTimeout, ConnectionLimitReached, TlsProtocolError,
    TlsCertificateError, HttpRequestDenied, HttpRequestLengthRequired, HttpRequestMethodInvalid,
    HttpRequestUriInvalid, HttpRequestUriTooLong, HttpResponseIncomplete, HttpResponseTimeout,
    HttpUpgradeFailed, HttpProtocolError, LoopDetected, ConfigurationError;
    HttpRequestBodySize: u64, HttpResponseBodySize: u64, HttpRequestHeaderSectionSize: u32,
    HttpRequestTrailerSectionSize: u32, HttpResponseHeaderSectionSize: u32,
    HttpResponseTrailerSectionSize: u32, HttpResponseTransferCoding: String,
    HttpResponseContentCoding: String, InternalError: String,
}
