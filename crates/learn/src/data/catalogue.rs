//! The data sets known by name: where they are published and what their labels mean.
//!
//! Facts of MedMNIST v3.0.2's `info.py` (record 10519652, doi:10.5281/zenodo.10519652), images of
//! 28x28.

/// The organs of the three MedMNIST organ data sets and of `phantom`, in the labels' order.
pub const ORGANS: [&str; 11] = [
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

/// What the labels of a data set are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// One of two or more classes.
    Classes,
    /// One of a scale of grades; they are treated as classes.
    Grades,
    /// Several findings at once: listed, but not usable here.
    Findings,
}

/// A published data set.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name it is asked for by.
    pub name: &'static str,
    /// What the images show.
    pub about: &'static str,
    /// What the labels are.
    pub task: Task,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Samples for training, validation and test.
    pub samples: [usize; 3],
    /// The published file's MD5.
    pub md5: &'static str,
    /// Under which licence it is published.
    pub licence: &'static str,
    /// Whether a mirrored image keeps its label and still looks like one of the data set's.
    pub flips_keep_labels: bool,
    /// The classes' names, in the labels' order.
    pub class_names: &'static [&'static str],
}

impl Entry {
    /// Where the file is published.
    pub fn address(&self) -> String {
        format!("https://zenodo.org/records/10519652/files/{}.npz?download=1", self.name)
    }

    /// The file's name in the cache folder.
    pub fn file_name(&self) -> String {
        format!("{}.npz", self.name)
    }
}

/// Who made the published data sets, to be named where they are used.
pub const SOURCE: &str = "Yang et al., MedMNIST v2, Scientific Data 10:41 (2023)";

