//! What `reproduce` and `run` have in common: a study, its folder, its runs, and the table at the
//! end.

use crate::data_set;
use crate::interrupt::Interrupt;
use crate::options::Common;
use crate::progress::Progress;
use crate::screen::{self, Exit};
use anyhow::Context as _;
use comfy_table::Table;
use fewlabel_learn::augment::Policy;
use fewlabel_learn::counted;
use fewlabel_learn::data::source::Keeper;
use fewlabel_study::StudyError;
use fewlabel_study::ask::job::Job;
use fewlabel_study::ask::regimes;
use fewlabel_study::ask::study_file::Study;
use fewlabel_study::ask::varying::Varying;
use fewlabel_study::evaluate::chance::AT_CHANCE;
use fewlabel_study::evaluate::stats::Summary;
use fewlabel_study::execute::grid::{self, Options};
use fewlabel_study::export::events_csv;
use fewlabel_study::export::results_csv;
use fewlabel_study::export::results_csv::Cell;
use fewlabel_study::report;
use fewlabel_study::store::image_cache::ImageCache;
use fewlabel_study::store::study_dir::{self, Contents, Folder};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// How a grid is carried out; nothing here changes a result.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    /// Whether the other runs go on after one has failed.
    pub(crate) keep_going: bool,
    /// Whether event files for TensorBoard are written.
    pub(crate) tensorboard: bool,
    /// Whether tables of epochs and queries, figures and page are made in the end.
    pub(crate) report: bool,
}

/// The runs of a study; those that an earlier version finished in the folder `out` have the ids
/// that they have there.
pub(crate) fn jobs(study: &Study, out: &Path) -> anyhow::Result<Vec<Job>> {
    let cache = ImageCache::of_user();
    let mut jobs = study.jobs_with(cache.as_ref().map(|cache| cache as &dyn Keeper))?;
    if let Ok(folder) = Folder::open(out) {
        folder.adopt(&mut jobs)?;
    }
    Ok(jobs)
}

/// A study, and what is known of all its runs, whichever part of them is computed.
pub(crate) struct Whole<'a> {
    pub(crate) study: &'a Study,
    /// The list of the runs.
    pub(crate) plan: String,
    /// What tells them apart.
    pub(crate) varying: Varying,
    /// What each of them is, whatever its files are called.
    pub(crate) identities: BTreeSet<String>,
}

impl<'a> Whole<'a> {
    /// A study of these runs.
    pub(crate) fn new(study: &'a Study, jobs: &[Job]) -> Self {
        let identities = jobs.iter().map(|job| job.settings.identity()).collect();
        Self { study, plan: study_dir::plan(jobs), varying: Varying::of_jobs(jobs), identities }
    }
}

/// Carries `jobs` of a study out in the folder `out`, and draws its tables and figures.
pub(crate) fn carry_out(
    Whole { study, plan, varying, identities }: Whole<'_>,
    jobs: Vec<Job>,
    out: &Path,
    way: Way,
    common: &Common,
) -> anyhow::Result<()> {
    let folder = Folder::claim_for(out, &study.resolved(), &identities)?;
    folder.keep_plan(&plan)?;
    say_former_names(study);
    let (keep_going, keep_models) = (way.keep_going, study.keep_models);
    let options = Options {
        threads: common.threads(),
        keep_models,
        keep_going,
        tensorboard: way.tensorboard,
    };
    let mut data: Vec<_> =
        jobs.iter().map(|job| (job.settings.data.checksum.clone(), job.data.clone())).collect();
    data.sort_by(|a, b| a.0.cmp(&b.0));
    data.dedup_by(|a, b| a.0 == b.0);
    if !common.quiet {
        let (runs, threads) = (counted(jobs.len(), "run"), counted(options.threads, "thread"));
        screen::note(&format!("{runs} on {threads}, records in {}", out.display()));
        if data.iter().any(|(_, data)| data.synthetic) {
            screen::note("the data are synthetic: images made by a program, not by a scanner");
        }
    }
    data_set::say_origin(data.iter().map(|(_, data)| &**data), common);
    data_set::warn(data.iter().map(|(_, data)| &**data));
    let mut warned: Vec<&Policy> = Vec::new();
    for job in &jobs {
        let policy = &job.settings.plan.policy;
        if !warned.contains(&policy) {
            screen::warn_of_mirrors(policy, &job.data);
            warned.push(policy);
        }
    }
    let progress = Progress::new(&jobs, varying, Interrupt::listen()?, common.quiet);
    let outcome = grid::carry_out(jobs, &folder, options, &progress);
    progress.end();
    let tables = results_csv::write(&folder);
    // What made a run fail, a full disk for example, is said first.
    let (outcome, contents) = match (outcome, tables) {
        (Err(error @ StudyError::Runs { .. }), Err(_)) => return Err(error.into()),
        (outcome, tables) => (outcome, tables?),
    };
    // A grid that was finished before and drawn since: there is nothing to do.
    let is_fresh = report::is_fresh(&folder, &contents);
    for (_, data) in data.iter().filter(|_| !is_fresh) {
        report::keep_images(&folder, data, &contents)?;
    }
    // Now that data sets of one name are kept with their sizes, these tell their runs apart.
    let contents =
        if contents.varying.varies("checksum") { results_csv::write(&folder)? } else { contents };
    match &outcome {
        Err(error) if error.is_interrupted() => {
            screen::note("stopped; the same command goes on from here");
            let code = progress.interrupt().exit_code().unwrap_or(1);
            return Err(Exit(code).into());
        }
        // Where the others went on, their tables and figures are drawn before the failures are
        // said.
        Err(_) if !way.keep_going => return Ok(outcome?),
        _ => {}
    }
    if way.report {
        if !is_fresh {
            events_csv::write(&folder, &contents, out)?;
            report::write(&folder, out).context("failed to draw the report")?;
        }
        show(&contents, out, common)?;
        if !common.quiet {
            screen::note(&format!("report: {}", report::page(out).display()));
        }
    }
    Ok(outcome?)
}

