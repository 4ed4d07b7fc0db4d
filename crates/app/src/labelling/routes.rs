//! What can be asked. Every question goes to the session; nothing here computes or decides.

use super::page;
use super::wire::{self, Refused};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use fewlabel_study::StudyError;
use fewlabel_study::labelling::event::{ImageId, ShowGuess};
use fewlabel_study::labelling::pictures;
use fewlabel_study::labelling::session::{About, List, Place, Session, Wanted};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use utoipa::OpenApi;

/// Images handed out at once.
const MOST_ITEMS: usize = 50;
/// Images of a list at once.
const MOST_REVIEWED: usize = 200;
/// The most characters of a sender's own names.
const LONGEST_CLIENT: usize = 200;
/// The longest side of a small picture.
const LONGEST_SMALL: usize = 2048;

/// What the server serves.
pub(super) type Served = State<Arc<Session>>;

#[derive(OpenApi)]
#[openapi(
    paths(
        status,
        next,
        answer,
        undo,
        flag,
        change_class,
        change_settings,
        review,
        image,
        values,
        finish,
        result,
        openapi
    ),
    info(
        title = "Fewlabel's labelling page",
        description = "Everything that the page does. Send the token as `Authorization: Bearer`."
    )
)]
struct Documentation;

pub(super) fn router(session: Arc<Session>) -> axum::Router {
    use axum::routing::{get, post};
    axum::Router::new()
        .route("/", get(page::index))
        .route("/app.js", get(page::script))
        .route("/app.css", get(page::style))
        .route("/favicon.svg", get(page::icon))
        .route("/api/status", get(status))
        .route("/api/next", get(next))
        .route("/api/answers", post(answer))
        .route("/api/undo", post(undo))
        .route("/api/flags", post(flag))
        .route("/api/classes", post(change_class))
        .route("/api/settings", post(change_settings))
        .route("/api/review", get(review))
        .route("/api/images/{id}", get(image))
        .route("/api/images/{id}/pixels", get(values))
        .route("/api/finish", post(finish))
        .route("/api/results/{name}", get(result))
        .route("/api/openapi.json", get(openapi))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .with_state(session)
}

/// Every answer says what may be done with it.
pub(super) async fn signed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    page::sign(&mut response);
    response
}

async fn nothing() -> Refused {
    wire::refuse(StatusCode::NOT_FOUND, "there is nothing at this address")
}

async fn wrong_method() -> Refused {
    wire::refuse(StatusCode::METHOD_NOT_ALLOWED, "this address is asked in another way")
}

/// Asks the session in a thread that may wait.
async fn ask<T: Send + 'static>(
    session: Arc<Session>,
    question: impl FnOnce(&Session) -> Result<T, StudyError> + Send + 'static,
) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(move || question(&session)).await {
        Ok(answer) => answer.map_err(refused),
        Err(_) => {
            Err(wire::refuse(StatusCode::UNPROCESSABLE_ENTITY, "this question failed inside"))
        }
    }
}

/// What cannot be written is to be sent again; everything else is a mistake of who asks.
fn refused(error: StudyError) -> Refused {
    let status = match &error {
        StudyError::NoImage(_) => StatusCode::NOT_FOUND,
        StudyError::Setting(_) | StudyError::Learn(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    wire::refuse(status, error.to_string())
}

/// A question's JSON, with the place of what is wrong in it.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body)
        .map_err(|error| wire::refuse(StatusCode::BAD_REQUEST, format!("not understood: {error}")))
}

fn check_client(client: &str) -> Result<(), Refused> {
    match client.chars().count() {
        1..=LONGEST_CLIENT => Ok(()),
        _ => {
            let what = format!("client_id has 1 to {LONGEST_CLIENT} characters");
            Err(wire::refuse(StatusCode::BAD_REQUEST, what))
        }
    }
}

/// How the project stands.
#[utoipa::path(get, path = "/api/status", responses(
    (status = 200, description = "How the project stands", body = Object, example = json!({
        "pool": 500, "labelled": 139, "held_out": 32, "phase": "learning",
        "accuracy": { "estimate": 0.84, "low": 0.68, "high": 0.93, "n": 32 },
        "advice": "50 more labels may raise the accuracy by about 1.1 points, by 5.7 at most.",
        "classes": [{ "name": "cyst", "count": 12, "key": "1" }], "open": 361, "unsure": 2,
        "unusable": 1, "skipped": 0, "flagged": 1, "can_undo": true, "progress": null,
        "problem": null, "notes": []
    }))))]
