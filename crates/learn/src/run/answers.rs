//! What the oracle has said so far.

use serde::{Deserialize, Serialize};

use crate::data::Labelled;
use crate::error::LearnError;
use crate::run::oracle::{Answer, Oracle};

/// One answer, as it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Row of the pool.
    pub row: u32,
    /// What was said of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// All answers of a run, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    labelled: Labelled,
    /// Images that were asked about and got no label.
    set_aside: Vec<u32>,
}

impl Answers {
    /// Takes up what was answered before, of a pool of `rows` images in `classes` classes.
    ///
    /// # Errors
    /// If an answer is about no image of the pool, about one that was answered before, or names no
    /// class.
    pub(crate) fn of(
        answered: &[Answered],
        rows: usize,
        classes: usize,
    ) -> Result<Self, LearnError> {
        let mut answers = Self::default();
        let mut is_known = vec![false; rows];
        for Answered { row, answer } in answered {
            let known = is_known.get_mut(*row as usize);
            if known.is_none_or(|known| std::mem::replace(known, true)) {
                return Err(LearnError::Answer {
                    row: *row,
                    what: "is none of the images that were left".to_owned(),
                });
            }
            answers.add(Answered { row: *row, answer: *answer }, classes)?;
        }
        Ok(answers)
    }

    /// Asks the oracle about `rows`; every answer becomes one of these.
    ///
    /// # Errors
    /// If the oracle fails, or does not give each row an answer that the task knows.
    pub(crate) fn ask(
        &mut self,
        rows: &[u32],
        classes: usize,
        oracle: &mut dyn Oracle,
    ) -> Result<Vec<Answered>, LearnError> {
        let said = oracle.answer(rows)?;
        if said.len() != rows.len() {
            return Err(LearnError::Answers { asked: rows.len(), given: said.len() });
        }
        let answered = rows.iter().zip(said).map(|(&row, answer)| Answered { row, answer });
        let answered: Vec<Answered> = answered.collect();
        answered.iter().try_for_each(|answered| self.add(*answered, classes))?;
        Ok(answered)
    }

    fn add(
        &mut self,
        Answered { row, answer }: Answered,
        classes: usize,
    ) -> Result<(), LearnError> {
        match answer {
            Answer::Label(label) if usize::from(label) >= classes => {
                let what = format!(
                    "was called class {label}, and there are {classes} classes, counted from 0"
                );
                return Err(LearnError::Answer { row, what });
            }
            Answer::Label(label) => {
                self.labelled.rows.push(row);
                self.labelled.labels.push(label);
            }
            Answer::Postponed | Answer::Unusable => self.set_aside.push(row),
        }
        Ok(())
    }

    /// The images with a label.
    pub fn labelled(&self) -> &Labelled {
        &self.labelled
    }

    /// How many images have a label: what was spent of the budget.
    pub fn labels(&self) -> usize {
        self.labelled.len()
    }

    /// How many answers there are, those without a label included.
    pub(crate) fn count(&self) -> usize {
        self.labels() + self.set_aside.len()
    }

    /// The rows of a pool of `rows` images that nothing was said of yet, in their order.
    pub(crate) fn open(&self, rows: usize) -> Vec<u32> {
        let mut is_open = vec![true; rows];
        for &row in self.labelled.rows.iter().chain(&self.set_aside) {
            is_open[row as usize] = false;
        }
        (0..rows as u32).filter(|&row| is_open[row as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::oracle::Simulated;

    /// Answers with what it was made of.
    struct Says(Vec<Answer>);

    impl Oracle for Says {
        fn answer(&mut self, _rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
            Ok(self.0.clone())
        }
    }

    #[test]
    fn an_image_without_a_label_is_neither_spent_nor_left() {
        let mut answers = Answers::default();
        answers.ask(&[3, 0], 3, &mut Simulated::new(&[2, 0, 0, 1])).unwrap();
        answers.ask(&[1], 3, &mut Says(vec![Answer::Unusable])).unwrap();
        assert_eq!((answers.labels(), answers.count(), answers.open(4)), (2, 3, vec![2]));
        assert_eq!(answers.labelled(), &Labelled { rows: vec![3, 0], labels: vec![1, 2] });
    }

    #[test]
    fn a_wrong_number_of_answers_and_an_unknown_class_are_refused() {
        let ask = |said: Vec<Answer>| {
            Answers::default().ask(&[4, 5], 3, &mut Says(said)).unwrap_err().to_string()
        };
        assert_eq!(ask(vec![Answer::Label(0)]), "the oracle gave 1 answer to 2 images");
        assert_eq!(ask(vec![Answer::Label(0); 3]), "the oracle gave 3 answers to 2 images");
        let unknown = ask(vec![Answer::Label(0), Answer::Label(999)]);
        assert_eq!(
            unknown,
            "image 5 was called class 999, and there are 3 classes, counted from 0"
        );
    }

    #[test]
    fn recorded_answers_read_back_and_belong_to_the_pool() {
        let text = "[{\"row\":1,\"label\":2},{\"row\":0,\"no_label\":\"postponed\"}]";
        let answered: Vec<Answered> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&answered).unwrap(), text);
        assert_eq!(Answers::of(&answered, 3, 3).unwrap().open(3), [2]);
        assert!(Answers::of(&answered, 1, 3).is_err() && Answers::of(&answered, 3, 2).is_err());
        assert!(Answers::of(&[answered[0], answered[0]], 3, 3).is_err());
    }
}
