//! Splits that are made: by group, stratified by label, by seed; and those given, checked.

use super::super::dataset::{Dataset, Split, UNLABELLED};
use super::super::files::Files;
use super::settings::Import;
use crate::purpose::SPLIT;
use fewlabel_engine::rng::Key;
use std::collections::BTreeMap;

/// Takes validation and test images from the training split, where `settings` ask for it, and says
/// in the data set's notes how.
///
/// # Errors
/// If there is such a split already, or too little to take from.
pub(in super::super) fn divide(data: Dataset, settings: &Import) -> Result<Dataset, String> {
    let shares = [settings.val_share, settings.test_share];
    if shares == [0.0; 2] {
        return Ok(data);
    }
    let held = [("validation", "--val-share", &data.val), ("test", "--test-share", &data.test)];
    for ((name, option, split), share) in held.into_iter().zip(shares) {
        if share > 0.0 && !split.is_empty() {
            let images = split.len();
            return Err(format!("has {images} {name} images already, {option} would take others"));
        }
    }
    let groups = match &data.files {
        Some(files) => files.groups[0].clone(),
        None => vec![None; data.train.len()],
    };
    let parts = choose(&data.train.labels, &groups, shares, settings.split_seed)?;
    let note = describe(&parts, &groups, settings);
    Ok(apply(data, &parts, note))
}

/// The rows of training, validation and test.
type Parts = [Vec<u32>; 3];

/// Rows of each part: images of a group stay together, classes are spread alike.
fn choose(
    labels: &[u16],
    groups: &[Option<String>],
    shares: [f64; 2],
    seed: u64,
) -> Result<Parts, String> {
    let labelled = labels.iter().filter(|label| **label != UNLABELLED).count();
    if labelled == 0 {
        return Err("has no label, and images that are held out need one".to_owned());
    }
    let parts = match groups.iter().any(Option::is_some) {
        true => by_group(labels, groups, shares, seed),
        false => by_label(labels, shares, seed),
    };
    let wanted = [true, shares[0] > 0.0, shares[1] > 0.0];
    let names = ["training", "validation", "test"];
    for ((rows, wanted), name) in parts.iter().zip(wanted).zip(names) {
        let has_label = rows.iter().any(|&row| labels[row as usize] != UNLABELLED);
        if wanted && !has_label {
            let found = crate::counted(labelled, "labelled image");
            return Err(format!("is too small to be split: no label is left for {name} ({found})"));
        }
    }
    Ok(parts)
}

/// Every class gives its share, rounded; what has no label stays with training.
fn by_label(labels: &[u16], shares: [f64; 2], seed: u64) -> Parts {
    let mut of_class: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
    for (row, &label) in (0..).zip(labels) {
        of_class.entry(label).or_default().push(row);
    }
    let mut parts: Parts = Default::default();
    // What rounding gave one class too much, the next has too little.
    let mut owed = [0.0; 2];
    for (label, mut rows) in of_class {
        if label == UNLABELLED {
            parts[0].extend(rows);
            continue;
        }
        Key::new(seed, SPLIT).at(u64::from(label), 0).stream().shuffle(&mut rows);
        let all = rows.len() as f64;
        for (part, share) in shares.into_iter().enumerate() {
            owed[part] += share * all;
            let count = (owed[part].round().max(0.0) as usize).min(rows.len());
            owed[part] -= count as f64;
            parts[part + 1].extend(rows.drain(..count));
        }
        parts[0].extend(rows);
    }
    parts.iter_mut().for_each(|rows| rows.sort_unstable());
    parts
}

/// A group: its rows, and how many of them each class has.
struct Group {
    rows: Vec<u32>,
    counts: Vec<f64>,
}

