//! What a computation may use, and when it has to end.

use crate::error::LearnError;

/// Handed down from whoever started a computation to whatever takes long.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Threads to use. Results never depend on them.
    pub threads: usize,
    is_cancelled: &'a dyn Fn() -> bool,
}

impl Context<'static> {
    /// A computation that goes on to its end.
    pub fn new(threads: usize) -> Self {
        Self { threads, is_cancelled: &|| false }
    }
}

impl<'a> Context<'a> {
    /// A computation that ends early once `is_cancelled` says so.
    pub fn cancelled_by(threads: usize, is_cancelled: &'a dyn Fn() -> bool) -> Self {
        Self { threads, is_cancelled }
    }

    /// A moment at which the computation may end. `keep` is told whether it does, so that what was
    /// done can be kept.
    ///
    /// # Errors
    /// [`LearnError::Interrupted`] if it ends here; whatever `keep` returns.
    pub fn rest(
        &self,
        keep: impl FnOnce(bool) -> Result<(), LearnError>,
    ) -> Result<(), LearnError> {
        let ends = (self.is_cancelled)();
        keep(ends)?;
        if ends { Err(LearnError::Interrupted) } else { Ok(()) }
    }

    /// A moment at which the computation may end with nothing to keep.
    ///
    /// # Errors
    /// [`LearnError::Interrupted`] if it ends here.
    pub fn check(&self) -> Result<(), LearnError> {
        self.rest(|_| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_kept_before_it_ends() {
        let mut kept = None;
        let keep = |ends| {
            kept = Some(ends);
            Ok(())
        };
        let outcome = Context::cancelled_by(1, &|| true).rest(keep);
        assert!(matches!(outcome, Err(LearnError::Interrupted)) && kept == Some(true));
        assert!(Context::new(1).check().is_ok());
    }
}
