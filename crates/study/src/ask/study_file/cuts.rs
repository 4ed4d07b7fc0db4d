//! A study cut to what its data have: a ready study, or a quick one, stays what it is on a small
//! data set.

use super::Study;
use super::parts::Condition;
use super::values::values;
use crate::ask::job::Job;
use crate::error::StudyError;
use fewlabel_learn::run::plan_memory;
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The budget of every image.
const ALL: &str = "100%";

impl Study {
    /// A combination of settings whose budget is above the `rows` training images, cut to all of
    /// them; `None` where nothing is.
    ///
    /// A person's budget is cut where it stands beside others that fit; one that stands alone is
    /// refused later.
    pub(super) fn cut(&self, mut table: Table, rows: usize) -> Option<Table> {
        let above = |key: &str, most: usize| count(table.get(key)?).filter(|&count| count > most);
        let is_cut = above("labels", rows).is_some()
            && (self.is_quick || self.counts("labels").any(|n| n <= rows));
        let initial = above("loop.initial", rows / 2).filter(|_| self.is_quick);
        if is_cut {
            table.insert("labels".into(), ALL.into());
        }
        if initial.is_some() {
            table.insert("loop.initial".into(), Value::Integer((rows / 2).max(2) as i64));
        }
        (is_cut || initial.is_some()).then_some(table)
    }

    /// A line for every setting of the study that `jobs`, all its runs, had to cut.
    pub fn cuts(&self, jobs: &[Job]) -> Vec<String> {
        let mut most: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for job in jobs {
            let sizes = most.entry(&job.data.name).or_default();
            let of_job = job.data.splits().map(|(_, split)| split.len());
            sizes.iter_mut().zip(of_job).for_each(|(most, size)| *most = size.max(*most));
        }
        let mut lines = Vec::new();
        for (data, [train, val, test]) in most {
            let initial = if self.is_quick { train / 2 } else { usize::MAX };
            for (key, name, there, most, cut) in [
                ("train_images", "training", train, train, "all of them"),
                ("val_images", "validation", val, val, "all of them"),
                ("test_images", "test", test, test, "all of them"),
                ("labels", "training", train, train, "all of them"),
                ("loop.initial", "training", train, initial, "half of them"),
            ] {
                let above: Vec<String> =
                    self.counts(key).filter(|&n| n > most).map(|n| n.to_string()).collect();
                if !above.is_empty() {
                    lines.push(format!(
                        "{data} has {there} {name} images: {key} = {} is cut to {cut}",
                        above.join(", ")
                    ));
                }
            }
        }
        lines
    }

    /// Refuses runs of which a part takes more memory than this machine has.
    ///
    /// # Errors
    /// Names the place of the setting, and the estimate.
    pub fn check_memory(&self, jobs: &[Job]) -> Result<(), StudyError> {
        let check = |job: &Job| plan_memory::check_plan(&job.settings.plan, &job.data.pool());
        jobs.iter().try_for_each(check).map_err(|error| self.places.explain(error.into()))
    }

    /// The counts among the values of a setting, in the grid and in conditions, ascending.
    fn counts(&self, key: &str) -> impl Iterator<Item = usize> {
        let set = |condition: &Condition| condition.set.get(key).cloned();
        let all =
            self.grid.get(key).cloned().into_iter().chain(self.conditions.iter().filter_map(set));
        let mut counts: Vec<usize> =
            all.flat_map(|value| values(key, &value)).filter_map(|value| count(&value)).collect();
        counts.sort_unstable();
        counts.dedup();
        counts.into_iter()
    }
}

