//! What a person or a pipe sees: results on standard output, everything else on standard error.

use comfy_table::{CellAlignment, Table, presets};
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::Dataset;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Ends the program with a code of its own and nothing more to say, for example after a signal.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(crate) struct Exit(pub(crate) u8);

/// `text` without what would command a terminal: names come from files that others made. Lines and
/// tabs stay.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    // Beside control characters those that turn the direction of writing.
    let is_command = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let shown =
        |c: char| if is_command(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(shown).collect())
}

/// Prints `text` to standard output, control characters shown. A reader that went away (`| head`)
/// ends the program quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let text = printable(text);
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Exit(0).into()),
        outcome => Ok(outcome?),
    }
}

/// Prints `value` as one indented JSON document.
pub(crate) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    print(&text)
}

/// A table in the program's one style, which is Markdown too; columns of numbers go to the right.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> Table {
    table_of(head.map(str::to_owned).into(), rows.into_iter().map(Vec::from))
}

/// See [`table`], for a head that is known at run time.
pub(crate) fn table_of(head: Vec<String>, rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let is_number =
        |text: &str| text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let has_numbers = |column: usize| rows.iter().all(|row| is_number(&row[column]));
    let numbers: Vec<bool> = (0..head.len()).map(has_numbers).collect();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(head).add_rows(rows);
    for (column, _) in table.column_iter_mut().zip(numbers).filter(|(_, is_numbers)| *is_numbers) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// Prints one line to standard error; a closed one is nobody's loss.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", printable(line));
}

/// Says so where a policy mirrors images whose labels know left from right.
pub(crate) fn warn_of_mirrors(policy: &Policy, data: &Dataset) {
    if policy.flips() && !data.flips_keep_labels {
        note(&format!(
            "warning: the policy mirrors images, and on {} that changes labels",
            data.name
        ));
    }
}

/// Prints the error, if there is one, with its causes in one sentence; 1 is the code of every
/// failure.
pub(crate) fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if let Some(exit) = error.downcast_ref::<Exit>() {
        return ExitCode::from(exit.0);
    }
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        let _ = usage.print();
        return ExitCode::from(2);
    }
    note(&format!("error: {}", sentence(&error)));
    ExitCode::FAILURE
}

/// The error and its causes, each named once: some libraries repeat the cause in their own message.
fn sentence(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_table_is_markdown_with_its_numbers_to_the_right() {
        let table = table(
            ["a", "n"],
            [["x".to_owned(), "1".to_owned()], ["y".to_owned(), "22".to_owned()]],
        );
        assert_eq!(table.to_string(), "| a |  n |\n|---|----|\n| x |  1 |\n| y | 22 |");
    }

    #[test]
    fn what_would_command_a_terminal_is_shown() {
        assert_eq!(printable("a \u{e9}\n\tb"), "a \u{e9}\n\tb");
        let hostile = "\u{1b}[2J\u{1b}]0;x\u{7}\rok\u{9b}31m\u{202e}";
        assert_eq!(printable(hostile), "\\u{1b}[2J\\u{1b}]0;x\\u{7}\\rok\\u{9b}31m\\u{202e}");
    }

    #[test]
    fn an_error_names_each_cause_once() {
        let error = Err::<(), _>(anyhow::anyhow!("no such file"))
            .context("cannot read a.npz: no such file");
        assert_eq!(sentence(&error.expect_err("an error")), "cannot read a.npz: no such file");
        let error = Err::<(), _>(anyhow::anyhow!("no such file")).context("cannot read a.npz");
        assert_eq!(sentence(&error.expect_err("an error")), "cannot read a.npz: no such file");
    }
}
