//! Who may call. A refusal comes before anything else is said about a request, so that nobody
//! without a key learns what is there.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Query, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONNECTION, HOST, ORIGIN, WWW_AUTHENTICATE,
};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use wakeful::core::{ApiKey, Scope};

use crate::app::App;
use crate::caller::Caller;
use crate::error::Error;
use crate::scopes::{Access, access};
use crate::throttle::{Bucket, Peer};

/// The header in which LangGraph's clients send their key.
pub(crate) const API_KEY: &str = "x-api-key";

/// How much of a refused request's body is read, so that its connection can be used again.
const DRAINED: usize = 64 << 10;

/// Who may call while the host has no API key, and never had one since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutKeys {
    /// Whoever asks for this machine by a name or address that only this machine has. A page in a
    /// browser on this machine that has its own name resolve to this machine is refused.
    #[default]
    Local,
    /// Whoever can reach the address.
    Anyone,
    /// Nobody.
    Nobody,
}

/// Lets a request through, as somebody, or refuses it.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.method().as_str() == PLAIN_OPTIONS {
        *request.method_mut() = Method::OPTIONS;
    }
    let caller = match check(&app, &request) {
        Ok(caller) => caller,
        Err(refusal) => return refuse(request, *refusal).await,
    };
    request.extensions_mut().insert(caller.clone());
    let mut response = next.run(request).await;
    response.extensions_mut().insert(caller);
    response
}

/// What stands for `OPTIONS` where that would be taken for a preflight.
const PLAIN_OPTIONS: &str = "PLAIN-OPTIONS";

/// Leads an `OPTIONS` that is no preflight past the layer that answers preflights; [`guard`] gives it
/// its name back.
pub(crate) async fn pass_plain_options(mut request: Request, next: Next) -> Response {
    let preflight = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !preflight
        && request.method() == Method::OPTIONS
        && let Ok(method) = Method::from_bytes(PLAIN_OPTIONS.as_bytes())
    {
        *request.method_mut() = method;
    }
    next.run(request).await
}

fn check(app: &App, request: &Request) -> Result<Caller, Box<Response>> {
    let route = request.extensions().get::<MatchedPath>();
    let asked = route.and_then(|route| access(request.method(), route.as_str()));
    if !app.host.needs_key() {
        check_open(app, request, asked)?;
        if asked != Some(Access::Open) {
            let peer = request.extensions().get::<ConnectInfo<Peer>>();
            let peer = peer.map(|ConnectInfo(peer)| *peer).unwrap_or_default();
            app.throttle.check(&Bucket::Peer(peer))?;
        }
        return Ok(Caller::default());
    }
    if asked == Some(Access::Open) {
        return Ok(Caller::default());
    }
    let Some(key) = token(request.headers()).and_then(|token| app.host.authenticate(token)) else {
        return Err(unauthorized(if app.host.key_count() == 0 {
            "no API key is valid any more; stop the server, and make one with `wakeful keys create`"
        } else {
            "Invalid API key; send one in `x-api-key`, and make one with `wakeful keys create`"
        }));
    };
    app.throttle.check(&Bucket::Key(&key))?;
    let asked = match asked {
        // Whoever may only look must not stop a run by leaving.
        Some(Access::Needs(Scope::Read)) if cancels_by_leaving(request) => {
            Some(Access::Needs(Scope::Run))
        }
        asked => asked,
    };
    allow(&key, request, asked)?;
    Ok(Caller(key.id.to_string()))
}

/// Whether the run that is waited for or watched ends with its client.
fn cancels_by_leaving(request: &Request) -> bool {
    type Pairs = Vec<(String, String)>;
    Query::<Pairs>::try_from_uri(request.uri()).is_ok_and(|Query(pairs)| {
        let mut pairs = pairs.iter();
        pairs.any(|(name, text)| {
            name == "cancel_on_disconnect" && !matches!(&**text, "" | "0" | "false")
        })
    })
}

/// What a client that keeps a connection open for many commands brought when it opened it.
pub(crate) struct Credentials {
    token: Option<String>,
    peer: Peer,
}

