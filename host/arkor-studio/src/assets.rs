//! The page's own files, inside the program. There is no path to a file system here.

use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::{Refusal, RefusalKind};

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            content: include_bytes!(concat!("../assets/", $name)),
        }
    };
}

const ASSETS: &[Asset] = &[
    asset!("index.html", HTML),
    asset!("studio.css", STYLE),
    asset!("studio.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("chart.js", SCRIPT),
    asset!("icon.svg", "image/svg+xml"),
    asset!("vendor/uPlot.iife.min.js", SCRIPT),
    asset!("vendor/uPlot.min.css", STYLE),
    asset!("vendor/uPlot.LICENSE", TEXT),
];

pub(crate) fn page() -> Response {
    asset("index.html")
}

/// Only these exact names lead anywhere.
pub(crate) fn asset(name: &str) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.kind)], asset.content).into_response(),
        None => Refusal::new(RefusalKind::NotFound, "there is no such file").into_response(),
    }
}
