//! Carries runs out and keeps what they tell.

use fewlabel_learn::data::Dataset;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::active_loop::{Finished, Judged, run};
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::events::{EpochEvent, QueryEvent, RunObserver};
use fewlabel_learn::run::oracle::{Oracle, Simulated};
use fewlabel_learn::run::plan::Plan;
use fewlabel_learn::run::resources::{Resources, Resume};
use fewlabel_learn::{Context, LearnError};

/// A moment at which a run could go on: the snapshot, and how much had been told by then.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) snapshot: Vec<u8>,
    pub(crate) epochs: usize,
    pub(crate) queries: usize,
    pub(crate) answers: Vec<Answered>,
}

/// Keeps every event and every moment.
#[derive(Default)]
pub(crate) struct Listener {
    pub(crate) epochs: Vec<EpochEvent>,
    pub(crate) queries: Vec<QueryEvent>,
    pub(crate) answers: Vec<Answered>,
    pub(crate) moments: Vec<Moment>,
}

impl RunObserver for Listener {
    fn epoch(&mut self, event: &EpochEvent) -> Result<(), LearnError> {
        self.epochs.push(event.clone());
        Ok(())
    }

    fn query(&mut self, event: &QueryEvent) -> Result<(), LearnError> {
        self.queries.push(event.clone());
        Ok(())
    }

    fn answers(&mut self, answers: &[Answered]) -> Result<(), LearnError> {
        self.answers.extend_from_slice(answers);
        Ok(())
    }

    fn checkpoint(
        &mut self,
        snapshot: &dyn Fn() -> Vec<u8>,
        _ends: bool,
    ) -> Result<(), LearnError> {
        let (epochs, queries, answers) =
            (self.epochs.len(), self.queries.len(), self.answers.clone());
        self.moments.push(Moment { snapshot: snapshot(), epochs, queries, answers });
        Ok(())
    }
}

/// Carries a plan out on whole data with encoders, from a moment if there is one.
pub(crate) fn carry_out(
    plan: &Plan,
    data: &Dataset,
    encoders: &[&Encoded],
    context: Context<'_>,
    moment: Option<&Moment>,
) -> (Result<Finished, LearnError>, Listener) {
    carry_out_with(plan, data, encoders, context, moment, &mut Simulated::new(&data.train.labels))
}

/// The same with an oracle of one's own.
pub(crate) fn carry_out_with(
    plan: &Plan,
    data: &Dataset,
    encoders: &[&Encoded],
    context: Context<'_>,
    moment: Option<&Moment>,
    oracle: &mut dyn Oracle,
) -> (Result<Finished, LearnError>, Listener) {
    let mut listener = Listener::default();
    let (pool, benchmark) = (data.pool(), Some(data.benchmark()));
    let resources = Resources { pool, benchmark, encoders: encoders.to_vec(), context };
    let resume =
        moment.map(|moment| Resume { snapshot: &moment.snapshot, answers: &moment.answers });
    (run(plan, &resources, resume, oracle, &mut listener), listener)
}

/// What a run did on held-out images.
pub(crate) fn judged(finished: &Finished) -> &Judged {
    finished.judged.as_ref().expect("the data have held-out splits")
}

/// The labelled rows.
pub(crate) fn labelled(finished: &Finished) -> &[u32] {
    &finished.answers.labelled().rows
}

/// Everything of a result that has bits.
pub(crate) fn bits(finished: &Finished) -> (Vec<u8>, Vec<u32>, Vec<u32>) {
    let probabilities = judged(finished).test_probs_nc.iter().map(|p| p.to_bits()).collect();
    (finished.model.to_safetensors(&Default::default()), labelled(finished).to_vec(), probabilities)
}
