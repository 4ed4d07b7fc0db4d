//! What can happen in a project. The list of these is the project's only truth.

use serde::{Deserialize, Serialize};

/// Names an image of a project for ever.
pub type ImageId = i64;
/// Names a class of a project for ever, whatever it is called.
pub type ClassId = u32;

/// What a person said of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Its class.
    Class(ClassId),
    /// Not now: it comes back.
    Skip,
    /// That nobody can tell from this image. It is not asked again.
    Unsure,
    /// That it should not be there: broken, empty, of something else.
    Unusable,
}

impl Said {
    /// The class, if it is one.
    pub fn class(self) -> Option<ClassId> {
        match self {
            Self::Class(class) => Some(class),
            Self::Skip | Self::Unsure | Self::Unusable => None,
        }
    }

    /// The word for it in tables: `labelled`, `skip`, `unsure` or `unusable`.
    pub fn state(self) -> &'static str {
        match self {
            Self::Class(_) => "labelled",
            Self::Skip => "skip",
            Self::Unsure => "unsure",
            Self::Unusable => "unusable",
        }
    }
}

/// What the classifier took an image for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The name of the class.
    pub class: String,
    /// Its probability.
    pub probability: f64,
}

/// When a person sees the classifier's guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShowGuess {
    /// Never. Seeing it biases what is answered (arXiv 2603.11821).
    #[default]
    Hidden,
    /// After the answer.
    After,
    /// With the image.
    Before,
}

/// An answer, with how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Given {
    /// What was said.
    pub said: Said,
    /// Whether the image was drawn at random to judge by, and is not learned from until the end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held_out: bool,
    /// Whether it comes from a table or from the data's own labels, not from the page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub imported: bool,
    /// Why an image is unusable, where the program found it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long the image was looked at, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// When the guess was to be seen.
    #[serde(default)]
    pub shown: ShowGuess,
    /// What the classifier took the image for at that time, seen or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
}

impl Given {
    /// What was said, and nothing more.
    pub fn new(said: Said) -> Self {
        Self {
            said,
            held_out: false,
            imported: false,
            reason: None,
            seconds: None,
            shown: ShowGuess::Hidden,
            guess: None,
        }
    }
}

/// What a project is set to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// When a person sees the classifier's guess.
    pub show_guess: ShowGuess,
    /// The accuracy that is wanted, from 0 to 1.
    pub goal: Option<f64>,
    /// The strategy that chooses.
    pub strategy: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { show_guess: ShowGuess::Hidden, goal: None, strategy: "typiclust".to_owned() }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An image was answered.
    Answer {
        /// Which.
        image: ImageId,
        /// The answer.
        #[serde(flatten)]
        given: Given,
    },
    /// An answer was taken back; the one before it holds again.
    Undo {
        /// The number of the answer's event.
        of: i64,
    },
    /// A note was put on an image, or taken off.
    Flag {
        /// Which.
        image: ImageId,
        /// The note, which may be empty.
        note: Option<String>,
    },
    /// There is a new class.
    ClassAdded {
        /// Its number, one more than the last.
        class: ClassId,
        /// Its name.
        name: String,
    },
    /// A class is called something else.
    ClassRenamed {
        /// Which.
        class: ClassId,
        /// Its new name.
        name: String,
    },
    /// Two classes are one: every image of `class` is one of `into`.
    ClassMerged {
        /// The class that ends.
        class: ClassId,
        /// The class that stays.
        into: ClassId,
    },
    /// A key was given to a class, or taken from it.
    ClassKey {
        /// Which.
        class: ClassId,
        /// A letter.
        key: Option<String>,
    },
    /// The project is set to something else.
    Settings(Settings),
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Its number, from 1.
    pub seq: i64,
    /// When it was kept, RFC 3339 in UTC.
    pub time: String,
    /// Who did it.
    pub annotator: String,
    /// What happened.
    pub event: Event,
}