/// The published data sets, in the collection's order.
pub const ENTRIES: [Entry; 12] = [
    Entry {
        name: "pathmnist",
        about: "colon pathology",
        task: Task::Classes,
        channels: 3,
        samples: [89_996, 10_004, 7_180],
        md5: "a8b06965200029087d5bd730944a56c1",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &[
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth muscle",
            "normal colon mucosa",
            "cancer-associated stroma",
            "colorectal adenocarcinoma epithelium",
        ],
    },
    Entry {
        name: "chestmnist",
        about: "chest X-ray",
        task: Task::Findings,
        channels: 1,
        samples: [78_468, 11_219, 22_433],
        md5: "02c8a6516a18b556561a56cbdd36c4a8",
        licence: "CC BY 4.0",
        flips_keep_labels: false,
        class_names: &[
            "atelectasis",
            "cardiomegaly",
            "effusion",
            "infiltration",
            "mass",
            "nodule",
            "pneumonia",
            "pneumothorax",
            "consolidation",
            "edema",
            "emphysema",
            "fibrosis",
            "pleural",
            "hernia",
        ],
    },
    Entry {
        name: "dermamnist",
        about: "dermatoscope",
        task: Task::Classes,
        channels: 3,
        samples: [7_007, 1_003, 2_005],
        md5: "0744692d530f8e62ec473284d019b0c7",
        licence: "CC BY-NC 4.0",
        flips_keep_labels: true,
        class_names: &[
            "actinic keratoses and intraepithelial carcinoma",
            "basal cell carcinoma",
            "benign keratosis-like lesions",
            "dermatofibroma",
            "melanoma",
            "melanocytic nevi",
            "vascular lesions",
        ],
    },
    Entry {
        name: "octmnist",
        about: "retinal OCT",
        task: Task::Classes,
        channels: 1,
        samples: [97_477, 10_832, 1_000],
        md5: "c68d92d5b585d8d81f7112f81e2d0842",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &[
            "choroidal neovascularization",
            "diabetic macular edema",
            "drusen",
            "normal",
        ],
    },
    Entry {
        name: "pneumoniamnist",
        about: "chest X-ray",
        task: Task::Classes,
        channels: 1,
        samples: [4_708, 524, 624],
        md5: "28209eda62fecd6e6a2d98b1501bb15f",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &["normal", "pneumonia"],
    },
    Entry {
        name: "retinamnist",
        about: "fundus camera",
        task: Task::Grades,
        channels: 3,
        samples: [1_080, 120, 400],
        md5: "bd4c0672f1bba3e3a89f0e4e876791e4",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &["0", "1", "2", "3", "4"],
    },
    Entry {
        name: "breastmnist",
        about: "breast ultrasound",
        task: Task::Classes,
        channels: 1,
        samples: [546, 78, 156],
        md5: "750601b1f35ba3300ea97c75c52ff8f6",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &["malignant", "normal, benign"],
    },
    Entry {
        name: "bloodmnist",
        about: "blood cell microscope",
        task: Task::Classes,
        channels: 3,
        samples: [11_959, 1_712, 3_421],
        md5: "7053d0359d879ad8a5505303e11de1dc",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &[
            "basophil",
            "eosinophil",
            "erythroblast",
            "immature granulocytes(myelocytes, metamyelocytes and promyelocytes)",
            "lymphocyte",
            "monocyte",
            "neutrophil",
            "platelet",
        ],
    },
    Entry {
        name: "tissuemnist",
        about: "kidney cortex microscope",
        task: Task::Classes,
        channels: 1,
        samples: [165_466, 23_640, 47_280],
        md5: "ebe78ee8b05294063de985d821c1c34b",
        licence: "CC BY 4.0",
        flips_keep_labels: true,
        class_names: &[
            "Collecting Duct, Connecting Tubule",
            "Distal Convoluted Tubule",
            "Glomerular endothelial cells",
            "Interstitial endothelial cells",
            "Leukocytes",
            "Podocytes",
            "Proximal Tubule Segments",
            "Thick Ascending Limb",
        ],
    },
    Entry {
        name: "organamnist",
        about: "abdominal CT, axial",
        task: Task::Classes,
        channels: 1,
        samples: [34_561, 6_491, 17_778],
        md5: "68e3f8846a6bd62f0c9bf841c0d9eacc",
        licence: "CC BY 4.0",
        flips_keep_labels: false,
        class_names: &ORGANS,
    },
    Entry {
        name: "organcmnist",
        about: "abdominal CT, coronal",
        task: Task::Classes,
        channels: 1,
        samples: [12_975, 2_392, 8_216],
        md5: "b9ceb9546e10131b32923c5bbeaea2b1",
        licence: "CC BY 4.0",
        flips_keep_labels: false,
        class_names: &ORGANS,
    },
    Entry {
        name: "organsmnist",
        about: "abdominal CT, sagittal",
        task: Task::Classes,
        channels: 1,
        samples: [13_932, 2_452, 8_827],
        md5: "9ab87b696fb54e2a387ebe992d6ed5f1",
        licence: "CC BY 4.0",
        flips_keep_labels: false,
        class_names: &ORGANS,
    },
];

/// The name of the data set that the program makes itself.
pub const PHANTOM: &str = "phantom";

/// Its samples for training, validation and test: as many as OrganSMNIST has.
pub const PHANTOM_SAMPLES: [usize; 3] = [13_932, 2_452, 8_827];

/// The published data set called `name`.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// Every name that can be asked for, the built-in one first.
pub fn names() -> impl Iterator<Item = &'static str> {
    std::iter::once(PHANTOM).chain(ENTRIES.iter().map(|entry| entry.name))
}

/// The name most like `wrong`, unless none is close (more than a third of its letters differ).
pub fn nearest(wrong: &str) -> Option<&'static str> {
    let wrong = wrong.to_lowercase();
    let distance = |name: &&str| strsim::osa_distance(&wrong, name);
    names().min_by_key(distance).filter(|name| distance(name) * 3 <= name.len())
}

/// A file that goes by an exact name: the data set whose classes it has, and what its images must
/// be like.
pub struct Named {
    /// The published data set.
    pub entry: &'static Entry,
    side: usize,
    samples: [usize; 3],
}

/// Sets of the same classes, drawn from a published one, on which results of this project stand:
/// name, entry, samples.
const DRAWN: [(&str, &str, [usize; 3]); 1] = [("organamnist-s", "organamnist", PHANTOM_SAMPLES)];

