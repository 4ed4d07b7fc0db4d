//! How a project stands.

use super::asker::strategies;
use super::{Finish, Inner, Session, Shared};
use crate::labelling::advice::{Situation, advice};
use crate::labelling::curve::{self, CurveShare};
use crate::labelling::estimate::{Estimate, Interval};
use crate::labelling::event::{Said, Settings};
use crate::labelling::forecast::{self, Forecast};
use crate::labelling::handover::Told;
use crate::labelling::rate;
use crate::labelling::state::seconds_of;
use serde::Serialize;

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Images are read.
    Importing,
    /// An encoder is learned.
    Pretraining,
    /// A classifier follows every answer.
    Learning,
    /// Every image is answered.
    Finished,
}

/// How far something is that takes its time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// What.
    pub what: String,
    /// From 0 to 1.
    pub done: f64,
    /// How long it will take, if that can be told.
    pub seconds_left: Option<f64>,
}

/// A class and what chooses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassStatus {
    /// Its name.
    pub name: String,
    /// Images of it.
    pub count: usize,
    /// The key: a digit, Shift and a digit, or a letter.
    pub key: Option<String>,
}

/// On what the present classifier stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ModelStatus {
    /// Labels that it has learned.
    pub labels: usize,
    /// Whether it sees an encoder's features, not the pixels.
    pub encoder: bool,
}

/// How a project stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Images that can be shown.
    pub pool: usize,
    /// Images with a class.
    pub labelled: usize,
    /// Those of them that are held out to judge by.
    pub held_out: usize,
    /// What is going on.
    pub phase: Phase,
    /// The accuracy on what is held out, from 20 answers on.
    pub accuracy: Option<Interval>,
    /// What to do, in one sentence.
    pub advice: String,
    /// The data set's name.
    pub name: String,
    /// The project's folder.
    pub project: String,
    /// Of this program.
    pub version: String,
    /// The classes, in the order in which they were made.
    pub classes: Vec<ClassStatus>,
    /// Images that nobody can tell.
    pub unsure: usize,
    /// Images that should not be there.
    pub unusable: usize,
    /// Images that come back.
    pub skipped: usize,
    /// Images with a note.
    pub flagged: usize,
    /// Images that nobody has answered.
    pub open: usize,
    /// Whether there is an answer to take back.
    pub can_undo: bool,
    /// What the project is set to.
    pub settings: Settings,
    /// Strategies that may be chosen.
    pub strategies: Vec<String>,
    /// How far something is that takes its time.
    pub progress: Option<Progress>,
    /// The present classifier.
    pub model: Option<ModelStatus>,
    /// What it is worth.
    pub estimate: Option<Estimate>,
    /// What it was worth with fewer labels.
    pub curve: Vec<CurveShare>,
    /// When the goal is reached.
    pub forecast: Option<Forecast>,
    /// Whether more labels do not help any more.
    pub no_more_gain: bool,
    /// How fast answers come.
    pub labels_per_minute: Option<f64>,
    /// How far the handing over is.
    pub finish: Option<Finish>,
    /// What keeps answers from being kept.
    pub problem: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl Shared {
    /// What a report says of the project.
    pub(super) fn told(&self) -> Told {
        let Status { advice, mut notes, labels_per_minute, settings, model, .. } = self.status();
        let sees = match model {
            Some(ModelStatus { encoder: true, .. }) => "an encoder's features",
            _ => "the pixels",
        };
        notes.push(format!("Images were chosen by {} on {sees}.", settings.strategy));
        Told { advice, notes, labels_per_minute }
    }

    /// How the project stands now.
    pub(super) fn status(&self) -> Status {
        let inner = self.lock();
        let classes = inner.class_status();
        let count = |said: Said| {
            inner.state.images.iter().filter(|image| image.said() == Some(said)).count()
        };
        let present = inner.present.clone();
        let present = present.as_deref();
        let estimate = present.and_then(|present| present.estimate.clone());
        let labels_per_minute = inner.rate();
        let goal = inner.state.settings.goal;
        let points = present.map(|present| present.curve.as_slice()).unwrap_or_default();
        let outlook = forecast::outlook(points, goal, labels_per_minute);
        let (labelled, held_out) = (inner.labelled(), inner.held_out());
        let open = inner.desk.left(&inner.state);
        let phase = inner.phase(open);
        let advice = advice(&Situation {
            importing: phase == Phase::Importing,
            held_out,
            accuracy: estimate.as_ref().map(|estimate| estimate.accuracy),
            goal,
            outlook,
        });
        Status {
            pool: inner.images(),
            labelled,
            held_out,
            phase,
            accuracy: estimate.as_ref().map(|estimate| estimate.accuracy),
            advice,
            name: inner.name(&self.options.data),
            project: self.folder.display().to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            classes,
            unsure: count(Said::Unsure),
            unusable: count(Said::Unusable),
            skipped: count(Said::Skip),
            flagged: inner.state.images.iter().filter(|image| image.flag.is_some()).count(),
            open,
            can_undo: inner.state.last_answer().is_some(),
            settings: inner.state.settings.clone(),
            strategies: strategies(),
            progress: inner.progress.clone(),
            model: present.map(|present| present.model),
            estimate,
            curve: curve::shares(points),
            forecast: outlook.forecast,
            no_more_gain: outlook.no_more_gain,
            labels_per_minute,
            finish: inner.finish.clone(),
            problem: inner.problem.clone(),
            notes: inner.notes.clone(),
        }
    }
}

