//! Where the learning curve goes: how many labels the goal takes, and whether more still help.
//!
//! The curve is an inverse power law, a - b (n + n₀)^-c (Figueroa et al. 2012, BMC Medical
//! Informatics and Decision Making 12:8; n₀ lets it begin late). Its parameters are not chosen but
//! weighed: every curve of a grid counts by its likelihood, and what is said are the middle and the
//! 95 % range over the grid. That takes no random numbers, no starting values and a few
//! milliseconds.
//!
//! All points of a curve are judged by the same held-out images, later ones by more of them, and
//! are far from independent: a set that is too easy lifts all of them. Their errors are given the
//! covariance of shares of nested samples, each image right from some number of labels on, and as
//! much again for each span of the curve alone, since classifiers have luck of their own: see
//! `Errors`.

use super::curve::CurvePoint;
use super::estimate::FEWEST_HELD_OUT;
use serde::Serialize;

/// Labels whose gain is asked for.
pub const NEXT_LABELS: u32 = 50;
/// A gain that is worth the work: one point.
pub const WORTH: f64 = 0.01;
/// Labels beyond which nothing is foretold.
const MOST_LABELS: f64 = 5_000.0;
/// Points that a curve is fitted to at least.
const FEWEST_POINTS: usize = 4;
/// The curve must have seen the labels grow by this factor.
const LEAST_GROWTH: u32 = 2;
/// Points are pooled into so many spans of the logarithm of the labels: a classifier's own luck
/// evens out, and a span with many points counts no more than one with few.
const SPANS: usize = 8;

/// Exponents c: this many, from the first to the second in equal ratios. The smallest is all but
/// a straight line over the logarithm of the labels.
const EXPONENTS: (usize, f64, f64) = (8, 0.1, 2.0);
/// Labels n₀ that the curve may begin late by.
const LATE: [f64; 2] = [0.0, 50.0];
/// Accuracies at the last point, evenly over so many standard errors to either side.
const LEVELS: usize = 32;
const LEVEL_ERRORS: f64 = 4.5;
/// Rises from there to a, evenly.
const RISES: usize = 24;
/// How high a may be. Beyond 1 it is no accuracy, but the curves below it are: those that keep
/// rising as they do now, up to 1.
const HIGHEST: f64 = 1.5;
/// Variance that a span of points has for itself, over that of independent answers: images that
/// are right now and then. Held-out answers say less than they could by it, never more.
const OWN_LUCK: f64 = 1.0;
/// Standard error of each span beside that, from 0 to 1: no curve is a power law to the last digit.
const MISFIT: f64 = 0.01;

/// Labels until the goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The middle of what the curve allows.
    pub more_labels: u32,
    /// Lower end of its 95 % range.
    pub low: u32,
    /// Upper end; absent where it is beyond 5,000 labels, or the goal may never be reached.
    pub high: Option<u32>,
    /// Minutes that `more_labels` take; absent where the rate is not known.
    pub minutes: Option<u32>,
}

/// What the next [`NEXT_LABELS`] labels bring, as a share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// The middle of what the curve allows.
    pub estimate: f64,
    /// Upper end of its 95 % range.
    pub high: f64,
}

/// What the curve says of the labels to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Outlook {
    /// Labels to the goal; absent where there is none, where it is reached, or where more than half
    /// of what the curve allows does not reach it within 5,000 labels.
    pub forecast: Option<Forecast>,
    /// The gain of the next labels; absent where the curve is too short.
    pub gain: Option<Gain>,
    /// Whether the upper end of that gain is below one point.
    pub no_more_gain: bool,
}

