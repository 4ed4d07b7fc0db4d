//! Whether the study that a folder holds is the one that is wanted: compared as settings, not as
//! text.
//!
//! A setting that is not there has its default, so that a folder goes on under a version that knows
//! more settings than the one that began it. How a value was written does not count either.

use crate::ask::study_file::Study;
use crate::error::StudyError;
use std::path::Path;
use toml::{Table, Value};

/// Settings that name files.
const FILES: [&str; 3] = ["data", "encoder.file", "loop.features"];

/// How the study in a folder and the wanted one are related.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// They are the same.
    Same,
    /// The wanted one adds seeds.
    MoreSeeds,
    /// They name the files of this setting differently, and differ in nothing but such names and
    /// seeds that are added: whether the files are the same their bytes must say.
    OtherNames(&'static str),
    /// They differ in this setting.
    Other(String),
}

/// Compares the texts of two studies; `path` is the file of the first.
///
/// # Errors
/// If one of them is no study.
pub(crate) fn relation(path: &Path, present: &str, wanted: &str) -> Result<Relation, StudyError> {
    let present = Study::parse(present, &path.display().to_string(), &[])?.normal();
    let wanted = Study::parse(wanted, "the study", &[])?.normal();
    let keys = present.keys().chain(wanted.keys());
    let mut differing: Vec<&String> =
        keys.filter(|key| present.get(*key) != wanted.get(*key)).collect();
    differing.sort();
    differing.dedup();
    let is_seeds = |key: &str| key == "seeds" && adds(&present, &wanted);
    let is_name = |key: &str| FILES.contains(&key) && values(&present, key) == values(&wanted, key);
    match differing.iter().find(|key| !is_seeds(key) && !is_name(key)) {
        Some(key) => Ok(Relation::Other((*key).clone())),
        None if differing.is_empty() => Ok(Relation::Same),
        None => {
            let name = FILES.into_iter().find(|name| differing.iter().any(|key| key == name));
            Ok(name.map_or(Relation::MoreSeeds, Relation::OtherNames))
        }
    }
}

/// Whether the wanted seeds are those that are present and others.
fn adds(present: &Table, wanted: &Table) -> bool {
    let seeds =
        |table: &Table| table.get("seeds").and_then(Value::as_array).cloned().unwrap_or_default();
    let wanted = seeds(wanted);
    seeds(present).iter().all(|seed| wanted.contains(seed))
}

/// How many values a setting has.
fn values(table: &Table, key: &str) -> usize {
    table.get(key).and_then(Value::as_array).map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(present: &str, wanted: &str) -> Relation {
        relation(Path::new("study.toml"), present, wanted).expect("two studies")
    }

    #[test]
    fn a_setting_that_is_not_there_has_its_default() {
        let whole =
            Study::parse("regime = [\"da\", \"al\"]", "a.toml", &[]).expect("valid").resolved();
        for missing in ["ensemble", "count", "validation_in_budget", "width"] {
            let line = whole.lines().find(|line| line.starts_with(missing)).expect("a setting");
            let older = whole.replace(&format!("{line}\n"), "");
            assert_eq!(compare(&older, &whole), Relation::Same, "{missing}");
        }
        let cut = |from: &str| whole[..whole.find(from).expect("a part")].to_owned();
        assert_eq!(compare(&cut("[encoder.pretrain]"), &whole), Relation::Same, "whole parts");
        assert_eq!(
            compare(&whole.replace("temperature = 0.5\n", ""), &whole),
            Relation::Same,
            "one of a part"
        );
        assert_eq!(
            compare(&whole.replace("ensemble = 1", "ensemble = 3"), &whole),
            Relation::Other("encoder.ensemble".into())
        );
    }

    #[test]
    fn how_a_value_is_written_does_not_count() {
        let written = "epochs = [3]\ndropout = 0\nseeds = 2\nlabels = \"1.0%\"\n\
                       pretrain = { learning_rate = 0.002 }";
        assert_eq!(
            compare(written, "epochs = 3\ndropout = 0.0\nseeds = [1, 0]\nlabels = \"1%\""),
            Relation::Same
        );
    }

    #[test]
    fn conditions_are_settings_too() {
        let condition =
            |set: &str| format!("[[conditions]]\nwhen = {{ regime = \"al\" }}\nset = {{ {set} }}");
        assert_eq!(compare(&condition("dropout = 0"), &condition("dropout = 0.0")), Relation::Same);
        assert_eq!(
            compare(&condition("dropout = 0"), &condition("dropout = 0.5")),
            Relation::Other("conditions".into())
        );
    }

    #[test]
    fn seeds_may_be_added_and_files_may_move() {
        assert_eq!(compare("seeds = 2", "seeds = 3"), Relation::MoreSeeds);
        assert_eq!(compare("seeds = 3", "seeds = 2"), Relation::Other("seeds".into()));
        assert_eq!(
            compare("data = \"a.npz\"\nseeds = 2", "data = \"b/a.npz\"\nseeds = 3"),
            Relation::OtherNames("data")
        );
        assert_eq!(
            compare("encoder = \"a\"", "encoder = \"b\""),
            Relation::OtherNames("encoder.file")
        );
        assert_eq!(
            compare("epochs = 3", "epochs = 3\nencoder = \"b\""),
            Relation::Other("encoder.file".into())
        );
        assert_eq!(
            compare("data = \"a.npz\"", "data = [\"a.npz\", \"b.npz\"]"),
            Relation::Other("data".into())
        );
    }

    #[test]
    fn a_study_of_a_later_version_is_told_by_its_key() {
        let error = relation(Path::new("x/study.toml"), "epochs = 3\nflux = 2", "epochs = 3")
            .expect_err("unknown");
        assert!(
            error.to_string().starts_with("x/study.toml: line 2: unknown key `flux`"),
            "{error}"
        );
    }
}
