//! The JSON of questions and answers. Fields may be added, never renamed.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use fewlabel_study::labelling::event::{Guess, ImageId, Said, ShowGuess};
use fewlabel_study::labelling::session::{ClassChange, SettingsChange};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Why something was refused.
#[derive(Serialize, ToSchema)]
pub(super) struct Refusal {
    /// One sentence.
    pub(super) error: String,
}

/// A question that is refused.
pub(super) struct Refused {
    status: StatusCode,
    error: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(Refusal { error: self.error })).into_response()
    }
}

/// Refuses a question with one sentence.
pub(super) fn refuse(status: StatusCode, what: impl Into<String>) -> Refused {
    Refused { status, error: what.into() }
}

/// What the classifier takes an image for.
#[derive(Serialize, ToSchema)]
pub(super) struct GuessOf {
    /// The class.
    class: String,
    /// Its probability.
    probability: f64,
}

impl From<Guess> for GuessOf {
    fn from(Guess { class, probability }: Guess) -> Self {
        Self { class, probability }
    }
}

/// Images to answer.
#[derive(Serialize, ToSchema)]
pub(super) struct Next {
    /// In the order in which they are shown.
    pub(super) items: Vec<Item>,
    /// Images that nobody has answered.
    pub(super) left: usize,
}

/// An image to answer.
#[derive(Serialize, ToSchema)]
pub(super) struct Item {
    /// Its number.
    pub(super) id: ImageId,
    /// Its name.
    pub(super) path: String,
    /// Where a PNG of it is.
    pub(super) image: String,
    /// Where all its values are.
    pub(super) pixels: String,
    /// What the classifier takes it for, where that is to be seen beforehand.
    pub(super) guess: Option<GuessOf>,
    /// The note on it.
    pub(super) flag: Option<String>,
}

impl Item {
    pub(super) fn new(
        id: ImageId,
        path: String,
        guess: Option<Guess>,
        flag: Option<String>,
    ) -> Self {
        let (image, guess) = (format!("/api/images/{id}"), guess.map(Into::into));
        Self { id, path, pixels: format!("{image}/pixels"), image, guess, flag }
    }
}

/// What an image is no class for.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum StateOf {
    /// It comes back.
    Skip,
    /// Nobody can tell.
    Unsure,
    /// It should not be there.
    Unusable,
}

impl From<StateOf> for Said {
    fn from(state: StateOf) -> Self {
        match state {
            StateOf::Skip => Self::Skip,
            StateOf::Unsure => Self::Unsure,
            StateOf::Unusable => Self::Unusable,
        }
    }
}

/// When the guess is seen.
#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shown {
    /// Never.
    Hidden,
    /// After the answer.
    After,
    /// With the image.
    Before,
}

impl From<Shown> for ShowGuess {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Hidden => Self::Hidden,
            Shown::After => Self::After,
            Shown::Before => Self::Before,
        }
    }
}

/// An answer: a label, or a state.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerTo {
    /// The image's number.
    pub(super) id: ImageId,
    /// The sender's own name for this answer: sent again, it counts once.
    pub(super) client_id: String,
    /// The name of a class.
    pub(super) label: Option<String>,
    /// Why there is none.
    pub(super) state: Option<StateOf>,
    /// How long the image was looked at.
    pub(super) seconds: Option<f64>,
    /// When the guess was to be seen.
    pub(super) shown: Option<Shown>,
    /// Who answers, if not who started the program.
    pub(super) annotator: Option<String>,
}

/// An answer is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Saved {
    /// Always true.
    pub(super) saved: bool,
    /// Images with a class.
    pub(super) labelled: usize,
    /// What the classifier took the image for, where it may be seen.
    pub(super) guess: Option<GuessOf>,
}

/// Something is on disk.
#[derive(Serialize, ToSchema)]
pub(super) struct Done {
    /// Always true.
    pub(super) saved: bool,
}