fn count(value: &Value) -> Option<usize> {
    value.as_integer().and_then(|count| usize::try_from(count).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settings::{Point, RunSettings};
    use crate::testing;
    use fewlabel_learn::data::npz;
    use fewlabel_learn::run::final_settings::FinalSettings;
    use fewlabel_learn::run::loop_settings::LoopSettings;
    use std::path::PathBuf;

    /// A file of 60 training, 30 validation and 30 test images.
    fn file(folder: &std::path::Path) -> PathBuf {
        let path = folder.join("small.npz");
        npz::write(&testing::dataset(60), std::fs::File::create(&path).expect("made"))
            .expect("written");
        path
    }

    fn study(text: &str, data: &std::path::Path) -> Study {
        let data = format!(
            "data = {:?}\nseeds = 1\nloop_width = 2\nwidth = 2\n{text}",
            data.display().to_string()
        );
        Study::parse(&data, "a.toml", &[]).expect("valid")
    }

    #[test]
    fn budgets_above_the_data_become_all_labels_and_it_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let study =
            study("regime = \"random\"\nlabels = [20, 278, 557, \"100%\"]", &file(folder.path()));
        let jobs = study.jobs().expect("jobs");
        let mut labels: Vec<usize> = jobs.iter().map(|job| job.settings.labels(60)).collect();
        labels.sort_unstable();
        assert_eq!(labels, [20, 60]);
        assert_eq!(
            study.cuts(&jobs),
            ["small has 60 training images: labels = 278, 557 is cut to all of them"]
        );
        assert_eq!(Study::parse(&study.resolved(), "again", &[]).expect("valid"), study);
    }

    #[test]
    fn a_budget_that_stands_alone_is_refused_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = study("regime = \"random\"\nlabels = 600", &file(folder.path()))
            .jobs()
            .err()
            .expect("too many");
        let expected = "a.toml: line 6: a budget of 600 labels is more than the 60 images of the \
                        training split";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_quick_study_fits_itself_whatever_its_numbers() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = "regime = [\"random\", \"al\"]\ntrain_images = 1500\nval_images = 20\n\
                    labels = 80\ninitial = 40\nquery_size = 8";
        let study = study(text, &file(folder.path())).quick();
        let jobs = study.jobs().expect("jobs");
        assert!(jobs.iter().all(|job| job.settings.labels(60) == 60 && job.data.train.len() == 60));
        assert_eq!(
            study.cuts(&jobs),
            [
                "small has 60 training images: train_images = 1500 is cut to all of them",
                "small has 60 training images: labels = 80 is cut to all of them",
                "small has 60 training images: loop.initial = 40 is cut to half of them",
            ]
        );
    }

    #[test]
    fn what_no_machine_can_hold_is_refused_with_the_estimate() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(folder.path());
        let refused = |text: &str| {
            let study = study(&format!("labels = 20\nloop_dropout = 0.1\n{text}"), &path);
            let jobs = study.jobs().expect("jobs");
            study.check_memory(&jobs).map_err(|error| error.to_string())
        };
        assert_eq!(
            refused("regime = \"al\"\nmc_samples = 4000000000"),
            Ok(()),
            "entropy makes no passes"
        );
        for (text, what) in [
            (
                "regime = \"al\"\nstrategy = \"bald\"\nmc_samples = 400000000000000",
                "a.toml: line 9: mc_samples = 400000000000000: ",
            ),
            (
                "regime = \"alpa\"\nstrategy = \"view-mi\"\nviews = 400000000000000",
                "the predictions of 60 images would take about",
            ),
            (
                "regime = \"al\"\nstrategy = \"batchbald\"\nquery_size = 30\n\
                 strategy_options = { draws = 4000000000000000 }",
                "draws = 4000000000000000: ",
            ),
        ] {
            let error = refused(text).expect_err(text);
            assert!(
                error.contains(what) && error.contains("of memory, and this machine has"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_study_that_fits_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let study = study(
            "regime = \"random\"\ntrain_images = [30, 60]\nlabels = [10, 30]",
            &file(folder.path()),
        );
        let jobs = study.jobs().expect("jobs");
        assert!(study.cuts(&jobs).is_empty());
        let whole = jobs.iter().find(|job| job.data.train.len() == 60).expect("all images");
        let point = Point {
            regime: "random".into(),
            labels: crate::ask::settings::Budget::Count(whole.settings.labels(60)),
            queries: LoopSettings { width: 2, ..LoopSettings::default() },
            final_model: FinalSettings { width: Some(2), ..FinalSettings::default() },
            ..Point::default()
        };
        assert_eq!(RunSettings::new(&point, &whole.data).expect("valid").id(), whole.id);
    }
}
