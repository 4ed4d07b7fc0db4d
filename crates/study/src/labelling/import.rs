//! Labels that exist already: the tables, lines of JSON, trees and arrays that exports write, and
//! those of other programs.

use super::cells::{path_of, text_of};
use super::rows::State;
use crate::error::{AtPath, StudyError};
use crate::{spelling, words};
use fewlabel_learn::data::source::folder_labels;
use fewlabel_learn::data::table::{PATH, Table};
use fewlabel_learn::data::{UNLABELLED, npz};
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// What was answered about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Its class.
    Label(String),
    /// An answer without a class; never [`State::Labelled`].
    State(State),
}

/// An answer that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The image's path as it is written: of a table what a person put there, of a tree the path
    /// from its root, of an array split and row, such as `train/0`.
    pub path: String,
    /// What was answered.
    pub answer: Answer,
    /// Who answered, where that is said.
    pub annotator: Option<String>,
    /// When, where that is said.
    pub time: Option<String>,
    /// The line it begins on, or its place in a tree or array, counted from 1.
    pub place: u64,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The answers, in the file's order, one for each path.
    pub answers: Vec<Imported>,
    /// Images that are named without an answer.
    pub open: usize,
}

/// Reads the labels at `path`: a folder whose subfolders are classes, a MedMNIST `.npz`, JSON Lines
/// (`.jsonl`, `.ndjson`), else a table with the columns `path` and `label`, or `state`.
///
/// # Errors
/// One sentence that names the file, the line and what was expected there. Two answers that differ
/// about one path are one.
pub fn read(path: &Path) -> Result<Labels, StudyError> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let is = |endings: &[&str]| ending.as_deref().is_some_and(|e| endings.contains(&e));
    let found = if path.is_dir() {
        tree(path)?
    } else if is(&["npz"]) {
        array(path)?
    } else {
        let bytes = fs::read(path).at("read", path)?;
        let found = if is(&["jsonl", "ndjson"]) { lines(&bytes) } else { table(&bytes) };
        found.map_err(|what| StudyError::damaged(path, what))?
    };
    one_each(found).map_err(|what| StudyError::damaged(path, what))
}

/// What a line, a file or a row says.
struct Said {
    path: String,
    label: Option<String>,
    state: Option<String>,
    annotator: Option<String>,
    time: Option<String>,
    place: u64,
}

impl Said {
    fn of(path: String, label: Option<String>, place: u64) -> Self {
        Self { path, label, state: None, annotator: None, time: None, place }
    }

    /// The answer; `None` where the question is still open.
    fn answer(&self) -> Result<Option<Answer>, String> {
        let place = self.place;
        if self.path.is_empty() {
            return Err(format!("line {place} has no path"));
        }
        let state = match self.state.as_deref() {
            None => None,
            Some(name) => Some(State::named(name).ok_or_else(|| {
                let names = State::ALL.map(State::name);
                format!("line {place}: {}", spelling::unknown("state", name, &names))
            })?),
        };
        match (&self.label, state) {
            (Some(label), None | Some(State::Labelled)) => Ok(Some(Answer::Label(label.clone()))),
            (None, Some(State::Labelled)) => {
                Err(format!("line {place}: {} is labelled, but has no label", self.path))
            }
            (Some(label), Some(state)) => Err(format!(
                "line {place}: {} has the label {label:?} and the state {}: leave one of them",
                self.path,
                state.name()
            )),
            (None, Some(state)) => Ok(Some(Answer::State(state))),
            (None, None) => Ok(None),
        }
    }
}

/// The answers, each path once.
fn one_each(found: Vec<Said>) -> Result<Labels, String> {
    let mut labels = Labels::default();
    let mut places: HashMap<String, usize> = HashMap::new();
    for said in found {
        let Some(answer) = said.answer()? else {
            labels.open += 1;
            continue;
        };
        if let Some(&earlier) = places.get(&said.path) {
            let earlier = &labels.answers[earlier];
            if earlier.answer != answer {
                return Err(format!(
                    "lines {} and {} answer {} differently: leave one of them",
                    earlier.place, said.place, said.path
                ));
            }
            continue;
        }
        places.insert(said.path.clone(), labels.answers.len());
        let Said { path, annotator, time, place, .. } = said;
        labels.answers.push(Imported { path, answer, annotator, time, place });
    }
    Ok(labels)
}

