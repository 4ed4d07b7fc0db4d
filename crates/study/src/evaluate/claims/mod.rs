//! The paper's twelve claims, judged by the runs at hand.
//!
//! Each claim is a list of [`Part`]s; a part is one difference with its 95 % interval and a rule
//! (`rule.rs`) that asks where the interval lies: a two-sided test against the rule's bound. The
//! tests of a data set's claims are corrected together (Holm): those between runs, and those of
//! class shares. Verdicts follow from the corrected p. A claim is supported if all its parts are,
//! contradicted if one is, undecided otherwise; fewer than five seeds decide nothing. What the
//! paper leaves open and was chosen here (which split a claim is about, whom "more variable"
//! compares with) is said in the claim's own text.

mod evidence;
mod paper;
mod part;
mod rule;

pub use evidence::{AugmentedQueries, ClassCounts, Evidence, Scores};
pub use paper::judge;
pub use part::Part;
pub use rule::Rule;
pub(crate) use rule::{BY_FAR, FEWEST_SEEDS, LEVEL, SIGNIFICANT};

use fewlabel_learn::counted;
use serde::Serialize;

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

    /// In words, with the number of seeds where they are too few.
    pub(crate) fn in_words(self, too_few_seeds: Option<usize>) -> String {
        match too_few_seeds.filter(|_| self == Self::Undecided) {
            Some(seeds) => format!("{} (too few seeds: {seeds})", self.word()),
            None => self.word().to_owned(),
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
    /// The fewest seeds of a comparison that is undecided for that reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub too_few_seeds: Option<usize>,
    /// In one sentence.
    pub sentence: String,
    /// What it rests on.
    pub parts: Vec<Part>,
    /// What to know beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Claim {
    /// A claim that is still to be judged.
    fn of(number: u8, text: &'static str, parts: Vec<Part>) -> Self {
        let (verdict, sentence) = (Verdict::Undecided, String::new());
        Self { number, text, verdict, too_few_seeds: None, sentence, parts, note: None }
    }

    /// Puts the verdicts of the parts together.
    fn settle(mut self, at_chance: bool) -> Self {
        let judged: Vec<&Part> = self.parts.iter().filter(|part| part.rule.is_some()).collect();
        self.verdict = if judged.iter().any(|part| part.verdict == Verdict::Contradicted) {
            Verdict::Contradicted
        } else if !judged.is_empty() && judged.iter().all(|part| part.verdict == Verdict::Supported)
        {
            Verdict::Supported
        } else {
            Verdict::Undecided
        };
        let is_open = self.verdict == Verdict::Undecided;
        self.too_few_seeds =
            judged.iter().filter_map(|part| part.too_few_seeds()).min().filter(|_| is_open);
        let is_by_seeds = judged.iter().any(|part| part.is_by_seeds());
        self.sentence = match at_chance && is_open && is_by_seeds {
            true => "Every model is at chance: there is nothing to compare.".to_owned(),
            false => sentence(self.verdict, &judged),
        };
        self
    }

    /// The verdict in words.
    pub fn verdict_in_words(&self) -> String {
        self.verdict.in_words(self.too_few_seeds)
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
            let closest =
                weakest.map_or_else(String::new, |part| format!("; the closest is {}", say(part)));
            format!("All {} hold{closest}.", counted(judged.len(), "comparison"))
        }
        Verdict::Contradicted => {
            let against: Vec<String> = of(Verdict::Contradicted).map(|part| say(part)).collect();
            let named = against[..against.len().min(MOST_NAMED)].join("; ");
            let among = if against.len() > MOST_NAMED { ", among them" } else { ":" };
            match (against.len(), judged.len()) {
                (1, 1) => format!("The opposite is shown: {named}."),
                (1, all) => format!("1 of {all} comparisons shows the opposite: {named}."),
                (count, all) => {
                    format!("{count} of {all} comparisons show the opposite{among} {named}.")
                }
            }
        }
        Verdict::Undecided => undecided(judged),
    }
}

