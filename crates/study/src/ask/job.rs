//! A run of a grid: its settings on their data, and what it costs.

use crate::ask::cost::Cost;
use crate::ask::settings::RunSettings;
use crate::ask::sharing::Part;
use fewlabel_learn::data::Dataset;
use std::sync::Arc;

/// A run of the grid.
#[derive(Clone)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// What to compute.
    pub settings: RunSettings,
    /// On what.
    pub data: Arc<Dataset>,
    /// How much work it is.
    pub cost: Cost,
    /// The run whose queries or model are this one's, if there is one: it goes first, and they are
    /// taken over.
    pub source: Option<(String, Part)>,
    /// The first of the runs that take something over from each other, at whatever remove; the run
    /// itself where it shares nothing.
    pub group: String,
}

impl Job {
    /// The run of these settings on their data.
    pub fn new(settings: RunSettings, data: Arc<Dataset>) -> Self {
        let cost = Cost::of(&settings.plan, &data);
        let id = settings.id();
        Self { group: id.clone(), id, settings, data, cost, source: None }
    }

    /// Orders jobs for computing: those that others wait for before those that wait, the longest
    /// first.
    pub fn order(a: &Self, b: &Self) -> std::cmp::Ordering {
        let waits = a.source.is_some().cmp(&b.source.is_some());
        waits.then_with(|| b.cost.total().total_cmp(&a.cost.total())).then_with(|| a.id.cmp(&b.id))
    }
}
