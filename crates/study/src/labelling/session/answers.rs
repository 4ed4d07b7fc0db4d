//! What a person says: answers, what is taken back, notes, classes, settings.

use super::Session;
use super::asker::check_strategy;
use crate::error::StudyError;
use crate::labelling::event::{Event, Given, Guess, ImageId, Said, Settings, ShowGuess};
use crate::labelling::state::Class;

/// What was answered to an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// Images with a class.
    pub labelled: usize,
    /// What the classifier took the image for, where it may be seen.
    pub guess: Option<Guess>,
}

/// An answer that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Undone {
    /// The image.
    pub id: ImageId,
    /// Its name.
    pub name: String,
    /// The class that it had.
    pub label: Option<String>,
    /// `skip`, `unsure` or `unusable`, where it had no class.
    pub state: Option<&'static str>,
}

/// The most characters of a class's name and of a note.
const LONGEST_NAME: usize = 200;
const LONGEST_NOTE: usize = 2_000;
/// Letters that the page uses itself.
const OF_PAGE: &str = "fiknrsuwx";
/// As many classes as a data set may have.
const MOST_CLASSES: usize = 1_024;

impl Session {
    /// Keeps an answer. `label` is the name of a class; without one `state` says why not.
    ///
    /// # Errors
    /// If there is no such image or class, or the answer cannot be written.
    pub fn answer(
        &self,
        id: ImageId,
        client: &str,
        annotator: Option<&str>,
        said: &Wanted<'_>,
        about: About,
    ) -> Result<Reply, StudyError> {
        let mut inner = self.shared.lock();
        let Some(image) = inner.state.image(id) else {
            return Err(StudyError::NoImage(id));
        };
        let is_reserved = image.draw.is_reserved;
        let was_imported = image.answer().is_some_and(|answer| answer.given.imported);
        let said = match said {
            Wanted::Label(name) => match inner.state.class_called(name) {
                Some(class) => Said::Class(class.id),
                None => return Err(no_class(name, &inner.state.open_classes())),
            },
            Wanted::State(said) => *said,
        };
        let guess = inner.present.as_ref().and_then(|present| present.guess(id));
        let shown = inner.state.settings.show_guess;
        let given = Given {
            held_out: is_reserved && !was_imported,
            imported: false,
            reason: None,
            seconds: about.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0),
            shown: about.shown.unwrap_or(shown),
            guess: guess.clone(),
            said,
        };
        let annotator = annotator.unwrap_or(&self.shared.options.annotator);
        let before = inner.state.course.len();
        inner.keep(Some(client), annotator, &Event::Answer { image: id, given })?;
        if inner.state.course.len() > before {
            let super::Inner { desk, state, .. } = &mut *inner;
            desk.answered(state, id, said);
            inner.changes.push(id);
        }
        let labelled = inner.labelled();
        drop(inner);
        self.shared.changed.notify_all();
        Ok(Reply { labelled, guess: guess.filter(|_| shown != ShowGuess::Hidden) })
    }

    /// Takes the last answer back; its image comes next. Nothing where there is none.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn undo(&self, client: Option<&str>) -> Result<(Option<Undone>, usize), StudyError> {
        let mut inner = self.shared.lock();
        // Sent again: what was taken back then is taken back.
        let is_known = match client {
            Some(client) => inner.store.known(client)?.is_some(),
            None => false,
        };
        let last = inner.state.last_answer().filter(|_| !is_known);
        let Some((seq, id)) = last else { return Ok((None, inner.labelled())) };
        let image = inner.state.image(id);
        let (name, said) =
            image.map(|image| (image.name.clone(), image.said())).unwrap_or_default();
        let class = said.and_then(Said::class);
        let undone = Undone {
            id,
            name,
            label: class.map(|class| inner.state.class_name(class).to_owned()),
            state: said.filter(|said| said.class().is_none()).map(Said::state),
        };
        inner.keep(client, &self.shared.options.annotator, &Event::Undo { of: seq })?;
        inner.desk.taken_back(id);
        inner.changes.push(id);
        let labelled = inner.labelled();
        drop(inner);
        self.shared.changed.notify_all();
        Ok((Some(undone), labelled))
    }

    /// Puts a note on an image, or takes it off.
    ///
    /// # Errors
    /// If there is no such image, the note is too long, or it cannot be written.
    pub fn flag(&self, id: ImageId, client: &str, note: Option<&str>) -> Result<(), StudyError> {
        if note.is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            return Err(StudyError::Setting(format!(
                "a note has at most {LONGEST_NOTE} characters"
            )));
        }
        let mut inner = self.shared.lock();
        if inner.state.image(id).is_none() {
            return Err(StudyError::NoImage(id));
        }
        let event = Event::Flag { image: id, note: note.map(str::to_owned) };
        inner.keep(Some(client), &self.shared.options.annotator, &event).map(drop)
    }

    /// Makes a class, or calls one something else, or makes two of them one, or gives one a key.
    ///
    /// # Errors
    /// If the change does not fit the classes that there are, or cannot be written.
    pub fn change_class(&self, client: &str, change: &ClassChange) -> Result<(), StudyError> {
        let mut inner = self.shared.lock();
        if inner.store.known(client)?.is_some() {
            return Ok(());
        }
        let open = inner.state.open_classes();
        let class = |name: &str| {
            let found = open.iter().find(|class| class.name == name);
            found.map(|class| class.id).ok_or_else(|| no_class(name, &open))
        };
        let event = match change {
            ClassChange::Add { name } => {
                let name = new_name(name, &open)?;
                if inner.state.classes.len() >= MOST_CLASSES {
                    return Err(StudyError::Setting(format!(
                        "there are {MOST_CLASSES} classes already"
                    )));
                }
                Event::ClassAdded { class: inner.state.classes.len() as u32, name }
            }
            ClassChange::Rename { name, to } => {
                let class = class(name)?;
                if name == to {
                    return Ok(());
                }
                Event::ClassRenamed { class, name: new_name(to, &open)? }
            }
            ClassChange::Merge { name, to } => {
                let (class, into) = (class(name)?, class(to)?);
                if class == into {
                    return Err(StudyError::Setting(format!("{name} is one class already")));
                }
                Event::ClassMerged { class, into }
            }
            ClassChange::Key { name, key } => {
                let is_letter = |key: &String| {
                    let mut letters = key.chars();
                    letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
                };
                if !key.as_ref().is_none_or(is_letter) {
                    return Err(StudyError::Setting("a class's key is one letter".to_owned()));
                }
                if let Some(key) =
                    key.as_ref().filter(|key| OF_PAGE.contains(&key.to_lowercase()[..]))
                {
                    let what = format!("{key} is a key of the page itself ({OF_PAGE} are)");
                    return Err(StudyError::Setting(what));
                }
                Event::ClassKey { class: class(name)?, key: key.clone() }
            }
        };
        inner.keep(Some(client), &self.shared.options.annotator, &event)?;
        if !matches!(event, Event::ClassKey { .. }) {
            inner.generation += 1;
        }
        drop(inner);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// Sets the project to something else.
    ///
    /// # Errors
    /// If a setting is out of its range, or cannot be written.
    pub fn set(&self, client: &str, change: &SettingsChange) -> Result<(), StudyError> {
        if let Some(Some(goal)) = change.goal
            && !(goal > 0.0 && goal < 1.0)
        {
            let what = format!("the goal is {goal}, expected an accuracy between 0 and 1");
            return Err(StudyError::Setting(what));
        }
        if let Some(strategy) = &change.strategy {
            check_strategy(strategy)?;
        }
        let mut inner = self.shared.lock();
        let now = inner.state.settings.clone();
        let settings = Settings {
            show_guess: change.show_guess.unwrap_or(now.show_guess),
            goal: change.goal.unwrap_or(now.goal),
            strategy: change.strategy.clone().unwrap_or_else(|| now.strategy.clone()),
        };
        if settings == now {
            return Ok(());
        }
        let is_other = settings.strategy != now.strategy;
        let event = Event::Settings(settings);
        inner.keep(Some(client), &self.shared.options.annotator, &event)?;
        if is_other {
            inner.generation += 1;
            inner.desk.forget_choices();
        }
        drop(inner);
        self.shared.changed.notify_all();
        Ok(())
    }

    /// What the classifier takes an image for.
    pub fn guess(&self, id: ImageId) -> Option<Guess> {
        self.shared.lock().present.as_ref()?.guess(id)
    }

    /// The note on an image.
    pub fn note(&self, id: ImageId) -> Option<String> {
        self.shared.lock().state.image(id)?.flag.clone()
    }

    /// When a person sees that.
    pub fn shows_guess(&self) -> ShowGuess {
        self.shared.lock().state.settings.show_guess
    }

    /// An image that cannot be shown is unusable; the record says why.
    ///
    /// # Errors
    /// If that cannot be written.
    pub fn cannot_be_shown(&self, id: ImageId, reason: &str) -> Result<(), StudyError> {
        let mut inner = self.shared.lock();
        if inner.state.image(id).is_none_or(|image| image.answer().is_some()) {
            return Ok(());
        }
        let given =
            Given { imported: true, reason: Some(reason.to_owned()), ..Given::new(Said::Unusable) };
        inner.keep(None, "fewlabel", &Event::Answer { image: id, given })?;
        inner.desk.withdraw(id);
        inner.changes.push(id);
        Ok(())
    }
}

