//! The suite that every strategy passes.

use super::*;
use fewlabel_engine::rng::Key;
use fewlabel_engine::vector::softmax_rows;

/// Arrays for `rows` images, 3 classes, 4 samples, 5 features.
struct Case {
    probs: Vec<f32>,
    mc_probs: Vec<f32>,
    features: Vec<f32>,
    targets: Vec<f32>,
    views: Vec<f32>,
    labelled: Vec<u32>,
    rows: usize,
}

const CLASSES: usize = 3;
const SAMPLES: usize = 4;
const DIM: usize = 5;

impl Case {
    fn random(rows: usize, name: u64) -> Self {
        let mut stream = Key::new(99, name).stream();
        let mut distributions = |n: usize| {
            let mut values: Vec<f32> =
                (0..n * CLASSES).map(|_| stream.uniform(-2.0, 2.0)).collect();
            softmax_rows(&mut values, CLASSES);
            values
        };
        let probs = distributions(rows);
        let mc_probs = distributions(rows * SAMPLES);
        let targets = distributions(6 * SAMPLES);
        let views = distributions(rows * SAMPLES);
        let features = (0..rows * DIM).map(|_| stream.uniform(-1.0, 1.0)).collect();
        let labelled = (0..rows as u32).filter(|i| i % 10 == 3).collect();
        Self { probs, mc_probs, features, targets, views, labelled, rows }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            probs: Some(Rows::new(&self.probs, CLASSES)),
            mc_probs: Some(Samples::new(&self.mc_probs, SAMPLES, CLASSES)),
            features: Some(Rows::new(&self.features, DIM)),
            labelled: &self.labelled,
            target_mc_probs: Some(Samples::new(&self.targets, SAMPLES, CLASSES)),
            view_probs: Some(Samples::new(&self.views, SAMPLES, CLASSES)),
        }
    }

    fn pool(&self) -> Vec<u32> {
        unlabelled(self.rows, &self.labelled).unwrap()
    }

    /// Picks, after checking that they are exactly `batch` different images of the pool with finite
    /// scores.
    fn pick(&self, strategy: &dyn Strategy, batch: usize, seed: u64, threads: usize) -> Picks {
        let name = strategy.name();
        let picks = strategy
            .pick(&self.inputs(), &self.pool(), &Query::new(batch, Key::new(seed, 5)), threads)
            .expect(name);
        assert_eq!((picks.indices.len(), picks.scores.len()), (batch, batch), "{name}");
        let mut sorted = picks.indices.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), batch, "{name} repeats itself: {:?}", picks.indices);
        assert!(
            sorted.iter().all(|image| self.pool().contains(image)),
            "{name}: {:?}",
            picks.indices
        );
        assert!(picks.scores.iter().all(|score| score.is_finite()), "{name}: {:?}", picks.scores);
        assert!(!picks.unit.is_empty(), "{name}");
        picks
    }
}

fn all() -> Vec<Box<dyn Strategy>> {
    let stochastic = ["power-bald", "softmax-entropy", "softrank-margin"];
    let options = Options::default();
    names()
        .into_iter()
        .chain(stochastic)
        .map(|name| with_options(name, &options).unwrap())
        .collect()
}

