//! The learning rate over the steps of a training whose length is known.

/// Share of the steps in which the learning rate rises.
const WARM_UP: f64 = 0.05;

/// The learning rate's share of its highest at `step` of `steps`: it rises over the first twentieth
/// and falls as a cosine.
pub(crate) fn schedule(step: u64, steps: u64) -> f64 {
    let rise = (WARM_UP * steps as f64).max(1.0);
    let at = step as f64 + 1.0;
    if at <= rise {
        return at / rise;
    }
    let fallen = (at - rise) / (steps as f64 - rise + 1.0);
    0.5 * (1.0 + libm::cos(std::f64::consts::PI * fallen))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls() {
        let rates: Vec<f64> = (0..100).map(|step| schedule(step, 100)).collect();
        assert_eq!(rates[4], 1.0);
        assert!(rates[0] == 0.2 && rates[99] > 0.0 && rates[99] < 1e-3);
        assert!(rates[4..].windows(2).all(|pair| pair[1] < pair[0]));
    }
}
