//! A table that a person filled in: which image is of which class.
//!
//! It has the columns `path` and `label`; others are passed over, but for `sha256`, by which an
//! image is found whose file has moved. A line without a label is a question that is still open.
//! Nothing is guessed: what could mean two things is named with its line.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use super::cache::file_sha256;
use super::class_names;
use super::dataset::{Dataset, UNLABELLED};
use super::error::DataError;
use super::table::{PATH, Table};

/// Mistakes that are named before the others are only counted.
const LISTED: usize = 5;

/// A data set with a person's answers.
#[derive(Debug)]
pub struct Answered {
    /// The data set.
    pub dataset: Dataset,
    /// Labels that came from the table.
    pub labels: usize,
    /// What a person should know, one line each.
    pub notes: Vec<String>,
}

/// Reads the table at `path` and gives the images of `dataset` its labels.
///
/// Where the data set has classes, every label must be one of them. Where it has none, the classes
/// are the table's labels in byte order.
///
/// # Errors
/// Names the table, the line and what was expected there.
pub fn apply(dataset: Dataset, path: &Path) -> Result<Answered, DataError> {
    let wrong = |problem: String| DataError::Array { path: path.to_owned(), problem };
    let bytes =
        std::fs::read(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let table = Table::read(&bytes, &PATH).map_err(wrong)?;
    let (lines, open) = lines(&table).map_err(wrong)?;
    let mut notes = Vec::new();
    if open > 0 {
        notes.push(format!("{open} of {} lines have no label yet", table.rows.len()));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut places = Places::of(&dataset, folder);
    let found = places.find(&lines, &mut notes).map_err(wrong)?;
    let names = classes(&dataset, &lines).map_err(wrong)?;
    let labelled = Labelling { dataset: &dataset, names: &names };
    let labels = labelled.labels(&lines, &found).map_err(wrong)?;
    let count = found.len();
    Ok(Answered { dataset: dataset.relabelled(labels, names), labels: count, notes })
}

/// A line of the table that has a label.
struct Line {
    number: u64,
    path: String,
    label: String,
    sha256: String,
}

/// The lines with a label, and how many have none.
fn lines(table: &Table) -> Result<(Vec<Line>, usize), String> {
    if table.columns.iter().all(String::is_empty) {
        return Err("is empty; expected the columns path and label".to_owned());
    }
    let columns = || table.columns.join(", ");
    let mut place = None;
    for name in PATH {
        place = place.or(table.column(name)?);
    }
    let path = place.ok_or_else(|| format!("has no column path; its columns are {}", columns()))?;
    let label = table
        .column("label")?
        .ok_or_else(|| format!("has no column label; its columns are {}", columns()))?;
    let sha256 = table.column("sha256")?;
    let all = table.rows.iter().map(|(number, values)| Line {
        number: *number,
        path: plain(&values[path]),
        label: values[label].clone(),
        sha256: sha256.map_or_else(String::new, |at| values[at].to_lowercase()),
    });
    let (known, open): (Vec<Line>, Vec<Line>) = all.partition(|line| !line.label.is_empty());
    Ok((known, open.len()))
}

/// A path as the data set writes it: `/` between its parts, no `./` before it.
fn plain(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}

/// Where the images of a data set are, by their names.
struct Places<'a> {
    dataset: &'a Dataset,
    by_name: HashMap<String, (usize, usize)>,
    /// By the content of their files, once somebody has asked.
    by_content: Option<HashMap<String, (usize, usize)>>,
    /// The folder of the table.
    folder: PathBuf,
}

impl<'a> Places<'a> {
    fn of(dataset: &'a Dataset, folder: PathBuf) -> Self {
        let splits = dataset.splits();
        let each = (0..splits.len())
            .flat_map(|split| (0..splits[split].1.len()).map(move |row| (split, row)));
        let by_name = each.map(|(split, row)| (dataset.image_name(split, row), (split, row)));
        Self { dataset, by_name: by_name.collect(), by_content: None, folder }
    }

    /// The image of every line.
    fn find(
        &mut self,
        lines: &[Line],
        notes: &mut Vec<String>,
    ) -> Result<Vec<(usize, usize)>, String> {
        let mut found = Vec::with_capacity(lines.len());
        let mut unknown = Vec::new();
        for line in lines {
            match self.place(line, notes) {
                Some(place) => found.push(place),
                None => unknown.push(line),
            }
        }
        let Some(first) = unknown.first() else { return Ok(found) };
        let listed = unknown.iter().take(LISTED).map(|line| line.path.as_str());
        let listed = listed.collect::<Vec<_>>().join(", ");
        let more = match unknown.len().saturating_sub(LISTED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let verb = if unknown.len() == 1 { "is no image" } else { "are no images" };
        let name = &self.dataset.name;
        Err(format!("line {}: {listed}{more} {verb} of {name}", first.number))
    }

    fn place(&mut self, line: &Line, notes: &mut Vec<String>) -> Option<(usize, usize)> {
        if let Some(place) = self.by_name.get(&line.path) {
            return Some(*place);
        }
        // As it is written from the table's folder, or from the folder above the images.
        let root = &self.dataset.files.as_ref()?.root;
        let below = self.folder.join(&line.path);
        let written = below.strip_prefix(root).ok().map(|path| plain(&path.to_string_lossy()));
        let above = root.file_name().map(|name| format!("{}/", name.to_string_lossy()));
        let short = above.and_then(|above| line.path.strip_prefix(&above).map(str::to_owned));
        let known = |path: String| self.by_name.get(&path).copied();
        if let Some(place) = written.and_then(known).or_else(|| short.and_then(known)) {
            return Some(place);
        }
        let content = match line.sha256.len() {
            64 => line.sha256.clone(),
            _ => file_sha256(&below).ok()?,
        };
        let place = *self.contents()?.get(&content)?;
        let now = self.dataset.image_name(place.0, place.1);
        notes.push(format!("line {}: {} is {now} now, by its content", line.number, line.path));
        Some(place)
    }

    /// The images by their files' content; a file that cannot be read has none.
    fn contents(&mut self) -> Option<&HashMap<String, (usize, usize)>> {
        let files = self.dataset.files.as_ref()?;
        Some(self.by_content.get_or_insert_with(|| {
            let each = self.by_name.iter().filter_map(|(name, place)| {
                Some((file_sha256(&files.root.join(name.split('#').next()?)).ok()?, *place))
            });
            let mut all: Vec<(String, (usize, usize))> = each.collect();
            // Of copies the first one counts.
            all.sort_by_key(|(_, place)| std::cmp::Reverse(*place));
            all.into_iter().collect()
        }))
    }
}

/// The names of the classes: the data set's, else the labels of the table.
fn classes(dataset: &Dataset, lines: &[Line]) -> Result<Vec<String>, String> {
    if dataset.classes() > 0 {
        return Ok(dataset.class_names.clone());
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *counts.entry(&line.label).or_default() += 1;
    }
    let mut spellings: BTreeMap<String, &str> = BTreeMap::new();
    for name in counts.keys() {
        if let Some(other) = spellings.insert(name.to_lowercase(), name) {
            return Err(format!(
                "labels {other:?} ({} lines) and {name:?} ({} lines) differ in capital letters \
                 alone: write one of them",
                counts[other], counts[name]
            ));
        }
    }
    Ok(counts.keys().map(|name| (*name).to_owned()).collect())
}

/// Gives images the labels of lines.
struct Labelling<'a> {
    dataset: &'a Dataset,
    names: &'a [String],
}

impl Labelling<'_> {
    fn labels(&self, lines: &[Line], found: &[(usize, usize)]) -> Result<[Vec<u16>; 3], String> {
        let mut labels = self.dataset.splits().map(|(_, split)| split.labels.clone());
        let mut said: HashMap<(usize, usize), &Line> = HashMap::new();
        for (line, &(split, row)) in lines.iter().zip(found) {
            let class = self.class(line)?;
            let before = labels[split][row];
            if let Some(other) = said.insert((split, row), line)
                && before != class
            {
                return Err(format!(
                    "lines {} and {} call {} {:?} and {:?}: leave one of them",
                    other.number, line.number, line.path, other.label, line.label
                ));
            }
            if before != UNLABELLED && before != class {
                return Err(format!(
                    "line {}: {} is called {:?}, and {:?} in the data: change one of them",
                    line.number,
                    line.path,
                    line.label,
                    self.names[usize::from(before)]
                ));
            }
            labels[split][row] = class;
        }
        Ok(labels)
    }

    fn class(&self, line: &Line) -> Result<u16, String> {
        let place = |wanted: &str| self.names.iter().position(|name| name == wanted);
        let number = || {
            let number: usize = line.label.parse().ok()?;
            let is_class = number < self.names.len();
            (is_class && class_names::are_placeholders(self.names)).then_some(number)
        };
        if let Some(class) = place(&line.label).or_else(number) {
            return Ok(class as u16);
        }
        let lower = line.label.to_lowercase();
        if let Some(name) = self.names.iter().find(|name| name.to_lowercase() == lower) {
            return Err(format!(
                "line {}: label {:?} is no class, and {name:?} is one: write that if it is meant",
                line.number, line.label
            ));
        }
        let names = self.names.join(",");
        Err(format!(
            "line {}: label {:?} is none of the classes {names}; --class-names {names},{} adds it",
            line.number, line.label, line.label
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Files, Images, Split};

    /// Three images; of files in `root` where one is given, the first of them labelled "cyst"
    /// where there are classes.
    fn dataset(root: Option<&Path>, classes: &[&str]) -> Dataset {
        let images = Images { height: 1, width: 1, channels: 1, pixels: vec![1, 2, 3] };
        let none = Split::none_like(&images);
        let mut labels = vec![UNLABELLED; 3];
        if !classes.is_empty() {
            labels[0] = 0;
        }
        let names = classes.iter().map(|name| (*name).to_owned()).collect();
        let splits = [Split { images, labels }, none.clone(), none];
        let mut dataset = Dataset::new("scans".into(), splits, names);
        dataset.files = root.map(|root| Files {
            root: root.to_owned(),
            paths: [vec!["x/1.png".into(), "x/2.png".into(), "y/3.png".into()], vec![], vec![]],
            ..Files::default()
        });
        dataset
    }

    fn applied(dataset: Dataset, text: &str) -> Result<(Vec<u16>, Vec<String>), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("l.csv");
        std::fs::write(&path, text).unwrap();
        let answered = apply(dataset, &path).map_err(|error| error.to_string())?;
        Ok((answered.dataset.train.labels, answered.dataset.class_names))
    }

    #[test]
    fn the_labels_of_a_table_are_classes_in_the_order_of_their_bytes() {
        let text = "path;label\r\ntrain/2;tumor\r\ntrain/0;Cyst \r\ntrain/1;\r\n";
        let (labels, names) = applied(dataset(None, &[]), text).unwrap();
        assert_eq!((labels, names), (vec![0, UNLABELLED, 1], vec!["Cyst".into(), "tumor".into()]));
    }

    #[test]
    fn classes_that_are_there_keep_their_numbers() {
        let text = "path,label\ntrain/1,stone\ntrain/0,cyst\n";
        let (labels, names) = applied(dataset(None, &["cyst", "stone"]), text).unwrap();
        assert_eq!((labels, names.len()), (vec![0, 1, UNLABELLED], 2));
        let numbers = "path,label\ntrain/1,1\n";
        let (labels, _) = applied(dataset(None, &["class_0", "class_1"]), numbers).unwrap();
        assert_eq!(labels, [0, 1, UNLABELLED]);
    }

    #[test]
    fn each_mistake_has_an_answer_of_its_own() {
        let of_classes = || dataset(None, &["cyst", "stone"]);
        for (text, expected) in [
            ("", "l.csv: is empty; expected the columns path and label"),
            ("path,class\ntrain/0,cyst\n", "has no column label; its columns are path, class"),
            ("path,label\ntrain/3,cyst\n", "line 2: train/3 is no image of scans"),
            (
                "path,label\nu/1,cyst\nu/2,cyst\nu/3,cyst\nu/4,cyst\nu/5,cyst\nu/6,cyst\n",
                "line 2: u/1, u/2, u/3, u/4, u/5 and 1 more are no images of scans",
            ),
            (
                "path,label\ntrain/1,cyst\ntrain/1,stone\n",
                "lines 2 and 3 call train/1 \"cyst\" and \"stone\": leave one of them",
            ),
            (
                "path,label\ntrain/0,stone\n",
                "line 2: train/0 is called \"stone\", and \"cyst\" in the data: change one of them",
            ),
            (
                "path,label\ntrain/1,Stone\n",
                "label \"Stone\" is no class, and \"stone\" is one: write that if it is meant",
            ),
            (
                "path,label\ntrain/1,mass\n",
                "is none of the classes cyst,stone; --class-names cyst,stone,mass adds it",
            ),
        ] {
            let error = applied(of_classes(), text).unwrap_err();
            assert!(error.ends_with(expected), "{error}");
        }
        let two = "path,label\ntrain/0,tumor\ntrain/1,Tumor\ntrain/2,tumor\n";
        let error = applied(dataset(None, &[]), two).unwrap_err();
        let expected = "labels \"Tumor\" (1 lines) and \"tumor\" (2 lines) differ in capital \
                        letters alone: write one of them";
        assert!(error.ends_with(expected), "{error}");
    }

    #[test]
    fn a_file_is_found_by_its_place_or_by_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("scans");
        for (path, content) in [("x/1.png", "one"), ("x/2.png", "two"), ("y/3.png", "three")] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), content).unwrap();
        }
        let moved = file_sha256(&root.join("y/3.png")).unwrap();
        let table = folder.path().join("l.csv");
        let text =
            format!("path,label,sha256\n.\\x\\1.png,a,\nscans/x/2.png,b,\nx/3.png,b,{moved}\n");
        std::fs::write(&table, text).unwrap();
        let answered = apply(dataset(Some(&root), &[]), &table).unwrap();
        assert_eq!(answered.dataset.train.labels, [0, 1, 1]);
        assert_eq!(answered.notes, ["line 4: x/3.png is y/3.png now, by its content"]);
        assert!(answered.dataset.files.is_some());
    }
}