/// Every group as a whole goes to the part that lacks its classes most, large groups first. An
/// image without a group is one of its own.
fn by_group(labels: &[u16], groups: &[Option<String>], shares: [f64; 2], seed: u64) -> Parts {
    let classes = labels.iter().filter(|label| **label != UNLABELLED).max();
    let classes = classes.map_or(0, |&label| usize::from(label) + 1);
    let mut all = gather(labels, groups, classes);
    Key::new(seed, SPLIT).at(u64::MAX, 0).stream().shuffle(&mut all);
    // Stable: groups of one size stay in the order that the seed gave.
    all.sort_by_key(|group| std::cmp::Reverse(group.rows.len()));
    let mut total = vec![0.0; classes];
    for group in &all {
        group.counts.iter().zip(&mut total).for_each(|(count, total)| *total += count);
    }
    let shares = [1.0 - shares[0] - shares[1], shares[0], shares[1]];
    let mut held = [vec![0.0; classes], vec![0.0; classes], vec![0.0; classes]];
    let mut parts: Parts = Default::default();
    for group in all {
        let part = place(&group, &held, &total, shares);
        group.counts.iter().zip(&mut held[part]).for_each(|(count, held)| *held += count);
        parts[part].extend(group.rows);
    }
    parts.iter_mut().for_each(|rows| rows.sort_unstable());
    parts
}

/// The part in which `group` leaves the shares of its classes nearest to what they should be.
fn place(group: &Group, held: &[Vec<f64>; 3], total: &[f64], shares: [f64; 3]) -> usize {
    if group.counts.iter().all(|&count| count == 0.0) {
        return 0;
    }
    // How much the squared distance from the targets, in shares of a class, changes.
    let change = |part: usize| {
        let of_class = |class: usize| {
            let (count, total) = (group.counts[class], total[class]);
            if count == 0.0 {
                return 0.0;
            }
            let missing = shares[part] * total - held[part][class];
            count * (count - 2.0 * missing) / (total * total)
        };
        (0..total.len()).map(of_class).sum::<f64>()
    };
    let wanted = (0..3).filter(|&part| shares[part] > 0.0);
    let nearest = wanted.map(|part| (change(part), part));
    nearest.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, part)| part)
}

/// The groups in the order of their first rows.
fn gather(labels: &[u16], groups: &[Option<String>], classes: usize) -> Vec<Group> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut all: Vec<Group> = Vec::new();
    for ((row, &label), group) in (0..).zip(labels).zip(groups) {
        let new = all.len();
        let place = group.as_deref().map_or(new, |name| *places.entry(name).or_insert(new));
        if place == new {
            all.push(Group { rows: Vec::new(), counts: vec![0.0; classes] });
        }
        all[place].rows.push(row);
        if label != UNLABELLED {
            all[place].counts[usize::from(label)] += 1.0;
        }
    }
    all
}

fn describe(parts: &Parts, groups: &[Option<String>], settings: &Import) -> String {
    let made: Vec<String> = [("validation", settings.val_share), ("test", settings.test_share)]
        .iter()
        .zip(&parts[1..])
        .filter(|((_, share), _)| *share > 0.0)
        .map(|((name, share), rows)| {
            format!("{name} {} ({} %)", crate::counted(rows.len(), "image"), share * 100.0)
        })
        .collect();
    let known = groups.iter().flatten().collect::<std::collections::BTreeSet<_>>().len();
    let how = match known {
        0 => "stratified by label; no group is known: images of one patient may be on both sides"
            .to_owned(),
        known => format!("{} kept whole, stratified by label", crate::counted(known, "group")),
    };
    format!(
        "split off the training images: {}, by seed {}, {how}",
        made.join(" and "),
        settings.split_seed
    )
}

/// The data set with its training split in three.
fn apply(data: Dataset, parts: &Parts, note: String) -> Dataset {
    let files = data.files.clone();
    let own = data.note.clone();
    let [val, test] = [&data.val, &data.test].map(Split::clone);
    let mut divided = data.with_splits(data.name.clone(), |data| {
        let part = |rows: &[u32], there: Split| {
            if there.is_empty() { data.train.select(rows) } else { there }
        };
        [data.train.select(&parts[0]), part(&parts[1], val), part(&parts[2], test)]
    });
    match files {
        Some(mut files) => {
            divide_files(&mut files, parts);
            files.notes.push(note);
            divided.files = Some(files);
        }
        None => divided.note = Some(own.into_iter().chain([note]).collect::<Vec<_>>().join("; ")),
    }
    divided
}

