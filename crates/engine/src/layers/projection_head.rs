//! The head that training without labels puts on the encoder, and its contrastive loss. The other
//! loss is in `vicreg.rs`.
//!
//! ```text
//! y = W2 relu(norm(W1 x) + b1) + b2      norm: over the batch, per column, no factor or summand
//! u = y / |y|,  s_ij = u_i . u_j / t
//! loss = mean over i of  ln sum_{j != i} exp s_ij - s_ip      p: the other view of i's image
//! ```
//!
//! The bias of the first layer stands behind the normalisation, which would cancel it. A factor
//! there would only repeat what W2 can do. Chen et al. 2020, arXiv 2002.05709.

use crate::kernels::{Isa, matmul, padded, vector::elementwise};
use crate::layers::encoder::{EPSILON, EncodedBatch};
use crate::layers::group::{Group, Room, add_groups};
use crate::layers::head::{DensePart, Head};
use crate::layers::vicreg::VicReg;
use crate::network::architecture::Architecture;
use crate::network::layout::{DenseSlots, Layout};
use crate::{EngineError, Model};
use std::ops::Range;

/// What two views of an image should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// Alike, and unlike those of all other images (NT-Xent, SimCLR: Chen et al. 2020, arXiv
    /// 2002.05709).
    NtXent {
        /// Similarities are divided by it: 0.03 to 10.
        temperature: f32,
    },
    /// Alike, while embeddings keep their variance and lose their covariance (VICReg: Bardes et al.
    /// 2022, arXiv 2105.04906).
    VicReg,
}

/// Temperatures at which every exponential of a similarity stays a normal number.
const TEMPERATURES: std::ops::RangeInclusive<f32> = 0.03..=10.0;

/// Added to the squared length of an embedding.
const SHORTEST: f64 = 1e-12;

/// What the rows of a group need.
struct Rows {
    /// First layer's output, later normalised, [count, hidden].
    hidden: Vec<f32>,
    /// The same plus bias and rectified.
    active: Vec<f32>,
    /// Unit embeddings [count, dim], and one over their lengths before.
    unit: Vec<f32>,
    inverse_lengths: Vec<f32>,
    /// exp((s_ij t - 1) / t), later the slopes of the loss, [count, columns].
    pairs: Vec<f32>,
    inverse_sums: Vec<f32>,
    hidden_gradient: Vec<f32>,
    unit_gradient: Vec<f32>,
    totals: Vec<f64>,
    loss: f64,
}

impl Rows {
    fn new(hidden: usize, dim: usize, size: usize, columns: usize) -> Self {
        Self {
            hidden: vec![0.0; hidden * size],
            active: vec![0.0; hidden * size],
            unit: vec![0.0; dim * size],
            inverse_lengths: vec![0.0; size],
            pairs: vec![0.0; columns * size],
            inverse_sums: vec![0.0; size],
            hidden_gradient: vec![0.0; hidden * size],
            unit_gradient: vec![0.0; dim * size],
            totals: vec![0.0; 2 * hidden],
            loss: 0.0,
        }
    }
}

/// The projection that training without labels puts on an encoder, with the loss of an
/// [`Objective`]. Its two layers are the model's fully connected ones.
pub struct ProjectionHead {
    isa: Isa,
    objective: Objective,
    vicreg: VicReg,
    rows: Vec<Rows>,
    mean: Vec<f32>,
    inverse: Vec<f32>,
    /// Means over the batch of the normalised values' gradients, and of these times the values.
    slopes: [Vec<f32>; 2],
    transposed: [Vec<f32>; 2],
    zeros: Vec<f32>,
    /// All embeddings, [columns, dim] and [dim, columns]. Columns beyond the batch are zero.
    units: Vec<f32>,
    units_transposed: Vec<f32>,
    inverse_sums: Vec<f32>,
    /// Gradient of all embeddings, for VICReg.
    gradients: Vec<f32>,
}

/// Sum over the used groups of total `k`, in order.
fn sum(rows: &[Rows], k: usize) -> f64 {
    rows.iter().map(|r| r.totals[k]).fold(0.0, |a, b| a + b)
}

/// The two layers of a projection.
fn layers(layout: &Layout) -> [&DenseSlots; 2] {
    [&layout.dense[0], &layout.dense[1]]
}

