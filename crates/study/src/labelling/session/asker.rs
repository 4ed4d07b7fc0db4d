//! The active loop with a person as oracle: [`active_loop::collect`] chooses, and waits at the
//! oracle while enough of its choices lie ready.

use super::{Inner, Shared};
use crate::labelling::event::{ImageId, Said};
use crate::labelling::loaded::Loaded;
use fewlabel_learn::data::Pool;
use fewlabel_learn::probe::{Encoded, FeaturePool, feature_pool};
use fewlabel_learn::run::active_loop;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, RunObserver};
use fewlabel_learn::run::oracle::{Answer, Answered, Oracle};
use fewlabel_learn::run::plan::Plan;
use fewlabel_learn::run::resources::Resources;
use fewlabel_learn::{Context, LearnError, acquire};
use std::collections::HashMap;
use std::sync::Arc;

/// So many of the strategy's choices lie ready behind those on the desk.
const AHEAD: usize = 10;
/// What chooses before there are an encoder and labels of two classes, for strategies that look at
/// predictions.
const COLD_START: &str = "typiclust";

/// The paper's own way: entropy of a small network's predictions, augmentation after the query.
const ALPA: &str = "alpa";

/// The names that a project may be set to: every strategy, and [`ALPA`].
pub(super) fn strategies() -> Vec<String> {
    let names = acquire::names().into_iter().chain([ALPA]);
    names.map(str::to_owned).collect()
}

/// Refuses what is none of these.
///
/// # Errors
/// Names the nearest one.
pub fn check_strategy(name: &str) -> Result<(), LearnError> {
    acquire::by_name(queried(name)).map(drop).map_err(LearnError::from)
}

/// The strategy that a name stands for.
fn queried(name: &str) -> &str {
    if name == ALPA { "entropy" } else { name }
}

/// Whether networks learn from nothing for it: a classifier on features does not give what it
/// looks at.
fn by_networks(name: &str) -> bool {
    name == ALPA || feature_pool::check_strategy(name).is_err()
}

/// What strategies and the classifier look at.
pub(super) enum Features {
    /// The pixels, by their principal components.
    Pixels(FeaturePool),
    /// What an encoder makes of them.
    Encoder(Box<Encoded>),
}

impl Features {
    /// The pool in features.
    pub(super) fn pool(&self) -> &FeaturePool {
        match self {
            Self::Pixels(pool) => pool,
            Self::Encoder(encoded) => &encoded.pool,
        }
    }

    /// The encoder, if there is one.
    pub(super) fn encoded(&self) -> Option<&Encoded> {
        match self {
            Self::Pixels(_) => None,
            Self::Encoder(encoded) => Some(encoded),
        }
    }
}

/// What a loop begins with.
struct Situation {
    generation: u64,
    loaded: Arc<Loaded>,
    features: Arc<Features>,
    strategy: String,
    classes: usize,
    known: Vec<Answered>,
    /// Changes of answers that `known` tells already.
    heard: usize,
}

pub(super) fn run(shared: &Arc<Shared>) {
    while let Some(situation) = next_situation(shared) {
        shared.lock().is_choosing = true;
        let outcome = collect(shared, &situation);
        shared.lock().is_choosing = false;
        if let Err(error) = outcome
            && !matches!(error, LearnError::Interrupted)
        {
            shared.note(format!("images come in a random order: {error}"));
        }
        // Over, or not possible: until something else is.
        let mut inner = shared.lock();
        while inner.generation == situation.generation && !shared.is_ending() {
            inner = shared.wait(inner);
        }
        inner.desk.forget_choices();
    }
}

/// Waits until there is something to choose from.
fn next_situation(shared: &Shared) -> Option<Situation> {
    let mut inner = shared.lock();
    loop {
        if shared.is_ending() {
            return None;
        }
        if let Some(situation) = inner.situation() {
            return Some(situation);
        }
        inner = shared.wait(inner);
    }
}

impl Inner {
    fn situation(&self) -> Option<Situation> {
        let (loaded, features) = (self.loaded.clone()?, self.features.clone()?);
        let places = self.state.class_places();
        let classes = self.state.open_classes().len().max(2);
        let mut known = Vec::new();
        for (&id, row) in loaded.ids.iter().zip(0..) {
            let answer = self.answer_to_learn(id, &places);
            known.extend(answer.map(|answer| Answered { row, answer }));
        }
        let strategy = self.strategy_now(features.encoded().is_some()).to_owned();
        let heard = self.changes.len();
        let generation = self.generation;
        Some(Situation { generation, loaded, features, strategy, classes, known, heard })
    }

