//! `data/<checksum>/`: class counts, and once each the images that records and figures refer to.

use crate::error::{AtPath, StudyError};
use crate::store::atomic_file;
use crate::store::npy_writer::npy;
use crate::store::record;
use crate::store::study_dir::{Contents, Folder};
use fewlabel_engine::rng::Key;
use fewlabel_learn::augment::{Applied, Augmenter, Kind, Policy};
use fewlabel_learn::data::Dataset;
use fewlabel_learn::run::plan::Selection;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Examples of each class that are kept for the first figure.
const EXAMPLES: usize = 6;
/// Bytes before the pixels of `images.npy`, at most.
const LONGEST_HEADER: usize = 1 << 16;
/// Longest side of an image in a figure.
const THUMBNAIL: usize = 64;

/// `data.json`: what `images.npy` (uint8, [images, height, width, channels]) holds, and what the
/// figures say of the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pictures {
    pub(crate) format: u32,
    pub(crate) name: String,
    pub(crate) checksum: String,
    pub(crate) synthetic: bool,
    pub(crate) class_names: Vec<String>,
    /// Pairs of classes that differ only in the side of the body, left first.
    #[serde(default)]
    pub(crate) sides: Vec<(u16, u16)>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    /// Images of each class in the training, validation and test split.
    pub(crate) class_counts: [Vec<usize>; 3],
    pub(crate) images: Vec<Picture>,
    #[serde(skip)]
    pixels: Vec<u8>,
}

/// An image [height, width, channels] with every square of `by` x `by` pixels averaged to one; cut
/// squares at the far edges count too.
fn shrink(
    pixels: &[u8],
    (height, width, channels): (usize, usize, usize),
    by: usize,
) -> (usize, usize, Vec<u8>) {
    let (rows, columns) = (height.div_ceil(by), width.div_ceil(by));
    let mut small = Vec::with_capacity(rows * columns * channels);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..channels {
                let (mut sum, mut count) = (0usize, 0);
                for y in row * by..((row + 1) * by).min(height) {
                    for x in column * by..((column + 1) * by).min(width) {
                        sum += usize::from(pixels[(y * width + x) * channels + channel]);
                        count += 1;
                    }
                }
                small.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    (rows, columns, small)
}

/// One kept image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Picture {
    /// Row of the training split.
    pub(crate) row: u32,
    pub(crate) label: u16,
    /// How it was changed; only the examples of the augmentations are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) augmentation: Option<Applied>,
}

impl Pictures {
    /// The pixels of one kept image.
    pub(crate) fn pixels(&self, picture: usize) -> &[u8] {
        let length = self.height * self.width * self.channels;
        &self.pixels[picture * length..(picture + 1) * length]
    }

    /// The first kept images of a class, as they are in the data set.
    pub(crate) fn of_class(&self, class: usize) -> impl Iterator<Item = usize> {
        let fits = move |image: &Picture| {
            usize::from(image.label) == class && image.augmentation.is_none()
        };
        self.images.iter().enumerate().filter(move |(_, image)| fits(image)).map(|(place, _)| place)
    }

    /// Where training image `row` is kept as it is in the data set.
    pub(crate) fn place(&self, row: u32) -> Option<usize> {
        let plain = self.images.partition_point(|image| image.augmentation.is_none());
        self.images[..plain].binary_search_by_key(&row, |image| image.row).ok()
    }