impl ProjectionHead {
    /// A head for batches of up to `max_images` images.
    ///
    /// # Errors
    /// If the model's head is no projection or the temperature out of range.
    pub(crate) fn new(
        isa: Isa,
        model: &Model,
        objective: Objective,
        max_images: usize,
    ) -> Result<Self, EngineError> {
        let Architecture { hidden, dropout, classes, .. } = model.architecture();
        if hidden.len() != 1 || *dropout > 0.0 {
            let found = format!("a head of {} hidden layers and dropout {dropout}", hidden.len());
            return Err(EngineError::Architecture(format!(
                "{found}, expected a projection: one and none"
            )));
        }
        if let Objective::NtXent { temperature } = objective
            && !TEMPERATURES.contains(&temperature)
        {
            return Err(EngineError::Architecture(format!(
                "temperature is {temperature}, expected 0.03 to 10"
            )));
        }
        let max_rows = Self::VIEWS * max_images;
        let (Room { groups, size }, columns) = (Room::of(max_rows), padded(max_rows));
        let [first, second] = layers(&model.layout);
        let (hidden, dim) = (first.outputs, second.outputs);
        let widest = first.inputs.max(hidden).max(dim).max(columns);
        Ok(Self {
            isa,
            objective,
            vicreg: VicReg::new(*classes),
            gradients: vec![0.0; columns * dim],
            rows: (0..groups).map(|_| Rows::new(hidden, dim, size, columns)).collect(),
            mean: vec![0.0; hidden],
            inverse: vec![0.0; hidden],
            slopes: [vec![0.0; hidden], vec![0.0; hidden]],
            transposed: [vec![0.0; first.weight.len()], vec![0.0; second.weight.len()]],
            zeros: vec![0.0; widest],
            units: vec![0.0; columns * dim],
            units_transposed: vec![0.0; columns * dim],
            inverse_sums: vec![0.0; columns],
        })
    }

    /// Fills every row's embedding, of length one where the loss looks at directions.
    fn embed(&mut self, batch: &mut EncodedBatch<'_>) {
        let (parameters, n, used) = (batch.parameters, batch.images, batch.groups.len());
        let [first, second] = layers(batch.layout);
        let (isa, zeros) = (self.isa, &self.zeros);
        let (h, dim) = (first.outputs, second.outputs);
        batch.each(&mut self.rows, |_, group, rows| {
            let w = &parameters[first.weight.clone()];
            matmul::product(
                isa,
                group.count,
                first.inputs,
                h,
                &group.encoded,
                w,
                zeros,
                &mut rows.hidden,
                false,
            );
            rows.totals.fill(0.0);
            for row in rows.hidden[..group.count * h].chunks_exact(h) {
                for (c, &x) in row.iter().enumerate() {
                    rows.totals[c] += f64::from(x);
                    rows.totals[h + c] += f64::from(x) * f64::from(x);
                }
            }
        });
        for c in 0..h {
            let mean = sum(&self.rows[..used], c) / n as f64;
            let variance = (sum(&self.rows[..used], h + c) / n as f64 - mean * mean).max(0.0);
            self.mean[c] = mean as f32;
            self.inverse[c] = (1.0 / (variance + EPSILON).sqrt()) as f32;
        }
        let (mean, inverse) = (&self.mean, &self.inverse);
        let normalised = self.objective != Objective::VicReg;
        batch.each(&mut self.rows, |_, group, rows| {
            let bias = &parameters[first.bias.clone()];
            let each_row = rows
                .hidden
                .chunks_exact_mut(h)
                .zip(rows.active.chunks_exact_mut(h))
                .take(group.count);
            for (row, active) in each_row {
                for c in 0..h {
                    row[c] = (row[c] - mean[c]) * inverse[c];
                    active[c] = (row[c] + bias[c]).max(0.0);
                }
            }
            let (w, b) = (&parameters[second.weight.clone()], &parameters[second.bias.clone()]);
            matmul::product(isa, group.count, h, dim, &rows.active, w, b, &mut rows.unit, false);
            if !normalised {
                return;
            }
            for (unit, inverse) in
                rows.unit.chunks_exact_mut(dim).zip(&mut rows.inverse_lengths).take(group.count)
            {
                let squared: f64 = unit.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
                *inverse = (1.0 / (squared + SHORTEST).sqrt()) as f32;
                unit.iter_mut().for_each(|v| *v *= *inverse);
            }
        });
    }

