//! Which runs of a grid share queries or a whole model.
//!
//! Runs that differ in nothing but the budget or the final model make the same queries. Runs that
//! differ in nothing but their test images train the same model.

use crate::ask::job::Job;
use fewlabel_learn::run::plan::{ActiveSettings, Plan, Selection};
use std::collections::BTreeMap;

/// What a run takes over from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The loop up to its own budget.
    Queries,
    /// Everything but the judging.
    Model,
}

/// Marks each job that can reuse another job's model or queries: of equal models it is the
/// first by its id, of loops the longest.
pub(crate) fn find(jobs: &mut [Job]) {
    let mut checksums: BTreeMap<String, String> = BTreeMap::new();
    for job in jobs.iter() {
        let learning = checksums.entry(job.settings.data.checksum.clone());
        learning.or_insert_with(|| job.data.learning_checksum());
    }
    let learning = |job: &Job| checksums[&job.settings.data.checksum].clone();
    let mut models: BTreeMap<String, String> = BTreeMap::new();
    // A run on an encoder has no loop and no model worth sharing: its encoder is shared.
    let is_whole = |job: &Job| {
        job.settings.plan.transfer.is_none() && job.settings.plan.training.recipe.steps == 0
    };
    for job in jobs.iter().filter(|job| is_whole(job)) {
        let first = models
            .entry(key(job, &learning(job), &job.settings.plan))
            .or_insert_with(|| job.id.clone());
        if job.id < *first {
            first.clone_from(&job.id);
        }
    }
    for job in jobs.iter_mut().filter(|job| is_whole(job)) {
        let first = &models[&key(job, &learning(job), &job.settings.plan)];
        if *first != job.id {
            job.cost = job.cost.clone().of_judging(&job.settings.plan);
            job.source = Some((first.clone(), Part::Model));
        }
    }
    find_queries(jobs, &learning);
    group(jobs);
}

/// [`find`] for queries, among the jobs that train a model.
fn find_queries(jobs: &mut [Job], learning: &dyn Fn(&Job) -> String) {
    let of_loop = |job: &Job| {
        let plan = job
            .settings
            .plan
            .loop_alone()
            .filter(|_| job.source.is_none() && job.settings.plan.transfer.is_none())?;
        Some((key(job, &learning(job), &plan), active(&job.settings.plan)?.labels))
    };
    let mut longest: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for job in jobs.iter() {
        let Some((key, labels)) = of_loop(job) else { continue };
        let best = longest.entry(key).or_insert((labels, job.id.clone()));
        if labels > best.0 || (labels == best.0 && job.id < best.1) {
            *best = (labels, job.id.clone());
        }
    }
    for job in jobs {
        let Some((key, labels)) = of_loop(job) else { continue };
        let (most, source) = &longest[&key];
        let is_beginning = labels == *most
            || active(&job.settings.plan).is_some_and(ActiveSettings::has_whole_queries);
        if *source != job.id && is_beginning {
            job.cost = job.cost.clone().without_loop();
            job.source = Some((source.clone(), Part::Queries));
        }
    }
}

/// Follows each job's sources to the first of its group.
fn group(jobs: &mut [Job]) {
    let source = |job: &Job| Some((job.id.clone(), job.source.as_ref()?.0.clone()));
    let sources: BTreeMap<String, String> = jobs.iter().filter_map(source).collect();
    for job in jobs {
        while let Some(source) = sources.get(&job.group) {
            job.group.clone_from(source);
        }
    }
}

/// What jobs with the same `plan`, whole or the loop alone, have in common.
fn key(job: &Job, learning_checksum: &str, plan: &Plan) -> String {
    let of = (job.settings.numeric_version, learning_checksum, plan);
    serde_json::to_string(&of).expect("settings are plain data")
}

/// The settings of the loop, if there is one.
pub(crate) fn active(plan: &Plan) -> Option<&ActiveSettings> {
    match &plan.selection {
        Selection::Active(active) => Some(active),
        _ => None,
    }
}
