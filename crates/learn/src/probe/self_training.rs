//! Self-training: the classifier's own confident answers on the pool as further labels (Lee 2013),
//! in growing rounds and balanced over the classes it sees.
//!
//! In round r of R, of the unlabelled images taken for each class, the share r / R about which the
//! classifier is most certain joins the labels. All of them together count `weight` times as much
//! as all given labels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::acquire::Rows;
use crate::error::LearnError;
use crate::model::predict::argmax;
use crate::probe::{Probe, Ridge, Targets};

/// How much the classifier listens to itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SelfTraining {
    /// Rounds.
    pub rounds: u32,
    /// Share of each class's images taken in the last round.
    pub share: f64,
    /// Weight of all answers together; all given labels together weigh 1.
    pub weight: f64,
    /// Answers taken in a round, at most.
    pub most: usize,
}

impl Default for SelfTraining {
    fn default() -> Self {
        Self { rounds: 5, share: 0.9, weight: 3.0, most: 4000 }
    }
}

impl SelfTraining {
    /// Refuses settings out of their ranges.
    ///
    /// # Errors
    /// Names the setting and its range.
    pub fn check(&self) -> Result<(), LearnError> {
        let wrong = |what: &str| Err(LearnError::Setting(format!("self-training: {what}")));
        if !(0.0..=1.0).contains(&self.share) {
            return wrong("share must lie between 0 and 1");
        }
        if !(self.weight > 0.0 && self.weight.is_finite()) {
            return wrong("weight must be a positive number");
        }
        Ok(())
    }

    /// Fits `labelled` images of the standardised `features` of a pool with their `labels`, then
    /// listens to itself on the others.
    pub fn fit(
        &self,
        features: Rows<'_>,
        labelled: &[u32],
        labels: &[u16],
        classes: usize,
        ridge: Ridge,
    ) -> Probe {
        let given = Targets::of_labels(labels, classes);
        let rows = |images: &[u32]| {
            images.iter().flat_map(|&i| features.row(i)).copied().collect::<Vec<f32>>()
        };
        let known = rows(labelled);
        let mut probe = Probe::fit(Rows::new(&known, features.width()), &given, ridge);
        let mut is_labelled = vec![false; features.len()];
        labelled.iter().for_each(|&image| is_labelled[image as usize] = true);
        for round in 1..=self.rounds {
            let share = self.share * f64::from(round) / f64::from(self.rounds);
            let answers = answers(
                &probe.probs_nc(features.values()),
                classes,
                &is_labelled,
                share,
                self.most,
            );
            if answers.is_empty() {
                break;
            }
            let (images, taken): (Vec<u32>, Vec<u16>) = answers.into_iter().unzip();
            let mut targets = given.clone();
            let own = Targets::of_labels(&taken, classes);
            let weight = self.weight * labels.len() as f64 / taken.len() as f64;
            targets.classes.extend(&own.classes);
            targets.weights.extend(vec![weight; taken.len()]);
            let all = [&known[..], &rows(&images)].concat();
            probe = Probe::fit(Rows::new(&all, features.width()), &targets, ridge);
        }
        probe
    }
}

/// The images, with their classes, about which a classifier is most certain: of each class the same
/// share, `most` at most.
fn answers(
    probs_nc: &[f32],
    classes: usize,
    is_labelled: &[bool],
    share: f64,
    most: usize,
) -> Vec<(u32, u16)> {
    let mut by_class: Vec<Vec<(f32, u32)>> = vec![Vec::new(); classes];
    for (image, row) in
        probs_nc.chunks_exact(classes).enumerate().filter(|(image, _)| !is_labelled[*image])
    {
        let class = argmax(row);
        by_class[class].push((row[class], image as u32));
    }
    let free: usize = by_class.iter().map(Vec::len).sum();
    let share = share.min(most as f64 / free.max(1) as f64);
    let mut answers = Vec::new();
    for (class, images) in by_class.iter_mut().enumerate() {
        images.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let count = (images.len() as f64 * share).round() as usize;
        answers.extend(images[..count].iter().map(|&(_, image)| (image, class as u16)));
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    #[test]
    fn the_most_certain_of_every_class_are_taken() {
        let probs = [0.9, 0.1, 0.6, 0.4, 0.7, 0.3, 0.2, 0.8, 0.45, 0.55, 0.99, 0.01];
        let labelled = [false, false, false, false, false, true];
        assert_eq!(answers(&probs, 2, &labelled, 0.5, 100), [(0, 0), (2, 0), (3, 1)]);
        assert_eq!(answers(&probs, 2, &labelled, 1.0, 2).len(), 2);
    }

    #[test]
    fn listening_to_itself_finds_the_clouds() {
        let mut stream = Key::new(1, 0).stream();
        let truth: Vec<u16> = (0..400).map(|i| i % 2).collect();
        let mut point = |class: u16| {
            let along = if class == 0 { -1.0 } else { 1.0 };
            (0..16).map(|_| along * 0.35 + 0.5 * stream.normal() as f32).collect::<Vec<f32>>()
        };
        let features: Vec<f32> = truth.iter().flat_map(|&class| point(class)).collect();
        let rows = Rows::new(&features, 16);
        let settings = SelfTraining::default();
        let accuracy = |rounds| {
            let probe = SelfTraining { rounds, ..settings }.fit(
                rows,
                &[0, 1],
                &[0, 1],
                2,
                Ridge { decay: 0.1, sharpness: 3.0 },
            );
            crate::model::predict::accuracy(&probe.probs_nc(&features), &truth)
        };
        assert!(accuracy(3) > accuracy(0) && accuracy(3) > 0.95, "{} {}", accuracy(0), accuracy(3));
    }
}
