//! Writes a finished study whose results are made up: `made_up_study DIR [SEEDS] [BUDGETS]
//! [with-data]`, six regimes each (`full` at one budget).
//!
//! No network is trained: probabilities are noise around a level that each regime is given. The
//! tests of the report and of its page use it too. `with-data` puts data and study file into DIR as
//! well: `fewlabel run DIR/grid.toml --out DIR` has nothing to do then, which
//! `scripts/large_folder.sh` measures on 10,000 runs.

use fewlabel_engine::rng::{Key, Stream};
use fewlabel_learn::augment::{Applied, Kind};
use fewlabel_learn::data::{Dataset, Images, Split, npz};
use fewlabel_learn::run::events::{EpochEvent, Phase, Pick, PoolKind, QueryEvent};
use fewlabel_study::ask::regimes;
use fewlabel_study::ask::settings::{Budget, Point, RunSettings};
use fewlabel_study::ask::study_file::Study;
use fewlabel_study::evaluate::metrics::Metrics;
use fewlabel_study::store::record::{Phases, RunResult, Timing};
use fewlabel_study::store::study_dir::{self, Folder};
use fewlabel_study::{StudyError, report};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// MedMNIST's organs, in its order.
const ORGANS: [&str; 11] = [
    "bladder",
    "femur-left",
    "femur-right",
    "heart",
    "kidney-left",
    "kidney-right",
    "liver",
    "lung-left",
    "lung-right",
    "pancreas",
    "spleen",
];
const TEST_IMAGES: usize = 300;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder =
        arguments.next().ok_or("usage: made_up_study DIR [SEEDS] [BUDGETS] [with-data]")?;
    let mut number =
        |default: u64| arguments.next().map_or(Ok(default), |text| text.parse::<u64>());
    let (seeds, budgets) = (number(5)?, number(1)?);
    let budgets: Vec<usize> = (0..budgets as usize).map(|i| 24 + 16 * i).collect();
    match arguments.next().as_deref() {
        Some("with-data") => write_with_data(Path::new(&folder), seeds, &budgets),
        _ => Ok(write(Path::new(&folder), seeds, &budgets)?),
    }
}

/// A study of [`write`]'s kind that can be run: its data in a file, its settings in another.
fn write_with_data(
    path: &Path,
    seeds: u64,
    budgets: &[usize],
) -> Result<(), Box<dyn std::error::Error>> {
    fs::create_dir_all(path)?;
    let archive = std::path::absolute(path)?.join("made-up.npz");
    npz::write(&dataset(), fs::File::create(&archive)?)?;
    let text = format!(
        "name = \"made-up\"\ndata = {:?}\nregime = {:?}\nseeds = {seeds}\nlabels = {budgets:?}\n\
         initial = 8\nepochs = 12\n",
        archive.display().to_string(),
        regimes::NAMES,
    );
    fs::write(path.join("grid.toml"), &text)?;
    let study = Study::parse(&text, "grid.toml", &[])?;
    let folder = Folder::claim(path, &study.resolved())?;
    let jobs = study.jobs()?;
    folder.keep_plan(&study_dir::plan(&jobs))?;
    for job in &jobs {
        write_run(&folder, &job.settings, &job.data, job.settings.labels(job.data.train.len()));
    }
    if let Some(job) = jobs.first() {
        report::keep_images(&folder, &job.data, &folder.contents()?)?;
    }
    Ok(())
}

/// Writes six regimes x `seeds` x `budgets` (`full` at one) into `path`.
pub(crate) fn write(path: &Path, seeds: u64, budgets: &[usize]) -> Result<(), StudyError> {
    let folder = Folder::claim(path, "name = \"made-up\"\n")?;
    let data = dataset();
    for (budget_place, &budget) in budgets.iter().enumerate() {
        for regime in regimes::NAMES.iter().filter(|name| budget_place == 0 || **name != "full") {
            for seed in 0..seeds {
                let mut point = Point {
                    data: data.name.clone(),
                    regime: (*regime).to_owned(),
                    seed,
                    labels: Budget::Count(budget),
                    ..Point::default()
                };
                point.queries.initial = Budget::Count(8);
                point.final_model.training.epochs = 12;
                write_run(&folder, &RunSettings::new(&point, &data)?, &data, budget);
            }
        }
    }
    let contents = folder.contents()?;
    report::keep_images(&folder, &data, &contents)
}

fn dataset() -> Dataset {
    let split = |n: usize, salt: u64| {
        let mut stream = Key::new(salt, 1).stream();
        let labels: Vec<u16> =
            (0..n).map(|_| stream.below(11).min(stream.below(14)) as u16).collect();
        let pixels = labels.iter().flat_map(|&label| {
            (0..784u32).map(move |p| ((p / 28 * (u32::from(label) + 2) + p % 28 * 5) % 256) as u8)
        });
        let pixels = pixels.collect();
        Split { images: Images { height: 28, width: 28, channels: 1, pixels }, labels }
    };
    let names = ORGANS.map(str::to_owned).to_vec();
    let mut data = Dataset::new(
        "made-up".into(),
        [split(1500, 1), split(300, 2), split(TEST_IMAGES, 3)],
        names,
    );
    data.synthetic = true;
    data
}