async fn status(State(session): Served) -> Result<Response, Refused> {
    let status = ask(session, |session| Ok(session.status())).await?;
    Ok(Json(status).into_response())
}

#[derive(Deserialize, utoipa::IntoParams)]
struct Count {
    /// How many images, 1 to 50.
    count: Option<usize>,
}

/// The images to show next, each until it is answered.
#[utoipa::path(get, path = "/api/next", params(Count), responses(
    (status = 200, body = wire::Next), (status = 400, body = wire::Refusal)))]
async fn next(
    State(session): Served,
    Query(Count { count }): Query<Count>,
) -> Result<Json<wire::Next>, Refused> {
    let count = count.unwrap_or(1).clamp(1, MOST_ITEMS);
    let next = ask(session, move |session| {
        let (named, left) = session.next(count);
        let shown = session.shows_guess() == ShowGuess::Before;
        let guess = |id| if shown { session.guess(id) } else { None };
        let item = |(id, name)| wire::Item::new(id, name, guess(id), session.note(id));
        let items = named.into_iter().map(item);
        Ok(wire::Next { items: items.collect(), left })
    });
    next.await.map(Json)
}

/// Keeps an answer. It is on disk when this says yes.
#[utoipa::path(post, path = "/api/answers", request_body = wire::AnswerTo, responses(
    (status = 200, body = wire::Saved), (status = 400, body = wire::Refusal),
    (status = 404, body = wire::Refusal), (status = 503, body = wire::Refusal)))]
async fn answer(State(session): Served, body: Bytes) -> Result<Json<wire::Saved>, Refused> {
    let answer: wire::AnswerTo = read(&body)?;
    check_client(&answer.client_id)?;
    if answer.annotator.as_deref().is_some_and(|name| name.chars().count() > LONGEST_CLIENT) {
        let what = format!("annotator has at most {LONGEST_CLIENT} characters");
        return Err(wire::refuse(StatusCode::BAD_REQUEST, what));
    }
    let saved = ask(session, move |session| {
        let wanted = match (&answer.label, answer.state) {
            (Some(label), None) => Wanted::Label(label),
            (None, Some(state)) => Wanted::State(state.into()),
            _ => {
                let what = "an answer has either a label or a state".to_owned();
                return Err(StudyError::Setting(what));
            }
        };
        let about = About { seconds: answer.seconds, shown: answer.shown.map(Into::into) };
        let annotator = answer.annotator.as_deref();
        let reply = session.answer(answer.id, &answer.client_id, annotator, &wanted, about)?;
        let guess = reply.guess.map(Into::into);
        Ok(wire::Saved { saved: true, labelled: reply.labelled, guess })
    });
    saved.await.map(Json)
}

/// Takes the last answer back. Its image is the next one.
#[utoipa::path(post, path = "/api/undo", request_body = wire::Undoing, responses(
    (status = 200, body = wire::TakenBack), (status = 400, body = wire::Refusal),
    (status = 503, body = wire::Refusal)))]
async fn undo(State(session): Served, body: Bytes) -> Result<Json<wire::TakenBack>, Refused> {
    // A script need not name each of its steps.
    let client = match body.is_empty() {
        true => None,
        false => Some(read::<wire::Undoing>(&body)?).and_then(|undoing| undoing.client_id),
    };
    client.as_deref().map_or(Ok(()), check_client)?;
    let back = ask(session, move |session| {
        let (undone, labelled) = session.undo(client.as_deref())?;
        let undone = undone.map(|undone| wire::Undone {
            id: undone.id,
            path: undone.name,
            label: undone.label,
            state: undone.state,
        });
        Ok(wire::TakenBack { undone, labelled })
    });
    back.await.map(Json)
}

