//! Memory that begins at a cache line.

use std::ops::{Deref, DerefMut};

/// One cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; 16]);

/// Some f32 values that begin at a cache line.
///
/// A vector at a multiple of its lanes then never lies in two lines, which would cost the kernels a
/// tenth of their speed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self { lines: vec![Line([0.0; 16]); len.div_ceil(16)], len }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `zeros` makes `len.div_ceil(16)` lines of 16 initialised values each, one after
        // the other, which is at least `len`; a line is aligned to 64 bytes.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: `zeros` makes `len.div_ceil(16)` lines of 16 initialised values each, which is at
        // least `len`; `self` is borrowed for as long as the values are.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_at_a_cache_line() {
        for len in [0, 1, 16, 1000] {
            let mut buffer = Buffer::zeros(len);
            assert_eq!((buffer.len(), buffer.as_ptr().addr() % 64), (len, 0));
            buffer.fill(2.0);
            assert_eq!(buffer.clone().iter().sum::<f32>(), 2.0 * len as f32);
        }
    }
}