    /// Compares every row with every other. Gives the losses, and the gradient of every embedding
    /// before it was made a unit.
    fn compare(&mut self, batch: &mut EncodedBatch<'_>, t: f32) {
        let (n, size) = (batch.images, batch.group_size);
        let (isa, dim, columns) = (self.isa, layers(batch.layout)[1].outputs, padded(n));
        let zeros = &self.zeros;
        self.units[n * dim..columns * dim].fill(0.0);
        for (i, unit) in
            self.rows.iter().flat_map(|r| r.unit.chunks_exact(dim).take(size)).take(n).enumerate()
        {
            self.units[i * dim..][..dim].copy_from_slice(unit);
        }
        for (i, unit) in self.units[..columns * dim].chunks_exact(dim).enumerate() {
            unit.iter().enumerate().for_each(|(k, &v)| self.units_transposed[k * columns + i] = v);
        }
        let other = |i: usize| if i < n / 2 { i + n / 2 } else { i - n / 2 };
        let transposed = &self.units_transposed;
        batch.each(&mut self.rows, |g, group, rows| {
            let pairs = &mut rows.pairs[..group.count * columns];
            matmul::product(
                isa,
                group.count,
                dim,
                columns,
                &rows.unit,
                transposed,
                zeros,
                pairs,
                false,
            );
            pairs.iter_mut().for_each(|s| *s = (*s - 1.0) / t);
            rows.loss = 0.0;
            for (i, row) in pairs.chunks_exact(columns).enumerate() {
                rows.loss -= f64::from(row[other(g * size + i)]);
            }
            elementwise::exp(isa, pairs);
            for (i, row) in pairs.chunks_exact_mut(columns).enumerate() {
                row[g * size + i] = 0.0;
                row[n..].fill(0.0);
                let sum: f64 = row.iter().map(|&e| f64::from(e)).sum();
                rows.loss += libm::log(sum);
                rows.inverse_sums[i] = (1.0 / sum) as f32;
            }
        });
        self.inverse_sums.fill(0.0);
        for (i, &inverse) in
            self.rows.iter().flat_map(|r| r.inverse_sums.iter().take(size)).take(n).enumerate()
        {
            self.inverse_sums[i] = inverse;
        }
        let (units, inverse_sums) = (&self.units, &self.inverse_sums);
        let scale = 1.0 / (n as f32 * t);
        batch.each(&mut self.rows, |g, group, rows| {
            let pairs = &mut rows.pairs[..group.count * columns];
            // Similarities are symmetric to the bit: i's loss and j's both pull at the pair (i, j).
            for (i, row) in pairs.chunks_exact_mut(columns).enumerate() {
                let own = inverse_sums[g * size + i];
                row.iter_mut().zip(inverse_sums).for_each(|(e, theirs)| *e *= own + theirs);
                row[other(g * size + i)] -= 2.0;
            }
            matmul::product(
                isa,
                group.count,
                columns,
                dim,
                pairs,
                units,
                zeros,
                &mut rows.unit_gradient,
                false,
            );
            let gradients =
                rows.unit_gradient.chunks_exact_mut(dim).zip(rows.unit.chunks_exact(dim));
            for ((gradient, unit), inverse) in
                gradients.zip(&rows.inverse_lengths).take(group.count)
            {
                let along: f64 =
                    gradient.iter().zip(unit).map(|(&g, &u)| f64::from(g) * f64::from(u)).sum();
                let factor = scale * inverse;
                for (g, &u) in gradient.iter_mut().zip(unit) {
                    *g = factor * (*g - along as f32 * u);
                }
            }
        });
    }

    /// VICReg's loss on all embeddings at once, and the gradient of every one.
    fn spread(&mut self, batch: &EncodedBatch<'_>) {
        let (n, size, used) = (batch.images, batch.group_size, batch.groups.len());
        let dim = layers(batch.layout)[1].outputs;
        for (i, y) in
            self.rows.iter().flat_map(|r| r.unit.chunks_exact(dim).take(size)).take(n).enumerate()
        {
            self.units[i * dim..][..dim].copy_from_slice(y);
        }
        let gradients = &mut self.gradients[..n * dim];
        let loss = self.vicreg.step(&self.units[..n * dim], dim, gradients);
        self.rows[..used].iter_mut().for_each(|rows| rows.loss = 0.0);
        self.rows[0].loss = loss * n as f64;
        for (rows, gradients) in self.rows.iter_mut().zip(gradients.chunks(size * dim)) {
            rows.unit_gradient[..gradients.len()].copy_from_slice(gradients);
        }
    }