/// Continues the curve through `points`, in the order in which they were recorded, towards a
/// `goal` accuracy from 0 to 1.
///
/// In 20 simulated projects of 600 labels, a third each with a power law, an exponential approach
/// and a straight rise over the logarithm of the labels, looked at every 20 labels, `no_more_gain`
/// was said in none while the true gain was still a point or more. It was said in 14 of them, at
/// 510 labels in the mean, where it had been true since 269: what 80 held-out answers cannot tell
/// is not said. The forecast was given in 28 of 43 cases and its range held the truth in 27. A test
/// repeats this with fewer looks.
pub fn outlook(
    points: &[CurvePoint],
    goal: Option<f64>,
    labels_per_minute: Option<f64>,
) -> Outlook {
    let Some((now, spans)) = pooled(points) else { return Outlook::default() };
    let goal = goal.filter(|goal| now.share < *goal);
    let curves = curves(&now, &spans, goal);
    let gains = Weighted::of(curves.iter().map(|curve| (curve.gain, curve.weight)));
    let gain = Gain { estimate: gains.quantile(0.5), high: gains.quantile(0.975) };
    let forecast = goal.and_then(|_| {
        let labels = Weighted::of(curves.iter().map(|curve| (curve.to_goal, curve.weight)));
        let [low, middle, high] = [0.025, 0.5, 0.975].map(|p| labels.quantile(p).ceil());
        let minutes = labels_per_minute.filter(|rate| *rate > 0.0).map(|rate| middle / rate);
        (middle <= MOST_LABELS).then(|| Forecast {
            more_labels: middle as u32,
            low: low as u32,
            high: (high <= MOST_LABELS).then_some(high as u32),
            minutes: minutes.map(|minutes| minutes.ceil() as u32),
        })
    });
    Outlook { forecast, gain: Some(gain), no_more_gain: gain.high < WORTH }
}

/// Where the curve stands.
struct Now {
    labels: f64,
    share: f64,
    /// What the accuracy may be, from the least to the most.
    levels: (f64, f64),
}

/// Points of a span of labels as one.
struct Span {
    labels: f64,
    right: f64,
    judged: f64,
}

impl Span {
    /// The share, two answers of each kind added, so that no error is nothing.
    fn cautious_share(&self) -> f64 {
        (self.right + 2.0) / (self.judged + 4.0)
    }
}

/// The last point, and the spans that all points fall into; `None` where they say too little.
fn pooled(points: &[CurvePoint]) -> Option<(Now, Vec<Span>)> {
    let usable = |point: &&CurvePoint| point.labels > 0 && point.judged > 0;
    let points: Vec<&CurvePoint> = points.iter().filter(usable).collect();
    let (first, last) = (points.first()?, points.last()?);
    let is_enough = points.len() >= FEWEST_POINTS
        && last.judged as usize >= FEWEST_HELD_OUT
        && last.labels >= LEAST_GROWTH * first.labels;
    if !is_enough {
        return None;
    }
    let log = |point: &CurvePoint| libm::log(f64::from(point.labels));
    let step = (log(last) - log(first)) / SPANS as f64;
    let mut groups: Vec<Vec<&CurvePoint>> = vec![Vec::new(); SPANS];
    for point in &points {
        // Labels can fall, by an undone answer; the place of such a point is the first.
        let place = ((log(point) - log(first)) / step) as usize;
        groups[place.min(SPANS - 1)].push(point);
    }
    let mean = |group: &[&CurvePoint], of: &dyn Fn(&CurvePoint) -> f64| {
        group.iter().map(|point| of(point)).sum::<f64>() / group.len() as f64
    };
    let span = |group: &Vec<&CurvePoint>| Span {
        labels: libm::exp(mean(group, &log)),
        right: mean(group, &|point| f64::from(point.correct.min(point.judged))),
        judged: mean(group, &|point| f64::from(point.judged)),
    };
    let spans = groups.iter().filter(|group| !group.is_empty()).map(span).collect();
    let judged = f64::from(last.judged);
    let right = f64::from(last.correct.min(last.judged));
    let labels = f64::from(last.labels);
    let middle = Span { labels, right, judged }.cautious_share();
    let variance = (1.0 + OWN_LUCK) * middle * (1.0 - middle) / judged + MISFIT * MISFIT;
    let reach = LEVEL_ERRORS * variance.sqrt();
    let levels = ((middle - reach).max(0.0), (middle + reach).min(1.0));
    Some((Now { labels, share: right / judged, levels }, spans))
}

