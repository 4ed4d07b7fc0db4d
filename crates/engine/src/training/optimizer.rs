//! AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), with decay on every parameter.

use crate::kernels::update::Rates;

/// Settings of AdamW; the default is PyTorch's with learning rate 0.001.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Step size.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Decoupled decay of every parameter.
    pub weight_decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { learning_rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl AdamW {
    /// The scalars of step `t`, counted from 1.
    pub(crate) fn rates(&self, t: u64) -> Rates {
        let power = |beta: f32| libm::pow(f64::from(beta), t as f64);
        Rates {
            keep: (1.0 - f64::from(self.learning_rate) * f64::from(self.weight_decay)) as f32,
            beta1: self.beta1,
            beta2: self.beta2,
            step: (f64::from(self.learning_rate) / (1.0 - power(self.beta1))) as f32,
            correction: (1.0 - power(self.beta2)).sqrt() as f32,
            epsilon: self.epsilon,
        }
    }
}
