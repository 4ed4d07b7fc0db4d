//! MedMNIST's .npz: a zip of `{train,val,test}_{images,labels}.npy`, read without trusting anything
//! it claims. A further array, `class_names.npy`, may name the classes.
//!
//! A split may be absent, and so may its labels; a label of -1 says that an image has none.
//!
//! Memory grows as bytes arrive, bounded by what an array's header promises and by what the machine
//! has free.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::class_names::{self, MAX_CLASSES};
use super::dataset::{Dataset, Images, Split, UNLABELLED};
use super::error::DataError;
use super::npy::{self, Header};
use super::unpack;

/// The array that names the classes.
const NAMES: &str = "class_names";
/// The splits, in their usual order.
const SPLITS: [&str; 3] = ["train", "val", "test"];

/// What a file holds. Labels are those of the file: [`Contents::classes`] judges them.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// Training, validation and test split.
    pub splits: [Split; 3],
    /// The classes' names, where the file has them.
    pub class_names: Option<Vec<String>>,
}

/// Reads the three splits of a MedMNIST .npz, and the names of its classes.
pub fn read(path: &Path) -> Result<Contents, DataError> {
    let failed = |source| DataError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(DataError::UnknownFormat { path: path.to_owned() });
    }
    let archive = ZipArchive::new(BufReader::new(file))
        .map_err(|error| DataError::NotZip { path: path.to_owned(), reason: error.to_string() })?;
    let mut reader = Reader { path: path.to_owned(), archive };
    let mut found = Vec::with_capacity(SPLITS.len());
    for name in SPLITS {
        found.push(reader.split(name)?);
    }
    let Some((first, images)) = SPLITS.iter().zip(&found).find_map(|(name, split)| {
        split.as_ref().filter(|split| !split.is_empty()).map(|split| (name, &split.images))
    }) else {
        return Err(reader.without_images(found.iter().any(Option::is_some)));
    };
    let shape = |images: &Images| (images.height, images.width, images.channels);
    for (name, split) in SPLITS.iter().zip(&found) {
        if let Some(split) = split
            && shape(&split.images) != shape(images)
        {
            let problem = format!(
                "images are {:?}, expected {:?} as in {first}_images",
                shape(&split.images),
                shape(images)
            );
            return Err(reader.fault(&format!("{name}_images"), problem));
        }
    }
    let none = Split::none_like(images);
    let mut splits = found.into_iter().map(|split| split.unwrap_or_else(|| none.clone()));
    let splits = std::array::from_fn(|_| splits.next().unwrap_or_else(|| none.clone()));
    Ok(Contents { splits, class_names: reader.class_names()? })
}

impl Contents {
    /// The number of classes: of `named` classes, which every label must be one of; else as many as
    /// the training split's labels need, and those of the others where they go on without a gap.
    /// Without any label there are no classes.
    ///
    /// # Errors
    /// Names the row of `path` whose label is none of them.
    pub fn classes(&self, path: &Path, named: Option<usize>) -> Result<usize, DataError> {
        let fault = |member: String, problem| {
            Err(DataError::Member { path: path.to_owned(), member, problem })
        };
        let known = |split: &Split| {
            let known = split.labels.iter().filter(|label| **label != UNLABELLED);
            known.map(|&label| usize::from(label)).collect::<Vec<_>>()
        };
        let labels = || self.splits.iter().flat_map(known);
        let trained = known(&self.splits[0]).into_iter().max();
        let from_training = trained.or_else(|| labels().max()).map_or(0, |label| label + 1);
        let mut limit = named.unwrap_or(from_training);
        let all_known = self.splits.iter().all(|split| split.unlabelled() == 0);
        if limit == 1 && all_known {
            let problem = "every label is 0, expected two classes or more".to_owned();
            return fault("train_labels".to_owned(), problem);
        }
        let reason = match (named, trained) {
            (Some(classes), _) => format!("its {classes} classes"),
            (None, Some(_)) => "the training split's labels".to_owned(),
            (None, None) => "the labels".to_owned(),
        };
        while named.is_none() && labels().any(|label| label == limit) {
            limit += 1;
        }
        for (name, split) in ["train", "val", "test"].iter().zip(&self.splits) {
            let beyond = |label: u16| label != UNLABELLED && usize::from(label) >= limit;
            if let Some(row) = split.labels.iter().position(|&label| beyond(label)) {
                let problem = format!(
                    "row {row} is {}, expected 0 to {} by {reason}",
                    split.labels[row],
                    limit - 1
                );
                return fault(format!("{name}_labels"), problem);
            }
        }
        Ok(limit)
    }
}