    /// One kept image as a PNG file, made smaller where it is larger than figures show it.
    pub(crate) fn png(&self, picture: usize) -> Option<Vec<u8>> {
        let by = self.height.max(self.width).div_ceil(THUMBNAIL);
        let shape = (self.height, self.width, self.channels);
        let (height, width, pixels) = shrink(self.pixels(picture), shape, by);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
        encoder.set_color(if self.channels == 3 {
            png::ColorType::Rgb
        } else {
            png::ColorType::Grayscale
        });
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&pixels).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }

    /// Whether the counts, sides and labels fit the classes: a page is drawn from them.
    fn is_sound(&self) -> bool {
        let classes = self.class_names.len();
        classes > 0
            && self.class_counts.iter().all(|counts| counts.len() == classes)
            && self.class_counts.iter().flatten().all(|&count| count <= u32::MAX as usize)
            && self.sides.iter().all(|(left, right)| usize::from(*left.max(right)) < classes)
            && self.images.iter().all(|image| usize::from(image.label) < classes)
            && [self.height, self.width].iter().all(|side| (1..=4096).contains(side))
            && (self.channels == 1 || self.channels == 3)
    }

    /// Everything kept under `data/`, by name, and a sentence for what is damaged.
    pub(crate) fn read_all(folder: &Folder) -> Result<(Vec<Self>, Vec<String>), StudyError> {
        let (mut all, mut damaged) = (Vec::new(), Vec::new());
        let path = folder.path().join("data");
        if path.is_dir() {
            for entry in std::fs::read_dir(&path).at("list", &path)? {
                match Self::read(&entry.at("list", &path)?.path()) {
                    Ok(pictures) => all.extend(pictures),
                    Err(error) => damaged.push(error.to_string()),
                }
            }
        }
        all.sort_by(|a, b| (&a.name, &a.checksum).cmp(&(&b.name, &b.checksum)));
        Ok((all, damaged))
    }

    fn read(path: &Path) -> Result<Option<Self>, StudyError> {
        let Some(mut pictures) = atomic_file::read_json::<Self>(&path.join("data.json"))? else {
            return Ok(None);
        };
        if !pictures.is_sound() {
            return Err(StudyError::damaged(
                &path.join("data.json"),
                "its classes, counts and shape do not fit together",
            ));
        }
        let file = path.join("images.npy");
        let length = pictures.images.len() * pictures.height * pictures.width * pictures.channels;
        let bytes =
            atomic_file::read_at_most(&file, (length + LONGEST_HEADER) as u64)?.unwrap_or_default();
        let start = bytes
            .len()
            .checked_sub(length)
            .filter(|&start| bytes[..start].starts_with(b"\x93NUMPY"));
        let start = start.ok_or_else(|| {
            StudyError::damaged(&file, format!("expected {length} bytes of pixels"))
        })?;
        pictures.pixels = bytes[start..].to_vec();
        Ok(Some(pictures))
    }
}

/// Keeps the images of `data` that figures and the queries in `contents` refer to.
///
/// # Errors
/// If the folder cannot be written.
pub fn keep_images(folder: &Folder, data: &Dataset, contents: &Contents) -> Result<(), StudyError> {
    let mut rows: BTreeSet<u32> = examples(data).into_iter().flatten().collect();
    for run in contents.runs.iter().filter(|run| run.settings.data.checksum == data.checksum) {
        match (&run.result, &run.settings.plan.selection) {
            (Some(result), Selection::Active(active)) => {
                rows.extend(result.labelled.iter().skip(active.initial))
            }
            (Some(_), _) => {}
            // A damaged record is listed by the report; here its images are only left out.
            (None, _) => {
                let queries = record::read_queries(&folder.run(&run.id)).unwrap_or_default();
                rows.extend(queries.iter().flat_map(|query| &query.picks).map(|pick| pick.index));
            }
        }
    }
    let images = &data.train.images;
    let mut pictures = Pictures {
        format: crate::ask::settings::FORMAT,
        name: data.name.clone(),
        checksum: data.checksum.clone(),
        synthetic: data.synthetic,
        class_names: data.class_names.clone(),
        sides: data.sides.clone(),
        height: images.height,
        width: images.width,
        channels: images.channels,
        class_counts: data.splits().map(|(_, split)| split.class_counts(data.classes())),
        images: Vec::new(),
        pixels: Vec::new(),
    };
    for row in rows.into_iter().filter(|&row| (row as usize) < data.train.len()) {
        pictures.pixels.extend_from_slice(images.image(row as usize));
        pictures.images.push(Picture {
            row,
            label: data.train.labels[row as usize],
            augmentation: None,
        });
    }
    add_augmented(&mut pictures, data);
    let path = folder.data(&data.checksum);
    atomic_file::make_folder(&path)?;
    let shape = [pictures.images.len(), images.height, images.width, images.channels];
    let pixels = std::mem::take(&mut pictures.pixels);
    atomic_file::write_whole(&path.join("images.npy"), &npy("|u1", &shape, &pixels))?;
    atomic_file::write_json(&path.join("data.json"), &pictures)
}

