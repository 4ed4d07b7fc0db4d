//! From files to picks: in blocks of rows where the strategy scores every image by itself, else as
//! a whole.

use super::{Arguments, McOrder};
use crate::options::Common;
use crate::screen;
use anyhow::{anyhow, bail};
use fewlabel_engine::rng::Key;
use fewlabel_learn::acquire::{
    self, Inputs, Needs, Options, Picks, Query, Rows, Samples, Score, Strategy,
};
use fewlabel_learn::data::Array;
use fewlabel_learn::{counted, memory};
use std::path::Path;
use std::time::Instant;

/// Numbers read at a time over all arrays: 64 MiB.
const BLOCK: usize = 16 << 20;
/// How far a row of probabilities may be from 1 to be left as it is, and to be mended.
const EXACT: f64 = 1e-3;
const ROUNDED: f64 = 1e-2;
/// The purpose of the key of this command's draws.
const PURPOSE: u64 = 0x0071_7565_7279;

/// An array that the strategy looks at, and the block of it in memory.
#[derive(Default)]
struct Slot {
    array: Option<Array>,
    order: McOrder,
    block: Vec<f32>,
    /// All of an array whose images are not its first axis, turned round, and the images of it that
    /// were read.
    turned: Option<(Vec<f32>, usize)>,
    /// Rows of probabilities that did not quite add up to 1, of all that were read.
    mended: usize,
}

impl Slot {
    fn open(path: Option<&Path>, axes: usize, order: McOrder) -> anyhow::Result<Self> {
        let array = path.map(|path| Array::open(path, axes)).transpose()?;
        Ok(Self { array, order: if axes == 3 { order } else { McOrder::Ntc }, ..Self::default() })
    }

    fn shape(&self) -> Option<&[usize]> {
        self.array.as_ref().map(Array::shape)
    }

    /// The number of images, if the axes have this order; arrays of two axes have one only.
    fn images_by(&self, order: McOrder) -> Option<usize> {
        let shape = self.shape()?;
        Some(if shape.len() == 3 && order == McOrder::Tnc { shape[1] } else { shape[0] })
    }

    /// Images, passes and classes of an array of three axes.
    fn ntc(&self) -> Option<(usize, usize, usize)> {
        match (self.shape()?, self.order) {
            (&[n, t, c], McOrder::Ntc) | (&[t, n, c], McOrder::Tnc) => Some((n, t, c)),
            _ => None,
        }
    }

    /// Numbers an image.
    fn width(&self) -> usize {
        self.ntc().map_or_else(|| self.array.as_ref().map_or(0, Array::width), |(_, t, c)| t * c)
    }

    fn read(&mut self, rows: usize) -> anyhow::Result<()> {
        let width = self.width();
        let turns = self.order == McOrder::Tnc && self.turned.is_none();
        let Some(array) = &mut self.array else { return Ok(()) };
        if turns {
            self.turned = Some((turned(array)?, 0));
        }
        match &mut self.turned {
            None => array.read_rows(rows, &mut self.block)?,
            Some((all, done)) => {
                self.block.clear();
                self.block.extend_from_slice(&all[*done * width..(*done + rows) * width]);
                *done += rows;
            }
        }
        Ok(())
    }

    /// Divides rows of probabilities that add up to 1 within [`ROUNDED`] by their sums: numbers of
    /// 16 bits are too coarse to add up exactly. What is further off is left for the strategy to
    /// refuse.
    fn mend(&mut self) {
        let classes = self.array.as_ref().and_then(|array| array.shape().last().copied());
        let Some(classes) = classes.filter(|&classes| classes > 0) else { return };
        for row in self.block.chunks_exact_mut(classes) {
            let sum: f64 = row.iter().map(|&p| f64::from(p)).sum();
            let off = (sum - 1.0).abs();
            if off > EXACT && off <= ROUNDED {
                row.iter_mut().for_each(|p| *p = (f64::from(*p) / sum) as f32);
                self.mended += 1;
            }
        }
    }

    fn rows(&self) -> Option<Rows<'_>> {
        self.array.as_ref().map(|array| Rows::new(&self.block, array.width()))
    }

    fn samples(&self) -> Option<Samples<'_>> {
        self.ntc().map(|(_, t, c)| Samples::new(&self.block, t, c))
    }
}