/// The same for what is known of the files.
fn divide_files(files: &mut Files, parts: &Parts) {
    fn pick<T: Clone>(lists: &mut [Vec<T>; 3], parts: &Parts) {
        let all = std::mem::take(&mut lists[0]);
        for (list, rows) in lists.iter_mut().zip(parts) {
            if list.is_empty() {
                *list = rows.iter().map(|&row| all[row as usize].clone()).collect();
            }
        }
    }
    pick(&mut files.paths, parts);
    pick(&mut files.groups, parts);
    pick(&mut files.digests, parts);
}

/// Groups that have images in more than one split, with the images in each.
pub fn groups_across(files: &Files) -> Vec<(String, [usize; 3])> {
    let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (split, groups) in files.groups.iter().enumerate() {
        for group in groups.iter().flatten() {
            counts.entry(group).or_default()[split] += 1;
        }
    }
    let is_across = |counts: &[usize; 3]| counts.iter().filter(|&&count| count > 0).count() > 1;
    let across = counts.into_iter().filter(|(_, counts)| is_across(counts));
    across.map(|(group, counts)| (group.to_owned(), counts)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: usize) -> Vec<u16> {
        (0..count).map(|i| if i % 10 == 0 { 1 } else { 0 }).collect()
    }

    #[test]
    fn every_class_gives_its_share_and_the_same_seed_gives_the_same_rows() {
        let labels = labels(200);
        let none = vec![None; 200];
        let parts = choose(&labels, &none, [0.1, 0.2], 7).unwrap();
        assert_eq!(parts.each_ref().map(Vec::len), [140, 20, 40]);
        let rare = |rows: &[u32]| rows.iter().filter(|&&row| labels[row as usize] == 1).count();
        assert_eq!(parts.each_ref().map(|rows| rare(rows)), [14, 2, 4]);
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..200).collect::<Vec<u32>>());
        assert_eq!(choose(&labels, &none, [0.1, 0.2], 7).unwrap(), parts);
        assert_ne!(choose(&labels, &none, [0.1, 0.2], 8).unwrap(), parts);
    }

    #[test]
    fn no_group_is_in_two_parts_and_shares_are_nearly_kept() {
        let labels = labels(1000);
        // Groups of 1 to 13 images.
        let groups: Vec<_> =
            (0..1000usize).map(|i| Some(format!("p{}", i / (1 + i % 13)))).collect();
        let parts = choose(&labels, &groups, [0.15, 0.25], 0).unwrap();
        for (part, expected) in parts.iter().zip([600, 150, 250]) {
            assert!(part.len().abs_diff(expected) < 40, "{} of {expected}", part.len());
        }
        let groups_of = |rows: &[u32]| {
            rows.iter()
                .map(|&row| groups[row as usize].clone())
                .collect::<std::collections::BTreeSet<_>>()
        };
        let [train, val, test] = parts.each_ref().map(|rows| groups_of(rows));
        assert!(train.is_disjoint(&val) && train.is_disjoint(&test) && val.is_disjoint(&test));
    }

    #[test]
    fn images_without_a_label_stay_with_training() {
        let mut labels = labels(40);
        labels.extend([UNLABELLED; 60]);
        let parts = choose(&labels, &vec![None; 100], [0.25, 0.0], 0).unwrap();
        assert_eq!(parts.each_ref().map(Vec::len), [90, 10, 0]);
        assert!(parts[1].iter().all(|&row| row < 40));
    }

    #[test]
    fn too_little_to_split_is_one_sentence() {
        let none = vec![None; 3];
        let error = choose(&[UNLABELLED; 3], &none, [0.1, 0.0], 0).unwrap_err();
        assert!(error.starts_with("has no label"), "{error}");
        let error = choose(&[0, 1, 1], &none, [0.1, 0.0], 0).unwrap_err();
        assert!(error.contains("no label is left for validation (3 labelled images)"), "{error}");
        let one = vec![Some("p".to_owned()); 3];
        assert!(choose(&[0, 1, 1], &one, [0.3, 0.0], 0).is_err());
    }
}