impl Session {
    /// How the project stands now.
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// The classes that an image can be given.
    pub fn classes(&self) -> Vec<ClassStatus> {
        self.shared.lock().class_status()
    }
}

impl Inner {
    fn class_status(&self) -> Vec<ClassStatus> {
        let places = self.state.class_places();
        let open = self.state.open_classes();
        let mut counts = vec![0; open.len()];
        for class in self.state.images.iter().filter_map(|image| image.said()?.class()) {
            if let Some(&place) = places.get(&class) {
                counts[usize::from(place)] += 1;
            }
        }
        let status = |(place, class): (usize, &&crate::labelling::state::Class)| ClassStatus {
            name: class.name.clone(),
            count: counts[place],
            key: class.key.clone().or_else(|| digit(place)),
        };
        open.iter().enumerate().map(status).collect()
    }

    pub(super) fn held_out(&self) -> usize {
        let held = self.state.images.iter().filter(|image| image.is_held_out());
        held.filter(|image| image.said().and_then(Said::class).is_some()).count()
    }

    /// Images that are there.
    fn images(&self) -> usize {
        let all = self.state.images.iter();
        all.filter(|image| !self.desk.is_withdrawn(image.id) || image.is_answered()).count()
    }

    fn name(&self, data: &std::path::Path) -> String {
        match &self.loaded {
            Some(loaded) => loaded.data.name.clone(),
            None => data.file_name().unwrap_or(data.as_os_str()).to_string_lossy().into_owned(),
        }
    }

    fn phase(&self, open: usize) -> Phase {
        match (self.is_reading, self.is_providing, open) {
            (true, ..) => Phase::Importing,
            (false, _, 0) => Phase::Finished,
            (false, true, _) => Phase::Pretraining,
            (false, false, _) => Phase::Learning,
        }
    }

    /// Answers a minute, pauses left out.
    fn rate(&self) -> Option<f64> {
        let times = self.state.course.iter().filter_map(|(seq, id)| {
            let answers = &self.state.image(*id)?.answers;
            let answer = answers.iter().find(|answer| answer.seq == *seq)?;
            seconds_of(&answer.time)
        });
        rate::labels_per_minute(&times.collect::<Vec<_>>())
    }
}

/// The key of a class that was given none: 1 to 9, 0, then the same with Shift.
fn digit(place: usize) -> Option<String> {
    match place {
        0..=9 => Some(((place + 1) % 10).to_string()),
        10..=19 => Some(format!("Shift+{}", (place - 9) % 10)),
        _ => None,
    }
}