/// The numbers of an array [t, n, c] as [n, t, c].
fn turned(array: &mut Array) -> anyhow::Result<Vec<f32>> {
    let &[t, n, c] = array.shape() else { bail!("an array of three axes is expected") };
    memory::check(
        "--mc-order tnc",
        "the array as a whole",
        2.0 * 4.0 * t as f64 * n as f64 * c as f64,
    )?;
    let mut all = Vec::new();
    array.read_rows(t, &mut all)?;
    let of_image = |image: usize| (0..t).map(move |pass| (pass * n + image) * c);
    Ok((0..n).flat_map(of_image).flat_map(|first| &all[first..first + c]).copied().collect())
}

/// All arrays.
struct Arrays {
    probs: Slot,
    mc_probs: Slot,
    features: Slot,
    views: Slot,
    targets: Slot,
    rows: usize,
}

impl Arrays {
    fn open(arguments: &Arguments) -> anyhow::Result<Self> {
        let order = arguments.mc_order.unwrap_or_default();
        let mut arrays = Self {
            probs: Slot::open(arguments.probs.as_deref(), 2, order)?,
            mc_probs: Slot::open(arguments.mc_probs.as_deref(), 3, order)?,
            features: Slot::open(arguments.features.as_deref(), 2, order)?,
            views: Slot::open(arguments.view_probs.as_deref(), 3, order)?,
            targets: Slot::open(arguments.target_mc_probs.as_deref(), 3, order)?,
            rows: 0,
        };
        let given = arrays.given();
        let Some(&(first, slot)) = given.first() else {
            bail!(
                "give at least one of --probs, --mc-probs, --features and --view-probs: their \
                 rows are the images"
            );
        };
        let images = |slot: &Slot| slot.images_by(order).unwrap_or(0);
        let rows = images(slot);
        if let Some((other, slot)) = given.iter().find(|(_, slot)| images(slot) != rows) {
            let hint = arrays.hint(order, |_| true);
            bail!(
                "--{first} has {rows} images and --{other} {}, expected as many{hint}",
                images(slot)
            );
        }
        if rows > u32::MAX as usize {
            bail!("--{first} has {rows} images, expected at most {}", u32::MAX);
        }
        if let (None, [(name, slot)]) = (arguments.mc_order, &given[..])
            && let Some((n, t, _)) = slot.ntc()
            && t > n
        {
            screen::note(&format!(
                "warning: --{name} {:?} is read as {n} images with {t} passes each (--mc-order \
                 ntc); {n} passes over {t} images \
                 are --mc-order tnc",
                slot.shape().unwrap_or_default()
            ));
        }
        arrays.rows = rows;
        Ok(arrays)
    }

    /// The arrays with a row for every image that were given, by the names of their options.
    fn given(&self) -> Vec<(&'static str, &Slot)> {
        let named = [
            ("probs", &self.probs),
            ("mc-probs", &self.mc_probs),
            ("features", &self.features),
            ("view-probs", &self.views),
        ];
        named.into_iter().filter(|(_, slot)| slot.array.is_some()).collect()
    }

    /// The advice to read three axes in the other order, where all arrays agree in it and their
    /// number of images `fits`.
    fn hint(&self, order: McOrder, fits: impl Fn(usize) -> bool) -> String {
        let (other, name) = match order {
            McOrder::Ntc => (McOrder::Tnc, "tnc"),
            McOrder::Tnc => (McOrder::Ntc, "ntc"),
        };
        let images: Vec<_> = self.given().iter().map(|(_, slot)| slot.images_by(other)).collect();
        let is_other =
            self.given().iter().any(|(_, slot)| slot.images_by(other) != slot.images_by(order));
        match images.first() {
            Some(&Some(n)) if is_other && fits(n) && images.iter().all(|&m| m == Some(n)) => {
                format!("; in the order --mc-order {name} there are {n} images")
            }
            _ => String::new(),
        }
    }

    /// The images that are not labelled.
    fn pool(&self, labelled: &[u32], order: McOrder) -> anyhow::Result<Vec<u32>> {
        let most = labelled.iter().max().map_or(0, |&row| row as usize);
        acquire::unlabelled(self.rows, labelled).map_err(|error| {
            let hint = if most >= self.rows {
                self.hint(order, |images| most < images)
            } else {
                String::new()
            };
            anyhow!("{error}{hint}")
        })
    }

    /// Forgets what the strategy does not look at, so that it is not read.
    fn keep(&mut self, needs: Needs) {
        let mc_for_probs = needs.probs && self.probs.array.is_none();
        let keep = [
            needs.probs,
            needs.mc_probs || mc_for_probs,
            needs.features,
            needs.views,
            needs.targets,
        ];
        let slots = [
            &mut self.probs,
            &mut self.mc_probs,
            &mut self.features,
            &mut self.views,
            &mut self.targets,
        ];
        for (slot, keep) in slots.into_iter().zip(keep) {
            if !keep {
                *slot = Slot::default();
            }
        }
    }