/// What is to be taken back: the last answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Undoing {
    /// The sender's own name for this step: sent again, it counts once.
    pub(super) client_id: Option<String>,
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub(super) struct TakenBack {
    /// The answer, if there was one.
    pub(super) undone: Option<Undone>,
    /// Images with a class.
    pub(super) labelled: usize,
}

/// An answer that was taken back.
#[derive(Serialize, ToSchema)]
pub(super) struct Undone {
    /// The image's number.
    pub(super) id: ImageId,
    /// Its name.
    pub(super) path: String,
    /// The class that it had.
    pub(super) label: Option<String>,
    /// The state that it had.
    pub(super) state: Option<&'static str>,
}

/// A note on an image.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Flag {
    /// The image's number.
    pub(super) id: ImageId,
    /// The sender's own name for this note.
    pub(super) client_id: String,
    /// The note; null takes it off.
    pub(super) note: Option<String>,
}

/// A change of the classes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeOfClass {
    /// The sender's own name for this change.
    pub(super) client_id: String,
    /// What is done.
    action: Action,
    /// The class.
    name: String,
    /// The other name, or the other class.
    to: Option<String>,
    /// A letter; null takes it away.
    key: Option<String>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// A new class.
    Add,
    /// Another name.
    Rename,
    /// Two classes become one.
    Merge,
    /// A key of its own.
    Key,
}

impl ChangeOfClass {
    pub(super) fn change(self) -> Result<ClassChange, String> {
        let Self { action, name, to, key, .. } = self;
        let to = to.ok_or_else(|| "`to` is missing".to_owned());
        Ok(match action {
            Action::Add => ClassChange::Add { name },
            Action::Rename => ClassChange::Rename { name, to: to? },
            Action::Merge => ClassChange::Merge { name, to: to? },
            Action::Key => ClassChange::Key { name, key },
        })
    }
}

/// The classes as they are now.
#[derive(Serialize, ToSchema)]
pub(super) struct ClassesNow {
    /// Always true.
    pub(super) saved: bool,
    /// In the order in which they were made.
    #[schema(value_type = Vec<Object>)]
    pub(super) classes: Vec<fewlabel_study::labelling::session::ClassStatus>,
}

/// A change of the settings; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeOfSettings {
    /// The sender's own name for this change.
    pub(super) client_id: String,
    /// When the guess is seen.
    show_guess: Option<Shown>,
    /// The accuracy that is wanted, between 0 and 1; null is none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    goal: Option<Option<f64>>,
    /// The strategy that chooses.
    strategy: Option<String>,
}

impl ChangeOfSettings {
    pub(super) fn change(&self) -> SettingsChange {
        SettingsChange {
            show_guess: self.show_guess.map(Into::into),
            goal: self.goal,
            strategy: self.strategy.clone(),
        }
    }
}

/// A value that is there, even if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Images that were answered.
#[derive(Serialize, ToSchema)]
pub(super) struct Reviewed {
    /// How many there are in the list.
    pub(super) total: usize,
    /// Some of them.
    pub(super) items: Vec<ReviewedItem>,
}

/// An image that was answered.
#[derive(Serialize, ToSchema)]
pub(super) struct ReviewedItem {
    /// Its number.
    pub(super) id: ImageId,
    /// Its name.
    pub(super) path: String,
    /// Where a PNG of it is.
    pub(super) image: String,
    /// Where all its values are.
    pub(super) pixels: String,
    /// Its class.
    pub(super) label: Option<String>,
    /// Why it has none.
    pub(super) state: Option<&'static str>,
    /// The note on it.
    pub(super) flag: Option<String>,
    /// What the classifier takes it for.
    pub(super) guess: Option<GuessOf>,
    /// The probability of its label by a classifier that has not seen it.
    pub(super) left_out_probability: Option<f64>,
    /// Whether it is held out to judge by.
    pub(super) held_out: bool,
    /// When it was answered.
    pub(super) time: Option<String>,
}

/// The handing over has begun.
#[derive(Serialize, ToSchema)]
pub(super) struct Started {
    /// Always true.
    pub(super) started: bool,
}
