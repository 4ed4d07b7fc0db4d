//! Labels a minute.

/// Seconds between two answers from which on they are a pause and no work.
const PAUSE: f64 = 60.0;
/// Spans between answers that the rate stands on at least.
const FEWEST_SPANS: usize = 3;
/// Spans that count: the rate of late.
const LATEST_SPANS: usize = 60;

/// Answers a minute by their times in seconds since any moment, in the order of the answers, pauses
/// over 60 s cut out. It is the rate of late, over the last 60 spans that are no pause, and `None`
/// where there are fewer than three or all answers came at one moment.
///
/// A span that ends before it begins, as when a clock is put right, is no span.
pub fn labels_per_minute(seconds: &[f64]) -> Option<f64> {
    let spans = seconds.windows(2).rev().map(|pair| pair[1] - pair[0]);
    let worked: Vec<f64> =
        spans.filter(|span| (0.0..=PAUSE).contains(span)).take(LATEST_SPANS).collect();
    let time: f64 = worked.iter().sum();
    (worked.len() >= FEWEST_SPANS && time > 0.0).then(|| 60.0 * worked.len() as f64 / time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_cut_out() {
        assert_eq!(labels_per_minute(&[0.0, 5.0, 10.0, 15.0]), Some(12.0));
        assert_eq!(labels_per_minute(&[0.0, 5.0, 10.0, 5000.0, 5005.0]), Some(12.0));
        assert_eq!(labels_per_minute(&[0.0, 5.0, 10.0, 5.0, 10.0]), Some(12.0));
    }

    #[test]
    fn a_rate_needs_spans_and_time() {
        assert_eq!(labels_per_minute(&[]), None);
        assert_eq!(labels_per_minute(&[0.0, 5.0, 10.0]), None);
        assert_eq!(labels_per_minute(&[3.0; 9]), None);
        assert_eq!(labels_per_minute(&[0.0, f64::NAN, 5.0, 6.0]), None);
    }

    #[test]
    fn it_is_the_rate_of_late() {
        let slow = (0..100).map(|i| f64::from(i) * 30.0);
        let fast = (0..61).map(|i| 3000.0 + f64::from(i) * 2.0);
        let times: Vec<f64> = slow.chain(fast).collect();
        assert_eq!(labels_per_minute(&times), Some(30.0));
    }
}
