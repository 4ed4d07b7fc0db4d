//! Where the keys of a study stand: a complaint about a value names the file and the line, or what
//! was typed.

use super::keys::{is_table, today};
use crate::error::StudyError;
use crate::words;
use fewlabel_learn::LearnError;
use std::collections::BTreeMap;
use toml::de::DeTable;

/// Where every key of a study was set.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    /// The file.
    pub(super) origin: String,
    /// What it gives by former names, with the names of today.
    pub(super) renamed: BTreeMap<String, String>,
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
        let mut keys = BTreeMap::new();
        for (key, value) in table.get_ref() {
            let place = |at: usize| format!("{origin}: {}", line(at));
            let name = key.get_ref().to_string();
            if let Some(inner) = value.get_ref().as_table().filter(|_| is_table(&name)) {
                for key in inner.keys() {
                    let name = format!("{name}.{}", key.get_ref());
                    keys.insert(name, place(key.span().start));
                }
            } else {
                keys.entry(today(&name).to_owned()).or_insert_with(|| place(key.span().start));
                keys.insert(name, place(key.span().start));
            }
        }
        Ok(Self { origin: origin.to_owned(), keys, ..Self::default() })
    }

    /// Notes what a change, `key=value` as it was typed, set.
    pub(super) fn set(&mut self, change: &str) {
        let key = change.split('=').next().unwrap_or_default().trim();
        let mut ends: Vec<usize> = key.match_indices('.').map(|(at, _)| at).collect();
        ends.push(key.len());
        for key in ends.into_iter().map(|end| &key[..end]).filter(|key| !is_table(key)) {
            for key in [key, today(key)] {
                self.keys.insert(key.to_owned(), format!("--set {change}"));
            }
        }
    }

    /// A complaint about a key, with its place.
    pub(super) fn about(&self, key: &str, what: &str) -> StudyError {
        let place = self.keys.get(key).or_else(|| self.keys.get(today(key)));
        StudyError::Setting(format!("{}: {what}", place.unwrap_or(&self.origin)))
    }

    /// A complaint about a change.
    pub(super) fn about_change(&self, change: &str, what: &str) -> StudyError {
        StudyError::Setting(format!("--set {change}: {what}"))
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
        let words = what.split(|c: char| !c.is_ascii_alphanumeric() && !"_.".contains(c));
        let names = words.flat_map(|word| {
            let word = word.trim_matches('.');
            let ends = word.match_indices('.').map(|(at, _)| at).chain([word.len()]);
            ends.collect::<Vec<_>>().into_iter().rev().map(|end| today(&word[..end]))
        });
        let key = { names }.find(|name| self.keys.contains_key(*name)).unwrap_or_default();
        self.about(key, &what)
    }
}