fn undecided(judged: &[&Part]) -> String {
    let open: Vec<&Part> =
        judged.iter().copied().filter(|part| part.verdict == Verdict::Undecided).collect();
    let first = |wanted: &dyn Fn(&Part) -> bool| open.iter().copied().find(|part| wanted(part));
    let Some(open_first) = first(&|part| part.n > 0) else {
        let none = |part: &&Part| format!("No runs for {}{}.", part.what, more(open.len()));
        return open.first().map_or_else(|| "No run bears on it.".to_owned(), none);
    };
    if let Some(few) = first(&|part| part.too_few_seeds().is_some()) {
        let (what, figures, more) = (&few.what, few.in_figures(), more(open.len()));
        return format!(
            "Fewer than {FEWEST_SEEDS} seeds decide nothing about {what} ({figures}){more}."
        );
    }
    let widest = open.iter().filter_map(|part| part.seeds_needed).max();
    let seeds = widest.map_or_else(String::new, |seeds| {
        let seeds = counted(seeds, "seed");
        format!(
            "; at this spread about {seeds} would narrow every such interval to 1 point to \
                 each side"
        )
    });
    let same = first(&|part| part.lacks_spread()).map_or("", |_| {
        "; a difference that is the same in every seed has no spread, and nothing \
                         to test it by"
    });
    let held = judged.len() - open.len();
    let start = if held > 0 {
        format!("{held} of {} comparisons hold; these", judged.len())
    } else {
        "These".to_owned()
    };
    let figures = open_first.in_figures();
    format!(
        "{start} runs cannot tell about {} ({figures}){}{seeds}{same}.",
        open_first.what,
        more(open.len())
    )
}

