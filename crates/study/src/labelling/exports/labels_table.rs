//! Labels as a table and as lines of JSON.
//!
//! The table begins with the columns `path,label,state,annotator,time`; their names and order are a
//! contract, what stands behind them may grow.

use crate::error::StudyError;
use crate::labelling::cells::{path_cell, text_cell};
use crate::labelling::rows::{Row, Shown};
use crate::store::atomic_file::write_named;
use std::fmt::Write as _;
use std::path::Path;

const COLUMNS: &str =
    "path,label,state,annotator,time,held_out,flag,shown,guess,guess_probability,seconds";

/// Writes the rows as CSV, in their order.
///
/// Paths and texts read back as they are; what a spreadsheet would take for a formula is written so
/// that it is none: see `cells.rs`.
///
/// # Errors
/// If the file cannot be written; nothing half-written is left.
pub fn write_csv(path: &Path, rows: &[Row]) -> Result<(), StudyError> {
    write_named(path, csv(rows).as_bytes())
}

/// The text that [`write_csv`] writes.
pub fn csv(rows: &[Row]) -> String {
    let mut text = format!("{COLUMNS}\n");
    for row in rows {
        let (text_or_none, number) = (
            |text: Option<&str>| text.map_or_else(String::new, text_cell),
            |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string()),
        );
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{}",
            path_cell(&row.path),
            text_or_none(row.label.as_deref()),
            row.state.name(),
            text_cell(&row.annotator),
            text_cell(&row.time),
            row.held_out,
            text_or_none(row.flag.as_deref()),
            row.shown.map_or("", Shown::name),
            text_or_none(row.guess.as_ref().map(|guess| &*guess.class)),
            number(row.guess.as_ref().map(|guess| guess.probability)),
            number(row.seconds),
        );
    }
    text
}

/// Writes the rows as JSON Lines: one object a line, with the fields of [`Row`].
///
/// # Errors
/// If the file cannot be written; nothing half-written is left.
pub fn write_json_lines(path: &Path, rows: &[Row]) -> Result<(), StudyError> {
    let mut text = String::new();
    for row in rows {
        let line = serde_json::to_string(row);
        text += &line.map_err(|error| StudyError::damaged(path, error.to_string()))?;
        text.push('\n');
    }
    write_named(path, text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::rows::tests::row;
    use crate::labelling::rows::{Guess, State};

    #[test]
    fn the_first_columns_are_the_contract() {
        let mut first = row("a, b/1.png", Some("cyst"), State::Labelled);
        first.guess = Some(Guess { class: "stone".into(), probability: 0.75 });
        (first.shown, first.seconds, first.held_out) = (Some(Shown::Hidden), Some(3.2), true);
        let mut second = row("=x.png", None, State::Unsure);
        second.flag = Some("=HYPERLINK(\"x\")".into());
        assert_eq!(
            csv(&[first, second]),
            "path,label,state,annotator,time,held_out,flag,shown,guess,guess_probability,seconds\n\
             \"a, b/1.png\",cyst,labelled,ann,2026-12-01T10:00:00Z,true,,hidden,stone,0.75,3.2\n\
             ./=x.png,,unsure,ann,2026-12-01T10:00:00Z,false,\"'=HYPERLINK(\"\"x\"\")\",,,,\n"
        );
    }

    #[test]
    fn lines_of_json_read_back_as_the_rows() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("l.jsonl");
        let rows = [row("a\n.png", Some("é"), State::Labelled), row("b", None, State::Unusable)];
        write_json_lines(&path, &rows).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        assert_eq!(text.lines().count(), 2);
        let again: Vec<Row> =
            text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
        assert_eq!(again, rows);
    }
}
