//! The main path on a small data set: what is labelled, what is said, and that a run resumes to the
//! same bits.

mod listener;

use fewlabel_learn::acquire::{Options, Ties};
use fewlabel_learn::augment::{Beta, Mixing, Policy, Spec};
use fewlabel_learn::data::{Dataset, Images, Split};
use fewlabel_learn::features::FeatureSource;
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::run::active_loop::Finished;
use fewlabel_learn::run::events::Phase;
use fewlabel_learn::run::initial::Initial;
use fewlabel_learn::run::oracle::{Answer, Oracle, Simulated};
use fewlabel_learn::run::plan::{ActiveSettings, LoopSchedule, Placement, Plan, Selection};
use fewlabel_learn::run::stopping::Rule;
use fewlabel_learn::training::fit::{Recipe, TrainSettings};
use fewlabel_learn::{Context, LearnError};
use listener::{Listener, Moment, bits, carry_out, carry_out_with, judged, labelled};

const SIDE: usize = 8;

/// Three classes: a bright row, a bright column, neither; with a texture that differs from image to
/// image.
fn split(n: usize, salt: usize) -> Split {
    let label = |i: usize| (i * 7 + salt) % 3;
    let pixel = |i: usize, y: usize, x: usize| {
        let shape = match label(i) {
            0 => 120 * usize::from(y == 3),
            1 => 120 * usize::from(x == 4),
            _ => 0,
        };
        (shape + (i * 31 + y * 17 + x * 13 + salt) * 7 % 97) as u8
    };
    let pixels =
        (0..n).flat_map(|i| (0..SIDE * SIDE).map(move |p| pixel(i, p / SIDE, p % SIDE))).collect();
    Split {
        images: Images { height: SIDE, width: SIDE, channels: 1, pixels },
        labels: (0..n).map(|i| label(i) as u16).collect(),
    }
}

fn data() -> Dataset {
    let names = ["row", "column", "neither"].map(String::from).to_vec();
    Dataset::new("small".to_owned(), [split(60, 0), split(20, 1), split(20, 2)], names)
}

fn plan(placement: Placement) -> Plan {
    let network = NetworkSettings { dropout: 0.1, ..NetworkSettings::paper(2) };
    Plan {
        seed: 5,
        selection: Selection::Active(Box::new(ActiveSettings {
            strategy: "entropy".to_owned(),
            initial: 4,
            query_size: 3,
            labels: 15,
            mc_samples: 3,
            members: 1,
            views: 3,
            network: network.clone(),
            schedule: LoopSchedule { first_epochs: 2, reset_every_queries: 2, epochs_growth: 1 },
            initial_choice: Initial::default(),
            stopping: Vec::new(),
            features: None,
            options: Options::default(),
            ties: Ties::default(),
            temperature_scaling: false,
        })),
        placement,
        policy: Policy::paper(),
        network,
        training: TrainSettings { epochs: 3, batch_size: 8, ..TrainSettings::default() },
        validate_every_epoch: true,
        test_time_views: 2,
        validation_labels: 0,
        transfer: None,
    }
}

fn go(
    plan: &Plan,
    data: &Dataset,
    threads: usize,
    moment: Option<&Moment>,
) -> (Finished, Listener) {
    let (finished, heard) = carry_out(plan, data, &[], Context::new(threads), moment);
    (finished.unwrap(), heard)
}

#[test]
fn the_loop_spends_the_budget_and_no_row_twice() {
    let data = data();
    let (finished, heard) = go(&plan(Placement::Never), &data, 1, None);
    let mut rows = labelled(&finished).to_vec();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), 15);
    let sizes: Vec<usize> = heard.queries.iter().map(|query| query.picks.len()).collect();
    assert_eq!(sizes, [3, 3, 3, 2], "the last query is cut to the budget");
    for pick in heard.queries.iter().flat_map(|query| &query.picks) {
        assert_eq!(pick.label.unwrap(), data.train.labels[pick.index as usize]);
        assert!(pick.entropy.unwrap() <= 3f64.log2() + 1e-6);
    }
    let loop_epochs =
        |round| heard.epochs.iter().filter(|e| e.phase == Phase::Loop && e.round == round).count();
    assert_eq!([0, 1, 2, 3].map(loop_epochs), [2, 2, 3, 3]);
}

