//! Runs on a pretrained encoder, end to end.

mod listener;

use fewlabel_engine::rng::Key;
use fewlabel_learn::acquire::{Options, Ties};
use fewlabel_learn::augment::Policy;
use fewlabel_learn::data::{Dataset, Images, Split};
use fewlabel_learn::model::network::NetworkSettings;
use fewlabel_learn::model::predict::{Predictor, accuracy};
use fewlabel_learn::model::view::View;
use fewlabel_learn::pretrain::{Encoder, PretrainSettings, Pretraining};
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::probe::self_training::SelfTraining;
use fewlabel_learn::run::active_loop::{Finished, choose_on_features, collect};
use fewlabel_learn::run::answers::Answered;
use fewlabel_learn::run::initial::Initial;
use fewlabel_learn::run::oracle::{Answer, Oracle, Simulated};
use fewlabel_learn::run::plan::{ActiveSettings, LoopSchedule, Placement, Plan, Selection};
use fewlabel_learn::run::resources::Resources;
use fewlabel_learn::run::transfer::{EncoderSource, Ensemble, Head, Transfer};
use fewlabel_learn::training::fine_tuning::FineTuning;
use fewlabel_learn::training::fit::TrainSettings;
use fewlabel_learn::{Context, LearnError};
use listener::{Listener, Moment, bits, carry_out, judged, labelled};

const SIDE: usize = 13;

/// A bright row, a bright column, or neither, on noise.
fn split(n: usize, salt: u64) -> Split {
    let mut stream = Key::new(salt, 77).stream();
    let mut pixels = Vec::new();
    for image in 0..n {
        for place in 0..SIDE * SIDE {
            let bright = match image % 3 {
                0 => (5..8).contains(&(place / SIDE)),
                1 => (5..8).contains(&(place % SIDE)),
                _ => false,
            };
            pixels.push((stream.unit() * 60.0) as u8 + if bright { 150 } else { 0 });
        }
    }
    let images = Images { height: SIDE, width: SIDE, channels: 1, pixels };
    Split { images, labels: (0..n).map(|i| (i % 3) as u16).collect() }
}

fn data() -> Dataset {
    let names = ["row", "column", "neither"].map(String::from).to_vec();
    Dataset::new("small".to_owned(), [split(90, 0), split(30, 1), split(30, 2)], names)
}

fn settings() -> PretrainSettings {
    PretrainSettings {
        width: 8,
        epochs: 3,
        batch_size: 30,
        hidden: 16,
        embedding: 8,
        ..PretrainSettings::default()
    }
}

fn encoder(data: &Dataset, seed: u64) -> Encoder {
    let mut training = Pretraining::new(&data.pool(), &settings(), seed, 1).unwrap();
    while training.step().unwrap() {}
    Encoder::new(training.model().clone(), data.mean())
}

fn plan(strategy: &str, fine_tuning: Option<FineTuning>) -> Plan {
    let encoder = EncoderSource::Pretraining { settings: settings(), seed: 1 };
    Plan {
        seed: 5,
        selection: Selection::OnFeatures {
            strategy: strategy.to_owned(),
            labels: 12,
            ties: Ties::default(),
        },
        placement: Placement::Never,
        policy: Policy::none(),
        network: NetworkSettings::paper(8),
        training: TrainSettings::default(),
        validate_every_epoch: false,
        test_time_views: 0,
        validation_labels: 0,
        transfer: Some(Transfer {
            encoder,
            ensemble: None,
            classifier: Head::Ridge,
            self_training: None,
            fine_tuning,
        }),
    }
}

fn tuning() -> FineTuning {
    FineTuning { steps: 120, batch_size: 8, ..FineTuning::default() }
}

fn encoded(data: &Dataset, seed: u64) -> Encoded {
    Encoded::new(encoder(data, seed), &data.pool(), Some(&data.benchmark()), 1).unwrap()
}

