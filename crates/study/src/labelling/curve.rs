//! The learning curve: how good the classifier was after so many answers.

use crate::evaluate::per_class::Share;
use serde::{Deserialize, Serialize};

/// The classifier after so many answers, judged by the held-out ones of then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Answers with a class that had been given, the held-out ones among them.
    pub labels: u32,
    /// Held-out answers that the classifier agreed with.
    pub correct: u32,
    /// Held-out answers with a class.
    pub judged: u32,
}

/// A point as it is drawn: shares from 0 to 1 with Wilson's 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CurveShare {
    /// Answers with a class that had been given.
    pub labels: u32,
    /// The accuracy then.
    pub accuracy: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The points that have a held-out answer, as they are drawn. All are judged by the same images:
/// the curve is surer of its shape than the intervals of its points are of its height.
pub fn shares(points: &[CurvePoint]) -> Vec<CurveShare> {
    let share = |point: &CurvePoint| {
        let found = Share::of(point.correct.min(point.judged), point.judged)?;
        let Share { value: accuracy, low, high } = found;
        Some(CurveShare { labels: point.labels, accuracy, low, high })
    };
    points.iter().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_without_a_held_out_answer_are_not_drawn() {
        let point = |labels, correct, judged| CurvePoint { labels, correct, judged };
        let drawn = shares(&[point(3, 0, 0), point(40, 5, 10)]);
        assert_eq!(drawn.len(), 1);
        assert_eq!((drawn[0].labels, drawn[0].accuracy), (40, 0.5));
        assert!(drawn[0].low > 0.2 && drawn[0].high < 0.8);
    }
}