    /// Carries the embeddings' gradients back to the encoder's output.
    fn back(&mut self, batch: &mut EncodedBatch<'_>) {
        let (n, used) = (batch.images, batch.groups.len());
        let [first, second] = layers(batch.layout);
        let (isa, zeros, transposed) = (self.isa, &self.zeros, &self.transposed);
        let (h, dim) = (first.outputs, second.outputs);
        batch.each(&mut self.rows, |_, group, rows| {
            let (count, g) = (group.count, &rows.unit_gradient);
            matmul::add_transposed(
                isa,
                count,
                h,
                dim,
                &rows.active,
                g,
                &mut group.gradient[second.weight.clone()],
            );
            add_rows(&g[..count * dim], &mut group.gradient[second.bias.clone()]);
            matmul::product(
                isa,
                count,
                dim,
                h,
                g,
                &transposed[1],
                zeros,
                &mut rows.hidden_gradient,
                false,
            );
            let gradient = &mut rows.hidden_gradient[..count * h];
            for (g, &y) in gradient.iter_mut().zip(&rows.active) {
                *g = if y > 0.0 { *g } else { 0.0 };
            }
            add_rows(gradient, &mut group.gradient[first.bias.clone()]);
            rows.totals.fill(0.0);
            for (row, values) in gradient.chunks_exact(h).zip(rows.hidden.chunks_exact(h)) {
                for c in 0..h {
                    rows.totals[c] += f64::from(row[c]);
                    rows.totals[h + c] += f64::from(row[c]) * f64::from(values[c]);
                }
            }
        });
        for c in 0..h {
            self.slopes[0][c] = (sum(&self.rows[..used], c) / n as f64) as f32;
            self.slopes[1][c] = (sum(&self.rows[..used], h + c) / n as f64) as f32;
        }
        let (inverse, [plain, along]) = (&self.inverse, &self.slopes);
        batch.each(&mut self.rows, |_, group, rows| {
            let (count, gradient) = (group.count, &mut rows.hidden_gradient);
            for (row, values) in
                gradient.chunks_exact_mut(h).zip(rows.hidden.chunks_exact(h)).take(count)
            {
                for c in 0..h {
                    row[c] = inverse[c] * (row[c] - plain[c] - values[c] * along[c]);
                }
            }
            let weights = &mut group.gradient[first.weight.clone()];
            matmul::add_transposed(isa, count, first.inputs, h, &group.encoded, gradient, weights);
            let into = &mut group.encoded_gradient;
            matmul::product(
                isa,
                count,
                h,
                first.inputs,
                gradient,
                &transposed[0],
                zeros,
                into,
                false,
            );
        });
    }
}

impl Head for ProjectionHead {
    type Input<'a> = ();

    const VIEWS: usize = 2;

    fn step(&mut self, mut batch: EncodedBatch<'_>, (): ()) -> f64 {
        for (d, out) in batch.layout.dense.iter().zip(&mut self.transposed) {
            transpose(d, &batch.parameters[d.weight.clone()], out);
            for group in &mut *batch.groups {
                group.gradient[d.weight.start..d.bias.end].fill(0.0);
            }
        }
        self.embed(&mut batch);
        match self.objective {
            Objective::NtXent { temperature } => self.compare(&mut batch, temperature),
            Objective::VicReg => self.spread(&batch),
        }
        self.back(&mut batch);
        self.rows[..batch.groups.len()].iter().fold(0.0, |sum, rows| sum + rows.loss)
            / batch.images as f64
    }

    /// Adds up what [`Self::step`] left in the groups.
    fn gather(
        &self,
        _: &Layout,
        groups: &[Group],
        _: DensePart,
        range: Range<usize>,
        gradient: &mut [f32],
    ) {
        add_groups(groups, range, gradient);
    }
}

/// Writes the weights of a layer as [out, in].
fn transpose(d: &DenseSlots, weights: &[f32], out: &mut [f32]) {
    for (i, row) in weights.chunks_exact(d.outputs).enumerate() {
        for (o, &w) in row.iter().enumerate() {
            out[o * d.inputs + i] = w;
        }
    }
}

/// Adds up rows as wide as `sums`.
fn add_rows(rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
    }
}