/// How many parts there are beside the first.
fn more(parts: usize) -> String {
    match parts {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
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
    use super::part::{Counted, judge_together};
    use super::*;
    use crate::evaluate::rounding::signed;
    use crate::evaluate::stats::Interval;

    fn part(verdict: Verdict) -> Part {
        let interval = Some(Interval { low: -1.0, high: 3.0 });
        let empty = Part::empty("a - b, test".into(), Some(Rule::Above), "points", Counted::Seeds);
        Part {
            n: 5,
            difference: Some(1.0),
            interval,
            p: Some(0.2),
            verdict,
            seeds_needed: Some(40),
            ..empty
        }
    }

    fn claim(parts: Vec<Part>) -> Claim {
        Claim::of(1, "", parts).settle(false)
    }

    #[test]
    fn one_contradicted_part_contradicts_and_all_must_hold() {
        use Verdict::{Contradicted, Supported, Undecided};
        let verdict =
            |verdicts: &[Verdict]| claim(verdicts.iter().map(|v| part(*v)).collect()).verdict;
        assert_eq!(verdict(&[Supported, Contradicted, Undecided]), Contradicted);
        assert_eq!(verdict(&[Supported, Undecided]), Undecided);
        assert_eq!(verdict(&[Supported, Supported]), Supported);
        assert_eq!(verdict(&[]), Undecided);
    }

    #[test]
    fn a_part_that_is_only_reported_decides_nothing() {
        let reported = Part { rule: None, ..part(Verdict::Contradicted) };
        assert_eq!(claim(vec![part(Verdict::Supported), reported]).verdict, Verdict::Supported);
    }

    #[test]
    fn a_sentence_agrees_with_its_number_and_names_all_or_says_among() {
        use Verdict::{Contradicted, Supported};
        let sentence =
            |verdicts: &[Verdict]| claim(verdicts.iter().map(|v| part(*v)).collect()).sentence;
        assert!(sentence(&[Contradicted]).starts_with("The opposite is shown: a - b"));
        assert!(
            sentence(&[Contradicted, Supported])
                .starts_with("1 of 2 comparisons shows the opposite: a - b")
        );
        assert!(
            sentence(&[Contradicted; 3]).starts_with("3 of 3 comparisons show the opposite: a - b")
        );
        assert_eq!(sentence(&[Contradicted; 3]).matches("a - b").count(), 3);
        assert!(
            sentence(&[Contradicted; 4])
                .starts_with("4 of 4 comparisons show the opposite, among them a - b")
        );
    }

    #[test]
    fn a_claim_without_runs_says_so() {
        let none =
            Part { n: 0, difference: None, interval: None, p: None, ..part(Verdict::Undecided) };
        let claim = claim(vec![none.clone(), none]);
        assert!(claim.is_not_run());
        assert_eq!(claim.sentence, "No runs for a - b, test and 1 more.");
    }

    #[test]
    fn what_rounds_to_zero_has_no_sign() {
        assert_eq!(
            [signed(-0.04, 1), signed(0.04, 1), signed(-0.06, 1)],
            ["0.0", "0.0", "\u{2212}0.1"]
        );
    }

    #[test]
    fn an_undecided_claim_says_how_many_seeds_would_do() {
        let claim = claim(vec![part(Verdict::Undecided)]);
        assert!(
            claim.sentence.contains("a - b, test (+1.0 [\u{2212}1.0, +3.0] points)"),
            "{}",
            claim.sentence
        );
        assert!(claim.sentence.contains("about 40 seeds"), "{}", claim.sentence);
    }

    #[test]
    fn four_seeds_decide_nothing_and_are_counted() {
        let few = |n: usize| {
            let pairs: Vec<(f64, f64)> = (0..n).map(|i| (10.0 + 0.1 * i as f64, 1.0)).collect();
            let mut part = Part::paired("a - b, test".into(), &pairs, "points", Some(Rule::Above));
            judge_together(vec![&mut part]);
            claim(vec![part])
        };
        let four = few(4);
        assert_eq!(four.verdict_in_words(), "undecided (too few seeds: 4)");
        assert_eq!(
            (four.parts[0].verdict_in_words(), four.parts[0].p),
            ("undecided (too few seeds: 4)".into(), None)
        );
        assert!(
            four.sentence.starts_with("Fewer than 5 seeds decide nothing about a - b, test (+9."),
            "{}",
            four.sentence
        );
        assert_eq!((few(5).verdict, few(5).too_few_seeds), (Verdict::Supported, None));
    }

    #[test]
    fn a_difference_that_every_seed_has_is_not_tested() {
        let pairs = [(0.3, 0.1), (0.4, 0.2)].repeat(3);
        let mut part = Part::paired("a - b, test".into(), &pairs, "points", Some(Rule::Above));
        judge_together(vec![&mut part]);
        assert_eq!(
            (part.p, part.interval, part.verdict, part.seeds_needed),
            (None, None, Verdict::Undecided, None)
        );
        let sentence = claim(vec![part]).sentence;
        assert!(sentence.contains("(+0.2 points, the same in every seed)"), "{sentence}");
        assert!(sentence.contains("has no spread, and nothing to test it by"), "{sentence}");
    }

    #[test]
    fn holm_s_correction_stands_in_the_verdict() {
        let with =
            |p: f64| Part { p: Some(p), leaning: Verdict::Supported, ..part(Verdict::Undecided) };
        let verdicts = |ps: &[f64]| {
            let mut parts: Vec<Part> = ps.iter().map(|&p| with(p)).collect();
            judge_together(parts.iter_mut().collect());
            parts
        };
        assert_eq!(verdicts(&[0.03])[0].verdict, Verdict::Supported);
        let two = verdicts(&[0.03, 0.04]);
        assert!(
            two.iter().all(|part| part.verdict == Verdict::Undecided && part.holm_p == Some(0.06)),
            "{two:?}"
        );
        assert!(
            two[0].in_figures().ends_with("points, p = 0.060 after Holm"),
            "{}",
            two[0].in_figures()
        );
        assert_eq!(verdicts(&[0.02, 0.04])[1].verdict, Verdict::Supported);
    }

    #[test]
    fn class_shares_are_a_family_of_their_own() {
        let with = |p: f64, counts| Part {
            p: Some(p),
            counts,
            leaning: Verdict::Supported,
            ..part(Verdict::Undecided)
        };
        let (mut runs, mut shares) = (with(0.03, Counted::Seeds), with(0.04, Counted::Images));
        judge_together(vec![&mut runs, &mut shares]);
        assert_eq!((runs.holm_p, shares.holm_p), (Some(0.03), Some(0.04)));
    }
}
