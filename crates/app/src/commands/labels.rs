//! `fewlabel labels`: a project's answers, out of it and into it.

use crate::options::Common;
use crate::screen;
use anyhow::bail;
use clap::{Args, Subcommand};
use fewlabel_learn::counted;
use fewlabel_study::labelling::labels_table;
use fewlabel_study::labelling::project::Project;
use std::path::PathBuf;

/// Arguments of `labels`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the answers of a project; the page may be open.
    Export(Export),
}

#[derive(Args, Debug)]
struct Export {
    /// The project, such as scans.fewlabel.
    #[arg(long, value_name = "DIR")]
    project: PathBuf,
    /// Where the answers go: a table (.csv) or JSON Lines (.jsonl).
    #[arg(long, value_name = "L.csv")]
    out: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Export(export) => export.run(common),
    }
}

impl Export {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        let project = Project::read(&self.project)?;
        let (state, out) = (&project.state, &self.out);
        let rows = match out.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => labels_table::write_csv(state, out)?,
            Some("jsonl") => labels_table::write_jsonl(state, out)?,
            _ => bail!("{}: labels go into a .csv or .jsonl file", out.display()),
        };
        if common.json {
            let out = out.display().to_string();
            return screen::print_json(&serde_json::json!({ "out": out, "answers": rows }));
        }
        screen::print(&format!("{}: {}\n", out.display(), counted(rows, "answer")))
    }
}
