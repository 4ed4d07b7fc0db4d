//! What was answered, looked at again.

use super::Session;
use crate::labelling::event::{Guess, ImageId, Said};
use crate::labelling::state::Image;
use std::collections::HashMap;

/// Which answers are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Every image with a class, the last one first.
    Labels,
    /// Labels that the classifier disagrees with, likely mistakes first.
    Disagreements,
    /// Images with a note.
    Flags,
    /// Images that nobody can tell.
    Unsure,
    /// Images that should not be there.
    Unusable,
    /// Images that come back.
    Skipped,
}

/// An image that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed {
    /// Its number.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// Its class.
    pub label: Option<String>,
    /// `skip`, `unsure` or `unusable`, where it has none.
    pub state: Option<&'static str>,
    /// The note on it.
    pub flag: Option<String>,
    /// What the classifier takes it for.
    pub guess: Option<Guess>,
    /// The probability of its label by a classifier that has not seen it.
    pub left_out_probability: Option<f64>,
    /// Whether it is held out to judge by.
    pub held_out: bool,
    /// When it was answered.
    pub time: Option<String>,
}

impl Session {
    /// Some of a list's images, from number `offset` on, and how many there are.
    pub fn review(&self, list: List, offset: usize, count: usize) -> (usize, Vec<Reviewed>) {
        let inner = self.shared.lock();
        let present = inner.present.clone();
        let is_listed = |image: &&Image| match list {
            List::Labels | List::Disagreements => image.said().and_then(Said::class).is_some(),
            List::Flags => image.flag.is_some(),
            List::Unsure => image.said() == Some(Said::Unsure),
            List::Unusable => image.said() == Some(Said::Unusable),
            List::Skipped => image.said() == Some(Said::Skip),
        };
        let reviewed = |image: &Image| {
            let said = image.said();
            let class = said.and_then(Said::class);
            Reviewed {
                id: image.id,
                name: image.name.clone(),
                label: class.map(|class| inner.state.class_name(class).to_owned()),
                state: said.filter(|said| said.class().is_none()).map(Said::state),
                flag: image.flag.clone(),
                guess: present.as_ref().and_then(|present| present.guess(image.id)),
                left_out_probability: None,
                held_out: image.is_held_out(),
                time: image.answer().map(|answer| answer.time.clone()),
            }
        };
        let mut listed: Vec<(i64, Reviewed)> = inner
            .state
            .images
            .iter()
            .filter(is_listed)
            .map(|image| (image.answer().map_or(0, |answer| answer.seq), reviewed(image)))
            .collect();
        drop(inner);
        listed.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        let mut listed: Vec<Reviewed> = listed.into_iter().map(|(_, image)| image).collect();
        if let (List::Labels | List::Disagreements, Some(present)) = (list, &present) {
            let left_out = present.left_out();
            listed.iter_mut().for_each(|image| {
                image.left_out_probability = probability(image, present, &left_out);
            });
        }
        if list == List::Disagreements {
            listed.retain(|image| {
                let guess = image.guess.as_ref().map(|guess| &guess.class);
                let other = guess.is_some() && guess != image.label.as_ref();
                other || image.left_out_probability.is_some_and(|probability| probability < 0.5)
            });
            let key = |image: &Reviewed| image.left_out_probability.unwrap_or(1.0);
            listed.sort_by(|a, b| key(a).total_cmp(&key(b)));
        }
        (listed.len(), listed.into_iter().skip(offset).take(count).collect())
    }
}

/// Of a label that was learned the one without it; a held-out one was never seen.
fn probability(
    image: &Reviewed,
    present: &super::Present,
    left_out: &HashMap<ImageId, f64>,
) -> Option<f64> {
    if let Some(probability) = left_out.get(&image.id) {
        return Some(*probability);
    }
    let place = present.names().iter().position(|name| Some(name) == image.label.as_ref())?;
    present.probs(image.id).map(|probs| f64::from(probs[place]))
}