/// Puts a note on an image, or takes it off.
#[utoipa::path(post, path = "/api/flags", request_body = wire::Flag, responses(
    (status = 200, body = wire::Done), (status = 400, body = wire::Refusal),
    (status = 404, body = wire::Refusal), (status = 503, body = wire::Refusal)))]
async fn flag(State(session): Served, body: Bytes) -> Result<Json<wire::Done>, Refused> {
    let flag: wire::Flag = read(&body)?;
    check_client(&flag.client_id)?;
    ask(session, move |session| session.flag(flag.id, &flag.client_id, flag.note.as_deref()))
        .await
        .map(|()| Json(wire::Done { saved: true }))
}

/// Adds, renames or merges classes, or gives one a key.
#[utoipa::path(post, path = "/api/classes", request_body = wire::ChangeOfClass, responses(
    (status = 200, body = wire::ClassesNow), (status = 400, body = wire::Refusal),
    (status = 503, body = wire::Refusal)))]
async fn change_class(
    State(session): Served,
    body: Bytes,
) -> Result<Json<wire::ClassesNow>, Refused> {
    let change: wire::ChangeOfClass = read(&body)?;
    check_client(&change.client_id)?;
    let client = change.client_id.clone();
    let change = change.change().map_err(|what| wire::refuse(StatusCode::BAD_REQUEST, what))?;
    let classes = ask(session, move |session| {
        session.change_class(&client, &change)?;
        Ok(wire::ClassesNow { saved: true, classes: session.classes() })
    });
    classes.await.map(Json)
}

/// Sets when the guess is seen, the goal, or the strategy.
#[utoipa::path(post, path = "/api/settings", request_body = wire::ChangeOfSettings, responses(
    (status = 200, body = wire::Done), (status = 400, body = wire::Refusal),
    (status = 503, body = wire::Refusal)))]
async fn change_settings(State(session): Served, body: Bytes) -> Result<Json<wire::Done>, Refused> {
    let change: wire::ChangeOfSettings = read(&body)?;
    check_client(&change.client_id)?;
    ask(session, move |session| session.set(&change.client_id, &change.change()))
        .await
        .map(|()| Json(wire::Done { saved: true }))
}

#[derive(Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum ListName {
    Labels,
    Disagreements,
    Flags,
    Unsure,
    Unusable,
    Skipped,
}

#[derive(Deserialize, utoipa::IntoParams)]
struct Which {
    /// Which list.
    list: ListName,
    /// From which number on, counted from 0.
    offset: Option<usize>,
    /// How many, 1 to 200.
    count: Option<usize>,
}

/// Images that were answered.
#[utoipa::path(get, path = "/api/review", params(Which), responses(
    (status = 200, body = wire::Reviewed), (status = 400, body = wire::Refusal)))]
async fn review(
    State(session): Served,
    Query(which): Query<Which>,
) -> Result<Json<wire::Reviewed>, Refused> {
    let list = match which.list {
        ListName::Labels => List::Labels,
        ListName::Disagreements => List::Disagreements,
        ListName::Flags => List::Flags,
        ListName::Unsure => List::Unsure,
        ListName::Unusable => List::Unusable,
        ListName::Skipped => List::Skipped,
    };
    let count = which.count.unwrap_or(MOST_ITEMS).clamp(1, MOST_REVIEWED);
    let reviewed = ask(session, move |session| {
        let (total, images) = session.review(list, which.offset.unwrap_or(0), count);
        let items = images.into_iter().map(|image| wire::ReviewedItem {
            id: image.id,
            path: image.name,
            image: format!("/api/images/{}", image.id),
            pixels: format!("/api/images/{}/pixels", image.id),
            label: image.label,
            state: image.state,
            flag: image.flag,
            guess: image.guess.map(Into::into),
            left_out_probability: image.left_out_probability,
            held_out: image.held_out,
            time: image.time,
        });
        Ok(wire::Reviewed { total, items: items.collect() })
    });
    reviewed.await.map(Json)
}

