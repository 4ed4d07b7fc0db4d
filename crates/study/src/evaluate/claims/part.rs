//! One difference that a claim rests on, and what follows from it.

use super::rule::{FEWEST_SEEDS, Finding, Rule, SIGNIFICANT, not_both_above};
use super::{Verdict, p_value};
use crate::evaluate::rounding::{signed, span};
use crate::evaluate::stats::{Interval, Paired, PitmanMorgan, holm, seeds_for_half_width};
use serde::Serialize;

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
    /// P-value of the rule's test: below 0.05 exactly where the interval lies as a verdict asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// The same after Holm over all tests of the claims on this data set that compare runs, or over
    /// those of class shares; the verdict follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holm_p: Option<f64>,
    /// `points` (of accuracy or share), `bits`.
    pub unit: &'static str,
    /// What follows.
    pub verdict: Verdict,
    /// Seeds at which the interval would be one unit to each side, at the spread that was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<usize>,
    /// What follows if the test finds it.
    #[serde(skip)]
    pub(super) leaning: Verdict,
    /// What `n` counts.
    #[serde(skip)]
    pub(super) counts: Counted,
    /// Why there is no interval, where the difference is one over seeds.
    #[serde(skip)]
    pub(super) why_no_interval: Option<&'static str>,
}

/// What stands behind a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Seeds,
    Images,
}

impl Part {
    /// A difference without runs or images.
    pub(super) fn empty(
        what: String,
        rule: Option<Rule>,
        unit: &'static str,
        counts: Counted,
    ) -> Self {
        Self {
            what,
            rule,
            n: 0,
            difference: None,
            interval: None,
            p: None,
            holm_p: None,
            unit,
            verdict: Verdict::Undecided,
            seeds_needed: None,
            leaning: Verdict::Undecided,
            counts,
            why_no_interval: None,
        }
    }

    /// The mean difference of pairs, one a seed.
    pub(super) fn paired(
        what: String,
        pairs: &[(f64, f64)],
        unit: &'static str,
        rule: Option<Rule>,
    ) -> Self {
        let part = Self::empty(what, rule, unit, Counted::Seeds);
        let Some(paired) = Paired::of(pairs) else { return part };
        let finding =
            rule.and_then(|rule| rule.finding(paired.mean, |bound| paired.p_against(bound)));
        let sd = paired.sd.filter(|_| unit == "points" && !paired.lacks_spread());
        let seeds_needed = sd.map(|sd| seeds_for_half_width(sd, 1.0));
        let (n, difference, interval) = (paired.n, Some(paired.mean), paired.interval);
        let why_no_interval = interval.is_none().then(|| paired.why_no_interval());
        Self { n, difference, interval, seeds_needed, why_no_interval, ..part }.with(finding)
    }

    /// The difference of two deviations over `n` seeds.
    pub(super) fn deviation(
        what: String,
        n: usize,
        test: Option<PitmanMorgan>,
        rule: Rule,
    ) -> Self {
        let difference = test.map(|test| test.first_sd - test.second_sd);
        let part =
            Self { n, difference, ..Self::empty(what, Some(rule), "points", Counted::Seeds) };
        part.with(test.map(|test| rule.of_deviations(test)))
    }

    /// That not both of two differences lie above zero; shows the lower one.
    pub(super) fn not_both(first: (Self, &[(f64, f64)]), second: (Self, &[(f64, f64)])) -> Self {
        let finding = match (Paired::of(first.1), Paired::of(second.1)) {
            (Some(one), Some(two)) => not_both_above(&one, &two),
            _ => None,
        };
        let lower = if first.0.difference < second.0.difference { first.0 } else { second.0 };
        Self { rule: Some(Rule::NotBothAbove), ..lower }.with(finding)
    }