fn table(bytes: &[u8]) -> Result<Vec<Said>, String> {
    let table = Table::read(bytes, &PATH)?;
    if table.columns.iter().all(String::is_empty) {
        return Err("is empty; expected the columns path and label".to_owned());
    }
    let columns = || table.columns.join(", ");
    let mut path = None;
    for name in PATH {
        path = path.or(table.column(name)?);
    }
    let path = path.ok_or_else(|| format!("has no column path; its columns are {}", columns()))?;
    let [label, state, annotator, time] = [
        table.column("label")?,
        table.column("state")?,
        table.column("annotator")?,
        table.column("time")?,
    ];
    if label.is_none() && state.is_none() {
        return Err(format!("has no column label; its columns are {}", columns()));
    }
    let said = |(line, values): &(u64, Vec<String>)| {
        let text = |column: Option<usize>| {
            let text = text_of(&values[column?]);
            (!text.is_empty()).then(|| text.to_owned())
        };
        Said {
            path: path_of(&values[path]).to_owned(),
            label: text(label),
            state: text(state),
            annotator: text(annotator),
            time: text(time),
            place: *line,
        }
    };
    Ok(table.rows.iter().map(said).collect())
}

/// A line of JSON; other fields are passed over.
#[derive(Deserialize)]
struct Line {
    path: String,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    annotator: Option<String>,
    #[serde(default)]
    time: Option<String>,
}

fn lines(bytes: &[u8]) -> Result<Vec<Said>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut found = Vec::new();
    for (place, line) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line: Line = serde_json::from_slice(line).map_err(|error| {
            let said = error.to_string();
            // The line that it counts is the only one it was given.
            let what = said.split(" at line ").next().unwrap_or_default();
            format!("line {place}: {}", words::plain(what))
        })?;
        let Line { path, label, state, annotator, time } = line;
        let label = label.filter(|label| !label.is_empty());
        found.push(Said { path, label, state, annotator, time, place });
    }
    Ok(found)
}

fn tree(folder: &Path) -> Result<Vec<Said>, StudyError> {
    let files = folder_labels(folder)?;
    let said = |(place, (path, label))| Said::of(path, label, place);
    let found: Vec<Said> = (1..).zip(files).map(said).collect();
    match found.iter().any(|said| said.label.is_some()) {
        true => Ok(found),
        false => Err(StudyError::damaged(folder, "has no subfolders, expected one for each class")),
    }
}