/// Writes `dataset` as a MedMNIST .npz, with the names of its classes where they have some: the
/// same data set gives the same bytes.
pub fn write(dataset: &Dataset, out: impl Write + Seek) -> Result<(), DataError> {
    let failed = |error: &dyn std::fmt::Display| {
        let text = error.to_string();
        DataError::Write { reason: text.strip_prefix("i/o error: ").unwrap_or(&text).to_owned() }
    };
    // Stored, not deflated: the bytes must not depend on a compressor's version.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644)
        .large_file(false);
    let mut archive = ZipWriter::new(Once { out, position: 0, has_failed: false });
    for (name, split) in dataset.splits() {
        let images = &split.images;
        let mut shape = vec![images.len(), images.height, images.width];
        if images.channels != 1 {
            shape.push(images.channels);
        }
        let large = |len: usize| options.large_file(len as u64 > u64::from(u32::MAX) - 1024);
        archive
            .start_file(format!("{name}_images.npy"), large(images.pixels.len()))
            .map_err(|e| failed(&e))?;
        archive.write_all(&npy::header_bytes("|u1", &shape)).map_err(|e| failed(&e))?;
        archive.write_all(&images.pixels).map_err(|e| failed(&e))?;
        // MedMNIST stores bytes; more than 256 classes need two, and so does -1 for no label.
        let is_known = split.unlabelled() == 0;
        let narrow = dataset.classes() <= 256 && is_known;
        let labels: Vec<u8> = match narrow {
            true => split.labels.iter().map(|&label| label as u8).collect(),
            false => split.labels.iter().flat_map(|label| label.to_le_bytes()).collect(),
        };
        archive
            .start_file(format!("{name}_labels.npy"), large(labels.len()))
            .map_err(|e| failed(&e))?;
        let descr = match (narrow, is_known) {
            (true, _) => "|u1",
            (false, true) => "<u2",
            (false, false) => "<i2",
        };
        archive.write_all(&npy::header_bytes(descr, &[split.len(), 1])).map_err(|e| failed(&e))?;
        archive.write_all(&labels).map_err(|e| failed(&e))?;
    }
    if !class_names::are_placeholders(&dataset.class_names) {
        archive.start_file(format!("{NAMES}.npy"), options).map_err(|e| failed(&e))?;
        archive.write_all(&class_names::to_npy(&dataset.class_names)).map_err(|e| failed(&e))?;
    }
    archive.finish().map_err(|e| failed(&e))?.flush().map_err(|e| failed(&e))
}

/// A writer that fails once and swallows everything after that: a `ZipWriter` tries to finish its
/// archive again when it is dropped, and would print by itself that this failed too.
struct Once<W> {
    out: W,
    position: u64,
    has_failed: bool,
}

impl<W> Once<W> {
    fn attempt<T>(
        &mut self,
        swallowed: T,
        act: impl FnOnce(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.has_failed {
            return Ok(swallowed);
        }
        let done = act(&mut self.out);
        self.has_failed =
            done.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted);
        done
    }
}

impl<W: Write> Write for Once<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.attempt(bytes.len(), |out| out.write(bytes))?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), W::flush)
    }
}

impl<W: Seek> Seek for Once<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let swallowed = match to {
            SeekFrom::Start(position) => position,
            SeekFrom::Current(by) | SeekFrom::End(by) => self.position.saturating_add_signed(by),
        };
        self.position = self.attempt(swallowed, |out| out.seek(to))?;
        Ok(self.position)
    }
}

/// An open archive.
struct Reader {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
}

impl Reader {
    fn fault(&self, member: &str, problem: String) -> DataError {
        DataError::Member { path: self.path.clone(), member: member.to_owned(), problem }
    }