#[test]
fn a_recipe_beyond_the_paper_s_goes_on_with_the_same_bits() {
    let data = data();
    let recipe = Recipe { steps: 12, cosine: true, label_smoothing: 0.1, average: 0.9 };
    let plan = |recipe| Plan {
        training: TrainSettings { recipe, ..plan(Placement::Never).training },
        ..plan(Placement::Never)
    };
    let (whole, heard) = go(&plan(recipe), &data, 1, None);
    let epochs = heard.epochs.iter().filter(|e| e.phase == Phase::Final).count();
    assert_eq!(epochs, 6, "two steps an epoch over 15 images");
    let moment = &heard.moments[heard.moments.len() - 3];
    assert_eq!(bits(&go(&plan(recipe), &data, 2, Some(moment)).0), bits(&whole));
    for part in [
        Recipe { cosine: true, ..Recipe::default() },
        Recipe { label_smoothing: 0.1, ..Recipe::default() },
        Recipe { average: 0.9, ..Recipe::default() },
    ] {
        let paper = bits(&go(&plan(Recipe::default()), &data, 1, None).0);
        assert!(bits(&go(&plan(part), &data, 1, None).0) != paper, "{part:?}");
    }
}

#[test]
fn a_resumed_run_ends_with_the_same_bits_wherever_it_was_cut() {
    let data = data();
    for placement in [Placement::Never, Placement::BeforeQuery, Placement::AfterQuery] {
        let plan = plan(placement);
        let (whole, heard) = go(&plan, &data, 1, None);
        for moment in heard.moments.iter().step_by(2) {
            let (resumed, rest) = go(&plan, &data, 2, Some(moment));
            assert_eq!(bits(&resumed), bits(&whole));
            assert_eq!(judged(&resumed).val_accuracy_best, judged(&whole).val_accuracy_best);
            assert_eq!(rest.epochs, heard.epochs[moment.epochs..]);
            assert_eq!(rest.queries, heard.queries[moment.queries..]);
        }
    }
}

/// The same loop with another strategy, network and number of members.
fn plan_with(strategy: &str, members: usize) -> Plan {
    let mut plan = plan(Placement::AfterQuery);
    let Selection::Active(active) = &mut plan.selection else { unreachable!() };
    active.strategy = strategy.to_owned();
    active.members = members;
    plan
}

#[test]
fn every_strategy_can_lead_the_loop() {
    let data = data();
    for name in fewlabel_learn::acquire::names() {
        for members in [1, 2] {
            let (finished, heard) = go(&plan_with(name, members), &data, 1, None);
            assert_eq!(labelled(&finished).len(), 15, "{name} with {members} members");
            assert_eq!(heard.queries.len(), 4, "{name} with {members} members");
        }
    }
}

#[test]
fn an_ensemble_resumes_to_the_same_bits_on_any_number_of_threads() {
    let data = data();
    let plan = plan_with("bald", 3);
    let (whole, heard) = go(&plan, &data, 1, None);
    for moment in heard.moments.iter().step_by(3) {
        assert_eq!(bits(&go(&plan, &data, 2, Some(moment)).0), bits(&whole));
    }
}

#[test]
fn a_reset_model_starts_from_other_weights() {
    let data = data();
    let (_, heard) = go(&plan(Placement::Never), &data, 1, None);
    let first_losses: Vec<f32> = heard
        .epochs
        .iter()
        .filter(|e| e.phase == Phase::Loop && e.epoch == 1)
        .filter_map(|e| e.train_loss)
        .collect();
    assert_ne!(first_losses[0], first_losses[2], "rounds 0 and 2 both start anew");
}

#[test]
fn a_request_to_stop_is_heard_at_the_next_checkpoint() {
    let data = data();
    let asked = std::cell::Cell::new(0);
    let is_cancelled = || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    };
    let context = Context::cancelled_by(1, &is_cancelled);
    let (result, heard) = carry_out(&plan(Placement::Never), &data, &[], context, None);
    assert!(matches!(result, Err(LearnError::Interrupted)));
    assert_eq!(heard.moments.len(), 3);
}

#[test]
fn alda_records_how_the_pool_was_augmented() {
    let data = data();
    let (_, heard) = go(&plan(Placement::BeforeQuery), &data, 1, None);
    for query in &heard.queries {
        let images: usize = query.pool.iter().map(|kind| kind.images).sum();
        let labelled_before = 4 + 3 * query.round as usize;
        assert_eq!(images, 60 - labelled_before);
        assert!(query.picks.iter().all(|pick| pick.augmentation.is_some()));
    }
    let (_, unaugmented) = go(&plan(Placement::AfterQuery), &data, 1, None);
    assert!(unaugmented.queries.iter().all(|query| query.pool.is_empty()));
}

