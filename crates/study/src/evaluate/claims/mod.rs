//! The paper's twelve claims, judged by the runs at hand.
//!
//! Each claim is a list of [`Part`]s; a part is one difference with its 95 % interval and a rule that turns the interval
//! into a verdict (`rule.rs`). A claim is supported if all its parts are, contradicted if one is, undecided otherwise.
//! What the paper leaves open and was chosen here (which split a claim is about, whom "more variable" compares with) is
//! said in the claim's own text.

mod evidence;
mod paper;
mod rule;

pub use evidence::{AugmentedQueries, ClassCounts, Evidence, Scores};
pub use paper::judge;
pub use rule::Rule;
pub(crate) use rule::{BY_FAR, LEVEL, SIGNIFICANT};

use crate::evaluate::rounding::signed;
use serde::Serialize;

use crate::evaluate::stats::Interval;

/// What the runs say about a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// All parts hold.
    Supported,
    /// The opposite of a part holds.
    Contradicted,
    /// Neither: too few seeds, or runs that were not made.
    Undecided,
}

impl Verdict {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::Contradicted => "contradicted",
            Self::Undecided => "undecided",
        }
    }
}

/// One of the paper's claims and what the runs say.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// 1 to 12.
    pub number: u8,
    /// What the paper says.
    pub text: &'static str,
    /// What these runs say.
    pub verdict: Verdict,
    /// In one sentence.
    pub sentence: String,
    /// What it rests on.
    pub parts: Vec<Part>,
    /// What to know beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One difference that a claim rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// What is compared, as `da - random, validation`.
    pub what: String,
    /// What the claim expects of it; `None` where it is only reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// Seeds (or images) behind it.
    pub n: usize,
    /// The difference, in `unit`.
    pub difference: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// P-value, where the rule is a test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// `points` (of accuracy or share), `bits`.
    pub unit: &'static str,
    /// What follows.
    pub verdict: Verdict,
    /// Seeds at which the interval would be one unit to each side, at the spread that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<usize>,
}

impl Claim {
    /// Puts parts together by the rule for claims of several parts.
    fn of(number: u8, text: &'static str, parts: Vec<Part>) -> Self {
        let judged: Vec<&Part> = parts.iter().filter(|part| part.rule.is_some()).collect();
        let verdict = if judged.iter().any(|part| part.verdict == Verdict::Contradicted) {
            Verdict::Contradicted
        } else if !judged.is_empty() && judged.iter().all(|part| part.verdict == Verdict::Supported) {
            Verdict::Supported
        } else {
            Verdict::Undecided
        };
        let sentence = sentence(verdict, &judged);
        Self { number, text, verdict, sentence, parts, note: None }
    }

    /// Whether the study has no run that bears on it.
    pub fn is_not_run(&self) -> bool {
        self.parts.iter().all(|part| part.n == 0)
    }

    fn with_note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// Comparisons that a sentence names.
const MOST_NAMED: usize = 3;

fn sentence(verdict: Verdict, judged: &[&Part]) -> String {
    let of = |wanted: Verdict| judged.iter().filter(move |part| part.verdict == wanted);
    let say = |part: &Part| format!("{} ({})", part.what, part.in_figures());
    match verdict {
        Verdict::Supported if judged.len() == 1 => format!("It holds: {}.", say(judged[0])),
        Verdict::Supported => {
            let weakest = judged.iter().min_by(|a, b| a.distance().total_cmp(&b.distance()));
            let closest = weakest.map_or_else(String::new, |part| format!("; the closest is {}", say(part)));
            format!("All {} comparisons hold{closest}.", judged.len())
        }
        Verdict::Contradicted => {
            let against: Vec<String> = of(Verdict::Contradicted).map(|part| say(part)).collect();
            let named = against[..against.len().min(MOST_NAMED)].join("; ");
            let among = if against.len() > MOST_NAMED { ", among them" } else { ":" };
            match (against.len(), judged.len()) {
                (1, 1) => format!("The opposite is shown: {named}."),
                (1, all) => format!("1 of {all} comparisons shows the opposite: {named}."),
                (count, all) => format!("{count} of {all} comparisons show the opposite{among} {named}."),
            }
        }
        Verdict::Undecided => undecided(judged),
    }
}

fn undecided(judged: &[&Part]) -> String {
    let open: Vec<&&Part> = judged.iter().filter(|part| part.verdict == Verdict::Undecided).collect();
    let Some(first) = open.first() else { return "No run bears on it.".to_owned() };
    let missing = open.iter().filter(|part| part.interval.is_none() && part.p.is_none()).count();
    if missing == judged.len() {
        let lack = if open.iter().all(|part| part.n == 0) { "No runs" } else { "Too few seeds" };
        return format!("{lack} for {}{}.", first.what, more(&open));
    }
    let widest = open.iter().max_by_key(|part| part.seeds_needed.unwrap_or(0));
    let seeds = widest.and_then(|part| part.seeds_needed).map_or_else(String::new, |seeds| {
        format!("; at this spread about {seeds} seeds would narrow every such interval to 1 point to each side")
    });
    let held = judged.len() - open.len();
    let start =
        if held > 0 { format!("{held} of {} comparisons hold; these", judged.len()) } else { "These".to_owned() };
    format!("{start} runs cannot tell about {} ({}){}{seeds}.", first.what, first.in_figures(), more(&open))
}

/// How many parts there are beside the first.
fn more(parts: &[&&Part]) -> String {
    match parts.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    }
}