/// How the errors of the spans' shares vary together.
///
/// If every image is right from some number of labels on, two shares p <= q, of the first m and
/// the first n of the same images, have the covariance p (1 - q) / max(m, n). To its diagonal comes
/// what is a span's own. Kept is the Cholesky factor, row by row.
struct Errors {
    factor: Vec<Vec<f64>>,
}

impl Errors {
    fn of(spans: &[Span]) -> Self {
        let mut factor: Vec<Vec<f64>> = Vec::with_capacity(spans.len());
        for (i, a) in spans.iter().enumerate() {
            let mut row: Vec<f64> = Vec::with_capacity(i + 1);
            for (j, b) in spans[..=i].iter().enumerate() {
                let (p, q) = (a.cautious_share(), b.cautious_share());
                let mut left = p.min(q) * (1.0 - p.max(q)) / a.judged.max(b.judged);
                if i == j {
                    left += OWN_LUCK * p * (1.0 - p) / a.judged + MISFIT * MISFIT;
                    left -= row.iter().map(|x| x * x).sum::<f64>();
                    row.push(left.max(MISFIT * MISFIT).sqrt());
                } else {
                    left -= row.iter().zip(&factor[j]).map(|(x, y)| x * y).sum::<f64>();
                    row.push(left / factor[j][j]);
                }
            }
            factor.push(row);
        }
        Self { factor }
    }

    /// Log-likelihood of normal errors, but for a constant; `errors` are used up.
    fn log_likelihood(&self, errors: &mut [f64]) -> f64 {
        let mut squares = 0.0;
        for (i, row) in self.factor.iter().enumerate() {
            let known: f64 = row.iter().zip(&errors[..i]).map(|(x, y)| x * y).sum();
            errors[i] = (errors[i] - known) / row[i];
            squares += errors[i] * errors[i];
        }
        -0.5 * squares
    }
}

/// One curve of the grid.
struct Curve {
    /// Likelihood over that of the likeliest curve.
    weight: f64,
    gain: f64,
    /// Labels to the goal; infinite where the curve never reaches it.
    to_goal: f64,
}

fn curves(now: &Now, spans: &[Span], goal: Option<f64>) -> Vec<Curve> {
    let shares: Vec<f64> = spans.iter().map(|span| span.right / span.judged).collect();
    let covariance = Errors::of(spans);
    let mut errors = vec![0.0; spans.len()];
    let mut curves = Vec::with_capacity(LATE.len() * EXPONENTS.0 * LEVELS * RISES);
    for (late, step) in LATE.iter().flat_map(|late| (0..EXPONENTS.0).map(move |s| (late, s))) {
        let (count, least, most) = EXPONENTS;
        let c = least * libm::pow(most / least, step as f64 / (count - 1) as f64);
        let begin = now.labels + late;
        // The curve is level + rise (1 - (N / n)^c), N where it stands now.
        let part = |labels: f64| 1.0 - libm::pow(begin / (labels + late), c);
        let parts: Vec<f64> = spans.iter().map(|span| part(span.labels)).collect();
        let next = part(now.labels + f64::from(NEXT_LABELS));
        for (level, rise) in (0..LEVELS).flat_map(|l| (0..RISES).map(move |r| (l, r))) {
            let level = (level as f64 + 0.5) / LEVELS as f64;
            let level = now.levels.0 + level * (now.levels.1 - now.levels.0);
            let rise = (HIGHEST - level) * (rise as f64 + 0.5) / RISES as f64;
            for ((error, share), part) in errors.iter_mut().zip(&shares).zip(&parts) {
                *error = share - (level + rise * part).clamp(0.0, 1.0);
            }
            let to_goal = goal.map_or(0.0, |goal| match level + rise - goal {
                left if left > 0.0 => begin * libm::pow(rise / left, 1.0 / c) - begin,
                _ => f64::INFINITY,
            });
            curves.push(Curve {
                weight: covariance.log_likelihood(&mut errors),
                gain: (rise * next).min(1.0 - level),
                to_goal: to_goal.max(0.0),
            });
        }
    }
    let best = curves.iter().map(|curve| curve.weight).fold(f64::NEG_INFINITY, f64::max);
    for curve in &mut curves {
        curve.weight = libm::exp(curve.weight - best);
    }
    curves
}

