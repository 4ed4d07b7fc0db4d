//! What is likely to be a mistake in a data set that can be used all the same.

use super::dataset::{Dataset, Split};
use std::collections::HashSet;

/// Names listed in a sentence before it says "and more".
const LISTED: usize = 5;

impl Dataset {
    /// How many validation and how many test images are byte for byte a training image.
    pub fn identical_to_training(&self) -> [usize; 2] {
        let known: HashSet<&[u8]> = images(&self.train).collect();
        [&self.val, &self.test]
            .map(|split| images(split).filter(|image| known.contains(image)).count())
    }

    /// What a person should know before these data are learned from, one line each.
    pub fn warnings(&self) -> Vec<String> {
        let counts = self.splits().map(|(_, split)| split.class_counts(self.classes()));
        let mut warnings = Vec::new();
        let is_empty = |class: usize| counts.iter().all(|split| split[class] == 0);
        let from_one =
            self.classes() > 2 && is_empty(0) && (1..self.classes()).all(|class| !is_empty(class));
        if from_one {
            warnings.push(
                "no image has label 0: labels are counted from 0, and these seem to start at 1"
                    .to_owned(),
            );
        }
        // Where nothing is labelled to learn from, every class is without training images.
        let has_training = counts[0].iter().any(|&count| count > 0);
        let untrained = (usize::from(from_one)..self.classes())
            .filter(|&class| has_training && counts[0][class] == 0);
        let (only_test, untrained): (Vec<usize>, Vec<usize>) =
            untrained.partition(|&class| counts[1][class] == 0 && counts[2][class] > 0);
        if !only_test.is_empty() {
            warnings.push(format!("only the test split has images of {}", self.list(&only_test)));
        }
        if !untrained.is_empty() {
            warnings.push(format!("the training split has no image of {}", self.list(&untrained)));
        }
        if let Some(files) = &self.files {
            warnings.extend(files.warnings.iter().cloned());
            return warnings;
        }
        let parts = self.identical_to_training().into_iter().zip(["validation", "test"]);
        let parts: Vec<String> = parts
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"))
            .collect();
        if !parts.is_empty() {
            let words = if parts[..] == ["1 test"] || parts[..] == ["1 validation"] {
                "image is"
            } else {
                "images are"
            };
            warnings
                .push(format!("{} {words} byte-identical to training images", parts.join(" and ")));
        }
        warnings
    }

    fn list(&self, classes: &[usize]) -> String {
        let names: Vec<&str> =
            classes.iter().take(LISTED).map(|&class| self.class_names[class].as_str()).collect();
        let more = classes.len() - names.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let word = if classes.len() == 1 { "class" } else { "classes" };
        format!("{word} {}{more}", names.join(", "))
    }
}

fn images(split: &Split) -> impl Iterator<Item = &[u8]> {
    (0..split.images.len()).map(|i| split.images.image(i))
}

#[cfg(test)]
mod tests {
    use super::super::dataset::Images;
    use super::*;

    /// Images of two pixels: (label, pixels) each.
    fn split(images: &[(u16, [u8; 2])]) -> Split {
        let pixels = images.iter().flat_map(|(_, pixels)| *pixels).collect();
        let labels = images.iter().map(|(label, _)| *label).collect();
        Split { images: Images { height: 1, width: 2, channels: 1, pixels }, labels }
    }

    fn dataset(
        train: &[(u16, [u8; 2])],
        val: &[(u16, [u8; 2])],
        test: &[(u16, [u8; 2])],
        classes: usize,
    ) -> Dataset {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"][..classes]
            .iter()
            .map(|name| (*name).to_owned())
            .collect();
        Dataset::new("tiny".to_owned(), [split(train), split(val), split(test)], names)
    }

    #[test]
    fn a_sound_data_set_is_not_spoken_of() {
        let data = dataset(&[(0, [0, 1]), (1, [1, 0])], &[(0, [2, 2])], &[(1, [1, 1])], 2);
        assert!(data.warnings().is_empty() && data.identical_to_training() == [0, 0]);
    }

    #[test]
    fn labels_from_one_are_one_line() {
        let data = dataset(&[(1, [0, 1]), (2, [1, 0])], &[(1, [2, 2])], &[(2, [1, 1])], 3);
        let expected =
            "no image has label 0: labels are counted from 0, and these seem to start at 1";
        assert_eq!(data.warnings(), [expected]);
    }

    #[test]
    fn classes_without_training_images_are_named() {
        let data =
            dataset(&[(0, [0, 1]), (2, [1, 0])], &[(3, [2, 2])], &[(1, [1, 1]), (3, [9, 9])], 5);
        let expected = [
            "only the test split has images of class b",
            "the training split has no image of classes d, e",
        ];
        assert_eq!(data.warnings(), expected);
        let data = dataset(&[(0, [0, 1])], &[(0, [2, 2])], &[(0, [1, 1])], 8);
        assert_eq!(
            data.warnings(),
            ["the training split has no image of classes b, c, d, e, f and 2 more"]
        );
    }

    #[test]
    fn images_that_are_training_images_are_counted() {
        let train = [(0, [0, 1]), (1, [1, 0])];
        let data = dataset(&train, &[(0, [0, 1]), (1, [0, 1]), (1, [3, 3])], &[(1, [1, 0])], 2);
        assert_eq!(data.identical_to_training(), [2, 1]);
        assert_eq!(
            data.warnings(),
            ["2 validation and 1 test images are byte-identical to training images"]
        );
        let data = dataset(&train, &[(0, [7, 7])], &[(1, [1, 0])], 2);
        assert_eq!(data.warnings(), ["1 test image is byte-identical to training images"]);
    }
}
