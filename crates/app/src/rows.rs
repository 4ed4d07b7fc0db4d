//! Lists of image rows, as the command line takes them: a JSON array of numbers in a file, or what
//! `query --json` printed.

use anyhow::{Context, anyhow};
use fewlabel_study::words;
use serde::Deserialize;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The part of an answer of `query --json` that is a list of rows.
#[derive(Deserialize)]
struct Answer {
    indices: Vec<u32>,
}

/// Reads such a list; a byte-order mark, which some editors write, is no part of it.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u32>> {
    let place = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
    let text = text.trim_start_matches('\u{feff}');
    if let Ok(answer) = serde_json::from_str::<Answer>(text) {
        return Ok(answer.indices);
    }
    let list = serde_json::from_str(text);
    list.map_err(|error| {
        let what = words::plain(&error.to_string());
        anyhow!("{place}: expected a JSON array of row numbers: {what}")
    })
}

/// The rows of several such files together, in their order.
pub(crate) fn read_all(paths: &[PathBuf]) -> anyhow::Result<Vec<u32>> {
    let mut rows = Vec::new();
    for path in paths {
        let before: HashSet<u32> = rows.iter().copied().collect();
        rows.extend(read(path)?.into_iter().filter(|row| !before.contains(row)));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_or_without_a_mark_and_what_is_none_is_said_in_words() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("l.json");
        let read = |text: &str| {
            std::fs::write(&path, text).expect("written");
            read(&path).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(read("[2, 0]"), Ok(vec![2, 0]));
        assert_eq!(read("\u{feff}[1]"), Ok(vec![1]));
        assert_eq!(read("{\"strategy\": \"bald\", \"indices\": [3, 1]}"), Ok(vec![3, 1]));
        for (text, what) in [
            ("{}", "found a table, expected a list"),
            ("[1.5]", "found 1.5, expected a whole number from 0 to 4294967295"),
            ("[-1]", "found -1, expected a whole number from 0 to 4294967295"),
            ("[\"a\"]", "found \"a\", expected a whole number"),
        ] {
            let error = read(text).expect_err(text);
            assert!(
                error.contains("l.json: expected a JSON array of row numbers: ")
                    && error.contains(what),
                "{error}"
            );
        }
    }
}
