//! Answers in JSON.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A value as the body of an answer: the true texts of guests, written so that the body can be shown on a
/// terminal as it is.
pub(crate) struct JsonAnswer<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        match arkor_types::json_text(&self.0) {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_can_be_shown_as_it_is() {
        let hostile = "\u{1b}[2J\u{9b}\u{202e}\u{2028}##vso[x]";
        let answer = JsonAnswer(serde_json::json!({ hostile: hostile })).into_response();
        let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
        assert_eq!(kind.unwrap(), "application/json");
        let body = axum::body::to_bytes(answer.into_body(), 1000)
            .await
            .unwrap();
        assert!(body.is_ascii() && !body.iter().any(u8::is_ascii_control));
        let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(value[hostile], hostile);
    }
}