/// Values with weights, in order.
struct Weighted {
    sorted: Vec<(f64, f64)>,
    total: f64,
}

impl Weighted {
    fn of(values: impl Iterator<Item = (f64, f64)>) -> Self {
        let mut sorted: Vec<(f64, f64)> = values.collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = sorted.iter().map(|(_, weight)| weight).sum();
        Self { sorted, total }
    }

    /// The smallest value that has `p` of the weight up to it.
    fn quantile(&self, p: f64) -> f64 {
        let mut up_to = 0.0;
        let is_there = |(_, weight): &&(f64, f64)| {
            up_to += weight;
            up_to >= p * self.total
        };
        self.sorted.iter().find(is_there).or(self.sorted.last()).map_or(f64::NAN, |(v, _)| *v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fewlabel_engine::rng::Key;

    /// A curve judged without luck by `judged` images.
    fn exact(judged: u32, labels: &[u32], share: impl Fn(f64) -> f64) -> Vec<CurvePoint> {
        let point = |&labels: &u32| {
            let correct = (share(f64::from(labels)) * f64::from(judged)).round() as u32;
            CurvePoint { labels, correct, judged }
        };
        labels.iter().map(point).collect()
    }

    fn power(labels: f64) -> f64 {
        0.92 - 1.5 / labels.sqrt()
    }

    const LABELS: [u32; 8] = [10, 15, 20, 30, 45, 60, 90, 120];

    #[test]
    fn many_held_out_answers_find_the_labels_of_a_known_curve() {
        let points = exact(20_000, &LABELS, power);
        // 0.92 - 1.5 / sqrt(n) = 0.81 at 186 labels, 66 after the last.
        let found = outlook(&points, Some(0.81), Some(10.0)).forecast.expect("in reach");
        assert!((30..=120).contains(&found.more_labels), "{found:?}");
        assert!(found.low <= 66 && found.high.is_some_and(|high| high >= 66), "{found:?}");
        assert_eq!(found.minutes, Some(found.more_labels.div_ceil(10)));
        assert_eq!(outlook(&points, Some(0.999), None).forecast, None, "out of reach");
        assert_eq!(outlook(&points, Some(0.7), None).forecast, None, "reached");
    }

    #[test]
    fn a_flat_curve_says_that_more_labels_no_longer_help() {
        let long: Vec<u32> = (1..=60).map(|i| 20 * i).collect();
        let flat = exact(190, &long, |labels| (0.95 - 40.0 / labels).max(0.4));
        let found = outlook(&flat, Some(0.99), None);
        assert!(found.no_more_gain, "{found:?}");
        let steep = exact(190, &long[..6], |labels| 0.2 + 0.1 * libm::log(labels));
        let found = outlook(&steep, None, None);
        assert!(!found.no_more_gain && found.gain.expect("fitted").high > 0.03, "{found:?}");
    }

    #[test]
    fn what_says_too_little_is_not_continued() {
        let points = exact(40, &LABELS, power);
        assert_eq!(outlook(&points[..3], Some(0.93), None), Outlook::default());
        assert_eq!(outlook(&exact(19, &LABELS, power), Some(0.93), None), Outlook::default());
        assert_eq!(outlook(&exact(40, &[50, 60, 70, 80], power), None, None), Outlook::default());
        assert_eq!(outlook(&[], None, None), Outlook::default());
        let undone = CurvePoint { labels: 0, correct: 0, judged: 0 };
        assert_eq!(outlook(&[undone; 9], None, None), Outlook::default());
        let all_right = exact(40, &LABELS, |_| 1.0);
        assert!(outlook(&all_right, Some(1.0), None).gain.expect("fitted").high < 0.1);
    }

    /// What a simulated project's true accuracy is after so many labels.
    #[derive(Clone, Copy)]
    struct Truth {
        kind: usize,
        end: f64,
        at_20: f64,
        speed: f64,
    }

    impl Truth {
        fn share(self, labels: f64) -> f64 {
            let Self { kind, end, at_20, speed } = self;
            match kind {
                0 => end - (end - at_20) * libm::pow(20.0 / labels, 0.35 + 0.95 * speed),
                1 => end - (end - at_20) * libm::exp((20.0 - labels) / (40.0 + 160.0 * speed)),
                _ => {
                    let rise = (end - at_20) / libm::log(20.0 + 20.0 * speed);
                    (at_20 + rise * libm::log(labels / 20.0)).min(end)
                }
            }
        }

        fn gain(self, labels: f64) -> f64 {
            self.share(labels + f64::from(NEXT_LABELS)) - self.share(labels)
        }
    }

    /// Projects of 600 labels whose held-out images are drawn as labelling draws them: every fourth
    /// of the first 120, then 15 %. An image is easy or hard for good, but for 15 % of the times
    /// that it is judged; a classifier has luck of its own too.
    #[test]
    fn no_more_gain_is_seldom_said_too_early() {
        const PROJECTS: u64 = 20;
        let (mut alarms, mut said) = (0, 0);
        let (mut asked, mut given, mut held) = (0, 0, 0);
        for project in 0..PROJECTS {
            let mut stream = Key::new(project, 0).stream();
            let end = 0.7 + 0.28 * stream.unit_f64();
            let at_20 = (0.35 + 0.4 * stream.unit_f64()).min(end - 0.08);
            let kind = project as usize % 3;
            let truth = Truth { kind, end, at_20, speed: stream.unit_f64() };
            let goal = end - 0.05;
            let (mut difficulties, mut points) = (Vec::new(), Vec::new());
            let (mut is_said, mut is_false) = (false, false);
            for labels in 1..=600u32 {
                let is_held_out = match labels {
                    ..=120 => labels % 4 == 0,
                    _ => (labels * 3) % 20 < 3,
                };
                if is_held_out {
                    difficulties.push(stream.unit_f64());
                }
                if labels < 20 || labels % 10 > 0 {
                    continue;
                }
                let share = truth.share(f64::from(labels));
                let ability = share + 0.01 * stream.normal();
                let mut is_right = |&difficulty: &f64| {
                    let is_lasting = stream.unit_f64() < 0.85;
                    (if is_lasting { difficulty } else { stream.unit_f64() }) < ability
                };
                let correct = difficulties.iter().filter(|d| is_right(d)).count() as u32;
                points.push(CurvePoint { labels, correct, judged: difficulties.len() as u32 });
                if labels < 80 || labels % 40 > 0 {
                    continue;
                }
                let found = outlook(&points, Some(goal), None);
                if found.no_more_gain {
                    is_said = true;
                    is_false |= truth.gain(f64::from(labels)) >= WORTH;
                }
                if share < goal && labels % 80 == 0 {
                    asked += 1;
                    let Some(forecast) = found.forecast else { continue };
                    given += 1;
                    let more = (0..).find(|&more| truth.share(f64::from(labels + more)) >= goal);
                    let more = more.expect("a goal below the end");
                    let is_in = forecast.low <= more && forecast.high.is_none_or(|h| more <= h);
                    held += u32::from(is_in);
                }
            }
            alarms += u32::from(is_false);
            said += u32::from(is_said);
        }
        assert_eq!((alarms, said), (0, 14));
        assert_eq!((asked, given, held), (56, 25, 24));
    }
}
