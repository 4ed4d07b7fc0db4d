//! What a person or a pipe sees: results on standard output, everything else on standard error.

use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::Dataset;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Ends the program with a code of its own and nothing more to say, for example after a signal.
#[derive(Debug, thiserror::Error)]
#[error("stopped")]
pub(crate) struct Exit(pub(crate) u8);

/// Prints `text` to standard output as it is. A reader that went away (`| head`) ends the program quietly.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
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

/// Prints one line to standard error; a closed one is nobody's loss.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Says so where a policy mirrors images whose labels know left from right.
pub(crate) fn warn_of_mirrors(policy: &Policy, data: &Dataset) {
    if policy.flips() && !data.flips_keep_labels {
        note(&format!("warning: the policy mirrors images, and on {} that changes labels", data.name));
    }
}

/// Prints the error, if there is one, with its causes in one sentence; 1 is the code of every failure.
pub(crate) fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    if let Some(exit) = error.downcast_ref::<Exit>() {
        return ExitCode::from(exit.0);
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
    fn an_error_names_each_cause_once() {
        let error = Err::<(), _>(anyhow::anyhow!("no such file")).context("cannot read a.npz: no such file");
        assert_eq!(sentence(&error.expect_err("an error")), "cannot read a.npz: no such file");
        let error = Err::<(), _>(anyhow::anyhow!("no such file")).context("cannot read a.npz");
        assert_eq!(sentence(&error.expect_err("an error")), "cannot read a.npz: no such file");
    }
}