fn go(
    plan: &Plan,
    data: &Dataset,
    threads: usize,
    moment: Option<&Moment>,
) -> (Finished, Listener) {
    let (finished, heard) =
        carry_out(plan, data, &[&encoded(data, 1)], Context::new(threads), moment);
    (finished.unwrap(), heard)
}

#[test]
fn few_labels_on_features_are_enough_for_an_easy_task() {
    let data = data();
    for (strategy, queries) in [("typiclust", 1), ("margin", 6)] {
        let (finished, heard) = go(&plan(strategy, None), &data, 1, None);
        let asked: Vec<u32> =
            heard.queries.iter().flat_map(|q| q.picks.iter().map(|pick| pick.index)).collect();
        assert_eq!(
            (heard.queries.len(), asked),
            (queries, labelled(&finished).to_vec()),
            "{strategy}"
        );
        assert_eq!(heard.epochs.len(), 1);
        let right = accuracy(&judged(&finished).test_probs_nc, &data.test.labels);
        assert!(right > 0.85, "{strategy}: {right}");
    }
}

#[test]
fn the_network_says_what_the_classifier_on_its_features_says() {
    let data = data();
    let (finished, _) = go(&plan("typiclust", None), &data, 1, None);
    let mut view = View::new(&data.test.images, &data.mean(), None);
    let mut predictor = Predictor::new(&finished.model, 1).unwrap();
    let probs = predictor.probs_nc(&mut view, data.test.len(), Key::new(0, 0)).unwrap();
    assert!(probs.iter().zip(&judged(&finished).test_probs_nc).all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn an_ensemble_answers_with_the_mean_of_its_classifiers_on_the_first_one_s_labels() {
    let data = data();
    let [first, second] = [1, 2].map(|seed| encoded(&data, seed));
    let go = |plan: &Plan, encoders: &[&Encoded]| {
        carry_out(plan, &data, encoders, Context::new(2), None).0
    };
    let alone = plan("typiclust", None);
    let mut together = alone.clone();
    together.transfer.as_mut().unwrap().ensemble = Some(Ensemble { size: 2, of: 3 });
    let chosen = go(&alone, &[&first]).unwrap();
    let given =
        Plan { selection: Selection::Given { rows: labelled(&chosen).to_vec() }, ..alone.clone() };
    let other = go(&given, &[&second]).unwrap();
    let both = go(&together, &[&first, &second]).unwrap();
    assert_eq!(labelled(&both), labelled(&chosen));
    let mean = judged(&chosen)
        .test_probs_nc
        .iter()
        .zip(&judged(&other).test_probs_nc)
        .map(|(a, b)| (a + b) / 2.0);
    assert!(mean.zip(&judged(&both).test_probs_nc).all(|(mean, &p)| mean == p));
    assert!(go(&together, &[&first]).is_err() && go(&alone, &[&first, &second]).is_err());
    together.transfer.as_mut().unwrap().fine_tuning = Some(tuning());
    let error = together.check(data.train.len()).unwrap_err().to_string();
    assert!(error.contains("give fine_tuning or ensemble"), "{error}");
}

#[test]
fn fine_tuning_goes_on_with_the_same_bits_wherever_it_was_cut() {
    let data = data();
    let plan = plan("random", Some(tuning()));
    let (whole, heard) = go(&plan, &data, 1, None);
    assert_eq!((heard.moments.len(), heard.epochs.len()), (4, 3));
    let (probe, _) = go(
        &Plan { transfer: plan.transfer.clone().map(without_tuning), ..plan.clone() },
        &data,
        1,
        None,
    );
    assert!(bits(&probe) != bits(&whole));
    for moment in &heard.moments {
        let (resumed, rest) = go(&plan, &data, 2, Some(moment));
        assert!(bits(&resumed) == bits(&whole));
        assert_eq!(rest.epochs, heard.epochs[moment.epochs..]);
        assert_eq!(rest.queries, heard.queries[moment.queries..]);
    }
}

fn without_tuning(transfer: Transfer) -> Transfer {
    Transfer { fine_tuning: None, ..transfer }
}

#[test]
fn only_given_labels_and_training_images_are_learned_from() {
    let data = data();
    let mut plan = plan("typiclust", Some(tuning()));
    plan.transfer.as_mut().unwrap().self_training = Some(SelfTraining::default());
    let (finished, _) = go(&plan, &data, 1, None);
    let mut other = data.clone();
    for (row, label) in other.train.labels.iter_mut().enumerate() {
        if !labelled(&finished).contains(&(row as u32)) {
            *label = (*label + 1) % 3;
        }
    }
    other.val.images.pixels.fill(9);
    other.test.images.pixels.fill(9);
    let (same, _) = go(&plan, &other, 1, None);
    assert!(
        same.model.to_safetensors(&Default::default())
            == finished.model.to_safetensors(&Default::default())
    );
}

#[test]
fn a_plan_that_does_not_fit_an_encoder_is_refused() {
    let wrong = |change: &dyn Fn(&mut Plan)| {
        let mut plan = plan("typiclust", None);
        change(&mut plan);
        plan.check(90).unwrap_err().to_string()
    };
    let strategy = |name: &str| Selection::OnFeatures {
        strategy: name.to_owned(),
        labels: 12,
        ties: Ties::default(),
    };
    assert!(
        wrong(&|plan| plan.selection = strategy("bald")).contains("several predictions an image")
    );
    assert!(wrong(&|plan| plan.transfer = None).contains("no encoder is given"));
    let short = FineTuning { steps: 0, ..tuning() };
    let tuned = |plan: &mut Plan| plan.transfer.as_mut().unwrap().fine_tuning = Some(short.clone());
    assert!(wrong(&tuned).contains("steps"));
    let most = |plan: &mut Plan| {
        plan.selection = Selection::OnFeatures {
            strategy: "badge".to_owned(),
            labels: 91,
            ties: Ties::default(),
        }
    };
    assert!(wrong(&most).contains("more than the 90 images"));
}

#[test]
fn every_strategy_on_features_spends_its_budget_on_different_images() {
    let data = data();
    let encoded = encoded(&data, 1);
    let (pool, benchmark) = (data.pool(), Some(data.benchmark()));
    let resources =
        Resources { pool, benchmark, encoders: vec![&encoded], context: Context::new(1) };
    let choose = |strategy: &str, labels: usize| {
        choose_on_features(strategy, labels, 1, &resources, &mut Simulated::new(&data.train.labels))
    };
    for strategy in ["random", "typiclust", "core-set", "badge", "margin", "probcover"] {
        let chosen = choose(strategy, 12).unwrap();
        let mut rows = chosen.labelled().rows.clone();
        rows.sort_unstable();
        rows.dedup();
        assert_eq!(rows.len(), 12, "{strategy}");
        assert_eq!(choose(strategy, 12).unwrap(), chosen, "{strategy}");
    }
    assert!(
        choose("random", 91).unwrap_err().to_string().contains("91") && choose("bald", 12).is_err()
    );
}

/// A loop whose learner stands on an encoder.
fn looping(fine_tuning: Option<FineTuning>) -> Plan {
    let selection = Selection::Active(Box::new(ActiveSettings {
        strategy: "margin".to_owned(),
        initial: 4,
        query_size: 4,
        labels: 14,
        mc_samples: 1,
        members: 1,
        views: 1,
        network: NetworkSettings::paper(8),
        schedule: LoopSchedule::default(),
        initial_choice: Initial::default(),
        ties: Ties::default(),
        stopping: Vec::new(),
        features: None,
        options: Options::default(),
        temperature_scaling: false,
    }));
    Plan { selection, ..plan("margin", fine_tuning) }
}

#[test]
fn a_probe_and_a_fine_tuned_network_may_query_too() {
    let data = data();
    let short = FineTuning { steps: 60, batch_size: 4, ..FineTuning::default() };
    for (fine_tuning, epochs) in [(None, 1), (Some(short), 8)] {
        let plan = looping(fine_tuning);
        let (finished, heard) = go(&plan, &data, 1, None);
        assert_eq!(
            heard.queries.iter().map(|query| query.picks.len()).collect::<Vec<_>>(),
            [4, 4, 2]
        );
        assert_eq!((labelled(&finished).len(), heard.epochs.len()), (14, epochs));
        assert!(
            heard.queries.iter().flat_map(|query| &query.picks).all(|pick| pick.entropy.is_some())
        );
        if plan.transfer.as_ref().is_some_and(|transfer| transfer.fine_tuning.is_none()) {
            assert!(accuracy(&judged(&finished).test_probs_nc, &data.test.labels) > 0.85);
        }
        for moment in heard.moments.iter().step_by(2) {
            assert!(bits(&go(&plan, &data, 2, Some(moment)).0) == bits(&finished));
        }
    }
}

/// Postpones what it is asked and tells the class a query later, as a person does at whose desk
/// images lie ready.
struct Slow<'a> {
    truth: &'a [u16],
    asked: Vec<u32>,
    told: usize,
    ends_after: usize,
}

impl Oracle for Slow<'_> {
    fn answer(&mut self, rows: &[u32]) -> Result<Vec<Answer>, LearnError> {
        if self.asked.len() >= self.ends_after {
            return Err(LearnError::Interrupted);
        }
        self.asked.extend(rows);
        Ok(vec![Answer::Postponed; rows.len()])
    }

    fn later(&mut self) -> Result<Vec<Answered>, LearnError> {
        let until = self.asked.len().saturating_sub(6).max(self.told);
        let now = &self.asked[self.told..until];
        let label = |&row: &u32| Answered { row, answer: Answer::Label(self.truth[row as usize]) };
        let said = now.iter().map(label).collect();
        self.told = until;
        Ok(said)
    }
}

