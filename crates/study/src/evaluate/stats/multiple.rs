//! Many tests at once.

/// Holm's step-down adjusted p-values (Holm 1979), in the order of `p`: the family's error stays
/// below the level at which an adjusted value is called significant. NaN stays NaN and is not
/// counted.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![f64::NAN; p.len()];
    let mut largest = 0.0f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max(((order.len() - rank) as f64 * p[i]).min(1.0));
        adjusted[i] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"); statsmodels multipletests(...,
    // method="holm") agrees
    #[test]
    fn adjusted_values_never_fall_as_p_rises() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (ours, theirs) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((ours - theirs).abs() < 1e-15, "{adjusted:?}");
        }
    }

    #[test]
    fn a_test_that_could_not_be_made_does_not_count() {
        let adjusted = holm(&[f64::NAN, 0.02, 0.9]);
        assert!(adjusted[0].is_nan());
        assert_eq!(adjusted[1..], [0.04, 0.9]);
    }
}