impl Credentials {
    /// Checks a command as if it were a request of its own. The key may have been revoked meanwhile.
    /// The error says what to do.
    pub(crate) fn check(&self, app: &App, needed: Scope) -> Result<(), String> {
        const SLOWER: &str = "too many commands; wait, and send fewer";
        if !app.host.needs_key() {
            let allowed = app.throttle.check(&Bucket::Peer(self.peer));
            return allowed.map_err(|_| SLOWER.to_owned());
        }
        let key = self.token.as_deref().and_then(|token| app.host.authenticate(token));
        let key = key.ok_or("Invalid API key; open a new connection with a valid one")?;
        app.throttle.check(&Bucket::Key(&key)).map_err(|_| SLOWER)?;
        if needed <= key.scope { Ok(()) } else { Err(out_of_scope(needed, key.scope)) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Credentials {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let peer = peer.map(|ConnectInfo(peer)| *peer).unwrap_or_default();
        Ok(Self { token: token(&parts.headers).map(str::to_owned), peer })
    }
}

fn out_of_scope(needed: Scope, scope: Scope) -> String {
    let (needed, scope) = (needed.as_str(), scope.as_str());
    format!("this needs a key with the scope `{needed}`, and this one has `{scope}`")
}

/// The key that a request brings.
fn token(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get(API_KEY) {
        return key.to_str().ok().map(str::trim);
    }
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn allow(key: &ApiKey, request: &Request, asked: Option<Access>) -> Result<(), Box<Response>> {
    let needed = match asked {
        Some(Access::Open) => return Ok(()),
        Some(Access::Needs(scope)) => scope,
        // There is nothing here, as whoever has a key may know.
        None if request.extensions().get::<MatchedPath>().is_none() => return Ok(()),
        // A method that this path does not take; but should a route ever be missing from the table,
        // it must not be open to everybody.
        None => Scope::Manage,
    };
    if needed <= key.scope {
        return Ok(());
    }
    Err(forbidden(out_of_scope(needed, key.scope)))
}

fn forbidden(detail: impl Into<String>) -> Box<Response> {
    Box::new(Error::refused(StatusCode::FORBIDDEN, detail).into_response())
}

/// Refuses what must not come in although no key is needed.
fn check_open(app: &App, request: &Request, asked: Option<Access>) -> Result<(), Box<Response>> {
    match app.settings.without_keys {
        WithoutKeys::Anyone => Ok(()),
        WithoutKeys::Nobody if asked == Some(Access::Open) => Ok(()),
        WithoutKeys::Nobody => Err(unauthorized(
            "there is no API key yet; stop the server, and make one with `wakeful keys create`",
        )),
        WithoutKeys::Local if !is_for_this_machine(request) => Err(misdirected(
            "a server without API keys answers to `localhost` and loopback addresses alone; make a \
             key with `wakeful keys create`, or start the server with --insecure-open",
        )),
        // Whoever makes the first key locks everybody else out.
        WithoutKeys::Local if is_for_keys(request) && request.headers().contains_key(ORIGIN) => {
            Err(forbidden(
                "a web page makes no API keys on a server that has none; use `wakeful keys create`",
            ))
        }
        WithoutKeys::Local => Ok(()),
    }
}

fn is_for_keys(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with("/keys"))
}

/// Whether the name that the client has for the server means the client's own machine. Without any
/// name, the client is no browser.
fn is_for_this_machine(request: &Request) -> bool {
    let named = request
        .headers()
        .get(HOST)
        .map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()));
    match named.or_else(|| request.uri().authority().cloned().map(Some)) {
        None => true,
        Some(None) => false,
        Some(Some(authority)) => is_loopback(authority.host()),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        // RFC 6761, section 6.3: these names mean loopback, whatever a name server says.
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

fn misdirected(detail: &str) -> Box<Response> {
    Box::new(Error::refused(StatusCode::MISDIRECTED_REQUEST, detail).into_response())
}

fn unauthorized(detail: &str) -> Box<Response> {
    let mut response = Error::refused(StatusCode::UNAUTHORIZED, detail).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Box::new(response)
}

/// Answers a request that goes no further. A body that was left unread would make the connection
/// useless, but nobody without a key may have a large one read.
async fn refuse(request: Request, mut refusal: Response) -> Response {
    if to_bytes(request.into_body(), DRAINED).await.is_err() {
        refusal.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    refusal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_and_addresses_mean_this_machine() {
        for (host, loopback) in [
            ("localhost", true),
            ("LOCALHOST.", true),
            ("app.localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]", true),
            ("evil.test", false),
            ("localhost.evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("notlocalhost", false),
            ("0.0.0.0", false),
            ("192.0.2.1", false),
            ("[::]", false),
            ("2130706433", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), loopback, "{host}");
        }
    }
}