#[test]
fn budgets_nest_and_regimes_share_their_first_rows() {
    let data = data();
    let passive =
        |labels| Plan { selection: Selection::Random { labels }, ..plan(Placement::Never) };
    let (few, _) = go(&passive(4), &data, 1, None);
    let (more, _) = go(&passive(9), &data, 1, None);
    let (active, _) = go(&plan(Placement::Never), &data, 1, None);
    assert_eq!(labelled(&few), &labelled(&more)[..4]);
    assert_eq!(labelled(&few), &labelled(&active)[..4]);
}

#[test]
fn a_snapshot_of_other_data_is_refused() {
    let data = data();
    let (_, heard) = go(&plan(Placement::Never), &data, 1, None);
    let smaller = Dataset::new(
        "smaller".to_owned(),
        [split(16, 0), split(20, 1), split(20, 2)],
        data.class_names.clone(),
    );
    let (result, _) =
        carry_out(&plan(Placement::Never), &smaller, &[], Context::new(1), heard.moments.last());
    assert!(matches!(result, Err(LearnError::Snapshot(_))));
}

#[test]
fn a_run_goes_on_only_with_all_answers_that_it_had() {
    let data = data();
    let (_, heard) = go(&plan(Placement::Never), &data, 1, None);
    let mut moment = heard.moments[4].clone();
    moment.answers.pop();
    let (result, _) =
        carry_out(&plan(Placement::Never), &data, &[], Context::new(1), Some(&moment));
    assert!(matches!(result, Err(LearnError::Snapshot(_))));
}

/// Says nothing of every third image, whenever it is asked.
struct Unsure<'a>(Simulated<'a>);

impl Oracle for Unsure<'_> {
    fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
        let known = self.0.answer(rows)?.into_iter().zip(rows);
        Ok(known
            .map(|(answer, row)| match row % 6 {
                0 => Answer::Postponed,
                3 => Answer::Unusable,
                _ => answer,
            })
            .collect())
    }
}

#[test]
fn an_image_without_an_answer_costs_nothing_and_is_not_asked_again() {
    let data = data();
    let plan = plan(Placement::Never);
    let go = |moment: Option<&Moment>| {
        let mut oracle = Unsure(Simulated::new(&data.train.labels));
        let (finished, heard) =
            carry_out_with(&plan, &data, &[], Context::new(1), moment, &mut oracle);
        (finished.unwrap(), heard)
    };
    let (finished, heard) = go(None);
    assert_eq!(labelled(&finished).len(), 15);
    assert!(labelled(&finished).iter().all(|row| row % 3 != 0));
    let mut asked: Vec<u32> = heard.answers.iter().map(|answered| answered.row).collect();
    assert!(asked.len() > 15, "some images were asked about in vain");
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked.len(), heard.answers.len());
    for moment in heard.moments.iter().step_by(3) {
        assert_eq!(bits(&go(Some(moment)).0), bits(&finished));
    }
}

#[test]
fn a_pool_that_nobody_can_label_ends_the_run_with_a_reason() {
    struct Blind;
    impl Oracle for Blind {
        fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
            Ok(vec![Answer::Unusable; rows.len()])
        }
    }
    let (result, heard) =
        carry_out_with(&plan(Placement::Never), &data(), &[], Context::new(1), None, &mut Blind);
    assert_eq!(
        result.err().unwrap().to_string(),
        "0 labelled images cannot train a model: at least 2 are needed"
    );
    assert_eq!(heard.answers.len(), 60);
}

/// The active plan with some of its loop's settings changed.
fn changed(placement: Placement, change: impl Fn(&mut ActiveSettings)) -> Plan {
    let mut plan = plan(placement);
    let Selection::Active(active) = &mut plan.selection else { unreachable!() };
    change(active);
    plan
}

/// Cuts the run everywhere and compares what it ends with.
fn resumes_to_the_same_bits(plan: &Plan, data: &Dataset) -> (Finished, Listener) {
    let (whole, heard) = go(plan, data, 1, None);
    for moment in heard.moments.iter().step_by(3) {
        let (resumed, _) = go(plan, data, 2, Some(moment));
        assert_eq!(bits(&resumed), bits(&whole));
        assert_eq!((&resumed.stopped, &resumed.learned), (&whole.stopped, &whole.learned));
    }
    (whole, heard)
}