/// What an image is to be called.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// The name of a class.
    Label(&'a str),
    /// No class.
    State(Said),
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, Default)]
pub struct About {
    /// How long the image was looked at, in seconds.
    pub seconds: Option<f64>,
    /// When the guess was to be seen, if not as the project is set.
    pub shown: Option<ShowGuess>,
}

/// A change of the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassChange {
    /// A new one.
    Add {
        /// Its name.
        name: String,
    },
    /// Another name.
    Rename {
        /// The name now.
        name: String,
        /// The name from now on.
        to: String,
    },
    /// Two become one.
    Merge {
        /// The class that ends.
        name: String,
        /// The class that stays.
        to: String,
    },
    /// A key of its own.
    Key {
        /// The class.
        name: String,
        /// A letter, or none.
        key: Option<String>,
    },
}

/// A change of the settings; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SettingsChange {
    /// When the guess is seen.
    pub show_guess: Option<ShowGuess>,
    /// The accuracy that is wanted; `Some(None)` is none.
    pub goal: Option<Option<f64>>,
    /// The strategy.
    pub strategy: Option<String>,
}

impl super::Inner {
    /// Images with a class.
    pub(super) fn labelled(&self) -> usize {
        let classes = self.state.images.iter().filter_map(|image| image.said()?.class());
        classes.count()
    }
}

/// A name for a class that is none yet.
fn new_name(name: &str, open: &[&Class]) -> Result<String, StudyError> {
    let name = name.trim();
    let wrong = |what: String| Err(StudyError::Setting(what));
    if name.is_empty() {
        return wrong("a class needs a name".to_owned());
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return wrong(format!("a class's name has at most {LONGEST_NAME} characters, in one line"));
    }
    let lower = name.to_lowercase();
    if let Some(other) = open.iter().find(|class| class.name.to_lowercase() == lower) {
        return wrong(format!("{:?} is a class already", other.name));
    }
    Ok(name.to_owned())
}

fn no_class(name: &str, open: &[&Class]) -> StudyError {
    let names: Vec<&str> = open.iter().map(|class| class.name.as_str()).collect();
    StudyError::Setting(match names.is_empty() {
        true => format!("{name:?} is no class: there is none yet"),
        false => format!("{name:?} is no class; the classes are {}", names.join(", ")),
    })
}