    fn holds(&self, member: &str) -> bool {
        self.archive.index_for_name(&format!("{member}.npy")).is_some()
    }

    /// Refuses an archive that may hold `member`, which is absent, under a name that is not known:
    /// `validation_labels` must not be taken for labels that nobody gave.
    fn refuse_misnamed(&self, member: &str) -> Result<(), DataError> {
        let kind = if member.ends_with("images") { "image" } else { "label" };
        let known = |name: &str| {
            SPLITS.iter().any(|split| {
                name == format!("{split}_images.npy") || name == format!("{split}_labels.npy")
            })
        };
        let is_misnamed = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).to_lowercase();
            name.contains(kind) && !known(&name)
        };
        if !self.archive.file_names_raw().any(is_misnamed) {
            return Ok(());
        }
        let (path, member, found) = (self.path.clone(), member.to_owned(), self.members());
        Err(DataError::MissingMember { path, member, found })
    }

    /// What is missing where no split has an image.
    fn without_images(&self, has_splits: bool) -> DataError {
        if has_splits {
            return self.fault("train_images", "no split has a sample".to_owned());
        }
        DataError::MissingMember {
            path: self.path.clone(),
            member: "train_images".to_owned(),
            found: self.members(),
        }
    }

    /// A split, if the archive has its images.
    fn split(&mut self, name: &str) -> Result<Option<Split>, DataError> {
        let (images, member) = (format!("{name}_images"), format!("{name}_labels"));
        if !self.holds(&images) {
            self.refuse_misnamed(&images)?;
            if self.holds(&member) {
                return Err(self.fault(&member, format!("labels without {images}")));
            }
            return Ok(None);
        }
        if !self.holds(&member) {
            self.refuse_misnamed(&member)?;
        }
        let images = self.images(&images)?;
        let labels = match self.holds(&member) {
            true => self.labels(&member)?,
            false => vec![UNLABELLED; images.len()],
        };
        if labels.len() != images.len() {
            let problem =
                format!("{} labels for {} images, expected one each", labels.len(), images.len());
            return Err(self.fault(&member, problem));
        }
        Ok(Some(Split { images, labels }))
    }

    fn images(&mut self, member: &str) -> Result<Images, DataError> {
        let (header, pixels) = self.array(member, |header| {
            if !matches!(header.descr.as_str(), "|u1" | "<u1" | ">u1" | "u1") {
                return Err(not_bytes(&header.descr));
            }
            match header.shape[..] {
                [_, h, w] | [_, h, w, 1 | 3]
                    if (1..=4096).contains(&h) && (1..=4096).contains(&w) =>
                {
                    Ok(1)
                }
                _ => Err(format!(
                    "shape is {:?}, expected (N, H, W) or (N, H, W, 3), sides of 1 to 4096",
                    header.shape
                )),
            }
        })?;
        let channels = header.shape.get(3).map_or(1, |&channels| channels as usize);
        Ok(Images {
            height: header.shape[1] as usize,
            width: header.shape[2] as usize,
            channels,
            pixels,
        })
    }

    fn labels(&mut self, member: &str) -> Result<Vec<u16>, DataError> {
        let (header, bytes) = self.array(member, |header| match header.shape[..] {
            [_] | [_, 1] => integer_width(&header.descr).ok_or_else(|| {
                format!("dtype is {:?}, expected an integer of 1, 2, 4 or 8 bytes", header.descr)
            }),
            [_, n] => Err(format!(
                "{n} labels an image (shape {:?}), expected one: (N, 1) or (N)",
                header.shape
            )),
            _ => Err(format!("shape is {:?}, expected (N, 1) or (N)", header.shape)),
        })?;
        let width = integer_width(&header.descr).unwrap_or(1) as usize;
        let mut labels = Vec::with_capacity(bytes.len() / width);
        for (row, element) in bytes.chunks_exact(width).enumerate() {
            let value = integer(&header.descr, element);
            if value == -1 {
                labels.push(UNLABELLED);
                continue;
            }
            let Some(label) =
                u16::try_from(value).ok().filter(|&label| usize::from(label) < MAX_CLASSES)
            else {
                return Err(self.fault(
                    member,
                    format!(
                        "row {row} is {value}, expected 0 to {}, or -1 for no label",
                        MAX_CLASSES - 1
                    ),
                ));
            };
            labels.push(label);
        }
        Ok(labels)
    }

    /// The names of the classes, if the archive has them.
    fn class_names(&mut self) -> Result<Option<Vec<String>>, DataError> {
        if !self.holds(NAMES) {
            return Ok(None);
        }
        let (header, bytes) = self.array(NAMES, class_names::width)?;
        class_names::from_npy(&header, &bytes)
            .map(Some)
            .map_err(|problem| self.fault(NAMES, problem))
    }

    /// Reads a member's header, lets `check` judge it and name the bytes of an element, and reads
    /// the elements.
    fn array(
        &mut self,
        member: &str,
        check: impl Fn(&Header) -> Result<u64, String>,
    ) -> Result<(Header, Vec<u8>), DataError> {
        let file_name = format!("{member}.npy");
        let read = match self.archive.by_name(&file_name) {
            Ok(mut file) => {
                let declared = file.size();
                read_array(&mut file, declared, check)
            }
            Err(error) => Err(format!("cannot be unpacked: {error}")),
        };
        read.map_err(|problem| self.fault(member, problem))
    }

    /// What the archive holds, for a person: the first few names.
    fn members(&self) -> String {
        let names: Vec<&str> = self
            .archive
            .file_names_raw()
            .filter_map(|name| std::str::from_utf8(name).ok())
            .collect();
        let shown: Vec<String> =
            names.iter().take(8).map(|name| name.chars().take(40).collect()).collect();
        match names.len() {
            0 => "nothing".to_owned(),
            n if n > shown.len() => format!("{} and {} more", shown.join(", "), n - shown.len()),
            _ => shown.join(", "),
        }
    }
}

