//! What training without labels puts on top of the encoder, and the contrastive loss; the other one is in `vicreg.rs`.
//!
//! ```text
//! y = W2 relu(norm(W1 x) + b1) + b2        norm: over the batch, per column, without factor or summand
//! u = y / |y|,  s_ij = u_i . u_j / t
//! loss = mean over i of  ln sum_{j != i} exp s_ij - s_ip        p: the other view of i's image
//! ```
//!
//! The bias of the first layer stands behind the normalisation, where it acts (before, it would cancel); a factor
//! would only repeat what W2 can do. Chen et al. 2020, arXiv 2002.05709.

use crate::Objective;
use crate::kernels::{Isa, matmul, padded, vector::elementwise};
use crate::layers::encoder::{EPSILON, Group, Scratch};
use crate::layers::head;
use crate::layers::vicreg::VicReg;
use crate::network::layout::{DenseSlots, Layout};
use crate::team::each;

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

/// The projection head's workspace. Its two layers are the model's fully connected ones.
pub(crate) struct Projector {
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
    /// All embeddings, [columns, dim] and [dim, columns]; columns beyond the batch are zero.
    units: Vec<f32>,
    units_transposed: Vec<f32>,
    inverse_sums: Vec<f32>,
    /// Of all embeddings, where the loss looks at them at once.
    gradients: Vec<f32>,
}

/// A group with its rows.
type Part<'a> = Option<(&'a mut Group, &'a mut Rows)>;