fn write_run(folder: &Folder, settings: &RunSettings, data: &Dataset, budget: usize) {
    let seed = settings.plan.seed;
    let place = regimes::NAMES.iter().position(|name| *name == settings.regime).unwrap_or(0);
    let signal = [3.4, 1.7, 1.9, 1.6, 1.2, 2.0][place] + 0.004 * budget as f64;
    let mut stream = Key::new(seed, 2).at(place as u64, budget as u64).stream();
    let shared = 0.15 * Key::new(seed, 3).stream().normal();
    let result = |signal: f64, labels: &[u16], stream: &mut Stream| {
        Metrics::of(&probabilities(signal, labels, stream), labels)
    };
    let level = signal + shared + 0.1 * stream.normal();
    let validation = result(level + 0.4, &data.val.labels, &mut stream);
    let test = result(level, &data.test.labels, &mut stream);
    let queries = if settings.regime.starts_with("al") {
        queries(settings, data, budget, &mut stream)
    } else {
        Vec::new()
    };
    let is_full = settings.regime == "full";
    let labels = if is_full { data.train.len() } else { budget };
    let best = (validation.accuracy + 0.01).min(1.0);
    let epochs = (1..=12u32).map(|epoch| EpochEvent {
        phase: Phase::Final,
        round: 0,
        epoch,
        labels,
        train_loss: Some(2.4 / (1.0 + 0.3 * epoch as f32)),
        val_accuracy: Some(best * f64::from(epoch) / 12.0),
    });
    let run = folder.run(&settings.id());
    fs::create_dir_all(&run).expect("made");
    let id = settings.id();
    let labelled = if is_full { Vec::new() } else { (0..budget as u32).collect() };
    let result = RunResult {
        format: 1,
        id,
        labels,
        labelled,
        stopped: None,
        learned: None,
        val_accuracy_best: best,
        validation,
        test,
    };
    json(&run.join("settings.json"), settings);
    lines(&run.join("epochs.jsonl"), "epochs", epochs);
    lines(&run.join("queries.jsonl"), "queries", queries.into_iter());
    let (phases, machine) = (Phases::default(), Some("a made-up machine".into()));
    let timing = Timing { seconds: 1.5, threads: 2, starts: 1, phases, taken_from: None, machine };
    json(&run.join("timing.json"), &timing);
    json(&run.join("result.json"), &result);
}

fn probabilities(signal: f64, labels: &[u16], stream: &mut Stream) -> Vec<f32> {
    let mut probs = Vec::with_capacity(labels.len() * ORGANS.len());
    for &label in labels {
        let twin = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 10][usize::from(label)];
        let logit = |class: usize, stream: &mut Stream| {
            let own = if class == usize::from(label) {
                signal
            } else if class == twin {
                0.6 * signal
            } else {
                0.0
            };
            (own + f64::from(stream.uniform(-1.5, 1.5))).exp()
        };
        let row: Vec<f64> = (0..ORGANS.len()).map(|class| logit(class, stream)).collect();
        let sum: f64 = row.iter().sum();
        probs.extend(row.iter().map(|value| (value / sum) as f32));
    }
    probs
}

fn queries(
    settings: &RunSettings,
    data: &Dataset,
    budget: usize,
    stream: &mut Stream,
) -> Vec<QueryEvent> {
    let is_augmented = settings.regime == "alda";
    let kinds = [Kind::None, Kind::Rotation, Kind::Blur, Kind::Elastic];
    let count = (budget - 8).div_ceil(4);
    let query = |round: usize| {
        let picks = (0..4).map(|_| {
            let index = stream.below(data.train.len() as u64) as u32;
            let kind = kinds[(stream.below(5) as usize).min(3)];
            let augmentation =
                is_augmented.then_some(Applied { kind, strength: stream.uniform(0.5, 1.5) });
            let entropy = 3.0 - 0.02 * round as f64;
            Pick {
                index,
                label: Some(data.train.labels[index as usize]),
                score: Some(entropy),
                entropy: Some(entropy),
                augmentation,
            }
        });
        let picks = picks.collect();
        let pool = kinds.iter().enumerate().filter(|_| is_augmented).map(|(place, &kind)| {
            let mean_entropy = Some(2.0 + 0.1 * place as f64 + 0.01 * stream.normal());
            PoolKind { kind, images: 370 - round + place, mean_entropy }
        });
        QueryEvent {
            round: round as u32,
            picks,
            temperatures: Vec::new(),
            pool: pool.collect(),
            ties: None,
        }
    };
    (0..count).map(query).collect()
}

fn json(path: &Path, value: &impl Serialize) {
    fs::write(path, serde_json::to_string_pretty(value).expect("plain data") + "\n")
        .expect("written");
}

fn lines<T: Serialize>(path: &Path, records: &str, events: impl Iterator<Item = T>) {
    let mut text = format!("{{\"records\":\"{records}\",\"format\":1}}\n");
    for event in events {
        text += &serde_json::to_string(&event).expect("plain data");
        text.push('\n');
    }
    fs::write(path, text).expect("written");
}
