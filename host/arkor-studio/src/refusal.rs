//! How a request is refused: one form for all.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::answer::JsonAnswer;

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The request makes no sense.
    Invalid,
    /// It lacks the token, or has a wrong one.
    Unauthorized,
    /// It comes from somewhere that may not ask.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It makes no sense now.
    Conflict,
    /// It took too long.
    Timeout,
    /// Too much of it is at work already.
    Busy,
    /// The host failed.
    Internal,
}

impl RefusalKind {
    fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An answer that says what was wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which status the answer has.
    pub kind: RefusalKind,
    /// What was wrong.
    pub message: String,
    /// What to do, if that is not plain.
    pub hint: Option<String>,
}

impl Refusal {
    /// Without a hint.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    /// With one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The JSON form of every error: `{"error": {"message": …, "hint": …}}`.
pub(crate) fn body(message: &str, hint: Option<&str>) -> serde_json::Value {
    json!({ "error": { "message": message, "hint": hint } })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = body(&self.message, self.hint.as_deref());
        (self.kind.status(), JsonAnswer(body)).into_response()
    }
}

impl From<arkor_store::StoreError> for Refusal {
    fn from(error: arkor_store::StoreError) -> Self {
        use arkor_store::StoreError;
        let kind = match &error {
            StoreError::NoSuchRun { .. } => RefusalKind::NotFound,
            StoreError::Ambiguous { .. } => RefusalKind::Invalid,
            _ => RefusalKind::Internal,
        };
        Self {
            kind,
            hint: error.hint(),
            message: error.to_string(),
        }
    }
}