#[derive(Deserialize, utoipa::IntoParams)]
struct Size {
    /// The longest side, where a small picture will do.
    size: Option<usize>,
}

/// An image to look at: a PNG of 8 bits in the file's own window.
#[utoipa::path(get, path = "/api/images/{id}", params(("id" = ImageId, Path,), Size), responses(
    (status = 200, content_type = "image/png", body = Vec<u8>),
    (status = 404, body = wire::Refusal), (status = 422, body = wire::Refusal)))]
async fn image(
    State(session): Served,
    Path(id): Path<ImageId>,
    Query(Size { size }): Query<Size>,
) -> Result<Response, Refused> {
    let longest = size.map(|size| size.clamp(1, LONGEST_SMALL));
    picture(session, id, "image/png", move |place| pictures::png(&pictures::read(place)?, longest))
        .await
}

/// All values of an image, little endian, behind a head of 40 bytes (`docs/labelling.md`).
#[utoipa::path(get, path = "/api/images/{id}/pixels", params(("id" = ImageId, Path,)), responses(
    (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
    (status = 404, body = wire::Refusal), (status = 422, body = wire::Refusal)))]
async fn values(State(session): Served, Path(id): Path<ImageId>) -> Result<Response, Refused> {
    picture(session, id, "application/octet-stream", |place| {
        pictures::read(place).map(|picture| pictures::values(&picture))
    })
    .await
}

async fn picture(
    session: Arc<Session>,
    id: ImageId,
    kind: &'static str,
    make: impl FnOnce(&Place) -> Result<Vec<u8>, String> + Send + 'static,
) -> Result<Response, Refused> {
    let bytes = ask(session, move |session| {
        let place = session.place(id).ok_or(StudyError::NoImage(id))?;
        let made = make(&place);
        // An image that cannot be shown is not asked about again.
        if let (Err(reason), false) = (&made, matches!(place, Place::NotRead)) {
            session.cannot_be_shown(id, reason)?;
        }
        Ok(made)
    });
    match bytes.await? {
        Ok(bytes) => {
            let kept = "private, max-age=3600";
            Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], bytes)
                .into_response())
        }
        Err(reason) => {
            Err(wire::refuse(StatusCode::UNPROCESSABLE_ENTITY, format!("image {id} {reason}")))
        }
    }
}

/// Puts everything together that a person takes away; `status` tells how far it is.
#[utoipa::path(post, path = "/api/finish", responses((status = 200, body = wire::Started)))]
async fn finish(State(session): Served) -> Result<Json<wire::Started>, Refused> {
    let started = ask(session, |session| {
        session.finish();
        Ok(wire::Started { started: true })
    });
    started.await.map(Json)
}

/// A file to take away.
#[utoipa::path(get, path = "/api/results/{name}", params(("name" = String, Path,)), responses(
    (status = 200, content_type = "application/octet-stream", body = Vec<u8>),
    (status = 404, body = wire::Refusal)))]
async fn result(State(session): Served, Path(name): Path<String>) -> Result<Response, Refused> {
    let missing = || wire::refuse(StatusCode::NOT_FOUND, "there is no such file yet");
    let path = session.result(&name).ok_or_else(missing)?;
    let file = tokio::fs::File::open(&path).await.map_err(|_| missing())?;
    let body = axum::body::Body::from_stream(tokio_util::io::ReaderStream::new(file));
    let kind = match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => "text/csv; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("jsonl") => "application/jsonl",
        _ => "application/octet-stream",
    };
    let shown = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, shown)];
    Ok((headers, body).into_response())
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", responses(
    (status = 200, description = "OpenAPI 3.1", body = Object)))]
async fn openapi() -> Response {
    Json(Documentation::openapi()).into_response()
}
