//! Who may ask. A page of another site must not: not by a name that leads here (DNS rebinding), not
//! by a form or a script of its own.

use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;

use super::wire;

/// Random bytes of a token.
const TOKEN_BYTES: usize = 24;

/// What a request is held against.
#[derive(Clone, Debug)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    token: String,
    address: SocketAddr,
    scheme: &'static str,
}

impl Guard {
    /// A new token for a server at `address`.
    pub(crate) fn new(address: SocketAddr, is_encrypted: bool) -> anyhow::Result<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| anyhow::anyhow!("no random numbers for a token: {error}"))?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let scheme = if is_encrypted { "https" } else { "http" };
        Ok(Self(Arc::new(Inner { token, address, scheme })))
    }

    /// What a person opens.
    pub(crate) fn url(&self) -> String {
        let Inner { token, address, scheme } = &*self.0;
        format!("{scheme}://{address}/?token={token}")
    }

    /// The cookie's name. Cookies of one machine are shared by all its ports.
    fn cookie(&self) -> String {
        format!("fewlabel_{}", self.0.address.port())
    }

    fn is_token(&self, text: &str) -> bool {
        let (own, given) = (self.0.token.as_bytes(), text.as_bytes());
        // Every byte is looked at, so that time tells nothing.
        own.len() == given.len() && own.iter().zip(given).fold(0, |d, (a, b)| d | (a ^ b)) == 0
    }

    fn has_token(&self, headers: &HeaderMap) -> bool {
        let text =
            |name| headers.get_all(name).iter().filter_map(|v: &HeaderValue| v.to_str().ok());
        let name = self.cookie();
        let mut cookies = text(header::COOKIE).flat_map(|line| line.split(';'));
        let in_cookie = cookies.any(|pair| {
            let (key, value) = pair.trim().split_once('=').unwrap_or_default();
            key == name && self.is_token(value)
        });
        let bearer = |line: &str| line.strip_prefix("Bearer ").is_some_and(|t| self.is_token(t));
        in_cookie || text(header::AUTHORIZATION).any(bearer)
    }

    /// Whether the request was meant for this server. Who listens to other machines is called by
    /// names that nobody here knows.
    fn is_host(&self, headers: &HeaderMap) -> bool {
        let Inner { address, .. } = &*self.0;
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
            return false;
        };
        let port = address.port();
        let own = ["127.0.0.1", "localhost", "[::1]"].map(|name| format!("{name}:{port}"));
        !address.ip().is_loopback() || own.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether a page that asks is this server's own.
    fn is_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = host.map(|host| format!("{}://{host}", self.0.scheme));
        own.is_some_and(|own| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
    }
}

#[derive(serde::Deserialize)]
pub(super) struct Given {
    token: Option<String>,
}

/// Lets through who may ask, and makes a cookie of the token of the first visit.
pub(super) async fn check(
    State(guard): State<Guard>,
    Query(Given { token }): Query<Given>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    if !guard.is_host(headers) || !guard.is_origin(headers) {
        let what = "this server is asked by its own page and on its own address alone";
        return wire::refuse(StatusCode::FORBIDDEN, what).into_response();
    }
    let path = request.uri().path();
    if path == "/"
        && let Some(token) = token
    {
        return match guard.is_token(&token) {
            true => enter(&guard),
            false => super::page::not_here(),
        };
    }
    if guard.has_token(headers) || path == "/favicon.svg" {
        return next.run(request).await;
    }
    match path {
        "/" => super::page::not_here(),
        _ => {
            let what = "no valid token: open the address that `fewlabel label` printed last";
            wire::refuse(StatusCode::UNAUTHORIZED, what).into_response()
        }
    }
}

fn enter(guard: &Guard) -> Response {
    let secure = if guard.0.scheme == "https" { "; Secure" } else { "" };
    let cookie =
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/{secure}", guard.cookie(), guard.0.token);
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(address: &str) -> Guard {
        Guard::new(address.parse().expect("an address"), false).expect("random numbers")
    }

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("text"))).collect()
    }

    #[test]
    fn a_token_is_known_in_a_cookie_and_as_a_bearer_s() {
        let guard = guard("127.0.0.1:4000");
        let token = guard.0.token.clone();
        let has = |name, value: &str| guard.has_token(&headers(&[(name, value)]));
        assert!(has(header::AUTHORIZATION, &format!("Bearer {token}")));
        assert!(has(header::COOKIE, &format!("other=1; fewlabel_4000={token}")));
        assert!(!has(header::COOKIE, &format!("fewlabel_4001={token}")));
        assert!(!has(header::AUTHORIZATION, "Bearer "));
        assert!(!has(header::AUTHORIZATION, &format!("Bearer {}0", &token[1..])));
        assert_ne!(token, self::guard("127.0.0.1:4000").0.token);
    }

    #[test]
    fn other_hosts_and_origins_are_refused() {
        let guard = guard("127.0.0.1:4000");
        let is_host = |host| guard.is_host(&headers(&[(header::HOST, host)]));
        assert!(is_host("localhost:4000") && is_host("127.0.0.1:4000"));
        assert!(!is_host("evil.example:4000") && !is_host("localhost:80"));
        assert!(!guard.is_host(&HeaderMap::new()));
        let is_origin = |origin| {
            let host = (header::HOST, "localhost:4000");
            guard.is_origin(&headers(&[host, (header::ORIGIN, origin)]))
        };
        assert!(is_origin("http://localhost:4000"));
        assert!(!is_origin("http://localhost:5000") && !is_origin("null"));
        assert!(!is_origin("https://localhost:4000"));
    }
}
