//! What a project comes to: its images, classes and answers, from its events.

use crate::labelling::event::{ClassId, Event, Given, ImageId, Kept, Said, Settings, ShowGuess};
use crate::labelling::reserve::Draw;
use crate::labelling::rows::{self, Row, Shown};
use crate::labelling::store::StoredImage;
use std::collections::HashMap;

/// A class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its number.
    pub id: ClassId,
    /// What it is called now.
    pub name: String,
    /// The letter that chooses it, if it was given one.
    pub key: Option<String>,
    /// The class that it has become a part of, if it has.
    pub merged_into: Option<ClassId>,
}

/// An answer in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The number of its event.
    pub seq: i64,
    /// When it was given.
    pub time: String,
    /// By whom.
    pub annotator: String,
    /// What.
    pub given: Given,
}

/// An image and what was said of it.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its number.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// What it must not be torn from.
    pub group: Option<String>,
    /// Whether it is held out, and its turn.
    pub draw: Draw,
    /// Every answer that holds or held, but for those that were taken back; the last one counts.
    pub answers: Vec<Answer>,
    /// The note on it.
    pub flag: Option<String>,
}

impl Image {
    /// The answer that counts.
    pub fn answer(&self) -> Option<&Answer> {
        self.answers.last()
    }

    /// What was said last.
    pub fn said(&self) -> Option<Said> {
        self.answer().map(|answer| answer.given.said)
    }

    /// Whether nobody has to be asked about it any more.
    pub fn is_answered(&self) -> bool {
        self.said().is_some_and(|said| said != Said::Skip)
    }

    /// Whether its answer is one to judge by.
    pub fn is_held_out(&self) -> bool {
        self.answer().is_some_and(|answer| answer.given.held_out)
    }
}

/// A project at a moment.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Every image, in the order of their numbers.
    pub images: Vec<Image>,
    /// Every class that there ever was, its number its place.
    pub classes: Vec<Class>,
    /// What it is set to.
    pub settings: Settings,
    /// Answers in their order, those taken back left out; imported ones are no part of these.
    pub course: Vec<(i64, ImageId)>,
    seed: u64,
    place: HashMap<ImageId, usize>,
    by_name: HashMap<String, usize>,
}

impl State {
    /// An empty project whose random numbers `seed` names.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The number that names the project's random numbers.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Takes up images that are not known yet.
    pub fn add_images(&mut self, images: impl IntoIterator<Item = StoredImage>) {
        for StoredImage { id, name, group, .. } in images {
            let draw = Draw::of(self.seed, &name, group.as_deref());
            if let Some(&at) = self.place.get(&id) {
                let image = &mut self.images[at];
                self.by_name.remove(&image.name);
                self.by_name.insert(name.clone(), at);
                (image.name, image.group, image.draw) = (name, group, draw);
                continue;
            }
            self.place.insert(id, self.images.len());
            self.by_name.insert(name.clone(), self.images.len());
            self.images.push(Image { id, name, group, draw, answers: Vec::new(), flag: None });
        }
    }

    /// Forgets images that no event speaks of.
    pub fn forget(&mut self, ids: &[ImageId]) {
        if ids.is_empty() {
            return;
        }
        self.images.retain(|image| !ids.contains(&image.id));
        let places = self.images.iter().enumerate();
        self.place = places.clone().map(|(at, image)| (image.id, at)).collect();
        self.by_name = places.map(|(at, image)| (image.name.clone(), at)).collect();
    }