/// Strategies whose picks depend on the seed.
fn is_random(name: &str) -> bool {
    let prefixes = ["random", "stratified", "power-", "softmax-", "softrank-", "badge", "falcun"];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

#[test]
fn picks_are_as_many_different_unlabelled_images_as_asked_for() {
    let case = Case::random(60, 1);
    for strategy in all() {
        for batch in [1, 2, 7, case.pool().len()] {
            case.pick(&*strategy, batch, 0, 1);
        }
    }
}

#[test]
fn the_same_seed_picks_the_same_and_another_differs_where_it_should() {
    let case = Case::random(80, 2);
    for strategy in all() {
        let first = case.pick(&*strategy, 9, 0, 1);
        assert_eq!(first, case.pick(&*strategy, 9, 0, 1), "{}", strategy.name());
        if is_random(strategy.name()) {
            assert_ne!(
                first.indices,
                case.pick(&*strategy, 9, 1, 1).indices,
                "{}",
                strategy.name()
            );
        }
    }
}

#[test]
fn the_number_of_threads_shows_nowhere() {
    let case = Case::random(900, 3);
    for strategy in all() {
        let one = case.pick(&*strategy, 12, 0, 1);
        for threads in [2, 3] {
            assert_eq!(one, case.pick(&*strategy, 12, 0, threads), "{}", strategy.name());
        }
    }
}

#[test]
fn the_order_of_the_pool_shows_nowhere() {
    let case = Case::random(70, 4);
    let mut pool = case.pool();
    Key::new(7, 7).stream().shuffle(&mut pool);
    for strategy in all() {
        let shuffled =
            strategy.pick(&case.inputs(), &pool, &Query::new(8, Key::new(0, 5)), 1).unwrap();
        assert_eq!(shuffled, case.pick(&*strategy, 8, 0, 1), "{}", strategy.name());
    }
}

#[test]
fn a_pool_of_one_is_picked() {
    let case = Case { labelled: vec![0, 1, 3], ..Case::random(4, 5) };
    for strategy in all() {
        assert_eq!(case.pick(&*strategy, 1, 0, 1).indices, [2], "{}", strategy.name());
    }
}

#[test]
fn nothing_labelled_is_a_cold_start() {
    let case = Case { labelled: vec![], ..Case::random(30, 6) };
    for strategy in all() {
        case.pick(&*strategy, 5, 0, 1);
    }
}

#[test]
fn degenerate_arrays_still_give_a_batch() {
    let mut one_hot = Case::random(40, 7);
    for values in
        [&mut one_hot.probs, &mut one_hot.mc_probs, &mut one_hot.targets, &mut one_hot.views]
    {
        values.iter_mut().enumerate().for_each(|(i, p)| *p = f32::from(u8::from(i % CLASSES == 1)));
    }
    let mut constant = Case::random(40, 8);
    constant.features.fill(0.5);
    let mut zero = Case::random(40, 9);
    zero.features.fill(0.0);
    let mut duplicates = Case::random(40, 10);
    let arrays = [
        (&mut duplicates.probs, CLASSES),
        (&mut duplicates.mc_probs, SAMPLES * CLASSES),
        (&mut duplicates.views, SAMPLES * CLASSES),
        (&mut duplicates.features, DIM),
    ];
    for (values, width) in arrays {
        let half = values.len() / 2 / width * width;
        let second = values.len() - half;
        values.copy_within(..half, second);
    }
    let everything = Case { features: vec![0.0; 40 * DIM], ..one_hot_copy(&one_hot) };
    for case in [one_hot, constant, zero, duplicates, everything] {
        for strategy in all() {
            for batch in [1, 5, case.pool().len()] {
                case.pick(&*strategy, batch, 0, 1);
            }
        }
    }
}

fn one_hot_copy(case: &Case) -> Case {
    Case {
        probs: case.probs.clone(),
        mc_probs: case.mc_probs.clone(),
        features: vec![],
        targets: case.targets.clone(),
        views: case.views.clone(),
        labelled: case.labelled.clone(),
        rows: case.rows,
    }
}

#[test]
fn what_cannot_be_done_is_refused_in_one_sentence() {
    let case = Case::random(20, 11);
    for strategy in all() {
        let refuse = |inputs: &Inputs, pool: &[u32], batch| {
            let error = strategy
                .pick(inputs, pool, &Query::new(batch, Key::new(0, 0)), 1)
                .unwrap_err()
                .to_string();
            assert!(!error.contains('\n') && error.len() < 200, "{error}");
            error
        };
        let pool = case.pool();
        assert_eq!(
            refuse(&case.inputs(), &pool, 19),
            "asked for 19 images, but only 18 are unlabelled"
        );
        assert_eq!(refuse(&case.inputs(), &pool, 0), "the batch must be at least 1");
        assert_eq!(refuse(&case.inputs(), &[5, 1, 5], 1), "the pool holds image 5 twice");
        assert_eq!(
            refuse(&case.inputs(), &[0, 3], 1),
            "image 3 is in the pool and among the labelled"
        );
        assert_eq!(
            refuse(&case.inputs(), &[77], 1),
            "the pool holds image 77, but there are only 20 images"
        );
        if strategy.needs() != Needs::NONE {
            let nothing = Inputs::default();
            let error = refuse(&nothing, &pool, 1);
            assert!(error.starts_with(&format!("strategy `{}` needs", strategy.name())), "{error}");
        }
    }
}

#[test]
fn scores_in_blocks_are_the_scores_of_the_whole() {
    let case = Case::random(50, 12);
    for strategy in all() {
        let Some(score) = strategy.as_score() else { continue };
        let images: Vec<u32> = (0..50).collect();
        let whole = score.score_rows(&case.inputs(), &images, 1).unwrap();
        let mut blocks = Vec::new();
        for first in (0..50).step_by(17) {
            let rows = 17.min(50 - first);
            let part = |values: &[f32], width: usize| {
                values[first * width..(first + rows) * width].to_vec()
            };
            let block = Case {
                probs: part(&case.probs, CLASSES),
                mc_probs: part(&case.mc_probs, SAMPLES * CLASSES),
                features: part(&case.features, DIM),
                views: part(&case.views, SAMPLES * CLASSES),
                targets: case.targets.clone(),
                labelled: vec![],
                rows,
            };
            blocks.extend(score.score_rows(&block.inputs(), &images[..rows], 1).unwrap());
        }
        assert_eq!(whole, blocks, "{}", strategy.name());
    }
}

/// Strategies that draw every image by chance: none of their scores is a tie.
fn draws_alone(name: &str) -> bool {
    ["random", "stratified-random"].contains(&name)
}

/// Images that no strategy can tell apart, as a model that has learned nothing leaves them.
fn alike() -> Case {
    let mut case = Case::random(200, 13);
    case.labelled = vec![];
    for (values, width) in [
        (&mut case.probs, CLASSES),
        (&mut case.mc_probs, SAMPLES * CLASSES),
        (&mut case.views, SAMPLES * CLASSES),
        (&mut case.features, DIM),
    ] {
        let first = values[..width].to_vec();
        values.chunks_exact_mut(width).for_each(|row| row.copy_from_slice(&first));
    }
    case
}

#[test]
fn where_all_scores_are_equal_the_lowest_rows_or_drawn_ones_are_taken_and_it_is_said() {
    let case = alike();
    for strategy in all().iter().filter(|strategy| !draws_alone(strategy.name())) {
        let name = strategy.name();
        let pick = |ties, seed, threads| {
            let query = Query::new(6, Key::new(seed, 5)).with_ties(ties);
            strategy.pick(&case.inputs(), &case.pool(), &query, threads).expect(name)
        };
        let lower = pick(Ties::LowerIndex, 0, 1);
        assert!(lower.all_equal, "{name}");
        if !is_random(name) {
            let mut rows = lower.indices.clone();
            rows.sort_unstable();
            assert_eq!(rows, [0, 1, 2, 3, 4, 5], "{name}");
        }
        let seeded = pick(Ties::Seeded, 0, 1);
        assert!(
            seeded.all_equal && seeded.indices.iter().any(|&row| row >= 50),
            "{name}: {seeded:?}"
        );
        assert_eq!(seeded, pick(Ties::Seeded, 0, 3), "{name}");
        assert_ne!(seeded.indices, pick(Ties::Seeded, 1, 1).indices, "{name}");
    }
}

#[test]
fn how_ties_are_broken_shows_nowhere_where_there_are_none() {
    let case = Case { labelled: vec![1, 2], ..Case::random(60, 14) };
    // Votes and covered images are counted: there are ties in any case.
    let counts = ["variation-ratio", "probcover"];
    for strategy in all().iter().filter(|strategy| !counts.contains(&strategy.name())) {
        let pick = |ties| {
            let query = Query::new(5, Key::new(0, 5)).with_ties(ties);
            strategy.pick(&case.inputs(), &case.pool(), &query, 1).unwrap()
        };
        let lower = pick(Ties::LowerIndex);
        assert!(!lower.all_equal, "{}", strategy.name());
        assert_eq!(lower, pick(Ties::Seeded), "{}", strategy.name());
    }
}

#[test]
fn the_order_of_the_pool_does_not_show_in_drawn_ties() {
    let case = alike();
    let mut shuffled = case.pool();
    Key::new(7, 7).stream().shuffle(&mut shuffled);
    let query = Query::new(8, Key::new(0, 5)).with_ties(Ties::Seeded);
    for strategy in all() {
        let pick = |pool: &[u32]| strategy.pick(&case.inputs(), pool, &query, 1).unwrap();
        assert_eq!(pick(&shuffled), pick(&case.pool()), "{}", strategy.name());
    }
}
