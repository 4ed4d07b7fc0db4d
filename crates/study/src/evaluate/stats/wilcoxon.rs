//! Wilcoxon's signed-rank test (1945).

use super::distribution::normal_upper;
use super::summary::EQUAL;

/// Up to this many non-zero differences the distribution is enumerated.
const EXACT_LIMIT: usize = 50;

/// Two-sided p-value that `differences` are symmetric about zero; `None` where no difference is
/// left.
///
/// Zero differences are dropped (Wilcoxon's own rule) and equal ones share their mean rank. Up to
/// 50 differences the p-value is exact, with ties too: it enumerates the signs of the ranks that
/// were seen. Above, the normal approximation with the tie correction. Fewer than six differences
/// can never reach 0.05.
pub fn wilcoxon_signed_rank(differences: &[f64]) -> Option<f64> {
    let mut nonzero: Vec<f64> = differences.iter().copied().filter(|d| d.abs() > EQUAL).collect();
    if nonzero.is_empty() {
        return None;
    }
    nonzero.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let doubled = doubled_ranks(&nonzero);
    let total: usize = doubled.iter().sum();
    let positive: usize =
        nonzero.iter().zip(&doubled).filter(|(d, _)| **d > 0.0).map(|(_, rank)| rank).sum();
    let smaller = positive.min(total - positive);
    Some(if nonzero.len() <= EXACT_LIMIT {
        exact(&doubled, smaller)
    } else {
        approximate(&doubled, smaller)
    })
}

/// Twice the mid-ranks of values sorted by size: whole numbers even where values tie.
fn doubled_ranks(sorted: &[f64]) -> Vec<usize> {
    let mut ranks = vec![0; sorted.len()];
    let mut start = 0;
    while start < sorted.len() {
        let mut end = start + 1;
        while end < sorted.len() && sorted[end].abs() - sorted[end - 1].abs() <= EQUAL {
            end += 1;
        }
        // Ranks start+1 ..= end; twice their mean is start + 1 + end.
        ranks[start..end].fill(start + 1 + end);
        start = end;
    }
    ranks
}

/// 2 P(W <= `smaller`), counting the sign patterns that give each sum.
fn exact(doubled: &[usize], smaller: usize) -> f64 {
    let total: usize = doubled.iter().sum();
    let mut ways = vec![0.0f64; total + 1];
    ways[0] = 1.0;
    for &rank in doubled {
        for sum in (rank..=total).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let patterns = libm::ldexp(1.0, doubled.len() as i32);
    (2.0 * ways[..=smaller].iter().sum::<f64>() / patterns).min(1.0)
}

fn approximate(doubled: &[usize], smaller: usize) -> f64 {
    let mean = doubled.iter().sum::<usize>() as f64 / 4.0;
    // Each rank r enters with a random sign: variance r² / 4, and ties only change the ranks.
    let variance = doubled.iter().map(|&r| (r * r) as f64 / 16.0).sum::<f64>();
    (2.0 * normal_upper((mean - smaller as f64 / 2.0) / variance.sqrt())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_breaks_no_tie() {
        let exact = wilcoxon_signed_rank(&[0.3, -0.3, 0.5, 0.7]);
        assert_eq!(wilcoxon_signed_rank(&[0.1 + 0.2, -0.3, 0.5, 0.7, 1e-16]), exact);
    }

    // scipy.stats.wilcoxon(d).pvalue
    #[test]
    fn small_samples_are_exact() {
        let cases: [(&[f64], f64); 4] = [
            (&[1.2, -0.4, 2.2, 3.1, 0.7], 0.125),
            (&[0.5, 1.5, -2.5, 3.5, 4.5, 5.5, -0.25], 0.15625),
            (&[2.1, -0.4, 3.3, 1.8, 0.9, -1.2, 2.7, 1.1, 0.3, 1.9], 0.037109375),
            (&[-1.0, -2.0, -3.0, -4.0, -5.0, -6.0], 0.03125),
        ];
        for (differences, p) in cases {
            let ours = wilcoxon_signed_rank(differences).unwrap();
            assert!((ours - p).abs() < 1e-12, "{ours} is not {p}");
        }
    }

    // scipy.stats.wilcoxon([1, 1, -2, 3, 3, -3],
    // method=scipy.stats.PermutationMethod(n_resamples=np.inf)).pvalue
    #[test]
    fn ties_are_enumerated_too() {
        let ours = wilcoxon_signed_rank(&[1.0, 1.0, -2.0, 3.0, 3.0, -3.0, 0.0]).unwrap();
        assert!((ours - 0.71875).abs() < 1e-12, "{ours}");
    }

    // d = [((i * 37) % 101 - 45) / 10 for i in range(60)]; scipy.stats.wilcoxon(d,
    // method="asymptotic").pvalue
    #[test]
    fn large_samples_use_the_normal_approximation() {
        let differences: Vec<f64> =
            (0..60).map(|i| f64::from((i * 37) % 101 - 45) / 10.0).collect();
        let ours = wilcoxon_signed_rank(&differences).unwrap();
        assert!((ours - 0.2647081919479235).abs() < 1e-10, "{ours}");
    }

    #[test]
    fn five_seeds_never_reach_the_level() {
        assert_eq!(wilcoxon_signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]), Some(0.0625));
        assert_eq!(wilcoxon_signed_rank(&[0.0, 0.0]), None);
    }
}