    /// Takes an event up. One that speaks of what is not there is passed over: the store holds
    /// none.
    pub fn apply(&mut self, kept: &Kept) {
        match &kept.event {
            Event::Answer { image, given } => {
                let Some(&at) = self.place.get(image) else { return };
                let (time, annotator) = (kept.time.clone(), kept.annotator.clone());
                let answer = Answer { seq: kept.seq, time, annotator, given: given.clone() };
                self.images[at].answers.push(answer);
                if !given.imported {
                    self.course.push((kept.seq, *image));
                }
            }
            Event::Undo { of } => {
                let Some(at) = self.course.iter().position(|(seq, _)| seq == of) else { return };
                let (_, image) = self.course.remove(at);
                if let Some(image) = self.image_mut(image) {
                    image.answers.retain(|answer| answer.seq != *of);
                }
            }
            Event::Flag { image, note } => {
                if let Some(image) = self.image_mut(*image) {
                    image.flag.clone_from(note);
                }
            }
            Event::ClassAdded { class, name } => self.classes.push(Class {
                id: *class,
                name: name.clone(),
                key: None,
                merged_into: None,
            }),
            Event::ClassRenamed { class, name } => {
                if let Some(class) = self.classes.get_mut(*class as usize) {
                    class.name.clone_from(name);
                }
            }
            Event::ClassMerged { class, into } => {
                if let Some(class) = self.classes.get_mut(*class as usize) {
                    class.merged_into = Some(*into);
                }
            }
            Event::ClassKey { class, key } => {
                for other in &mut self.classes {
                    if other.key == *key {
                        other.key = None;
                    }
                }
                if let Some(class) = self.classes.get_mut(*class as usize) {
                    class.key.clone_from(key);
                }
            }
            Event::Settings(settings) => self.settings.clone_from(settings),
        }
    }

    /// The image with this number.
    pub fn image(&self, id: ImageId) -> Option<&Image> {
        self.place.get(&id).map(|&at| &self.images[at])
    }

    /// The image called so.
    pub fn named(&self, name: &str) -> Option<&Image> {
        self.by_name.get(name).map(|&at| &self.images[at])
    }

    fn image_mut(&mut self, id: ImageId) -> Option<&mut Image> {
        let at = *self.place.get(&id)?;
        Some(&mut self.images[at])
    }

    /// The classes that an image can be given, in the order in which they were made.
    pub fn open_classes(&self) -> Vec<&Class> {
        self.classes.iter().filter(|class| class.merged_into.is_none()).collect()
    }

    /// The class that an answer means now.
    pub fn class_now(&self, mut class: ClassId) -> ClassId {
        // A merge never leads back: it is refused.
        while let Some(into) = self.classes.get(class as usize).and_then(|c| c.merged_into) {
            class = into;
        }
        class
    }

    /// What the class of an answer is called now.
    pub fn class_name(&self, class: ClassId) -> &str {
        let class = self.class_now(class);
        self.classes.get(class as usize).map_or("", |class| &class.name)
    }

    /// The open class called so.
    pub fn class_called(&self, name: &str) -> Option<&Class> {
        self.open_classes().into_iter().find(|class| class.name == name)
    }

    /// The number that learning knows each class by: its place among the open ones.
    pub fn class_places(&self) -> HashMap<ClassId, u16> {
        let open = self.open_classes();
        let places: HashMap<ClassId, u16> =
            open.iter().map(|class| class.id).zip(0_u16..).collect();
        let all = self.classes.iter();
        all.filter_map(|class| Some((class.id, *places.get(&self.class_now(class.id))?))).collect()
    }

    /// The answers that count as other programs read them, in the order in which they were given.
    pub fn rows(&self) -> Vec<Row> {
        let answered = self.images.iter().filter_map(|image| Some((image, image.answer()?)));
        let mut answered: Vec<(&Image, &Answer)> = answered.collect();
        answered.sort_by_key(|(_, answer)| answer.seq);
        answered.into_iter().map(|(image, answer)| self.row(image, answer)).collect()
    }

    fn row(&self, image: &Image, answer: &Answer) -> Row {
        let given = &answer.given;
        let state = match given.said {
            Said::Class(_) => rows::State::Labelled,
            Said::Skip => rows::State::Skip,
            Said::Unsure => rows::State::Unsure,
            Said::Unusable => rows::State::Unusable,
        };
        let guess = given.guess.as_ref().map(|guess| rows::Guess {
            class: guess.class.clone(),
            probability: guess.probability,
        });
        // A guess that came after the answer did not lead to it.
        let shown = match given.shown {
            ShowGuess::Before => Shown::Before,
            ShowGuess::Hidden | ShowGuess::After => Shown::Hidden,
        };
        Row {
            path: image.name.clone(),
            label: given.said.class().map(|class| self.class_name(class).to_owned()),
            state,
            annotator: answer.annotator.clone(),
            time: answer.time.clone(),
            held_out: given.held_out,
            flag: image.flag.clone(),
            shown: (!given.imported).then_some(shown),
            guess,
            seconds: given.seconds,
        }
    }