#[test]
fn a_person_who_answers_later_is_asked_about_each_image_once() {
    let data = data();
    let encoded = encoded(&data, 1);
    let rows = data.train.len();
    for (plan, is_encoder) in [
        (Plan::asking("typiclust", rows, 3, false), false),
        (Plan::asking("typiclust", rows, 3, true), true),
        (Plan::asking("margin", rows, 3, true), true),
        (Plan::asking_by_networks("entropy", rows, 3).unwrap(), false),
        (Plan::asking_by_networks("bald", rows, 3).unwrap(), false),
    ] {
        let Selection::Active(active) = &plan.selection else { panic!("a loop") };
        let strategy = active.strategy.clone();
        let resources = Resources {
            pool: data.pool(),
            benchmark: None,
            encoders: if is_encoder { vec![&encoded] } else { Vec::new() },
            context: Context::new(1),
        };
        // Two are known, one is not to be asked about, one lies on the desk.
        let known = [(4, Answer::Label(1)), (9, Answer::Label(0)), (7, Answer::Unusable)];
        let known = known.into_iter().chain([(8, Answer::Postponed)]);
        let known: Vec<Answered> = known.map(|(row, answer)| Answered { row, answer }).collect();
        let mut oracle =
            Slow { truth: &data.train.labels, asked: Vec::new(), told: 0, ends_after: 60 };
        let outcome = collect(&plan, &resources, &known, &mut oracle, &mut Listener::default());
        assert!(matches!(outcome, Err(LearnError::Interrupted)), "{strategy}");
        let asked: std::collections::BTreeSet<u32> = oracle.asked.iter().copied().collect();
        assert_eq!(asked.len(), oracle.asked.len(), "{strategy} asks twice");
        assert!(known.iter().all(|answered| !asked.contains(&answered.row)), "{strategy}");
        // To the end: everything is asked about, and the loop is over.
        let mut oracle =
            Slow { truth: &data.train.labels, asked: Vec::new(), told: 0, ends_after: 1000 };
        collect(&plan, &resources, &known, &mut oracle, &mut Listener::default()).unwrap();
        assert_eq!(oracle.asked.len(), data.train.len() - 4, "{strategy}");
    }
}