#[test]
fn a_rule_ends_the_loop_before_its_budget_and_says_why() {
    let data = data();
    let rules = [
        Rule::Budget { labels: 8 },
        Rule::Uncertainty { below: 1.6 },
        Rule::ValidationPlateau { rounds: 1, gain: 0.9 },
        Rule::StablePredictions { kappa: 0.01, rounds: 1 },
    ];
    for rule in rules {
        let plan = changed(Placement::Never, |active| active.stopping = vec![rule]);
        let (finished, heard) = resumes_to_the_same_bits(&plan, &data);
        let reason = finished.stopped.unwrap_or_else(|| panic!("{rule:?} was met"));
        assert_eq!(reason.rule, rule);
        assert!(
            labelled(&finished).len() < 15 && heard.queries.len() < 4,
            "{rule:?}: {}",
            labelled(&finished).len()
        );
    }
    assert!(go(&plan(Placement::Never), &data, 1, None).0.stopped.is_none());
}

#[test]
fn given_features_need_no_model_in_the_loop() {
    let data = data();
    let plan = changed(Placement::Never, |active| {
        active.strategy = "typiclust".to_owned();
        active.initial_choice = Initial::Strategy("core-set".to_owned());
        active.features = Some(FeatureSource::PixelsPca);
    });
    let (finished, heard) = resumes_to_the_same_bits(&plan, &data);
    assert!(heard.epochs.iter().all(|epoch| epoch.phase == Phase::Final));
    assert_eq!((labelled(&finished).len(), heard.queries.len()), (15, 4));
    let random = changed(Placement::Never, |_| ());
    assert_ne!(labelled(&finished)[..4], labelled(&go(&random, &data, 1, None).0)[..4]);
}

#[test]
fn stratified_first_labels_hold_every_class() {
    let data = data();
    let plan = changed(Placement::Never, |active| active.initial_choice = Initial::Stratified);
    let (finished, _) = go(&plan, &data, 1, None);
    let mut first: Vec<u16> =
        labelled(&finished)[..3].iter().map(|&row| data.train.labels[row as usize]).collect();
    first.sort_unstable();
    assert_eq!(first, [0, 1, 2]);
}

#[test]
fn a_temperature_changes_entropies_but_no_order_of_classes() {
    let data = data();
    let with = changed(Placement::Never, |active| active.temperature_scaling = true);
    let (_, heard) = resumes_to_the_same_bits(&with, &data);
    let (_, without) = go(&plan(Placement::Never), &data, 1, None);
    assert!(without.queries.iter().all(|query| query.temperatures.is_empty()));
    assert!(
        heard
            .queries
            .iter()
            .all(|query| query.temperatures.len() == 1 && query.temperatures[0] > 0.0)
    );
    assert_ne!(heard.queries[0].picks[0].entropy, without.queries[0].picks[0].entropy);
}

#[test]
fn a_learned_policy_is_chosen_on_the_labels_and_kept() {
    let data = data();
    let search: Spec =
        serde_json::from_str(r#"{"policy": "learned", "budget": 9, "folds": 3, "width": 2}"#)
            .unwrap();
    let mut plan = plan(Placement::AfterQuery);
    plan.policy = Policy::new(search).unwrap();
    let (finished, _) = resumes_to_the_same_bits(&plan, &data);
    let learned = finished.learned.unwrap();
    assert!(!learned.policy.is_learned());
    assert_eq!(learned.trials[0].scores.len(), 3);
    plan.placement = Placement::BeforeQuery;
    assert!(plan.check(60).unwrap_err().to_string().contains("before the first query"));
}

#[test]
fn images_are_mixed_where_they_are_augmented_afresh() {
    let data = data();
    for mixing in [Mixing::Mixup(Beta { alpha: 1.0 }), Mixing::Cutmix(Beta { alpha: 1.0 })] {
        let mixed = |placement| {
            let mut plan = plan(placement);
            plan.training.mixing = Some(mixing);
            plan
        };
        let (finished, _) = resumes_to_the_same_bits(&mixed(Placement::AfterQuery), &data);
        assert_ne!(bits(&finished), bits(&go(&plan(Placement::AfterQuery), &data, 1, None).0));
        let never = |plan: &Plan| bits(&go(plan, &data, 1, None).0);
        assert_eq!(never(&mixed(Placement::Never)), never(&plan(Placement::Never)));
    }
}