/// What to do about images that are no bytes.
fn not_bytes(descr: &str) -> String {
    let hint = match descr.trim_start_matches(['|', '<', '>', '=']) {
        "f2" | "f4" | "f8" => {
            ": of values from 0 to 1 save (255 * x).round().astype('uint8'), of values from 0 to \
             255 x.round().astype('uint8')"
        }
        "b1" => ": save 255 * x.astype('uint8')",
        _ => "",
    };
    format!("dtype is {descr:?}, expected uint8 (\"|u1\"){hint}")
}

fn read_array(
    file: &mut impl Read,
    declared: u64,
    check: impl Fn(&Header) -> Result<u64, String>,
) -> Result<(Header, Vec<u8>), String> {
    let header = Header::read(file)?;
    let width = check(&header)?;
    let claim = header.elements().and_then(|n| n.checked_mul(width));
    let Some(claim) = claim.filter(|&claim| claim <= declared) else {
        return Err(format!(
            "the header claims shape {:?}, but the member holds {declared} bytes",
            header.shape
        ));
    };
    let bytes = unpack::read(file, claim)?;
    let turns = header.fortran_order && header.shape.iter().filter(|&&axis| axis > 1).count() > 1;
    let bytes = if turns { npy::in_c_order(&bytes, &header.shape, width as usize) } else { bytes };
    Ok((header, bytes))
}

/// Bytes of an integer type, or none for another type.
fn integer_width(descr: &str) -> Option<u64> {
    match descr.trim_start_matches(['|', '<', '>', '=']) {
        "u1" | "i1" => Some(1),
        "u2" | "i2" => Some(2),
        "u4" | "i4" => Some(4),
        "u8" | "i8" => Some(8),
        _ => None,
    }
}

/// The integer in `bytes`, of the type and byte order of `descr`.
fn integer(descr: &str, bytes: &[u8]) -> i128 {
    let fold = |value: u64, &byte: &u8| (value << 8) | u64::from(byte);
    let value = match descr.starts_with('>') {
        true => bytes.iter().fold(0, fold),
        false => bytes.iter().rev().fold(0, fold),
    };
    let unused = 64 - 8 * bytes.len() as u32;
    match descr.contains('i') {
        true => i128::from(((value << unused) as i64) >> unused),
        false => i128::from(value),
    }
}

#[cfg(test)]
#[path = "npz_tests.rs"]
mod tests;
