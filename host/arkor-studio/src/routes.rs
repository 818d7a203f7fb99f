//! The HTTP interface. openapi.json beside this file describes it; tests hold the two together.

use std::sync::Arc;

use arkor_store::{Store, StoreError};
use arkor_types::{EventRecord, RunId, RunRecord};
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::answer::JsonAnswer;
use crate::guard::{Guard, guard};
use crate::{
    Command, DevAction, DevState, Hub, Refusal, RefusalKind, RunAction, assets, history, stream,
};

/// Most bytes of a request's body.
const BODY: usize = 64 << 10;

/// Most events in one answer.
const MOST_EVENTS: usize = 5_000;

/// The same in bytes of JSON, beyond which no more are read.
const MOST_BYTES: usize = 8 << 20;

/// The description of this interface (OpenAPI 3.1).
pub fn openapi() -> &'static str {
    include_str!("openapi.json")
}

pub(crate) fn service(hub: Hub, who: Arc<Guard>) -> Router {
    let api = Router::new()
        .route("/openapi.json", get(description))
        .route("/dev", get(dev_state))
        .route("/dev/stream", get(dev_stream))
        .route("/dev/actions", post(dev_action))
        .route("/runs", get(runs))
        .route("/runs/{run}", get(run))
        .route("/runs/{run}/events", get(events))
        .route("/runs/{run}/events/stream", get(event_stream))
        .route("/runs/{run}/metrics", get(metrics))
        .route("/runs/{run}/checkpoints", get(checkpoints))
        .route("/runs/{run}/artifacts", get(artifacts))
        .route("/runs/{run}/generations", get(generations))
        .route("/runs/{run}/actions", post(run_action))
        .route("/runs/{run}/replay", post(replay))
        .with_state(hub);
    Router::new()
        .route("/", get(async || assets::page()))
        .route(
            "/assets/{*name}",
            get(async |Path(name): Path<String>| assets::asset(&name)),
        )
        .nest("/api", api)
        .fallback(async || Refusal::new(RefusalKind::NotFound, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            let message = "this path does not take this method";
            (
                StatusCode::METHOD_NOT_ALLOWED,
                JsonAnswer(crate::refusal::body(message, None)),
            )
        })
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(who, guard))
}

/// The store's calls block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    /// More at once would hold as many runs in memory.
    static READINGS: Semaphore = Semaphore::const_new(2);
    // It is never closed.
    let turn = READINGS.acquire().await;
    let work = move || {
        // Whoever asked may be gone; the reading is not until it ends.
        let _turn = turn;
        work()
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Refusal::new(RefusalKind::Internal, error.to_string())),
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(RefusalKind::Invalid, rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(RefusalKind::Invalid, rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::new(RefusalKind::Invalid, rejection.body_text())
    }
}

/// A body in JSON, or an answer that says what is wrong with it.
struct Json<T>(T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Response> {
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            // One that is too large keeps its own status.
            Err(rejection) => {
                let body = crate::refusal::body(&rejection.body_text(), None);
                Err((rejection.status(), JsonAnswer(body)).into_response())
            }
        }
    }
}

/// The same for the query.
struct Query<T>(T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        state: &S,
    ) -> Result<Self, Refusal> {
        let axum::extract::Query(value) =
            axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(value))
    }
}

/// The run that a path names: by its id, the beginning of it, or `latest`.
struct Wanted {
    hub: Hub,
    record: RunRecord,
}

impl Wanted {
    async fn find(hub: Hub, wanted: String) -> Result<Self, Refusal> {
        blocking(move || {
            let record = hub.store().find_run(&wanted)?;
            Ok(Self { hub, record })
        })
        .await
    }
}

impl FromRequestParts<Hub> for Wanted {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        hub: &Hub,
    ) -> Result<Self, Refusal> {
        let Path(wanted) = Path::<String>::from_request_parts(parts, hub).await?;
        Self::find(hub.clone(), wanted).await
    }
}

type Answer<T> = Result<JsonAnswer<T>, Refusal>;

async fn description() -> Response {
    let headers = [(axum::http::header::CONTENT_TYPE, "application/json")];
    (headers, openapi()).into_response()
}

async fn dev_state(State(hub): State<Hub>) -> JsonAnswer<DevState> {
    JsonAnswer(hub.states().borrow().clone())
}

async fn dev_stream(State(hub): State<Hub>) -> Response {
    stream::dev_states(&hub)
}

async fn dev_action(
    State(hub): State<Hub>,
    Json(action): Json<DevAction>,
) -> Result<Response, Refusal> {
    let answer = hub.ask(Command::Dev(action)).await?;
    Ok((StatusCode::ACCEPTED, JsonAnswer(answer)).into_response())
}

/// A run, and whether this process trains it.
#[derive(Serialize)]
struct RunView {
    #[serde(flatten)]
    record: RunRecord,
    in_flight: bool,
}

impl RunView {
    fn of(record: RunRecord, in_flight: Option<&RunId>) -> Self {
        Self {
            in_flight: in_flight == Some(&record.id),
            record,
        }
    }
}

#[derive(Serialize)]
struct Runs {
    runs: Vec<RunView>,
}

async fn runs(State(hub): State<Hub>) -> Answer<Runs> {
    let in_flight = hub.in_flight();
    let runs = blocking(move || Ok(hub.store().runs()?)).await?;
    let view = |record| RunView::of(record, in_flight.as_ref());
    Ok(JsonAnswer(Runs {
        runs: runs.into_iter().map(view).collect(),
    }))
}

