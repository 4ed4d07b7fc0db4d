//! The page's own files. They are built from `crates/app/page` and kept beside their sources, so
//! that building this program takes nothing else.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

const INDEX: &str = include_str!("../../page/built/index.html");
const SCRIPT: &[u8] = include_bytes!("../../page/built/app.js");
const STYLE: &[u8] = include_bytes!("../../page/built/app.css");
const ICON: &[u8] = include_bytes!("../../page/built/favicon.svg");

/// What a page may load: its own files, and nothing that stands in its text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

pub(super) async fn index() -> Html<&'static str> {
    Html(INDEX)
}

pub(super) async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

pub(super) async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

pub(super) async fn icon() -> Response {
    file("image/svg+xml", ICON)
}

fn file(kind: &'static str, bytes: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind)], bytes).into_response()
}

/// For who comes without the token.
pub(super) fn not_here() -> Response {
    let text = "<!doctype html><html lang=en><meta charset=utf-8><title>Fewlabel</title>\
        <h1>Open the whole address</h1><p>This page opens with the address that \
        <code>fewlabel label</code> printed last, <code>?token=</code> and all behind it included. \
        It is a new one each time that the program starts.</p>";
    (StatusCode::UNAUTHORIZED, Html(text)).into_response()
}

/// What every answer says of itself.
pub(super) fn sign(response: &mut Response) {
    let headers = response.headers_mut();
    let mut say = |name, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    say(header::CONTENT_SECURITY_POLICY, POLICY);
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    say(header::X_FRAME_OPTIONS, "DENY");
    say(header::CACHE_CONTROL, "no-store");
    say(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
}
