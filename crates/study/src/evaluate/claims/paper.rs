//! The twelve claims (PAPER.md, "What is measured").

use super::evidence::{ClassCounts, Evidence, Scores, pair_up};
use super::part::{Counted, judge_together};
use super::rule::Rule;
use super::{Claim, Part};
use crate::evaluate::stats::{
    Interval, chi_square_p, pitman_morgan, proportion_difference_interval, proportion_difference_p,
};

const REGIMES: [&str; 6] = ["full", "random", "da", "al", "alda", "alpa"];
const LIMITED: [&str; 5] = ["random", "da", "al", "alda", "alpa"];

/// Which accuracy a part is about.
#[derive(Clone, Copy)]
enum On {
    Validation,
    Test,
}

impl On {
    fn word(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    fn pick(self) -> fn(&Scores) -> f64 {
        match self {
            Self::Validation => |scores| scores.val_best,
            Self::Test => |scores| scores.test,
        }
    }
}

/// Judges all twelve claims.
pub fn judge(evidence: &Evidence) -> Vec<Claim> {
    let mut claims = claims(evidence);
    if evidence.at_chance {
        claims.iter_mut().flat_map(|claim| &mut claim.parts).for_each(Part::forget_seeds);
    }
    judge_together(claims.iter_mut().flat_map(|claim| &mut claim.parts).collect());
    claims.into_iter().map(|claim| claim.settle(evidence.at_chance)).collect()
}

/// The claims with what they rest on.
fn claims(evidence: &Evidence) -> Vec<Claim> {
    let e = evidence;
    let others = |of: &'static str, from: &'static [&'static str]| {
        from.iter().copied().filter(move |name| *name != of)
    };
    let versus = |a: &str, b: &str, on: On, rule: Rule| difference(e, a, b, on, Some(rule));
    vec![
        Claim::of(
            1,
            "Training on the full data set beats every other regime by far (test).",
            LIMITED.map(|other| versus("full", other, On::Test, Rule::ByFar)).into(),
        ),
        Claim::of(
            2,
            "None of da, al, alda and alpa improves significantly on random (test).",
            LIMITED[1..]
                .iter()
                .map(|regime| versus(regime, "random", On::Test, Rule::NoImprovement))
                .collect(),
        ),
        Claim::of(
            3,
            "da is above random on validation, level with it on test, and deviates less (test).",
            vec![
                versus("da", "random", On::Validation, Rule::Above),
                versus("da", "random", On::Test, Rule::Level),
                deviation(e, "da", "random", Rule::SmallerDeviation),
            ],
        ),
        Claim::of(
            4,
            "al is slightly above random on validation, below it on test, and deviates more \
             (test).",
            vec![
                versus("al", "random", On::Validation, Rule::Above),
                versus("al", "random", On::Test, Rule::Below),
                deviation(e, "al", "random", Rule::LargerDeviation),
            ],
        ),
        Claim::of(
            5,
            "alda is the lowest of all on both splits, and deviates more than random (test).",
            [On::Validation, On::Test]
                .into_iter()
                .flat_map(|on| {
                    others("alda", &REGIMES)
                        .map(move |other| versus("alda", other, on, Rule::Below))
                })
                .chain([deviation(e, "alda", "random", Rule::LargerDeviation)])
                .collect(),
        ),
        Claim::of(
            6,
            "alpa alone is above random on both splits.",
            [On::Validation, On::Test]
                .map(|on| versus("alpa", "random", on, Rule::Above))
                .into_iter()
                .chain(["da", "al", "alda"].map(|other| not_both(e, other)))
                .collect(),
        ),
        validation_to_test(e),
        abstract_claim(e),
        Claim::of(
            9,
            "alpa is the best of random, da, al, alda and alpa on test.",
            others("alpa", &LIMITED)
                .map(|other| versus("alpa", other, On::Test, Rule::Above))
                .collect(),
        ),
        why_alda_fails(e),
        wide_full(e),
        class_shares(e.classes.as_ref()),
    ]
}

/// The paired difference of two regimes.
fn difference(e: &Evidence, first: &str, second: &str, on: On, rule: Option<Rule>) -> Part {
    let what = format!("{first} \u{2212} {second}, {}", on.word());
    Part::paired(what, &e.pairs(first, second, on.pick()), "points", rule)
}

/// The deviations of two regimes on test; the difference is that of the standard deviations.
fn deviation(e: &Evidence, first: &str, second: &str, rule: Rule) -> Part {
    let pairs = e.pairs(first, second, On::Test.pick());
    let what = format!("deviation of {first} \u{2212} of {second}, test");
    Part::deviation(what, pairs.len(), pitman_morgan(&pairs), rule)
}

/// That `other` is not above random on both splits.
fn not_both(e: &Evidence, other: &str) -> Part {
    let pairs = [On::Validation, On::Test].map(|on| e.pairs(other, "random", on.pick()));
    let [validation, test] =
        [On::Validation, On::Test].map(|on| difference(e, other, "random", on, None));
    Part::not_both((validation, &pairs[0]), (test, &pairs[1]))
}

fn validation_to_test(e: &Evidence) -> Claim {
    let of = |regime: &str, name: &str, pick: fn(&Scores) -> (f64, f64), rule| {
        let seeds = e.regimes.get(regime).into_iter().flat_map(|seeds| seeds.values());
        let pairs: Vec<(f64, f64)> = seeds.map(pick).map(|(a, b)| (100.0 * a, 100.0 * b)).collect();
        Part::paired(format!("{regime}: {name}"), &pairs, "points", rule)
    };
    let parts = REGIMES.iter().flat_map(|regime| {
        [
            of(
                regime,
                "best validation \u{2212} test",
                |s| (s.val_best, s.test),
                Some(Rule::Above),
            ),
            of(
                regime,
                "best \u{2212} last validation (overfitting)",
                |s| (s.val_best, s.val_last),
                None,
            ),
            of(regime, "last validation \u{2212} test (shift)", |s| (s.val_last, s.test), None),
        ]
    });
    Claim::of(
        7,
        "Every regime drops from validation to test, by overfitting and by shift.",
        parts.collect(),
    )
}

fn abstract_claim(e: &Evidence) -> Claim {
    let versus = |a: &str, b: &str, rule| difference(e, a, b, On::Test, rule);
    let mut parts: Vec<Part> =
        ["random", "da", "alda", "alpa"].map(|b| versus("al", b, Some(Rule::Above))).into();
    for both in ["alda", "alpa"] {
        parts.extend(["da", "al"].map(|one| versus(both, one, Some(Rule::Below))));
    }
    let text = "The abstract: active learning improves most reliably, and the combination is not \
                as effective as either alone (test).";
    let note = "The paper contradicts itself here: its body finds al below random on test (claim \
                4) and the combination alpa \
                the only one above random on both splits (claims 6 and 9). Both sides are tested; \
                they cannot both hold.";
    Claim::of(8, text, parts).with_note(note)
}

fn why_alda_fails(e: &Evidence) -> Claim {
    let share = |kinds: &std::collections::BTreeMap<String, f64>| {
        let all: f64 = kinds.values().sum();
        let plain = kinds.get("none").copied().unwrap_or(0.0);
        (all > 0.0).then(|| 100.0 * (all - plain) / all)
    };
    let seeds = || e.alda_queries.values();
    let shares: Vec<(f64, f64)> =
        seeds().filter_map(|q| Some((share(&q.picked)?, share(&q.expected)?))).collect();
    let entropies: Vec<(f64, f64)> = seeds().filter_map(entropy_by_augmentation).collect();
    let mut parts = vec![
        Part::paired(
            "augmented images: share of the picks \u{2212} of the pool".into(),
            &shares,
            "points",
            Some(Rule::Above),
        ),
        Part::paired(
            "entropy of augmented \u{2212} of unaugmented pool images".into(),
            &entropies,
            "bits",
            Some(Rule::Above),
        ),
    ];
    parts.extend(kinds_part(e));
    let text =
        "Why alda fails: more heavily augmented images get a higher entropy and are queried more.";
    let note = "Pool images are compared by kind of augmentation, drawn once for each image; the \
                kinds picked are also tested \
                against the kinds in the pool (chi-square over all seeds, which takes picks as \
                independent).";
    Claim::of(10, text, parts).with_note(note)
}

/// Mean entropy of the augmented and of the unaugmented images of the pool, over the queries.
fn entropy_by_augmentation(q: &super::AugmentedQueries) -> Option<(f64, f64)> {
    let sum = |values: &std::collections::BTreeMap<String, f64>, plain: bool| -> f64 {
        values
            .iter()
            .filter(|(kind, _)| (kind.as_str() == "none") == plain)
            .map(|(_, value)| value)
            .sum()
    };
    let mean = |plain| {
        let images = sum(&q.images, plain);
        (images > 0.0).then(|| sum(&q.entropy, plain) / images)
    };
    Some((mean(false)?, mean(true)?))
}

/// The kinds picked against the kinds in the pool, reported only.
fn kinds_part(e: &Evidence) -> Option<Part> {
    let mut kinds: std::collections::BTreeMap<&str, (f64, f64)> = std::collections::BTreeMap::new();
    for queries in e.alda_queries.values() {
        for (kind, expected) in &queries.expected {
            let entry = kinds.entry(kind).or_default();
            entry.0 += queries.picked.get(kind).copied().unwrap_or(0.0);
            entry.1 += expected;
        }
    }
    let (picked, expected): (Vec<f64>, Vec<f64>) = kinds.values().copied().unzip();
    let p = chi_square_p(&picked, &expected)?;
    let total: f64 = picked.iter().sum();
    let (kind, surplus) = kinds
        .iter()
        .map(|(kind, (picked, expected))| (*kind, 100.0 * (picked - expected) / total))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    let what = format!("kind most over-queried: {kind}, share of the picks \u{2212} of the pool");
    let empty = Part::empty(what, None, "points", Counted::Images);
    Some(Part { n: total as usize, difference: Some(surplus), p: Some(p), ..empty })
}

fn wide_full(e: &Evidence) -> Claim {
    let text = "full is worse at f = 32 than at f = 16 (test).";
    let empty = std::collections::BTreeMap::new();
    let narrow = e.regimes.get("full").unwrap_or(&empty);
    let pairs = pair_up(&e.full_wide, narrow, On::Test.pick());
    let claim = Claim::of(
        11,
        text,
        vec![Part::paired(
            "full at f = 32 \u{2212} at f = 16, test".into(),
            &pairs,
            "points",
            Some(Rule::Below),
        )],
    );
    if pairs.is_empty() {
        return claim.with_note(
            "This study has no runs of full at both widths; a study over width = [16, \
                        32] has them.",
        );
    }
    claim
}

/// Organs of the claim about Fig. 3, as MedMNIST names them, and whether the test split has
/// relatively more.
const SHIFTED: [(&str, bool); 5] = [
    ("liver", true),
    ("kidney-right", true),
    ("bladder", true),
    ("kidney-left", false),
    ("femur-left", false),
];

fn class_shares(counts: Option<&ClassCounts>) -> Claim {
    let text = "Fig. 3: the test split has relatively more liver, right kidney and bladder, fewer \
                left kidney and left femoral head than the training split.";
    let part = |(organ, more): (&str, bool)| {
        let what = format!("{organ}: share of test \u{2212} of training images");
        let rule = if more { Rule::Above } else { Rule::Below };
        let found = counts
            .and_then(|counts| Some((counts, counts.names.iter().position(|name| name == organ)?)));
        let empty = Part::empty(what, Some(rule), "points", Counted::Images);
        let Some((counts, class)) = found else { return empty };
        let (test, train): (u64, u64) = (counts.test.iter().sum(), counts.train.iter().sum());
        let [of_test, of_train] = [counts.test[class], counts.train[class]];
        let points = |i: Interval| Interval { low: 100.0 * i.low, high: 100.0 * i.high };
        let interval = proportion_difference_interval(of_test, test, of_train, train).map(points);
        let share = |count: u64, all: u64| 100.0 * count as f64 / all as f64;
        let difference = interval.map(|_| share(of_test, test) - share(of_train, train));
        let p = || proportion_difference_p(of_test, test, of_train, train);
        let finding = difference.and_then(|difference| rule.finding(difference, |_| p()));
        Part { n: test as usize, difference, interval, ..empty }.with(finding)
    };
    let note = "Newcombe's interval of a difference of shares; it takes images as independent, \
                while slices of one patient are not, so it is too narrow.";
    Claim::of(12, text, SHIFTED.map(part).into()).with_note(note)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;
    use std::collections::BTreeMap;

    /// Six regimes whose test scores lie at `levels` (points) with a little seed noise, validation
    /// 5 points above.
    fn evidence(levels: [f64; 6]) -> Evidence {
        let mut evidence = Evidence::default();
        for (place, (regime, level)) in REGIMES.iter().zip(levels).enumerate() {
            let seeds = (0..8u64).map(|seed| {
                let noise = |salt: u64| {
                    0.001 * (((seed * (3 + salt) + place as u64 * seed * seed) % 7) as f64 - 3.0)
                };
                let test = level / 100.0 + noise(0);
                (seed, Scores { val_best: test + 0.05 + noise(1), val_last: test + 0.03, test })
            });
            evidence.regimes.insert((*regime).to_owned(), seeds.collect());
        }
        evidence
    }

    fn verdicts(evidence: &Evidence) -> Vec<Verdict> {
        judge(evidence).iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn clear_runs_give_the_verdicts_that_a_reader_would() {
        let verdicts = verdicts(&evidence([80.0, 55.0, 55.5, 50.0, 45.0, 57.0]));
        assert_eq!(verdicts[0], Verdict::Supported, "full by far");
        assert_eq!(verdicts[6], Verdict::Supported, "every regime drops");
        assert_eq!(verdicts[7], Verdict::Contradicted, "the abstract");
        assert_eq!(verdicts[8], Verdict::Supported, "alpa best");
    }

    #[test]
    fn a_regime_that_improves_by_far_contradicts_claim_two() {
        assert_eq!(
            verdicts(&evidence([80.0, 55.0, 65.0, 50.0, 45.0, 57.0]))[1],
            Verdict::Contradicted
        );
        assert_eq!(
            verdicts(&evidence([80.0, 55.0, 55.2, 50.0, 45.0, 55.1]))[1],
            Verdict::Supported
        );
    }

    #[test]
    fn nothing_run_is_nothing_decided() {
        let claims = judge(&Evidence::default());
        assert_eq!(claims.len(), 12);
        assert!(
            claims
                .iter()
                .all(|claim| claim.verdict == Verdict::Undecided && !claim.sentence.is_empty())
        );
        assert!(claims.iter().enumerate().all(|(i, claim)| usize::from(claim.number) == i + 1));
    }

    #[test]
    fn one_seed_decides_nothing_about_regimes() {
        let mut evidence = evidence([80.0, 55.0, 65.0, 50.0, 45.0, 57.0]);
        for seeds in evidence.regimes.values_mut() {
            seeds.retain(|&seed, _| seed == 0);
        }
        assert!(verdicts(&evidence)[..9].iter().all(|verdict| *verdict == Verdict::Undecided));
    }

    #[test]
    fn models_at_chance_decide_nothing() {
        let evidence =
            Evidence { at_chance: true, ..evidence([80.0, 55.0, 55.5, 50.0, 45.0, 57.0]) };
        let claims = judge(&evidence);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Undecided));
        assert_eq!(claims[0].sentence, "Every model is at chance: there is nothing to compare.");
    }