    /// The strategy that can choose now.
    fn strategy_now(&self, is_encoder: bool) -> &str {
        let strategy = &self.state.settings.strategy;
        let needs = acquire::by_name(queried(strategy)).map(|found| found.needs());
        let looks = needs.is_ok_and(|n| n.probs || n.mc_probs || n.targets || n.views);
        let is_ready = (is_encoder || by_networks(strategy)) && self.has_two_classes();
        if looks && !is_ready { COLD_START } else { strategy }
    }

    /// Whether what is learned from is of two classes.
    fn has_two_classes(&self) -> bool {
        let learned = self.state.images.iter().filter(|image| !image.is_held_out());
        let mut classes = learned
            .filter_map(|image| image.said()?.class().map(|class| self.state.class_now(class)));
        let first = classes.next();
        first.is_some() && classes.any(|class| Some(class) != first)
    }

    /// What the loop is told of an image: nothing while it may be chosen.
    fn answer_to_learn(&self, id: ImageId, places: &HashMap<u32, u16>) -> Option<Answer> {
        let image = self.state.image(id)?;
        if image.draw.is_reserved && !image.answer().is_some_and(|answer| answer.given.imported) {
            return Some(Answer::Unusable);
        }
        match image.said() {
            Some(Said::Class(class)) => places.get(&class).map(|&place| Answer::Label(place)),
            Some(Said::Unsure | Said::Unusable) => Some(Answer::Unusable),
            Some(Said::Skip) => Some(Answer::Postponed),
            None if self.desk.is_withdrawn(id) => Some(Answer::Unusable),
            None if self.desk.waiting().any(|waiting| waiting == id) => Some(Answer::Postponed),
            None => None,
        }
    }
}

fn collect(shared: &Shared, situation: &Situation) -> Result<(), LearnError> {
    let Situation { loaded, features, strategy, classes, known, generation, .. } = situation;
    let is_over = || shared.is_ending() || shared.lock().generation != *generation;
    let pool: Pool<'_> = loaded.data.pool().with_classes(*classes);
    let (rows, seed) = (pool.len(), shared.lock().state.seed());
    let encoded = features.encoded().filter(|_| !by_networks(strategy));
    let encoded = encoded.map(|encoded| encoded.with_classes(*classes));
    let plan = match by_networks(strategy) {
        true => Plan::asking_by_networks(queried(strategy), rows, seed)?,
        false => Plan::asking(strategy, rows, seed, encoded.is_some()),
    };
    let resources = Resources {
        pool,
        benchmark: None,
        encoders: encoded.iter().collect(),
        context: Context::cancelled_by(shared.options.threads, &is_over),
    };
    let mut oracle = Person { shared, situation, heard: situation.heard };
    active_loop::collect(&plan, &resources, known, &mut oracle, &mut Nobody).map(drop)
}

/// The person at the desk, as the loop sees one: it lays images there and hears of the answers
/// later.
struct Person<'a> {
    shared: &'a Shared,
    situation: &'a Situation,
    /// Changes of answers that the loop has heard of.
    heard: usize,
}

impl Oracle for Person<'_> {
    fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
        let loaded = &self.situation.loaded;
        let mut inner = self.shared.lock();
        inner.desk.choose(rows.iter().map(|&row| loaded.ids[row as usize]));
        // Somebody may wait for a first choice.
        self.shared.changed.notify_all();
        while inner.desk.ahead() >= AHEAD {
            inner.is_choosing = false;
            inner = self.shared.wait(inner);
            if self.shared.is_ending() || inner.generation != self.situation.generation {
                return Err(LearnError::Interrupted);
            }
        }
        inner.is_choosing = true;
        Ok(vec![Answer::Postponed; rows.len()])
    }

    fn later(&mut self) -> Result<Vec<Answered>, LearnError> {
        let inner = self.shared.lock();
        let places = inner.state.class_places();
        let changed = &inner.changes[self.heard..];
        let said = changed.iter().filter_map(|&id| {
            let row = self.situation.loaded.row(id)?;
            // An answer that was taken back is to come again.
            let answer = inner.answer_to_learn(id, &places).unwrap_or(Answer::Postponed);
            Some(Answered { row, answer })
        });
        let said = said.collect();
        self.heard = inner.changes.len();
        Ok(said)
    }
}

/// Hears nothing: what is recorded are the events of the person.
struct Nobody;

impl RunObserver for Nobody {
    fn epoch(&mut self, _event: &EpochEvent) -> Result<(), LearnError> {
        Ok(())
    }

    fn query(&mut self, _event: &QueryEvent) -> Result<(), LearnError> {
        Ok(())
    }
}
