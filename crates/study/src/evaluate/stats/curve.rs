//! Accuracy against labels.

/// Area under the budget curve: the trapezoid rule over points (labels, accuracy) sorted by labels,
/// divided by the range of labels, so that a constant accuracy is its own area. `None` below two
/// budgets.
pub fn area_under_budget_curve(points: &[(f64, f64)]) -> Option<f64> {
    let (first, last) = (points.first()?, points.last()?);
    let range = last.0 - first.0;
    if range <= 0.0 {
        return None;
    }
    let area: f64 = points.windows(2).map(|w| (w[1].0 - w[0].0) * (w[0].1 + w[1].1) / 2.0).sum();
    Some(area / range)
}

/// The fewest labels at which the curve through `points` (sorted by labels, joined by straight
/// lines) reaches `accuracy`; `None` where it does not.
pub fn labels_needed(points: &[(f64, f64)], accuracy: f64) -> Option<f64> {
    let first = points.first()?;
    if first.1 >= accuracy {
        return Some(first.0);
    }
    points.windows(2).find(|w| w[1].1 >= accuracy).map(|w| {
        let share = (accuracy - w[0].1) / (w[1].1 - w[0].1);
        w[0].0 + share * (w[1].0 - w[0].0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // numpy.trapezoid([0.4, 0.6, 0.7], [70, 139, 279]) / (279 - 70)
    #[test]
    fn the_area_of_uneven_budgets_is_numpy_s() {
        let area = area_under_budget_curve(&[(70.0, 0.4), (139.0, 0.6), (279.0, 0.7)]).unwrap();
        assert!((area - 0.6004784688995215).abs() < 1e-12, "{area}");
        assert_eq!(
            area_under_budget_curve(&[(7.0, 0.1), (11.0, 0.1), (139.0, 0.1)])
                .map(|a| (a * 1e12).round()),
            Some(1e11)
        );
        assert_eq!(area_under_budget_curve(&[(7.0, 0.1)]), None);
    }

    #[test]
    fn labels_are_read_off_between_the_budgets() {
        let points = [(100.0, 0.5), (200.0, 0.6), (400.0, 0.7)];
        assert_eq!(labels_needed(&points, 0.4), Some(100.0));
        assert!((labels_needed(&points, 0.65).unwrap() - 300.0).abs() < 1e-9);
        assert_eq!(labels_needed(&points, 0.71), None);
        assert_eq!(labels_needed(&[], 0.5), None);
    }
}
