//! `fewlabel labels`: a project's answers, out of it and into it.

use crate::options::Common;
use crate::screen;
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use fewlabel_learn::counted;
use fewlabel_learn::data::location;
use fewlabel_study::labelling::event::Said;
use fewlabel_study::labelling::exports::image_folder::{self, Files, Placed, Source};
use fewlabel_study::labelling::exports::labels_table;
use fewlabel_study::labelling::exports::medmnist_array::{self, LabelledImage};
use fewlabel_study::labelling::import::{self, Answer};
use fewlabel_study::labelling::project::Project;
use fewlabel_study::labelling::rows::{Row, State};
use std::path::{Path, PathBuf};

/// Arguments of `labels`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write the answers of a project; its page may be open.
    Export(Export),
    /// Take labels that exist into a project; its page must not be open.
    Import(Import),
}

#[derive(Args, Debug)]
struct Export {
    /// The project, such as scans.fewlabel.
    #[arg(long, value_name = "DIR")]
    project: PathBuf,
    /// Where the answers go: a table (.csv), JSON Lines (.jsonl), arrays as MedMNIST's (.npz), or a
    /// folder with one for each class.
    #[arg(long, value_name = "L.csv", default_value = "labels.csv")]
    out: PathBuf,
    /// Copy images into the folder, in place of a second name for each file.
    #[arg(long)]
    copy: bool,
}

#[derive(Args, Debug)]
struct Import {
    /// The project, such as scans.fewlabel.
    #[arg(long, value_name = "DIR")]
    project: PathBuf,
    /// The labels: a table, JSON Lines, an .npz file, or a folder with one for each class.
    #[arg(value_name = "LABELS")]
    labels: PathBuf,
    /// Whose labels these are, where they do not say.
    #[arg(long, value_name = "NAME", default_value = "import")]
    annotator: String,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    match &arguments.action {
        Action::Export(export) => export.run(common),
        Action::Import(import) => import.run(common),
    }
}

impl Export {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        let project = Project::read(&self.project)?;
        let (rows, out) = (project.state.rows(), &self.out);
        let text = location::to_text(out);
        let (count, what) = match out.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => (labels_table::write_csv(out, &rows).map(|()| rows.len())?, "answer"),
            Some("jsonl") => {
                (labels_table::write_json_lines(out, &rows).map(|()| rows.len())?, "answer")
            }
            Some("npz") => (self.array(&project, &rows)?, "image"),
            _ if out.is_dir() || text.ends_with('/') || out.extension().is_none() => {
                (self.folder(&project, &rows)?, "image")
            }
            _ => bail!("{text}: labels go into a .csv, .jsonl or .npz file, or into a folder/"),
        };
        if common.json {
            return screen::print_json(&serde_json::json!({ "out": text, "answers": count }));
        }
        screen::print(&format!("{text}: {}\n", counted(count, what)))
    }

    /// The labelled images as arrays; those held out are the test split.
    fn array(&self, project: &Project, rows: &[Row]) -> anyhow::Result<usize> {
        let (names, places) = classes(project);
        let (data, find) = project.read_images(&names)?;
        let labelled = rows.iter().filter_map(|row| {
            let class = places(row.label.as_deref()?)?;
            Some(LabelledImage { row: find(&row.path)?, class, held_out: row.held_out })
        });
        let labelled: Vec<LabelledImage> = labelled.collect();
        medmnist_array::write(&self.out, &data.train.images, &labelled, &names)?;
        Ok(labelled.len())
    }

    fn folder(&self, project: &Project, rows: &[Row]) -> anyhow::Result<usize> {
        let (names, places) = classes(project);
        let root = project.images_root()?;
        let Some(root) = root else {
            bail!("the images of this project are rows of an array: give --out L.npz");
        };
        let placed = rows.iter().filter_map(|row| {
            let class = places(row.label.as_deref()?)?;
            let file = root.join(&row.path);
            let source = match file.is_file() {
                true => Source::File(file),
                // A page of a file.
                false => Source::Png(png(&root, &row.path).ok()?),
            };
            Some(Placed { path: row.path.clone(), class, source })
        });
        let files = if self.copy { Files::Copied } else { Files::Linked };
        Ok(image_folder::write(&self.out, &names, placed, files)?)
    }
}

fn png(root: &Path, name: &str) -> Result<Vec<u8>, String> {
    let picture = fewlabel_learn::data::source::picture(root, name)?;
    fewlabel_study::labelling::pictures::png(&picture, None)
}

/// The classes' names, and the place of each.
fn classes(project: &Project) -> (Vec<String>, impl Fn(&str) -> Option<u16>) {
    let open = project.state.open_classes();
    let names: Vec<String> = open.iter().map(|class| class.name.clone()).collect();
    let own = names.clone();
    let place = move |name: &str| own.iter().position(|own| own == name).map(|at| at as u16);
    (names, place)
}

impl Import {
    fn run(&self, common: &Common) -> anyhow::Result<()> {
        Project::read(&self.project)?;
        let labels = import::read(&self.labels)?;
        let mut project = Project::open(&self.project, None, 0, true)?;
        let place = || self.labels.display().to_string();
        let said = |answer: &Answer| match answer {
            Answer::Label(_) => None,
            Answer::State(State::Unsure) => Some(Said::Unsure),
            Answer::State(State::Unusable) => Some(Said::Unusable),
            Answer::State(State::Skip | State::Labelled) => Some(Said::Skip),
        };
        let answers = labels.answers.iter().map(|one| match (&one.answer, said(&one.answer)) {
            (Answer::Label(label), _) => (one.path.as_str(), Ok(label.as_str())),
            (_, said) => (one.path.as_str(), Err(said.unwrap_or(Said::Skip))),
        });
        let taken = project.take(&self.annotator, answers).with_context(place)?;
        if let Some(first) = taken.unknown.first() {
            let count = counted(taken.unknown.len(), "image");
            let text = format!("warning: {}: {count} not in the project, such as {first}", place());
            screen::note(&text);
        }
        if taken.answers + taken.known == 0 {
            bail!("{}: names no image of the project", place());
        }
        if common.json {
            return screen::print_json(&serde_json::json!({
                "answers": taken.answers, "known": taken.known, "classes": taken.classes,
                "unknown": taken.unknown.len(),
            }));
        }
        let new = match taken.classes.is_empty() {
            true => String::new(),
            false => format!("; new: {}", taken.classes.join(", ")),
        };
        screen::print(&format!("{}: {}{new}\n", place(), counted(taken.answers, "new answer")))
    }
}