    /// The last answer that can be taken back.
    pub fn last_answer(&self) -> Option<(i64, ImageId)> {
        self.course.last().copied()
    }
}

/// Seconds since 1970 of a time as the store writes it: RFC 3339 in UTC.
pub fn seconds_of(time: &str) -> Option<f64> {
    let (date, clock) = time.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    // Years begin in March, so that a leap day is the last of its year.
    let year = if month < 3 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = 365 * year + year / 4 - year / 100 + year / 400 + of_year - 719_468;
    Some(86_400.0 * days as f64 + 3_600.0 * hour + 60.0 * minute + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::labelling) fn stored(id: ImageId, name: &str) -> StoredImage {
        StoredImage { id, name: name.to_owned(), group: None, digest: None }
    }

    fn project(events: &[Event]) -> State {
        let mut state = State::new(3);
        state.add_images([stored(1, "a"), stored(2, "b")]);
        for (seq, event) in (1..).zip(events) {
            let time = "2026-12-01T10:00:00.000Z".to_owned();
            state.apply(&Kept { seq, time, annotator: "ann".into(), event: event.clone() });
        }
        state
    }

    fn answer(image: ImageId, said: Said) -> Event {
        Event::Answer { image, given: Given::new(said) }
    }

    fn class(class: ClassId, name: &str) -> Event {
        Event::ClassAdded { class, name: name.to_owned() }
    }

    #[test]
    fn the_last_answer_counts_until_it_is_taken_back() {
        let mut events = vec![
            class(0, "x"),
            class(1, "y"),
            answer(1, Said::Class(0)),
            answer(2, Said::Skip),
            answer(1, Said::Class(1)),
        ];
        let state = project(&events);
        assert_eq!(state.image(1).unwrap().said(), Some(Said::Class(1)));
        assert!(!state.image(2).unwrap().is_answered());
        assert_eq!(state.last_answer(), Some((5, 1)));
        events.push(Event::Undo { of: 5 });
        let state = project(&events);
        assert_eq!(state.image(1).unwrap().said(), Some(Said::Class(0)));
        assert_eq!(state.last_answer(), Some((4, 2)));
        // What was taken back once is not taken back again.
        events.push(Event::Undo { of: 5 });
        assert_eq!(project(&events).last_answer(), Some((4, 2)));
    }

    #[test]
    fn times_are_seconds() {
        assert_eq!(seconds_of("1970-01-01T00:00:00.000Z"), Some(0.0));
        assert_eq!(seconds_of("2000-02-29T12:00:00.500Z"), Some(951_825_600.5));
        assert_eq!(seconds_of("2026-12-01T10:00:00.000Z"), Some(1_796_119_200.0));
        assert_eq!((seconds_of("2026-12-01"), seconds_of("")), (None, None));
    }

    #[test]
    fn a_merged_class_is_the_other_one_and_keys_choose_one_class() {
        let mut events = vec![class(0, "cyst"), class(1, "cysts"), class(2, "stone")];
        events.push(answer(1, Said::Class(1)));
        events.push(Event::ClassMerged { class: 1, into: 0 });
        events.push(Event::ClassRenamed { class: 0, name: "simple cyst".to_owned() });
        events.push(Event::ClassKey { class: 0, key: Some("c".into()) });
        events.push(Event::ClassKey { class: 2, key: Some("c".into()) });
        let state = project(&events);
        assert_eq!(state.class_name(1), "simple cyst");
        let open: Vec<&str> = state.open_classes().iter().map(|c| c.name.as_str()).collect();
        assert_eq!(open, ["simple cyst", "stone"]);
        assert_eq!(state.class_places(), HashMap::from([(0, 0), (1, 0), (2, 1)]));
        assert_eq!(
            (state.classes[0].key.clone(), state.classes[2].key.clone()),
            (None, Some("c".into()))
        );
        assert!(state.class_called("cysts").is_none());
    }
}
