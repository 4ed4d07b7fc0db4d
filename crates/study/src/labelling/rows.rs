//! What is known of an answered image, as exports write it.

use serde::{Deserialize, Serialize};

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A class.
    Labelled,
    /// Not now: the image comes back.
    Skip,
    /// The person cannot say.
    Unsure,
    /// The image cannot be used.
    Unusable,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Labelled, Self::Skip, Self::Unsure, Self::Unusable];

    /// Its name in tables and in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Labelled => "labelled",
            Self::Skip => "skip",
            Self::Unsure => "unsure",
            Self::Unusable => "unusable",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Whether the person saw the classifier's guess before they answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// They did not.
    Hidden,
    /// They did.
    Before,
}

impl Shown {
    /// Its name in tables and in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Before => "before",
        }
    }
}

/// What the classifier said before it knew the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// Its class.
    pub class: String,
    /// The probability that it gave it, from 0 to 1.
    pub probability: f64,
}

/// An image and the answer that counts for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its path in the data set, with `/` between the parts, or split and row of an array.
    pub path: String,
    /// The class, where there is one.
    pub label: Option<String>,
    /// What was answered.
    pub state: State,
    /// Who answered.
    pub annotator: String,
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// Whether the image is held out from training.
    pub held_out: bool,
    /// The note of its flag, where it has one.
    pub flag: Option<String>,
    /// What was shown before the answer, where that is known.
    pub shown: Option<Shown>,
    /// What the classifier said, where there was one.
    pub guess: Option<Guess>,
    /// Seconds that the image was looked at.
    pub seconds: Option<f64>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An answer with a class, or one of `state`.
    pub(crate) fn row(path: &str, label: Option<&str>, state: State) -> Row {
        Row {
            path: path.to_owned(),
            label: label.map(str::to_owned),
            state,
            annotator: "ann".to_owned(),
            time: "2026-12-01T10:00:00Z".to_owned(),
            held_out: false,
            flag: None,
            shown: None,
            guess: None,
            seconds: None,
        }
    }

    #[test]
    fn a_state_has_one_name_everywhere() {
        for state in State::ALL {
            assert_eq!(State::named(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).expect("plain"), state.name());
        }
        assert_eq!(State::named("Unsure"), None);
        assert_eq!(serde_json::to_value(Shown::Before).expect("plain"), Shown::Before.name());
    }
}
