//! What the oracle has said so far.

use crate::data::Labelled;
use crate::error::LearnError;
pub use crate::run::oracle::Answered;
use crate::run::oracle::{Answer, Oracle};

/// All answers of a run, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    labelled: Labelled,
    /// Images that were asked about and have no label yet.
    postponed: Vec<u32>,
    /// Images that can have none.
    unusable: Vec<u32>,
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
            Answer::Postponed => self.postponed.push(row),
            Answer::Unusable => self.unusable.push(row),
        }
        Ok(())
    }

    /// Hears what the oracle has said since: an answer stands in place of what was said of the
    /// image before.
    ///
    /// # Errors
    /// If the oracle fails, or an answer is about no image of the pool of `rows` images or names no
    /// class.
    pub(crate) fn hear_later(
        &mut self,
        rows: usize,
        classes: usize,
        oracle: &mut dyn Oracle,
    ) -> Result<Vec<Answered>, LearnError> {
        let said = oracle.later()?;
        for answered in &said {
            let row = answered.row;
            if row as usize >= rows {
                let what = "is no image of the pool".to_owned();
                return Err(LearnError::Answer { row, what });
            }
            self.forget(row);
            self.add(*answered, classes)?;
        }
        Ok(said)
    }

    /// Takes back what was said of an image.
    fn forget(&mut self, row: u32) {
        if let Some(at) = self.labelled.rows.iter().position(|&known| known == row) {
            self.labelled.rows.remove(at);
            self.labelled.labels.remove(at);
        }
        self.postponed.retain(|&known| known != row);
        self.unusable.retain(|&known| known != row);
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
        self.labels() + self.postponed.len() + self.unusable.len()
    }

    /// The images that have a label or are to get one: a strategy need not cover them again.
    pub(crate) fn covered(&self) -> Vec<u32> {
        [&self.labelled.rows[..], &self.postponed].concat()
    }

    /// The rows of a pool of `rows` images that nothing was said of yet, in their order.
    pub(crate) fn open(&self, rows: usize) -> Vec<u32> {
        let mut is_open = vec![true; rows];
        let asked = [&self.labelled.rows, &self.postponed, &self.unusable];
        for &row in asked.into_iter().flatten() {
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

    /// Postpones every image, and has said `later` since.
    struct Postpones {
        later: Vec<Answered>,
    }

    impl Oracle for Postpones {
        fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
            Ok(vec![Answer::Postponed; rows.len()])
        }

        fn later(&mut self) -> Result<Vec<Answered>, LearnError> {
            Ok(std::mem::take(&mut self.later))
        }
    }

    #[test]
    fn what_is_said_later_stands_in_place_of_what_was_said_before() {
        let answered = |row, answer| Answered { row, answer };
        let mut answers = Answers::default();
        let mut oracle = Postpones { later: Vec::new() };
        answers.ask(&[4, 2], 3, &mut oracle).unwrap();
        assert_eq!((answers.labels(), answers.covered()), (0, vec![4, 2]));
        oracle.later = vec![
            answered(2, Answer::Label(1)),
            answered(0, Answer::Unusable),
            answered(2, Answer::Label(2)),
        ];
        answers.hear_later(5, 3, &mut oracle).unwrap();
        assert_eq!(answers.labelled(), &Labelled { rows: vec![2], labels: vec![2] });
        assert_eq!((answers.covered(), answers.open(5)), (vec![2, 4], vec![1, 3]));
        oracle.later = vec![answered(2, Answer::Unusable), answered(4, Answer::Label(0))];
        answers.hear_later(5, 3, &mut oracle).unwrap();
        assert_eq!((answers.covered(), answers.count()), (vec![4], 3));
        oracle.later = vec![answered(5, Answer::Label(0))];
        let error = answers.hear_later(5, 3, &mut oracle).unwrap_err().to_string();
        assert_eq!(error, "image 5 is no image of the pool");
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