/// The first training rows of each class.
fn examples(data: &Dataset) -> Vec<Vec<u32>> {
    let mut rows = vec![Vec::new(); data.classes()];
    for (row, &label) in data.train.labels.iter().enumerate() {
        let of_class: &mut Vec<u32> = &mut rows[usize::from(label)];
        if of_class.len() < EXAMPLES {
            of_class.push(row as u32);
        }
    }
    rows
}

/// One image under each of the paper's transforms: the first draw of each kind that is strong
/// enough to be seen.
fn add_augmented(pictures: &mut Pictures, data: &Dataset) {
    let images = &data.train.images;
    let row = examples(data).first().and_then(|rows| rows.first()).copied().unwrap_or(0);
    let original = images.image(row as usize);
    let mut augmenter =
        Augmenter::new(&Policy::paper(), images.height, images.width, images.channels);
    let mut drawn: Vec<Applied> = Vec::new();
    for draw in 0..400 {
        let mut image: Vec<f32> = original.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
        let applied =
            augmenter.apply(Key::new(0, u64::from_le_bytes(*b"figure 2")).at(draw, 0), &mut image);
        let changed = image
            .iter()
            .zip(original)
            .map(|(&new, &old)| (new * 255.0 - f32::from(old)).abs())
            .sum::<f32>();
        let is_small_turn = applied.kind == Kind::Rotation && applied.strength.abs() < 20.0;
        let is_plain = changed < 4.0 * original.len() as f32 || is_small_turn;
        if (is_plain && draw < 200)
            || changed == 0.0
            || drawn.iter().any(|other| other.kind == applied.kind)
        {
            continue;
        }
        drawn.push(applied);
        pictures.pixels.extend(image.iter().map(|&pixel| (pixel * 255.0).round() as u8));
        pictures.images.push(Picture {
            row,
            label: data.train.labels[row as usize],
            augmentation: Some(applied),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn kept_images_come_back() {
        let path = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let data = testing::dataset(60);
        keep_images(&folder, &data, &Contents::default()).expect("kept");
        let (all, damaged) = Pictures::read_all(&folder).expect("read");
        assert_eq!((all.len(), damaged.len()), (1, 0));
        assert_eq!(all[0].pixels(0), data.train.images.image(all[0].images[0].row as usize));
        assert_eq!(all[0].class_counts[0].iter().sum::<usize>(), 60);
        let kinds: Vec<&str> = all[0]
            .images
            .iter()
            .filter_map(|image| image.augmentation)
            .map(|applied| applied.kind.name())
            .collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
    }

    #[test]
    fn large_images_are_shown_small() {
        let pixels: Vec<u8> = (0..2 * 3).flat_map(|i| [i * 10, 200]).collect();
        assert_eq!(shrink(&pixels, (2, 3, 2), 1), (2, 3, pixels.clone()));
        assert_eq!(shrink(&pixels, (2, 3, 2), 2), (1, 2, vec![20, 200, 35, 200]));
    }

    #[test]
    fn cut_pixels_are_listed_as_damaged() {
        let path = tempfile::tempdir().expect("a folder");
        let folder = Folder::claim(path.path(), "").expect("claimed");
        let data = testing::dataset(60);
        keep_images(&folder, &data, &Contents::default()).expect("kept");
        let file = path.path().join("data").join(&data.checksum[..16]).join("images.npy");
        std::fs::write(&file, b"\x93NUMPY").expect("written");
        let (all, damaged) = Pictures::read_all(&folder).expect("read");
        assert!(all.is_empty() && damaged[0].contains("bytes of pixels"), "{damaged:?}");
    }
}