impl Part {
    /// Difference and interval in words.
    pub fn in_figures(&self) -> String {
        let digits = if self.unit == "bits" { 3 } else { 1 };
        let number = |value: f64| signed(value, digits);
        match (self.difference, self.interval, self.p) {
            (Some(difference), Some(interval), _) => {
                format!("{} [{}, {}] {}", number(difference), number(interval.low), number(interval.high), self.unit)
            }
            (Some(difference), None, Some(p)) => format!("{} {}, p = {}", number(difference), self.unit, p_value(p)),
            (Some(difference), None, None) => format!("{} {}, one seed", number(difference), self.unit),
            _ => "no runs".to_owned(),
        }
    }

    /// How far the nearer end of the interval is from zero, to find the closest call.
    fn distance(&self) -> f64 {
        self.interval.map_or(f64::INFINITY, |interval| interval.low.abs().min(interval.high.abs()))
    }
}

/// A p-value with the digits that mean something.
pub fn p_value(p: f64) -> String {
    if p < 0.001 {
        "< 0.001".to_owned()
    } else if p < 0.1 {
        format!("{p:.3}")
    } else {
        format!("{p:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(verdict: Verdict) -> Part {
        let interval = Some(Interval { low: -1.0, high: 3.0 });
        let (difference, n, unit) = (Some(1.0), 5, "points");
        Part {
            what: "a - b, test".into(),
            rule: Some(Rule::Above),
            n,
            difference,
            interval,
            p: None,
            unit,
            verdict,
            seeds_needed: Some(40),
        }
    }

    #[test]
    fn one_contradicted_part_contradicts_and_all_must_hold() {
        use Verdict::{Contradicted, Supported, Undecided};
        let verdict = |verdicts: &[Verdict]| Claim::of(1, "", verdicts.iter().map(|v| part(*v)).collect()).verdict;
        assert_eq!(verdict(&[Supported, Contradicted, Undecided]), Contradicted);
        assert_eq!(verdict(&[Supported, Undecided]), Undecided);
        assert_eq!(verdict(&[Supported, Supported]), Supported);
        assert_eq!(verdict(&[]), Undecided);
    }

    #[test]
    fn a_part_that_is_only_reported_decides_nothing() {
        let reported = Part { rule: None, ..part(Verdict::Contradicted) };
        assert_eq!(Claim::of(7, "", vec![part(Verdict::Supported), reported]).verdict, Verdict::Supported);
    }

    #[test]
    fn a_sentence_agrees_with_its_number_and_names_all_or_says_among() {
        use Verdict::{Contradicted, Supported};
        let sentence = |verdicts: &[Verdict]| Claim::of(1, "", verdicts.iter().map(|v| part(*v)).collect()).sentence;
        assert!(sentence(&[Contradicted]).starts_with("The opposite is shown: a - b"));
        assert!(sentence(&[Contradicted, Supported]).starts_with("1 of 2 comparisons shows the opposite: a - b"));
        assert!(sentence(&[Contradicted; 3]).starts_with("3 of 3 comparisons show the opposite: a - b"));
        assert_eq!(sentence(&[Contradicted; 3]).matches("a - b").count(), 3);
        assert!(sentence(&[Contradicted; 4]).starts_with("4 of 4 comparisons show the opposite, among them a - b"));
    }

    #[test]
    fn a_claim_without_runs_says_so() {
        let none = Part { n: 0, difference: None, interval: None, ..part(Verdict::Undecided) };
        let claim = Claim::of(11, "", vec![none.clone(), none]);
        assert!(claim.is_not_run());
        assert_eq!(claim.sentence, "No runs for a - b, test and 1 more.");
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!([signed(-0.04, 1), signed(0.04, 1), signed(-0.06, 1)], ["0.0", "0.0", "\u{2212}0.1"]);
    }

    #[test]
    fn an_undecided_claim_says_how_many_seeds_would_do() {
        let claim = Claim::of(1, "", vec![part(Verdict::Undecided)]);
        assert!(claim.sentence.contains("a - b, test (+1.0 [\u{2212}1.0, +3.0] points)"), "{}", claim.sentence);
        assert!(claim.sentence.contains("about 40 seeds"), "{}", claim.sentence);
    }
}
