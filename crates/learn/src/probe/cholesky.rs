//! A symmetric positive definite matrix as L L^T, in one order of summation.

/// The lower factor L, [n, n].
pub(super) struct Cholesky {
    n: usize,
    factor: Vec<f64>,
}

impl Cholesky {
    /// Factors `matrix` [n, n], of which the lower half is read.
    ///
    /// # Panics
    /// If the matrix is not positive definite.
    pub(super) fn of(mut matrix: Vec<f64>, n: usize) -> Self {
        for i in 0..n {
            let (above, rest) = matrix.split_at_mut(i * n);
            let row = &mut rest[..n];
            for j in 0..i {
                let other = &above[j * n..][..n];
                let done: f64 = row[..j].iter().zip(other).map(|(a, b)| a * b).sum();
                row[j] = (row[j] - done) / other[j];
            }
            let left = row[i] - row[..i].iter().map(|a| a * a).sum::<f64>();
            assert!(left > 0.0, "row {i} leaves {left}: not positive definite");
            row[i] = left.sqrt();
        }
        Self { n, factor: matrix }
    }

    /// Replaces `values` [n, columns] by the matrix's inverse times them.
    pub(super) fn solve(&self, values: &mut [f64], columns: usize) {
        let n = self.n;
        for i in 0..n {
            let (before, rest) = values.split_at_mut(i * columns);
            let row = &mut rest[..columns];
            for (factor, other) in self.factor[i * n..].iter().zip(before.chunks_exact(columns)) {
                row.iter_mut().zip(other).for_each(|(v, o)| *v -= factor * o);
            }
            row.iter_mut().for_each(|v| *v /= self.factor[i * n + i]);
        }
        for i in (0..n).rev() {
            let (before, rest) = values.split_at_mut(i * columns);
            let row = &mut rest[..columns];
            row.iter_mut().for_each(|v| *v /= self.factor[i * n + i]);
            for (factor, other) in self.factor[i * n..].iter().zip(before.chunks_exact_mut(columns))
            {
                other.iter_mut().zip(&*row).for_each(|(o, v)| *o -= factor * v);
            }
        }
    }

    /// The inverse, [n, n].
    pub(super) fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.n * self.n];
        (0..self.n).for_each(|i| inverse[i * self.n + i] = 1.0);
        self.solve(&mut inverse, self.n);
        inverse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_matrix() {
        let matrix = [4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -1.0, 0.5, 3.0];
        let at = |i: usize, j: usize| matrix[i.max(j) * 3 + i.min(j)];
        let inverse = Cholesky::of(matrix.to_vec(), 3).inverse();
        for (i, row) in inverse.chunks_exact(3).enumerate() {
            for j in 0..3 {
                let entry: f64 = (0..3).map(|k| row[k] * at(k, j)).sum();
                assert!((entry - f64::from(u8::from(i == j))).abs() < 1e-12, "{i} {j}: {entry}");
            }
        }
    }
}
