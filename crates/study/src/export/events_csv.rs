//! `epochs.csv` and `queries.csv`: one line an epoch and one a query, from the records of every
//! finished run.

use crate::error::StudyError;
use crate::export::results_csv::Extra;
use crate::store::atomic_file;
use crate::store::record;
use crate::store::study_dir::{Contents, Folder, Kept};
use crate::words::quoted;
use fewlabel_learn::run::events::{Phase, Pick};
use rayon::prelude::*;
use std::fmt::{Display, Write};
use std::path::Path;

/// Runs that are read at a time: bounds the memory.
const AT_ONCE: usize = 256;

const RUN: &str = "id,data,regime,strategy,augmentation,seed";

/// Writes both tables for the runs in `contents` of `folder` into the folder `out`.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(folder: &Folder, contents: &Contents, out: &Path) -> Result<(), StudyError> {
    let finished: Vec<&Kept> = contents.runs.iter().filter(|run| run.result.is_some()).collect();
    let extra = Extra::of(contents, true);
    let mut epochs =
        format!("{RUN},phase,round,epoch,labels,train_loss,val_accuracy{}\n", extra.head);
    let mut queries =
        format!("{RUN},round,images,indices,labels,mean_score,mean_entropy{}\n", extra.head);
    for part in finished.chunks(AT_ONCE) {
        let lines: Vec<(String, String)> =
            part.par_iter().map(|run| lines(folder, run, &extra)).collect();
        for (of_epochs, of_queries) in lines {
            epochs.push_str(&of_epochs);
            queries.push_str(&of_queries);
        }
    }
    atomic_file::write_whole(&out.join("epochs.csv"), epochs.as_bytes())?;
    atomic_file::write_whole(&out.join("queries.csv"), queries.as_bytes())
}

/// The lines of one run in both tables.
fn lines(folder: &Folder, run: &Kept, extra: &Extra) -> (String, String) {
    let varies = extra.line(&run.settings);
    let (settings, path) = (&run.settings, folder.run(&run.id));
    let (name, policy) = (quoted(&settings.data.name), settings.plan.policy.name());
    let head = format!(
        "{},{name},{},{},{policy},{}",
        run.id,
        settings.regime,
        settings.strategy(),
        settings.plan.seed
    );
    let (mut epochs, mut queries) = (String::new(), String::new());
    for event in record::read_epochs(&path).unwrap_or_default() {
        let phase = if event.phase == Phase::Loop { "loop" } else { "final" };
        let accuracy = event.val_accuracy.map_or_else(String::new, |accuracy| accuracy.to_string());
        let loss = event.train_loss.map_or_else(String::new, |loss| loss.to_string());
        let (round, epoch, labels) = (event.round, event.epoch, event.labels);
        let _ =
            writeln!(epochs, "{head},{phase},{round},{epoch},{labels},{loss},{accuracy}{varies}");
    }
    for event in record::read_queries(&path).unwrap_or_default() {
        let indices = joined(event.picks.iter().map(|pick| pick.index));
        let labels = joined(event.picks.iter().filter_map(|pick| pick.label));
        let score = mean(&event.picks, |pick| pick.score);
        let entropy = mean(&event.picks, |pick| pick.entropy);
        let (round, images) = (event.round, event.picks.len());
        let _ = writeln!(
            queries,
            "{head},{round},{images},{indices},{labels},{score},{entropy}{varies}"
        );
    }
    (epochs, queries)
}

fn joined(values: impl Iterator<Item = impl Display>) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

/// The mean of what the picks have; empty where they have none.
fn mean(picks: &[Pick], of: impl Fn(&Pick) -> Option<f64>) -> String {
    let values: Vec<f64> = picks.iter().filter_map(of).collect();
    if values.is_empty() {
        String::new()
    } else {
        (values.iter().sum::<f64>() / values.len() as f64).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settings::{Point, RunSettings};
    use crate::testing;

    #[test]
    fn every_epoch_and_every_query_is_a_line() {
        let path = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let data = testing::dataset(60);
        let point = Point { regime: "al".into(), ..testing::quick_point() };
        let settings = RunSettings::new(&point, &data).expect("valid");
        let place = folder.run(&settings.id());
        atomic_file::make_folder(&place).expect("made");
        let keep =
            |name: &str, text: &str| std::fs::write(place.join(name), text).expect("written");
        keep(
            "epochs.jsonl",
            "{\"records\":\"epochs\",\"format\":1}\n\
             {\"phase\":\"loop\",\"round\":0,\"epoch\":1,\"labels\":4,\"train_loss\":0.5}\n\
             {\"phase\":\"final\",\"round\":1,\"epoch\":1,\"labels\":6,\"train_loss\":null,\
             \"val_accuracy\":0.25}\n",
        );
        keep(
            "queries.jsonl",
            "{\"records\":\"queries\",\"format\":1}\n\
             {\"round\":0,\"picks\":[{\"index\":7,\"label\":2,\"score\":1.0},\
             {\"index\":3,\"label\":0,\"score\":0.5}]}\n",
        );
        let run = Kept { id: settings.id(), settings, result: None, timing: None, failure: None };
        let (epochs, queries) = lines(&folder, &run, &Extra::of(&Contents::default(), true));
        let head = format!("{},squares,al,entropy,none,0", run.id);
        assert_eq!(epochs, format!("{head},loop,0,1,4,0.5,\n{head},final,1,1,6,,0.25\n"));
        assert_eq!(queries, format!("{head},0,2,7 3,2 0,0.75,\n"));
    }
}
