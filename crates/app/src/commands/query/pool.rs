//! From files to picks: in blocks of rows where the strategy scores every image by itself, else as a whole.

use super::Arguments;
use crate::cli::Common;
use anyhow::bail;
use fewlabel_engine::rng::Key;
use fewlabel_learn::acquire::{self, Inputs, Needs, Options, Picks, Rows, Samples, Score, Strategy};
use fewlabel_learn::data::Array;
use std::path::Path;
use std::time::Instant;

/// Numbers read at a time over all arrays: 64 MiB.
const BLOCK: usize = 16 << 20;
/// The purpose of the key of this command's draws.
const PURPOSE: u64 = 0x0071_7565_7279;

/// An array that the strategy looks at, and the block of it in memory.
#[derive(Default)]
struct Slot {
    array: Option<Array>,
    block: Vec<f32>,
}

impl Slot {
    fn open(path: Option<&Path>, axes: usize) -> anyhow::Result<Self> {
        let array = path.map(|path| Array::open(path, axes)).transpose()?;
        Ok(Self { array, block: Vec::new() })
    }

    fn width(&self) -> usize {
        self.array.as_ref().map_or(0, Array::width)
    }

    fn read(&mut self, rows: usize) -> anyhow::Result<()> {
        match &mut self.array {
            Some(array) => Ok(array.read_rows(rows, &mut self.block)?),
            None => Ok(()),
        }
    }

    fn rows(&self) -> Option<Rows<'_>> {
        self.array.as_ref().map(|array| Rows::new(&self.block, array.width()))
    }

    fn samples(&self) -> Option<Samples<'_>> {
        self.array.as_ref().map(|array| Samples::new(&self.block, array.shape()[1], array.shape()[2]))
    }
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
        let mut arrays = Self {
            probs: Slot::open(arguments.probs.as_deref(), 2)?,
            mc_probs: Slot::open(arguments.mc_probs.as_deref(), 3)?,
            features: Slot::open(arguments.features.as_deref(), 2)?,
            views: Slot::open(arguments.view_probs.as_deref(), 3)?,
            targets: Slot::open(arguments.target_mc_probs.as_deref(), 3)?,
            rows: 0,
        };
        let named = [
            ("probs", &arrays.probs),
            ("mc-probs", &arrays.mc_probs),
            ("features", &arrays.features),
            ("view-probs", &arrays.views),
        ];
        let mut lengths = named.iter().filter_map(|(name, slot)| Some((name, slot.array.as_ref()?.shape()[0])));
        let Some((first, rows)) = lengths.next() else {
            bail!("give at least one of --probs, --mc-probs, --features and --view-probs: their rows are the images");
        };
        if let Some((other, length)) = lengths.find(|(_, length)| *length != rows) {
            bail!("--{first} has {rows} rows and --{other} {length}, expected as many");
        }
        if rows > u32::MAX as usize {
            bail!("--{first} has {rows} rows, expected at most {}", u32::MAX);
        }
        arrays.rows = rows;
        Ok(arrays)
    }

    /// Forgets what the strategy does not look at, so that it is not read.
    fn keep(&mut self, needs: Needs) {
        let mc_for_probs = needs.probs && self.probs.array.is_none();
        let keep = [needs.probs, needs.mc_probs || mc_for_probs, needs.features, needs.views, needs.targets];
        let slots = [&mut self.probs, &mut self.mc_probs, &mut self.features, &mut self.views, &mut self.targets];
        for (slot, keep) in slots.into_iter().zip(keep) {
            if !keep {
                *slot = Slot::default();
            }
        }
    }

    fn classes(&self) -> Option<usize> {
        let last = |slot: &Slot| slot.array.as_ref().and_then(|array| array.shape().last().copied());
        last(&self.probs).or(last(&self.mc_probs))
    }

    /// Reads the next rows of every array with a row for every image.
    fn read(&mut self, rows: usize) -> anyhow::Result<()> {
        for slot in [&mut self.probs, &mut self.mc_probs, &mut self.features, &mut self.views] {
            slot.read(rows)?;
        }
        Ok(())
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
pub(super) fn pick(arguments: &Arguments, labelled: &[u32], common: &Common) -> anyhow::Result<(Picks, f64)> {
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
    arrays.keep(strategy.needs());
    let pool = acquire::unlabelled(arrays.rows, labelled)?;
    acquire::check_batch(arguments.batch, pool.len())?;
    arrays.targets.read(arrays.targets.array.as_ref().map_or(0, |array| array.shape()[0]))?;
    arrays.inputs(&[]).check(strategy.name(), strategy.needs())?;
    let key = Key::new(common.seed, PURPOSE);
    match strategy.as_score() {
        Some(score) => in_blocks(score, arrays, &pool, arguments.batch, key, common.threads()),
        None => as_a_whole(&*strategy, arrays, &pool, labelled, arguments.batch, key, common.threads()),
    }
}

fn in_blocks(
    score: &dyn Score,
    mut arrays: Arrays,
    pool: &[u32],
    batch: usize,
    key: Key,
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
        let (block, after) = left.split_at(left.partition_point(|&image| (image as usize) < first + count));
        left = after;
        let images: Vec<u32> = block.iter().map(|&image| image - first as u32).collect();
        let start = Instant::now();
        scores.extend(score.score_rows(&inputs, &images, threads)?);
        seconds += start.elapsed().as_secs_f64();
    }
    let start = Instant::now();
    let picks = score.choose(pool, &scores, batch, key);
    Ok((picks, seconds + start.elapsed().as_secs_f64()))
}

fn as_a_whole(
    strategy: &dyn Strategy,
    mut arrays: Arrays,
    pool: &[u32],
    labelled: &[u32],
    batch: usize,
    key: Key,
    threads: usize,
) -> anyhow::Result<(Picks, f64)> {
    arrays.read(arrays.rows)?;
    let inputs = arrays.inputs(labelled);
    inputs.check_values()?;
    let start = Instant::now();
    let picks = strategy.pick(&inputs, pool, batch, key, threads)?;
    Ok((picks, start.elapsed().as_secs_f64()))
}