fn array(path: &Path) -> Result<Vec<Said>, StudyError> {
    let contents = npz::read(path)?;
    let names = contents.class_names.as_deref();
    contents.classes(path, names.map(<[String]>::len))?;
    let name = |label: u16| match names {
        Some(names) => names[usize::from(label)].clone(),
        None => format!("class_{label}"),
    };
    let mut found = Vec::new();
    for (split, held) in ["train", "val", "test"].iter().zip(&contents.splits) {
        for (row, &label) in held.labels.iter().enumerate() {
            let label = (label != UNLABELLED).then(|| name(label));
            found.push(Said::of(format!("{split}/{row}"), label, found.len() as u64 + 1));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::exports::labels_table;
    use crate::labelling::exports::medmnist_array::{self, LabelledImage};
    use crate::labelling::rows::{Row, tests::row};
    use fewlabel_learn::data::Images;

    fn read_as(name: &str, text: &str) -> Result<Labels, String> {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join(name);
        fs::write(&path, text).expect("written");
        read(&path).map_err(|error| error.to_string())
    }

    fn pairs(labels: &Labels) -> Vec<(&str, &Answer)> {
        labels.answers.iter().map(|said| (&*said.path, &said.answer)).collect()
    }

    /// Names that a table could spoil.
    fn rows() -> Vec<Row> {
        let paths = [
            "a/b.png",
            "=1+1.png",
            "-x.png",
            "@y.png",
            "+z.png",
            "a,b;c\t.png",
            "q\"uote\".png",
            "line\nend.png",
            "  space.png",
            "./dot.png",
            "ünï.png",
            "back\\slash.png",
            "#3",
            "train/0",
            "'apostrophe.png",
        ];
        let labels = ["cyst", "=SUM(A1)", "+", "-", "-1.5", "a, b", "'quoted'", "sep=;"];
        let states = [State::Unsure, State::Unusable, State::Skip];
        let each = paths.iter().enumerate().map(|(i, path)| match i % 4 {
            3 => row(path, None, states[i % 3]),
            _ => row(path, Some(labels[i % labels.len()]), State::Labelled),
        });
        each.collect()
    }

    #[test]
    fn what_is_exported_reads_back_exactly() {
        let place = tempfile::tempdir().expect("a folder");
        let rows = rows();
        let (csv, lines) = (place.path().join("l.csv"), place.path().join("l.jsonl"));
        labels_table::write_csv(&csv, &rows).expect("written");
        labels_table::write_json_lines(&lines, &rows).expect("written");
        for path in [csv, lines] {
            let labels = read(&path).expect("read");
            assert_eq!((labels.answers.len(), labels.open), (rows.len(), 0));
            for (said, row) in labels.answers.iter().zip(&rows) {
                assert_eq!(said.path, row.path);
                let expected = match &row.label {
                    Some(label) => Answer::Label(label.clone()),
                    None => Answer::State(row.state),
                };
                assert_eq!(said.answer, expected, "{}", row.path);
                assert_eq!(said.annotator.as_deref(), Some("ann"));
                assert_eq!(said.time.as_deref(), Some(&*row.time));
            }
        }
    }

    #[test]
    fn tables_of_other_programs_are_read() {
        let label = |name: &str| Answer::Label(name.to_owned());
        for text in ["image;Label\r\na.png;x\r\nb.png;\r\n", "file\tlabel\na.png\tx\nb.png\t\n"] {
            let labels = read_as("l.tsv", text).expect("read");
            assert_eq!((pairs(&labels), labels.open), (vec![("a.png", &label("x"))], 1));
        }
        let labels = read_as("l.csv", "path,state\na.png,unsure\n").expect("read");
        assert_eq!(pairs(&labels), [("a.png", &Answer::State(State::Unsure))]);
        let labels = read_as("l.jsonl", "\n{\"path\":\"a.png\",\"label\":\"x\",\"more\":1}\n");
        assert_eq!(labels.expect("read").answers[0].place, 2);
        let twice = read_as("l.csv", "path,label\na.png,x\na.png,x\n").expect("read");
        assert_eq!(twice.answers.len(), 1);
    }

    #[test]
    fn every_mistake_has_one_sentence_with_its_line() {
        for (name, text, expected) in [
            ("l.csv", "", "l.csv: is empty; expected the columns path and label"),
            (
                "l.csv",
                "path,class\na,b\n",
                "l.csv: has no column label; its columns are path, class",
            ),
            ("l.csv", "name,label\na,b\n", "has no column path; its columns are name, label"),
            ("l.csv", "path,label\n,b\n", "l.csv: line 2 has no path"),
            (
                "l.csv",
                "path,label,state\na,,unsur\n",
                "line 2: unknown state `unsur`: did you mean `unsure`?",
            ),
            ("l.csv", "path,label,state\na,,labelled\n", "line 2: a is labelled, but has no label"),
            (
                "l.csv",
                "path,label,state\na,b,skip\n",
                "line 2: a has the label \"b\" and the state skip: leave one of them",
            ),
            (
                "l.csv",
                "path,label\na,x\nb,x\na,y\n",
                "lines 2 and 4 answer a differently: leave one of them",
            ),
            ("l.jsonl", "{\"path\":\"a\"}\n{\"label\":\"x\"}\n", "line 2: `path` is missing"),
            ("l.jsonl", "{\"path\":1}\n", "line 1: found 1, expected a text"),
        ] {
            let error = read_as(name, text).expect_err(text);
            assert!(error.ends_with(expected), "{error}");
            assert!(error.contains(name) && !error.contains('\n'), "{error}");
        }
        let error = read(Path::new("none.csv")).expect_err("none").to_string();
        assert!(error.starts_with("cannot read none.csv"), "{error}");
    }

    #[test]
    fn folders_and_arrays_are_read() {
        let place = tempfile::tempdir().expect("a folder");
        let tree = place.path().join("tree");
        for path in ["cyst/1.png", "stone/2.png", "beside.png"] {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "x").expect("written");
        }
        let labels = read(&tree).expect("read");
        let (cyst, stone) = (Answer::Label("cyst".into()), Answer::Label("stone".into()));
        assert_eq!(pairs(&labels), [("cyst/1.png", &cyst), ("stone/2.png", &stone)]);
        assert_eq!(labels.open, 1);
        let flat = place.path().join("flat");
        fs::create_dir(&flat).expect("made");
        fs::write(flat.join("a.png"), "x").expect("written");
        let error = read(&flat).expect_err("flat").to_string();
        assert!(error.ends_with("has no subfolders, expected one for each class"), "{error}");
        let images = Images { height: 1, width: 1, channels: 1, pixels: vec![1, 2] };
        let labelled = [(0, 0, false), (1, 1, true)].map(|(row, class, held_out)| LabelledImage {
            row,
            class,
            held_out,
        });
        let path = place.path().join("l.npz");
        medmnist_array::write(&path, &images, &labelled, &["cyst".into(), "stone".into()])
            .expect("written");
        let labels = read(&path).expect("read");
        assert_eq!(pairs(&labels), [("train/0", &cyst), ("test/0", &stone)]);
    }
}