fn parts<'a>(groups: &'a mut [Group], rows: &'a mut [Rows]) -> [Part<'a>; 8] {
    let mut parts: [Part<'a>; 8] = [const { None }; 8];
    for (slot, both) in parts.iter_mut().zip(groups.iter_mut().zip(rows)) {
        *slot = Some(both);
    }
    parts
}

/// Sum over the used groups of total `k`, in order.
fn sum(rows: &[Rows], k: usize) -> f64 {
    rows.iter().map(|r| r.totals[k]).fold(0.0, |a, b| a + b)
}

impl Projector {
    pub(crate) fn new(
        isa: Isa,
        layout: &Layout,
        objective: Objective,
        dim: usize,
        max_rows: usize,
        (size, groups): (usize, usize),
    ) -> Self {
        let vicreg = VicReg::new(dim);
        let [first, second] = [&layout.dense[0], &layout.dense[1]];
        let (hidden, dim, columns) = (first.outputs, second.outputs, padded(max_rows));
        let widest = first.inputs.max(hidden).max(dim).max(columns);
        Self {
            isa,
            objective,
            vicreg,
            gradients: vec![0.0; padded(max_rows) * second.outputs],
            rows: (0..groups).map(|_| Rows::new(hidden, dim, size, columns)).collect(),
            mean: vec![0.0; hidden],
            inverse: vec![0.0; hidden],
            slopes: [vec![0.0; hidden], vec![0.0; hidden]],
            transposed: [vec![0.0; first.weight.len()], vec![0.0; second.weight.len()]],
            zeros: vec![0.0; widest],
            units: vec![0.0; columns * dim],
            units_transposed: vec![0.0; columns * dim],
            inverse_sums: vec![0.0; columns],
        }
    }

    /// The mean loss of `n` rows whose first half are one view of the images and whose second half the other; fills the
    /// groups' `encoded_gradient` and adds to their `gradient`.
    pub(crate) fn step(
        &mut self,
        layout: &Layout,
        parameters: &[f32],
        groups: &mut [Group],
        scratch: &mut [Scratch],
        n: usize,
        size: usize,
    ) -> f64 {
        let used = groups.len();
        let [first, second] = [&layout.dense[0], &layout.dense[1]];
        for (d, out) in layout.dense.iter().zip(&mut self.transposed) {
            head::transpose(d, &parameters[d.weight.clone()], out);
        }
        self.embed(first, second, parameters, groups, scratch, n);
        match self.objective {
            Objective::NtXent { temperature } => self.compare(second, temperature, groups, scratch, n, size),
            Objective::VicReg => self.spread(second, used, n, size),
        }
        self.back(first, second, groups, scratch, n);
        self.rows[..used].iter().fold(0.0, |a, r| a + r.loss) / n as f64
    }

    /// Fills every row's embedding, of length one where the loss looks at directions.
    fn embed(
        &mut self,
        first: &DenseSlots,
        second: &DenseSlots,
        parameters: &[f32],
        groups: &mut [Group],
        scratch: &mut [Scratch],
        n: usize,
    ) {
        let (isa, used, zeros) = (self.isa, groups.len(), &self.zeros);
        let (h, dim) = (first.outputs, second.outputs);
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|_, part, _| {
            let Some((group, rows)) = part else { return };
            let w = &parameters[first.weight.clone()];
            matmul::product(isa, group.count, first.inputs, h, &group.encoded, w, zeros, &mut rows.hidden, false);
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
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|_, part, _| {
            let Some((group, rows)) = part else { return };
            let bias = &parameters[first.bias.clone()];
            let each_row = rows.hidden.chunks_exact_mut(h).zip(rows.active.chunks_exact_mut(h)).take(group.count);
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
            for (unit, inverse) in rows.unit.chunks_exact_mut(dim).zip(&mut rows.inverse_lengths).take(group.count) {
                let squared: f64 = unit.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
                *inverse = (1.0 / (squared + SHORTEST).sqrt()) as f32;
                unit.iter_mut().for_each(|v| *v *= *inverse);
            }
        });
    }

    /// Compares every row with every other: losses, and the gradient of every embedding before it was made a unit.
    fn compare(
        &mut self,
        second: &DenseSlots,
        t: f32,
        groups: &mut [Group],
        scratch: &mut [Scratch],
        n: usize,
        size: usize,
    ) {
        let (isa, used, dim, columns) = (self.isa, groups.len(), second.outputs, padded(n));
        let zeros = &self.zeros;
        self.units[n * dim..columns * dim].fill(0.0);
        for (i, unit) in self.rows.iter().flat_map(|r| r.unit.chunks_exact(dim).take(size)).take(n).enumerate() {
            self.units[i * dim..][..dim].copy_from_slice(unit);
        }
        for (i, unit) in self.units[..columns * dim].chunks_exact(dim).enumerate() {
            unit.iter().enumerate().for_each(|(k, &v)| self.units_transposed[k * columns + i] = v);
        }
        let other = |i: usize| if i < n / 2 { i + n / 2 } else { i - n / 2 };
        let transposed = &self.units_transposed;
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|g, part, _| {
            let Some((group, rows)) = part else { return };
            let pairs = &mut rows.pairs[..group.count * columns];
            matmul::product(isa, group.count, dim, columns, &rows.unit, transposed, zeros, pairs, false);
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
        for (i, &inverse) in self.rows.iter().flat_map(|r| r.inverse_sums.iter().take(size)).take(n).enumerate() {
            self.inverse_sums[i] = inverse;
        }
        let (units, inverse_sums) = (&self.units, &self.inverse_sums);
        let scale = 1.0 / (n as f32 * t);
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|g, part, _| {
            let Some((group, rows)) = part else { return };
            let pairs = &mut rows.pairs[..group.count * columns];
            // Similarities are symmetric to the bit: i's loss and j's both pull at the pair (i, j).
            for (i, row) in pairs.chunks_exact_mut(columns).enumerate() {
                let own = inverse_sums[g * size + i];
                row.iter_mut().zip(inverse_sums).for_each(|(e, theirs)| *e *= own + theirs);
                row[other(g * size + i)] -= 2.0;
            }
            matmul::product(isa, group.count, columns, dim, pairs, units, zeros, &mut rows.unit_gradient, false);
            let gradients = rows.unit_gradient.chunks_exact_mut(dim).zip(rows.unit.chunks_exact(dim));
            for ((gradient, unit), inverse) in gradients.zip(&rows.inverse_lengths).take(group.count) {
                let along: f64 = gradient.iter().zip(unit).map(|(&g, &u)| f64::from(g) * f64::from(u)).sum();
                let factor = scale * inverse;
                for (g, &u) in gradient.iter_mut().zip(unit) {
                    *g = factor * (*g - along as f32 * u);
                }
            }
        });
    }

    /// VICReg's loss on all embeddings at once, and the gradient of every one.
    fn spread(&mut self, second: &DenseSlots, used: usize, n: usize, size: usize) {
        let dim = second.outputs;
        for (i, y) in self.rows.iter().flat_map(|r| r.unit.chunks_exact(dim).take(size)).take(n).enumerate() {
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
    fn back(
        &mut self,
        first: &DenseSlots,
        second: &DenseSlots,
        groups: &mut [Group],
        scratch: &mut [Scratch],
        n: usize,
    ) {
        let (isa, used, zeros, transposed) = (self.isa, groups.len(), &self.zeros, &self.transposed);
        let (h, dim) = (first.outputs, second.outputs);
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|_, part, _| {
            let Some((group, rows)) = part else { return };
            let (count, g) = (group.count, &rows.unit_gradient);
            matmul::add_transposed(isa, count, h, dim, &rows.active, g, &mut group.gradient[second.weight.clone()]);
            add_rows(&g[..count * dim], &mut group.gradient[second.bias.clone()]);
            matmul::product(isa, count, dim, h, g, &transposed[1], zeros, &mut rows.hidden_gradient, false);
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
        each(&mut parts(groups, &mut self.rows)[..used], scratch, &|_, part, _| {
            let Some((group, rows)) = part else { return };
            let (count, gradient) = (group.count, &mut rows.hidden_gradient);
            for (row, values) in gradient.chunks_exact_mut(h).zip(rows.hidden.chunks_exact(h)).take(count) {
                for c in 0..h {
                    row[c] = inverse[c] * (row[c] - plain[c] - values[c] * along[c]);
                }
            }
            let weights = &mut group.gradient[first.weight.clone()];
            matmul::add_transposed(isa, count, first.inputs, h, &group.encoded, gradient, weights);
            let into = &mut group.encoded_gradient;
            matmul::product(isa, count, h, first.inputs, gradient, &transposed[0], zeros, into, false);
        });
    }
}

/// Adds up rows as wide as `sums`.
fn add_rows(rows: &[f32], sums: &mut [f32]) {
    for row in rows.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, g)| *sum += g);
    }
}