/// The sides of the published images; the smallest ones have no number in their file's name.
const SIDES: [(&str, usize); 4] = [("", 28), ("_64", 64), ("_128", 128), ("_224", 224)];

/// What the file with this very stem is published as: `organamnist` or `organamnist_64`, but not
/// `organamnist-mine`.
pub fn of_file_stem(stem: &str) -> Option<Named> {
    if let Some((_, name, samples)) = DRAWN.iter().find(|(drawn, ..)| *drawn == stem) {
        return Some(Named { entry: find(name)?, side: 28, samples: *samples });
    }
    SIDES.iter().find_map(|(suffix, side)| {
        let entry = find(stem.strip_suffix(suffix)?)?;
        Some(Named { entry, side: *side, samples: entry.samples })
    })
}

impl Named {
    /// In what data of so many `classes` and `samples`, with images of `[height, width, channels]`,
    /// differ from the published ones: found, expected; none where they are these.
    pub fn difference(
        &self,
        image: [usize; 3],
        classes: usize,
        samples: [usize; 3],
    ) -> Option<(String, String)> {
        let Self { entry, side, .. } = self;
        let expected = (entry.class_names.len(), [*side, *side, entry.channels], self.samples);
        let text = |(classes, [height, width, channels], [train, val, test]): (
            usize,
            [usize; 3],
            [usize; 3],
        )| {
            format!(
                "{classes} classes, images {height}x{width}x{channels}, splits of {train}, {val} \
                 and {test}"
            )
        };
        let found = (classes, image, samples);
        (found != expected).then(|| (text(found), text(expected)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_complete() {
        for entry in &ENTRIES {
            assert_eq!(entry.md5.len(), 32, "{}", entry.name);
            assert!(
                entry.samples.iter().all(|&n| n > 0) && entry.class_names.len() > 1,
                "{}",
                entry.name
            );
            assert!(entry.address().contains(entry.name));
        }
        assert_eq!(ENTRIES.iter().filter(|entry| entry.task == Task::Findings).count(), 1);
    }

    #[test]
    fn a_slip_of_the_pen_finds_the_nearest_name() {
        assert_eq!(nearest("organsmist"), Some("organsmnist"));
        assert_eq!(nearest("Phantom"), Some("phantom"));
        assert_eq!(nearest("phnatom"), Some("phantom"));
        assert_eq!(nearest("mri-of-my-knee"), None);
    }

    #[test]
    fn a_file_goes_by_its_exact_name_alone() {
        for (stem, name) in [
            ("bloodmnist", "bloodmnist"),
            ("bloodmnist_64", "bloodmnist"),
            ("bloodmnist_224", "bloodmnist"),
            ("organamnist-s", "organamnist"),
        ] {
            assert_eq!(of_file_stem(stem).map(|named| named.entry.name), Some(name), "{stem}");
        }
        for stem in [
            "my-bloodmnist",
            "bloodmnist_65",
            "BloodMNIST",
            "octmnist_my_5_classes",
            "bloodmnist-s",
            "",
            "_64",
        ] {
            assert!(of_file_stem(stem).is_none(), "{stem}");
        }
    }

    #[test]
    fn a_name_alone_does_not_make_the_published_set() {
        let named = of_file_stem("organsmnist_64").unwrap();
        assert_eq!(named.difference([64, 64, 1], 11, PHANTOM_SAMPLES), None);
        let (found, expected) = named.difference([64, 64, 3], 11, PHANTOM_SAMPLES).unwrap();
        assert_eq!(found, "11 classes, images 64x64x3, splits of 13932, 2452 and 8827");
        assert_eq!(expected, "11 classes, images 64x64x1, splits of 13932, 2452 and 8827");
        for (image, classes, samples) in [
            ([28, 28, 1], 11, PHANTOM_SAMPLES),
            ([64, 64, 1], 10, PHANTOM_SAMPLES),
            ([64, 64, 1], 11, [13_932, 2_452, 1]),
        ] {
            assert!(named.difference(image, classes, samples).is_some());
        }
    }
}
