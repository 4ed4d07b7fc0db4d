//! Where the keys of a study stand: a complaint about a value names the file and the line, or what
//! was typed.

use crate::error::StudyError;
use crate::words;
use fewlabel_learn::LearnError;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// Where every key of a study was set.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The file.
    origin: String,
    keys: BTreeMap<String, String>,
}

/// Two studies are the same wherever their keys stand.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    /// The lines of the keys of a file's `text`; `origin` names it.
    pub(super) fn of(text: &str, origin: &str) -> Result<Self, StudyError> {
        let line =
            |at: usize| format!("line {}", text[..at.min(text.len())].matches('\n').count() + 1);
        let wrong = |error: toml::de::Error| {
            StudyError::Setting(format!("{origin}: {}", words::of_toml_text(&error, text)))
        };
        let table = DeTable::parse(text).map_err(wrong)?;
        let key = |key: &toml::Spanned<std::borrow::Cow<'_, str>>| {
            (key.get_ref().to_string(), format!("{origin}: {}", line(key.span().start)))
        };
        Ok(Self { origin: origin.to_owned(), keys: table.get_ref().keys().map(key).collect() })
    }

    /// Notes that `key` was set by `change`, as it was typed.
    pub(super) fn set(&mut self, key: &str, change: &str) {
        self.keys.insert(key.to_owned(), format!("--set {change}"));
    }

    /// A complaint about a key, with its place.
    pub(super) fn about(&self, key: &str, what: &str) -> StudyError {
        let place = self.keys.get(key).unwrap_or(&self.origin);
        StudyError::Setting(format!("{place}: {what}"))
    }

    /// A complaint about a run's settings, with the place of the first key that it names.
    pub(super) fn explain(&self, error: StudyError) -> StudyError {
        let is_about_a_setting = match &error {
            StudyError::Setting(_) => true,
            StudyError::Learn(error) => !matches!(error, LearnError::Data(_)),
            _ => false,
        };
        if !is_about_a_setting {
            return error;
        }
        let what = error.to_string();
        let mut words = what.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let key = words.find(|word| self.keys.contains_key(*word)).unwrap_or_default();
        self.about(key, &what)
    }
}