    /// Takes what the rule's test finds. Of too few seeds none is made.
    pub(super) fn with(mut self, finding: Option<Finding>) -> Self {
        if let Some(Finding { verdict, p }) = finding.filter(|_| self.too_few_seeds().is_none()) {
            (self.leaning, self.p) = (verdict, Some(p));
        }
        self
    }

    /// Whether runs stand behind it, and there are some.
    pub(super) fn is_by_seeds(&self) -> bool {
        self.counts == Counted::Seeds && self.n > 0
    }

    /// Leaves out the test of a difference of runs, for runs that have learned nothing.
    pub(super) fn forget_seeds(&mut self) {
        if self.counts == Counted::Seeds {
            (self.leaning, self.p) = (Verdict::Undecided, None);
        }
    }

    /// The number of its seeds, where they are too few for a verdict.
    pub fn too_few_seeds(&self) -> Option<usize> {
        (self.counts == Counted::Seeds && (1..FEWEST_SEEDS).contains(&self.n)).then_some(self.n)
    }

    /// Whether several seeds all have the same difference, so that nothing can be tested.
    pub(super) fn lacks_spread(&self) -> bool {
        self.n > 1 && self.why_no_interval.is_some()
    }

    /// What follows, in words.
    pub fn verdict_in_words(&self) -> String {
        self.verdict.in_words(self.too_few_seeds())
    }

    /// The interval, or why there is none.
    pub(crate) fn span(&self, digits: usize) -> String {
        match (self.interval, self.why_no_interval) {
            (None, Some(why)) => why.to_owned(),
            (interval, _) => span(interval, digits),
        }
    }

    /// Difference and interval in words.
    pub fn in_figures(&self) -> String {
        let digits = if self.unit == "bits" { 3 } else { 1 };
        let number = |value: f64| signed(value, digits);
        let unit = self.unit;
        match (self.difference, self.interval, self.p) {
            (Some(difference), Some(interval), _) => {
                let ends = format!("[{}, {}]", number(interval.low), number(interval.high));
                format!("{} {ends} {unit}{}", number(difference), self.doubt())
            }
            (Some(difference), None, Some(p)) => {
                format!("{} {unit}, p = {}{}", number(difference), p_value(p), self.doubt())
            }
            (Some(difference), ..) => {
                format!(
                    "{} {unit}, {}",
                    number(difference),
                    self.why_no_interval.unwrap_or("no test")
                )
            }
            _ if self.n > 0 => "nothing to test".to_owned(),
            _ => "no runs".to_owned(),
        }
    }

    /// Where the test alone finds something and Holm's correction takes it back.
    fn doubt(&self) -> String {
        match (self.p, self.holm_p) {
            (Some(p), Some(holm)) if p < SIGNIFICANT && holm >= SIGNIFICANT => {
                format!(", p = {} after Holm", p_value(holm))
            }
            _ => String::new(),
        }
    }

    /// How far the nearer end of the interval is from zero, to find the closest call.
    pub(super) fn distance(&self) -> f64 {
        self.interval.map_or(f64::INFINITY, |interval| interval.low.abs().min(interval.high.abs()))
    }
}

/// Lets the verdicts of all parts follow from their tests, corrected for their number: those
/// between runs together, and those of the data's class shares, which no run bears on.
pub(super) fn judge_together(parts: Vec<&mut Part>) {
    let (of_runs, of_data) = parts.into_iter().partition(|part| part.counts == Counted::Seeds);
    for mut family in [of_runs, of_data] as [Vec<&mut Part>; 2] {
        let p = |part: &&mut Part| part.p.filter(|_| part.rule.is_some()).unwrap_or(f64::NAN);
        let adjusted = holm(&family.iter().map(p).collect::<Vec<_>>());
        for (part, adjusted) in family.iter_mut().zip(adjusted) {
            part.holm_p = (!adjusted.is_nan()).then_some(adjusted);
            part.verdict = if adjusted < SIGNIFICANT { part.leaning } else { Verdict::Undecided };
        }
    }
}
