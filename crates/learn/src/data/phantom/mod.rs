//! The built-in data set: sagittal CT-like crops of eleven organs, made from anatomy and a seed.
//!
//! Patients of two populations (`patient`) are laid out as solids in space (`anatomy`), filled with
//! tissue in Hounsfield units (`tissue`) and cut into images (`camera`). Left and right organs look
//! alike, as in sagittal cuts of real patients: what tells them apart is their neighbours. No
//! patient is in two splits, and the test patients come from another population. Sizes are those of
//! OrganSMNIST; class frequencies resemble it.

mod anatomy;
mod camera;
mod patient;
mod shape;
mod texture;
mod tissue;

use fewlabel_engine::rng::Key;
use rayon::prelude::*;

use super::catalogue::{ORGANS, PHANTOM};
use super::dataset::{Dataset, Images, Split};
use anatomy::Anatomy;
use camera::{SIDE, View};
use patient::{Patient, Population, SHIFTED, TRAINING};

/// The seed of the data set that everybody has: it is part of the data, not a setting.
pub const SEED: u64 = 20_260_101;

/// Purposes of the random streams.
const PATIENT: u64 = 0x7061_7469;
const VIEW: u64 = 0x7669_6577;
const ORDER: u64 = 0x6f72_6465;

/// One split: who is in it, and how many images of each organ.
struct Plan {
    population: &'static Population,
    patients: u64,
    images: [usize; 11],
}

/// As many patients as OrganSMNIST has scans. The test split has relatively more liver, right
/// kidney and bladder, and fewer left kidney and left femoral head.
const PLANS: [Plan; 3] = [
    Plan {
        population: &TRAINING,
        patients: 115,
        images: [1140, 660, 615, 721, 1180, 1095, 3430, 741, 803, 2000, 1547],
    },
    Plan {
        population: &TRAINING,
        patients: 16,
        images: [196, 113, 108, 147, 204, 196, 598, 147, 152, 333, 258],
    },
    Plan {
        population: &SHIFTED,
        patients: 70,
        images: [812, 362, 397, 459, 662, 777, 2313, 441, 477, 1200, 927],
    },
];

/// Makes the data set: the same on every machine and for any number of threads.
pub fn make(seed: u64) -> Dataset {
    let splits = [0, 1, 2].map(|split| make_split(seed, split));
    let class_names = ORGANS.map(str::to_owned).to_vec();
    let mut dataset = Dataset::new(PHANTOM.to_owned(), splits, class_names);
    dataset.synthetic = true;
    dataset
}

fn make_split(seed: u64, split: usize) -> Split {
    let bodies = bodies(seed, split);
    let labels = labels(seed, split);
    let pixels = render(seed, split, &bodies, &labels);
    Split { images: Images { height: SIDE, width: SIDE, channels: 1, pixels }, labels }
}

/// Every patient of a split.
fn bodies(seed: u64, split: usize) -> Vec<(Patient, Anatomy)> {
    let plan = &PLANS[split];
    (0..plan.patients)
        .into_par_iter()
        .map(|patient| {
            let mut rng = Key::new(seed, PATIENT).at(split as u64, patient).stream();
            let patient = Patient::draw(plan.population, &mut rng);
            let anatomy = Anatomy::draw(&patient, &mut rng);
            (patient, anatomy)
        })
        .collect()
}

/// Every label of a split, in its order.
fn labels(seed: u64, split: usize) -> Vec<u16> {
    let mut labels: Vec<u16> = Vec::new();
    for (class, &n) in PLANS[split].images.iter().enumerate() {
        labels.extend(std::iter::repeat_n(class as u16, n));
    }
    Key::new(seed, ORDER).at(split as u64, 0).stream().shuffle(&mut labels);
    labels
}

/// The images of the first `labels.len()` rows of a split.
fn render(seed: u64, split: usize, bodies: &[(Patient, Anatomy)], labels: &[u16]) -> Vec<u8> {
    let population = PLANS[split].population;
    let images: Vec<Vec<u8>> = labels
        .par_iter()
        .enumerate()
        .map(|(row, &class)| {
            let mut rng = Key::new(seed, VIEW).at(split as u64, row as u64).stream();
            let (patient, anatomy) = &bodies[rng.below(bodies.len() as u64) as usize];
            // Cuts come from the middle of the organ's box.
            let along = rng.uniform(-0.84, 0.84);
            let view =
                View::of(anatomy.organs[usize::from(class)], along, population.box_error, &mut rng);
            camera::image(patient, anatomy, &view, &mut rng)
        })
        .collect();
    images.concat()
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::PHANTOM_SAMPLES;
    use super::*;

    #[test]
    fn sizes_are_those_of_organsmnist() {
        let sizes = PLANS.map(|plan| plan.images.iter().sum::<usize>());
        assert_eq!(sizes, PHANTOM_SAMPLES);
        assert_eq!(labels(1, 1).len(), 2_452);
    }

    #[test]
    fn threads_do_not_change_a_pixel() {
        let few = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| render(5, 2, &bodies(5, 2), &labels(5, 2)[..40]))
        };
        assert_eq!(few(1), few(3));
    }

    #[test]
    fn the_seed_decides_who_is_scanned() {
        let first = |seed| render(seed, 1, &bodies(seed, 1), &labels(1, 1)[..4]);
        assert_ne!(first(1), first(2));
    }

    #[test]
    fn the_test_population_is_another_one() {
        let noise = |split: usize| {
            let bodies = bodies(1, split);
            bodies.iter().map(|(patient, _)| patient.noise).sum::<f32>() / bodies.len() as f32
        };
        assert!(noise(2) > noise(0) + 3.0, "{} {}", noise(0), noise(2));
    }
}