    fn classes(&self) -> Option<usize> {
        let last = |slot: &Slot| slot.shape().and_then(|shape| shape.last().copied());
        last(&self.probs).or(last(&self.mc_probs))
    }

    /// Reads the next rows of every array with a row for every image.
    fn read(&mut self, rows: usize) -> anyhow::Result<()> {
        self.features.read(rows)?;
        for slot in [&mut self.probs, &mut self.mc_probs, &mut self.views] {
            slot.read(rows)?;
            slot.mend();
        }
        Ok(())
    }

    /// Says of each array how many of its rows were mended.
    fn say_mended(&self) {
        let targets = ("target-mc-probs", &self.targets);
        for (name, slot) in self.given().into_iter().chain([targets]) {
            if slot.mended > 0 {
                screen::note(&format!(
                    "--{name}: {} of probabilities add up to 1 within 1 % only: divided by their \
                     sums",
                    counted(slot.mended, "row")
                ));
            }
        }
    }

    fn inputs<'a>(&'a self, labelled: &'a [u32]) -> Inputs<'a> {
        Inputs {
            probs: self.probs.rows(),
            mc_probs: self.mc_probs.samples(),
            features: self.features.rows(),
            labelled,
            target_mc_probs: self.targets.samples(),
            view_probs: self.views.samples(),
        }
    }
}

/// The picks, and the seconds it took to choose them.
pub(super) fn pick(
    arguments: &Arguments,
    labelled: &[u32],
    common: &Common,
) -> anyhow::Result<(Picks, f64)> {
    let mut arrays = Arrays::open(arguments)?;
    let options = Options {
        beta: arguments.beta,
        draws: arguments.draws,
        delta: arguments.delta,
        purity: arguments.purity,
        classes: arguments.classes.or(arrays.classes()),
        force: arguments.force,
    };
    let strategy = acquire::with_options(&arguments.strategy, &options)?;
    let pool = arrays.pool(labelled, arguments.mc_order.unwrap_or_default())?;
    arrays.keep(strategy.needs());
    acquire::check_batch(arguments.batch, pool.len())?;
    arrays.targets.read(arrays.targets.ntc().map_or(0, |(images, ..)| images))?;
    arrays.targets.mend();
    arrays.inputs(&[]).check(strategy.name(), strategy.needs())?;
    let query = Query::new(arguments.batch, Key::new(common.seed, PURPOSE))
        .with_ties(arguments.ties.into());
    match strategy.as_score() {
        Some(score) => in_blocks(score, arrays, &pool, &query, common.threads()),
        None => as_a_whole(&*strategy, arrays, &pool, labelled, &query, common.threads()),
    }
}

fn in_blocks(
    score: &dyn Score,
    mut arrays: Arrays,
    pool: &[u32],
    query: &Query,
    threads: usize,
) -> anyhow::Result<(Picks, f64)> {
    let slots = [&arrays.probs, &arrays.mc_probs, &arrays.features, &arrays.views];
    let width: usize = slots.iter().map(|slot| slot.width()).sum();
    let rows = (BLOCK / width.max(1)).clamp(1, arrays.rows);
    let mut seconds = 0.0;
    let mut scores = Vec::with_capacity(pool.len());
    let mut left = pool;
    for first in (0..arrays.rows).step_by(rows) {
        let count = rows.min(arrays.rows - first);
        arrays.read(count)?;
        let inputs = arrays.inputs(&[]);
        inputs.check_values().map_err(|error| error.in_block(first))?;
        let (block, after) =
            left.split_at(left.partition_point(|&image| (image as usize) < first + count));
        left = after;
        let images: Vec<u32> = block.iter().map(|&image| image - first as u32).collect();
        let start = Instant::now();
        scores.extend(score.score_rows(&inputs, &images, threads)?);
        seconds += start.elapsed().as_secs_f64();
    }
    arrays.say_mended();
    let start = Instant::now();
    let picks = score.choose(pool, &scores, query);
    Ok((picks, seconds + start.elapsed().as_secs_f64()))
}

fn as_a_whole(
    strategy: &dyn Strategy,
    mut arrays: Arrays,
    pool: &[u32],
    labelled: &[u32],
    query: &Query,
    threads: usize,
) -> anyhow::Result<(Picks, f64)> {
    arrays.read(arrays.rows)?;
    arrays.say_mended();
    let inputs = arrays.inputs(labelled);
    inputs.check_values()?;
    let start = Instant::now();
    let picks = strategy.pick(&inputs, pool, query, threads)?;
    Ok((picks, start.elapsed().as_secs_f64()))
}
