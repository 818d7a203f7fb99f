//! Event streams (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! A reader pulls: what it has not read stays in the tail or the store, so a slow one delays nobody
//! and costs no memory.

use std::convert::Infallible;
use std::time::Duration;

use arkor_store::Line;
use arkor_types::RunId;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::watch;

use crate::routes::blocking;
use crate::tail::{Chunk, line};
use crate::{DevState, Hub};

/// A comment is sent in a silence so long: whoever is gone is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events of a run that is trained by another process are looked for so often.
const LOOK: Duration = Duration::from_secs(1);

/// Between two chunks: many readers of a fast run must not take its processor.
const PACE: Duration = Duration::from_millis(25);

/// Events that are read from the store at once.
const PAGE: usize = 256;

fn response(body: Body) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}

fn keep_alive() -> Bytes {
    Bytes::from_static(b": here\n\n")
}

/// The events of a run after this one, and then each as it comes.
pub(crate) fn run_events(hub: Hub, run: RunId, after: u64) -> Response {
    let reader = Reader {
        live: hub.live(),
        hub,
        run,
        last: after,
        begun: false,
    };
    let chunks = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.next().await;
        Some((Ok::<_, Infallible>(chunk), reader))
    });
    response(Body::from_stream(chunks))
}

struct Reader {
    hub: Hub,
    live: watch::Receiver<Option<std::sync::Arc<crate::tail::Tail>>>,
    run: RunId,
    last: u64,
    begun: bool,
}

impl Reader {
    async fn next(&mut self) -> Bytes {
        if !std::mem::replace(&mut self.begun, true) {
            // Says at once that the stream is open.
            return keep_alive();
        }
        let silent_until = tokio::time::Instant::now() + KEEP_ALIVE;
        tokio::time::sleep(PACE).await;
        loop {
            let tail = self.live.borrow_and_update().clone();
            let tail = tail.filter(|tail| *tail.run() == self.run);
            let mut changes = tail.as_ref().map(|tail| tail.changes());
            let chunk = match tail.and_then(|tail| tail.after(self.last)) {
                Some(chunk) => Some(chunk),
                None => self.stored().await,
            };
            if let Some(chunk) = chunk.filter(|chunk| !chunk.bytes.is_empty()) {
                self.last = chunk.last;
                return chunk.bytes;
            }
            let last = self.last;
            let more = async {
                match &mut changes {
                    // A tail that begins after what this reader has will change again.
                    Some(changes) => drop(changes.wait_for(|seq| *seq > last).await),
                    None => tokio::time::sleep(LOOK).await,
                }
            };
            tokio::select! {
                () = more => {}
                _ = self.live.changed() => {}
                () = tokio::time::sleep_until(silent_until) => return keep_alive(),
            }
        }
    }

    /// The next page of the store. A store that cannot be read now may be readable later.
    async fn stored(&self) -> Option<Chunk> {
        let (hub, run, last) = (self.hub.clone(), self.run.clone(), self.last);
        let page = blocking(move || Ok(hub.store().events(&run, last, PAGE)?)).await;
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!("an event stream waits: {}", error.message);
                return None;
            }
        };
        let last = page.last()?.seq;
        // An event that has no JSON form was never stored.
        let lines = page.into_iter().filter_map(|record| Line::of(record).ok());
        let lines: Vec<Bytes> = lines.map(|one| line(&one)).collect();
        Some(Chunk {
            bytes: lines.concat().into(),
            last,
        })
    }
}

/// The state of the session now, and each one after it. One that was over before it could be sent is
/// left out: each says all.
pub(crate) fn dev_states(hub: &Hub) -> Response {
    let mut states = hub.states();
    states.mark_changed();
    let chunks = stream::unfold(states, |mut states| async move {
        let chunk = match tokio::time::timeout(KEEP_ALIVE, states.changed()).await {
            Ok(Ok(())) => state_line(&states.borrow_and_update()),
            // The session is gone, and with it this process.
            Ok(Err(_)) => return None,
            Err(_) => keep_alive(),
        };
        Some((Ok::<_, Infallible>(chunk), states))
    });
    response(Body::from_stream(chunks))
}

fn state_line(state: &DevState) -> Bytes {
    let json = arkor_types::json_text(state).unwrap_or_default();
    format!("id: {}\ndata: {json}\n\n", state.revision).into()
}
