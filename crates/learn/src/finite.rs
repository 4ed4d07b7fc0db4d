//! Numbers that are none: one check for what training and scoring leave, and one sentence about it.

use fewlabel_engine::{EngineError, Model};

use crate::error::LearnError;

/// The number itself where it is one; absent where it is infinite or not a number.
pub fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Refuses `values` among which one is infinite or not a number; `what` each of them is.
pub(crate) fn check(what: &str, values: &[f32]) -> Result<(), LearnError> {
    // Without a way out in the middle the sum is a matter of vectors.
    if values.iter().filter(|value| !value.is_finite()).count() == 0 {
        return Ok(());
    }
    let found = values.iter().find(|value| !value.is_finite()).copied().unwrap_or(f32::NAN);
    Err(LearnError::NotFinite(format!("{what} {found}")))
}

/// Refuses a network that training has led out of the numbers.
pub(crate) fn check_model(model: &Model) -> Result<(), LearnError> {
    model.check_finite().map_err(|error| match error {
        EngineError::Tensor { name, problem } => LearnError::NotFinite(format!("{name} {problem}")),
        error => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_named_and_its_place_added() {
        assert!(check("loss", &[0.0, -1e38]).is_ok());
        let error = check("loss", &[0.0, f32::NEG_INFINITY, f32::NAN])
            .unwrap_err()
            .at(|| "epoch 3".to_owned());
        assert_eq!(
            error.to_string(),
            "training diverged at epoch 3 (loss -inf): lower the learning rate"
        );
        assert_eq!([finite(0.5), finite(f64::NAN), finite(f64::INFINITY)], [Some(0.5), None, None]);
    }
}
