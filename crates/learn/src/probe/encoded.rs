//! An encoder and what it makes of a pool; runs share it.

use crate::augment::Policy;
use crate::data::{Benchmark, Images, Pool};
use crate::error::LearnError;
use crate::pretrain::Encoder;
use crate::probe::feature_pool::FeaturePool;

/// An encoder, the pool in its features, and those of the images that are held out.
pub struct Encoded {
    /// The encoder.
    pub encoder: Encoder,
    /// What it makes of the pool.
    pub pool: FeaturePool,
    /// Features of the validation and of the test images, where there are some.
    pub judged: Option<[Vec<f32>; 2]>,
}

impl Encoded {
    /// Looks at all images once.
    ///
    /// # Errors
    /// If they have another shape than the encoder takes.
    pub fn new(
        encoder: Encoder,
        pool: &Pool<'_>,
        benchmark: Option<&Benchmark<'_>>,
        threads: usize,
    ) -> Result<Self, LearnError> {
        let features = |images: &Images| encoder.features(images, 1, &Policy::none(), 0, threads);
        let judged = |benchmark: &Benchmark<'_>| -> Result<_, LearnError> {
            Ok([features(&benchmark.val.images)?, features(&benchmark.test.images)?])
        };
        let judged = benchmark.map(judged).transpose()?;
        let pool = FeaturePool::new(features(pool.images)?, encoder.feature_len(), pool.classes);
        Ok(Self { judged, pool, encoder })
    }

    /// The same where images may belong to other classes, for a pool alone.
    #[must_use]
    pub fn with_classes(&self, classes: usize) -> Self {
        let (encoder, pool) = (self.encoder.clone(), self.pool.with_classes(classes));
        Self { encoder, pool, judged: None }
    }
}