async fn run(wanted: Wanted) -> Answer<RunView> {
    let in_flight = wanted.hub.in_flight();
    Ok(JsonAnswer(RunView::of(wanted.record, in_flight.as_ref())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct Events {
    events: Vec<EventRecord>,
    /// For `after` of the next request.
    last_seq: u64,
}

async fn events(wanted: Wanted, Query(page): Query<Page>) -> Answer<Events> {
    let limit = page.limit.unwrap_or(1000);
    if !(1..=MOST_EVENTS).contains(&limit) {
        let message = format!("limit must be 1 to {MOST_EVENTS}, not {limit}");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let Wanted { hub, record } = wanted;
    let events = blocking(move || Ok(page_of(hub.store(), &record.id, page.after, limit)?)).await?;
    Ok(JsonAnswer(Events {
        last_seq: events.last().map_or(page.after, |last| last.seq),
        events,
    }))
}

/// Up to `limit` events after one, and fewer if they are large.
fn page_of(
    store: &Store,
    run: &RunId,
    after: u64,
    limit: usize,
) -> Result<Vec<EventRecord>, StoreError> {
    /// Events that are read at once.
    const PART: usize = 100;
    let mut events: Vec<EventRecord> = Vec::new();
    let mut bytes = 0;
    while events.len() < limit && bytes < MOST_BYTES {
        let after = events.last().map_or(after, |last| last.seq);
        let part = store.events(run, after, PART.min(limit - events.len()))?;
        if part.is_empty() {
            break;
        }
        for event in part {
            bytes += serde_json::to_vec(&event).map_or(0, |json| json.len());
            events.push(event);
        }
    }
    Ok(events)
}

#[derive(Deserialize)]
struct StreamStart {
    after: Option<u64>,
}

async fn event_stream(
    wanted: Wanted,
    Query(start): Query<StreamStart>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    // A reader that comes back says where it was; that counts more than where it once began.
    let back = match headers.get("last-event-id") {
        None => None,
        Some(id) => Some(
            id.to_str()
                .ok()
                .and_then(|id| id.parse().ok())
                .ok_or_else(|| {
                    Refusal::new(
                        RefusalKind::Invalid,
                        "Last-Event-ID is not the number of an event",
                    )
                })?,
        ),
    };
    let after = back.or(start.after).unwrap_or(0);
    Ok(stream::run_events(wanted.hub, wanted.record.id, after))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Points {
    points: Option<usize>,
}

#[derive(Serialize)]
struct Metrics {
    series: Vec<history::Series>,
    /// Names beyond those.
    left_out: usize,
}

async fn metrics(wanted: Wanted, Query(wish): Query<Points>) -> Answer<Metrics> {
    let points = wish.points.unwrap_or(1000);
    if !(3..=10_000).contains(&points) {
        let message = format!("points must be 3 to 10000, not {points}");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let Wanted { hub, record } = wanted;
    let read = move || Ok(history::series(hub.store(), &record.id, points)?);
    let (series, left_out) = blocking(read).await?;
    Ok(JsonAnswer(Metrics { series, left_out }))
}

#[derive(Serialize)]
struct Checkpoints {
    checkpoints: Vec<arkor_types::CheckpointRecord>,
}

async fn checkpoints(wanted: Wanted) -> Answer<Checkpoints> {
    let Wanted { hub, record } = wanted;
    let checkpoints = blocking(move || Ok(hub.store().checkpoints(&record.id)?)).await?;
    Ok(JsonAnswer(Checkpoints { checkpoints }))
}

#[derive(Serialize)]
struct Artifacts {
    artifacts: Vec<arkor_types::ArtifactRecord>,
}

async fn artifacts(wanted: Wanted) -> Answer<Artifacts> {
    let Wanted { hub, record } = wanted;
    let artifacts = blocking(move || Ok(hub.store().artifacts(&record.id)?)).await?;
    Ok(JsonAnswer(Artifacts { artifacts }))
}

#[derive(Serialize)]
struct Generations {
    generations: Vec<history::Generation>,
}

async fn generations(wanted: Wanted) -> Answer<Generations> {
    let Wanted { hub, record } = wanted;
    let generations = blocking(move || Ok(history::generations(hub.store(), &record.id)?)).await?;
    Ok(JsonAnswer(Generations { generations }))
}

async fn run_action(wanted: Wanted, Json(action): Json<RunAction>) -> Result<Response, Refusal> {
    if let RunAction::SetLearningRate(rate) = action
        && !(rate.is_finite() && (0.0..=10.0).contains(&rate))
    {
        let message = format!("a learning rate is 0 to 10, not {rate}");
        return Err(Refusal::new(RefusalKind::Invalid, message));
    }
    let answer = wanted
        .hub
        .ask(Command::Run(wanted.record.id, action))
        .await?;
    Ok((StatusCode::ACCEPTED, JsonAnswer(answer)).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayWish {
    last: Option<u64>,
}

async fn replay(wanted: Wanted, Json(wish): Json<ReplayWish>) -> Answer<serde_json::Value> {
    let command = Command::Replay {
        run: wanted.record.id,
        last: wish.last,
    };
    Ok(JsonAnswer(wanted.hub.ask(command).await?))
}
