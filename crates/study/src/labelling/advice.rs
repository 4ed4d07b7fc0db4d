//! The one plain sentence that says where labelling stands.

use super::estimate::{FEWEST_HELD_OUT, Interval};
use super::forecast::{Forecast, NEXT_LABELS, Outlook};
use crate::evaluate::rounding::plain;
use fewlabel_learn::counted;

/// What the sentence is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation {
    /// Whether images are still being read.
    pub importing: bool,
    /// Held-out answers with a class.
    pub held_out: usize,
    /// The accuracy, where it is shown.
    pub accuracy: Option<Interval>,
    /// The accuracy that the person wants, from 0 to 1.
    pub goal: Option<f64>,
    /// What the learning curve says.
    pub outlook: Outlook,
}

/// The sentence.
pub fn advice(situation: &Situation) -> String {
    let Situation { importing, held_out, accuracy, goal, outlook } = situation;
    if *importing {
        return "Images are still being read; your answers count already.".to_owned();
    }
    let Some(accuracy) = accuracy else {
        let left = FEWEST_HELD_OUT.saturating_sub(*held_out).max(1);
        return format!("{} until a number is shown.", counted(left, "more held-out answer"));
    };
    if let Some(goal) = goal.filter(|goal| accuracy.estimate >= *goal) {
        return reached(accuracy, goal, outlook.no_more_gain);
    }
    if outlook.no_more_gain {
        return format!(
            "More labels no longer help: {NEXT_LABELS} more would raise the accuracy by less \
             than one point."
        );
    }
    // A range from nothing to no end says nothing.
    let forecast = outlook.forecast.filter(|forecast| forecast.low > 0 || forecast.high.is_some());
    match (forecast, goal, outlook.gain) {
        (Some(forecast), Some(goal), _) => to_go(&forecast, *goal),
        (None, Some(goal), _) => {
            format!("How many labels your goal of {} takes cannot be said yet.", percent(*goal))
        }
        (_, None, Some(gain)) => format!(
            "{NEXT_LABELS} more labels may raise the accuracy by about {} points, by {} at most.",
            plain(100.0 * gain.estimate, 1),
            plain(100.0 * gain.high, 1)
        ),
        (_, None, None) => "More labels make the classifier better and its accuracy surer.".into(),
    }
}

fn reached(accuracy: &Interval, goal: f64, no_more_gain: bool) -> String {
    let goal = percent(goal);
    if no_more_gain {
        return format!("Your goal of {goal} is reached, and more labels no longer help.");
    }
    format!(
        "Your goal of {goal} is reached; the accuracy is between {} and {}.",
        percent(accuracy.low),
        percent(accuracy.high)
    )
}

fn to_go(forecast: &Forecast, goal: f64) -> String {
    let Forecast { more_labels, low, high, minutes } = *forecast;
    if more_labels == 0 {
        return format!(
            "Your goal of {} may be reached already: more held-out answers will show.",
            percent(goal)
        );
    }
    let range = match high {
        Some(high) => format!("{low} to {high}"),
        None => format!("{low} or more"),
    };
    let time = match minutes {
        Some(minutes) => format!(", {},", counted(minutes as usize, "minute")),
        None => String::new(),
    };
    let labels = counted(more_labels as usize, "more label");
    format!("About {labels} ({range}){time} to reach your goal of {}.", percent(goal))
}

/// A share in percent, with a digit after the point where it has one.
fn percent(share: f64) -> String {
    let text = plain(100.0 * share, 1);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::forecast::Gain;

    #[test]
    fn every_state_has_its_sentence() {
        let accuracy = Interval { estimate: 0.83, low: 0.66, high: 0.93, n: 24 };
        let forecast = Forecast { more_labels: 60, low: 30, high: Some(150), minutes: Some(9) };
        let there = Forecast { more_labels: 0, ..forecast };
        let open = Forecast { more_labels: 1, low: 1, high: None, minutes: None };
        let gain = Some(Gain { estimate: 0.012, high: 0.034 });
        let outlook = Outlook { forecast: Some(forecast), gain, no_more_gain: false };
        let no_gain = Outlook { forecast: None, gain, no_more_gain: true };
        let early = Situation { held_out: 8, ..Situation::default() };
        let shown = Situation { held_out: 24, accuracy: Some(accuracy), outlook, ..early };
        let goal = Situation { goal: Some(0.9), ..shown };
        let reached = Situation { goal: Some(0.8), ..shown };
        for (situation, expected) in [
            (
                Situation { importing: true, ..early },
                "Images are still being read; your answers count already.",
            ),
            (early, "12 more held-out answers until a number is shown."),
            (
                Situation { held_out: 19, ..early },
                "1 more held-out answer until a number is shown.",
            ),
            (goal, "About 60 more labels (30 to 150), 9 minutes, to reach your goal of 90 %."),
            (
                Situation { outlook: Outlook { forecast: Some(open), ..outlook }, ..goal },
                "About 1 more label (1 or more) to reach your goal of 90 %.",
            ),
            (
                Situation { outlook: Outlook { forecast: Some(there), ..outlook }, ..goal },
                "Your goal of 90 % may be reached already: more held-out answers will show.",
            ),
            (
                Situation { outlook: Outlook { forecast: None, ..outlook }, ..goal },
                "How many labels your goal of 90 % takes cannot be said yet.",
            ),
            (reached, "Your goal of 80 % is reached; the accuracy is between 66 % and 93 %."),
            (
                Situation { outlook: no_gain, ..reached },
                "Your goal of 80 % is reached, and more labels no longer help.",
            ),
            (
                Situation { outlook: no_gain, ..goal },
                "More labels no longer help: 50 more would raise the accuracy by less than one \
                 point.",
            ),
            (shown, "50 more labels may raise the accuracy by about 1.2 points, by 3.4 at most."),
            (
                Situation { outlook: Outlook::default(), ..shown },
                "More labels make the classifier better and its accuracy surer.",
            ),
        ] {
            assert_eq!(advice(&situation), expected);
        }
    }
}