/// Says what of a study was cut to what its data have.
pub(crate) fn say_cuts(study: &Study, jobs: &[Job]) {
    study.cuts(jobs).iter().for_each(|line| screen::note(line));
}

/// Says what the settings are called now that a study gives by former names.
pub(crate) fn say_former_names(study: &Study) {
    study.renamed().iter().for_each(|line| screen::note(&format!("note: {line}")));
}

/// Prints the mean and deviation of every cell.
pub(crate) fn show(contents: &Contents, out: &Path, common: &Common) -> anyhow::Result<()> {
    for damaged in &contents.damaged {
        screen::note(&format!("damaged: {damaged}"));
    }
    if let Some(mixture) = contents.mixture() {
        screen::note(&format!("note: {mixture}"));
    }
    let cells = results_csv::cells(contents);
    let (at_chance, are_all) = results_csv::at_chance(&contents.runs);
    if common.json {
        let is_synthetic = contents.runs.iter().any(|run| run.settings.data.synthetic);
        let out = out.display().to_string();
        let mut document =
            serde_json::json!({ "out": out, "synthetic_data": is_synthetic, "cells": cells });
        if !at_chance.is_empty() {
            document["at_chance"] = at_chance.into();
        }
        return screen::print_json(&document);
    }
    if cells.is_empty() {
        screen::note("no finished runs");
        return Ok(());
    }
    let mut text = match are_all {
        true => format!("{AT_CHANCE}\n\n"),
        false => at_chance.iter().map(|data| format!("on {data} {AT_CHANCE}\n\n")).collect(),
    };
    let about = |name: &str| regimes::by_name(name).map_or("", |regime| regime.about);
    let _ = write!(text, "{}\n\nMean +- standard deviation over the seeds. ", table(&cells));
    let mut names: Vec<&str> = cells.iter().map(|cell| cell.regime.as_str()).collect();
    names.dedup();
    let list: Vec<String> = names.iter().map(|name| format!("{name}: {}", about(name))).collect();
    text.push_str(&list.join("; "));
    text.push_str(".\n");
    screen::print(&text)
}

/// The cells, with a column for every setting that varies.
fn table(cells: &[Cell]) -> Table {
    let several_data = cells.windows(2).any(|pair| pair[0].data != pair[1].data);
    let own = |usual: [String; 3], data: &str, settings: Vec<String>| {
        let data = several_data.then(|| data.to_owned());
        data.into_iter().chain(usual).chain(settings).collect::<Vec<String>>()
    };
    let names = cells
        .first()
        .map_or_else(Vec::new, |cell| cell.settings.iter().map(|(name, _)| name.clone()).collect());
    let mut head = own(["regime", "strategy", "augmentation"].map(str::to_owned), "data", names);
    head.extend(["labels", "seeds", "validation %", "test %", "best - last"].map(str::to_owned));
    let row = |cell: &Cell| {
        let drop: Vec<f64> = cell
            .val_accuracy_best
            .iter()
            .zip(&cell.val_accuracy_last)
            .map(|(a, b)| a - b)
            .collect();
        let usual = [&cell.regime, &cell.strategy, &cell.augmentation].map(String::clone);
        let values = cell.settings.iter().map(|(_, value)| value.clone()).collect();
        let mut row = own(usual, &cell.data, values);
        let figures =
            [&cell.val_accuracy_best, &cell.test_accuracy, &drop].map(|values| per_cent(values));
        row.extend([cell.labels.to_string(), cell.seeds.len().to_string()]);
        row.extend(figures);
        row
    };
    screen::table_of(head, cells.iter().map(row))
}

fn per_cent(values: &[f64]) -> String {
    match Summary::of(values) {
        None => String::new(),
        Some(Summary { mean, sd: Some(sd), .. }) => {
            format!("{:.1} +- {:.1}", 100.0 * mean, 100.0 * sd)
        }
        Some(Summary { mean, .. }) => format!("{:.1}", 100.0 * mean),
    }
}
