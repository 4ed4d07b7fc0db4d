//! What the compiler cannot check: how large files are, where `unsafe` lives, who imports whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file longer than this is two rooms in one.
const MOST_LINES: usize = 600;
/// What fits beside another file on a screen.
const MOST_COLUMNS: usize = 100;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Every Rust file of the workspace with its path from the root.
fn sources() -> Vec<(String, String)> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![root().join("crates")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).expect("below the root").display().to_string();
                found.push((name, std::fs::read_to_string(&path).expect("a source file")));
            }
        }
    }
    assert!(found.len() > 100, "only {} sources found", found.len());
    found.sort();
    found
}

#[test]
fn no_file_is_two_rooms() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(name, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn no_line_is_too_wide() {
    let wide: Vec<String> = sources()
        .iter()
        .flat_map(|(name, text)| text.lines().enumerate().map(move |(row, line)| (name, row, line)))
        .filter(|(_, _, line)| line.chars().count() > MOST_COLUMNS)
        .map(|(name, row, _)| format!("{name}:{}", row + 1))
        .collect();
    assert!(wide.is_empty(), "{wide:#?}");
}

#[test]
fn unsafe_lives_in_the_engine_s_kernels_alone() {
    let allowed = |name: &str| {
        name.starts_with("crates/engine/src/kernels/") || name.starts_with("crates/engine/tests/")
    };
    let word = concat!("un", "safe");
    let is_code = |line: &str| {
        let code = line.split("//").next().unwrap_or("");
        [" {", " fn", " impl"].iter().any(|after| code.contains(&format!("{word}{after}")))
    };
    let found: Vec<String> = sources()
        .iter()
        .filter(|(name, text)| !allowed(name) && text.lines().any(is_code))
        .map(|(name, _)| name.clone())
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

/// What only Unix has stands in one file for paths and one for signals, each with another branch;
/// tests may ask for Unix.
#[test]
fn what_only_unix_has_stands_in_two_files() {
    let homes = ["crates/learn/src/data/location.rs", "crates/app/src/interrupt.rs"];
    let is_of_unix = |line: &str| line.contains("os::unix") || line.contains("SIGUSR1");
    for (name, text) in sources() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_test = name.ends_with("_tests.rs") || name.contains("/tests");
        if !is_test && code.lines().any(is_of_unix) {
            assert!(homes.contains(&name.as_str()), "{name}");
            assert!(text.contains("#[cfg(not(unix))]"), "{name} has no other branch");
        }
    }
}

#[test]
fn every_unsafe_block_says_why_it_is_sound() {
    let block = concat!("un", "safe {");
    for (name, text) in
        sources().iter().filter(|(name, _)| name.starts_with("crates/engine/src/kernels/"))
    {
        let blocks = text.lines().filter(|line| line.contains(block)).count();
        let notes = text.matches("// SAFETY:").count();
        assert!(blocks == 0 || notes > 0, "{name} has {blocks} unsafe blocks and no SAFETY note");
    }
}

#[test]
fn records_import_nothing_that_computes() {
    let text = std::fs::read_to_string(root().join("crates/study/src/store/record.rs"))
        .expect("the records");
    for sibling in ["execute", "report"] {
        assert!(!text.contains(&format!("crate::{sibling}")), "record.rs imports {sibling}");
    }
}

#[test]
fn nothing_names_a_generic_room() {
    let generic = ["utils.rs", "common.rs", "helpers.rs", "base.rs", "misc.rs"];
    for (name, _) in sources() {
        assert!(!generic.iter().any(|bad| name.ends_with(&format!("/{bad}"))), "{name}");
    }
}

/// The rooms of a crate that each of its rooms imports; what tests alone import does not count.
fn imports_of(krate: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in sources() {
        let Some(file) = name.strip_prefix(&format!("crates/{krate}/src/")) else { continue };
        let room = file.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        let is_test = file.ends_with("_tests.rs") || file.contains("/tests") || room == "testing";
        if room == "lib" || is_test || room == "checks" {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let found = rooms.entry(room.clone()).or_default();
        for line in code.lines().map(|line| line.split("//").next().unwrap_or_default()) {
            for after in line.split("crate::").skip(1) {
                let word: String =
                    after.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                if !word.is_empty() && word != room {
                    found.insert(word);
                }
            }
        }
    }
    rooms
}

#[test]
fn no_rooms_import_each_other_in_a_circle() {
    for krate in ["engine", "learn", "study", "app"] {
        let mut rooms = imports_of(krate);
        assert!(rooms.len() > 7, "{krate}: only {} rooms found", rooms.len());
        // Rooms that import none of those left are taken away, until none is left or all import
        // each other.
        while let Some(free) =
            rooms.iter().find(|(_, of)| of.iter().all(|room| !rooms.contains_key(room)))
        {
            let free = free.0.clone();
            rooms.remove(&free);
        }
        assert!(rooms.is_empty(), "{krate}: a circle of imports among {rooms:#?}");
    }
}
