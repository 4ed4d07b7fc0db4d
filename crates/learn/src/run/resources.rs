//! What a run is carried out with, and where it goes on.

use crate::context::Context;
use crate::data::{Benchmark, Pool};
use crate::error::LearnError;
use crate::probe::Encoded;
use crate::run::answers::Answered;

/// What a run is carried out with.
pub struct Resources<'a> {
    /// Images to learn from.
    pub pool: Pool<'a>,
    /// What is held out, in a simulated study.
    pub benchmark: Option<Benchmark<'a>>,
    /// The encoders that the plan names, in its order.
    pub encoders: Vec<&'a Encoded>,
    /// Threads, and when to end.
    pub context: Context<'a>,
}

impl<'a> Resources<'a> {
    pub(crate) fn benchmark(&self, what: &'static str) -> Result<&Benchmark<'a>, LearnError> {
        self.benchmark.as_ref().ok_or(LearnError::NoBenchmark { what })
    }
}

/// Where an interrupted run goes on.
#[derive(Clone, Copy)]
pub struct Resume<'a> {
    /// What an earlier call gave its observer.
    pub snapshot: &'a [u8],
    /// The answers that the observer had heard by then.
    pub answers: &'a [Answered],
}
