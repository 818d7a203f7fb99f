//! Who may ask: rules that hold before any route is looked at.
//!
//! - The `Host` must be this server's own name: a page elsewhere whose name was made to lead here
//!   (DNS rebinding) does not know the right one.
//! - The `Origin`, if there is one, must be this server's: no other page may ask in a user's name.
//! - Everything under `/api` wants `Authorization: Bearer <token>`. Only event streams take it in the
//!   query, for a page cannot give them headers; anywhere else a token there is refused, for addresses
//!   end in histories and logs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{Refusal, RefusalKind, Token};

/// Longest time for an answer, its stream left out.
const ANSWER: Duration = Duration::from_secs(60);

/// Whether a route's token may be in the query.
fn is_stream(path: &str) -> bool {
    let run = path.strip_prefix("/api/runs/");
    let run = run.and_then(|rest| rest.strip_suffix("/events/stream"));
    path == "/api/dev/stream" || run.is_some_and(|run| !run.contains('/'))
}

#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    token: Token,
}

impl Guard {
    pub(crate) fn new(address: SocketAddr, token: Token) -> Arc<Self> {
        let port = address.port();
        let names = ["127.0.0.1", "localhost"];
        let mut hosts = names.map(|name| format!("{name}:{port}")).to_vec();
        if port == 80 {
            // A browser leaves it out.
            hosts.extend(names.map(String::from));
        }
        Arc::new(Self { hosts, token })
    }

    fn knows(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|known| known.eq_ignore_ascii_case(host))
    }

    fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let forbidden = |what: &str| Refusal::new(RefusalKind::Forbidden, what);
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next().map(HeaderValue::to_str), hosts.next()) {
            (Some(Ok(host)), None) => host,
            _ => return Err(forbidden("a request needs one Host")),
        };
        if !self.knows(host) {
            return Err(forbidden("this Host is not the name of this server").hint(
                "open the address that arkor-host dev printed; to reach it from another machine, \
                 forward the same port, for example with ssh -L",
            ));
        }
        for origin in headers.get_all(header::ORIGIN) {
            let is_ours = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.strip_prefix("http://"))
                .is_some_and(|host| self.knows(host));
            if !is_ours {
                return Err(forbidden("requests from this Origin are refused"));
            }
        }
        if uri.path().starts_with("/api/") || uri.path() == "/api" {
            self.check_token(headers, uri)?;
        }
        Ok(())
    }

    fn check_token(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let unauthorized = |what: &str| {
            Refusal::new(RefusalKind::Unauthorized, what).hint(
                "send `Authorization: Bearer TOKEN`; arkor-host dev prints the token with its \
                 address, and .arkor/studio.json holds it",
            )
        };
        let in_query = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .find_map(|pair| pair.strip_prefix("token="));
        if in_query.is_some() && !is_stream(uri.path()) {
            return Err(unauthorized(
                "only event streams take the token in the query",
            ));
        }
        let in_header = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        match in_header.or(in_query) {
            None => Err(unauthorized("the token is missing")),
            Some(token) if self.token.is(token) => Ok(()),
            Some(_) => Err(unauthorized(
                "the token is not that of this launch of arkor-host dev",
            )),
        }
    }
}

/// Nothing from elsewhere, nothing inline, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

pub(crate) async fn guard(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match guard.check(request.headers(), request.uri()) {
        Ok(()) => match tokio::time::timeout(ANSWER, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Refusal::new(RefusalKind::Timeout, "no answer came in time").into_response(),
        },
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