    #[test]
    fn augmented_images_queried_more_support_claim_ten() {
        let mut evidence = Evidence::default();
        for seed in 0..6u64 {
            let counts = |none: f64, blur: f64| {
                BTreeMap::from([("none".to_owned(), none), ("blur".to_owned(), blur)])
            };
            let queries = super::super::AugmentedQueries {
                picked: counts(20.0 + seed as f64, 112.0 - seed as f64),
                expected: counts(66.0, 66.0),
                entropy: counts(150.0, 200.0 + seed as f64),
                images: counts(100.0, 100.0),
            };
            evidence.alda_queries.insert(seed, queries);
        }
        let claim = &judge(&evidence)[9];
        assert_eq!(claim.verdict, Verdict::Supported, "{}", claim.sentence);
        assert!(claim.parts[2].what.contains("blur") && claim.parts[2].p.unwrap() < 1e-6);
    }

    #[test]
    fn claim_twelve_is_judged_by_class_counts_alone() {
        let names = SHIFTED.iter().map(|(name, _)| (*name).to_owned()).collect();
        let counts = ClassCounts {
            names,
            train: vec![1000, 1000, 1000, 1000, 1000],
            test: vec![1500, 1500, 1500, 500, 500],
        };
        let evidence = Evidence { classes: Some(counts), ..Evidence::default() };
        assert_eq!(judge(&evidence)[11].verdict, Verdict::Supported);
    }
}
