//! Cells of tables that a spreadsheet opens and that read back as what they were.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and the name of
//! a file is nobody's promise. Such a path is written with `./` before it, which names the same
//! file. Such a text gets an apostrophe before it, as OWASP advises ("CSV injection"), but for
//! numbers and a sign alone, which do no harm. Reading takes both away again.

use crate::words::quoted;
use std::borrow::Cow;

/// What a formula begins with; a tab or line end before it is passed over by spreadsheets.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// What a path begins with that would not be taken for itself.
const HERE: &str = "./";

/// Whether a spreadsheet would compute `text`.
fn is_formula(text: &str) -> bool {
    let is_harmless = text.len() == 1 || text.parse::<f64>().is_ok();
    text.starts_with(FORMULA) && !is_harmless
}

/// A path as a cell.
pub(super) fn path_cell(path: &str) -> String {
    quoted(&path_of_table(path))
}

/// A path as tables have it, before it is quoted.
pub(super) fn path_of_table(path: &str) -> Cow<'_, str> {
    // Spaces around a cell are no part of it.
    let is_plain = !path.starts_with(FORMULA) && !path.starts_with(char::is_whitespace);
    match is_plain && !path.starts_with(HERE) {
        true => Cow::Borrowed(path),
        false => Cow::Owned(format!("{HERE}{path}")),
    }
}

/// A text as a cell.
pub(super) fn text_cell(text: &str) -> String {
    // What begins with an apostrophe gets another one, so that it is not the one taken away.
    match is_formula(text) || text.starts_with('\'') {
        true => quoted(&format!("'{text}")),
        false => quoted(text),
    }
}

/// The path of a cell.
pub(super) fn path_of(cell: &str) -> &str {
    cell.strip_prefix(HERE).unwrap_or(cell)
}

/// The text of a cell.
pub(super) fn text_of(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) || text.starts_with('\'') => text,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_all_read_back() {
        let texts = [
            "=1+1", "+1+1", "-a", "@x", "\t=x", "'", "'=x", "''", "plain", "-", "+", "-1.5", "5'",
            "a=b", "",
        ];
        for text in texts {
            let unquoted = |cell: String| cell.trim_matches('"').to_owned();
            let (path, cell) = (unquoted(path_cell(text)), unquoted(text_cell(text)));
            assert!(!path.starts_with(['=', '+', '-', '@']), "{path}");
            assert!(!is_formula(&cell), "{cell}");
            assert_eq!((path_of(&path), text_of(&cell)), (text, text));
        }
        assert_eq!((text_cell("-"), text_cell("-1.5")), ("-".into(), "-1.5".into()));
        assert_eq!(path_cell("=a.png"), "./=a.png");
        assert_eq!(path_of(&path_cell("./a.png")), "./a.png");
        assert_eq!(text_of("'s Gravenhage"), "'s Gravenhage", "of other programs");
    }
}
