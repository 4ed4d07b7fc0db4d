//! A project's answers as a table.
//!
//! The first columns are a promise: `path,label,state,annotator,time`. `fewlabel train --answers`
//! reads such a table.

use crate::error::StudyError;
use crate::labelling::state::{Answer, Image, State};
use crate::store::atomic_file;
use crate::words::quoted;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// An answer as tables have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    /// The image's name.
    pub path: &'a str,
    /// The name of its class; empty where it has none.
    pub label: &'a str,
    /// `labelled`, `skip`, `unsure` or `unusable`.
    pub state: &'static str,
    /// Who said so.
    pub annotator: &'a str,
    /// When, RFC 3339 in UTC.
    pub time: &'a str,
    /// Whether the image was held out to judge by.
    pub held_out: bool,
    /// Whether the label came from elsewhere, not from the page.
    pub imported: bool,
    /// The note on the image.
    pub flag: &'a str,
    /// When the classifier's guess was to be seen: `hidden`, `after` or `before`.
    pub shown: &'static str,
    /// What the classifier took the image for then.
    pub guess: &'a str,
    /// The probability of that.
    pub guess_probability: Option<f64>,
    /// How long the image was looked at.
    pub seconds: Option<f64>,
}

impl<'a> Row<'a> {
    fn of(state: &'a State, image: &'a Image, answer: &'a Answer) -> Self {
        use crate::labelling::event::ShowGuess;
        let given = &answer.given;
        Self {
            path: &image.name,
            label: given.said.class().map_or("", |class| state.class_name(class)),
            state: given.said.state(),
            annotator: &answer.annotator,
            time: &answer.time,
            held_out: given.held_out,
            imported: given.imported,
            flag: image.flag.as_deref().unwrap_or_default(),
            shown: match given.shown {
                ShowGuess::Hidden => "hidden",
                ShowGuess::After => "after",
                ShowGuess::Before => "before",
            },
            guess: given.guess.as_ref().map_or("", |guess| &guess.class),
            guess_probability: given.guess.as_ref().map(|guess| guess.probability),
            seconds: given.seconds,
        }
    }
}

/// The answers that count, in the order in which they were given.
pub fn rows(state: &State) -> Vec<Row<'_>> {
    let answered = state.images.iter().filter_map(|image| Some((image, image.answer()?)));
    let mut answered: Vec<(&Image, &Answer)> = answered.collect();
    answered.sort_by_key(|(_, answer)| answer.seq);
    answered.into_iter().map(|(image, answer)| Row::of(state, image, answer)).collect()
}

/// Writes the table as CSV.
///
/// # Errors
/// If it cannot be written.
pub fn write_csv(state: &State, path: &Path) -> Result<usize, StudyError> {
    let mut text = "path,label,state,annotator,time,held_out,imported,flag,shown,guess,\
                    guess_probability,seconds\n"
        .to_owned();
    let rows = rows(state);
    for row in &rows {
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let cells = [
            quoted(row.path),
            quoted(row.label),
            quoted(row.state),
            quoted(row.annotator),
            quoted(row.time),
            row.held_out.to_string(),
            row.imported.to_string(),
            quoted(row.flag),
            quoted(row.shown),
            quoted(row.guess),
            number(row.guess_probability),
            number(row.seconds),
        ];
        let _ = writeln!(text, "{}", cells.join(","));
    }
    atomic_file::write_named(path, text.as_bytes())?;
    Ok(rows.len())
}

/// Writes the table as JSON Lines: one object an answer.
///
/// # Errors
/// If it cannot be written.
pub fn write_jsonl(state: &State, path: &Path) -> Result<usize, StudyError> {
    let rows = rows(state);
    let mut text = String::new();
    for row in &rows {
        text += &serde_json::to_string(row).expect("plain data");
        text.push('\n');
    }
    atomic_file::write_named(path, text.as_bytes())?;
    Ok(rows.len())
}
