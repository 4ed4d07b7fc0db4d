//! The final model as it is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::network::NetworkSettings;
use crate::training::fit::TrainSettings;

/// The final model as a study asks for it, the table `[final]` of its file. The defaults are the
/// paper's (PAPER.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FinalSettings {
    /// Width f of the final model; the regime's own if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<usize>,
    /// Channels of the three blocks as multiples of f, in the loop's model too; (1, 2, 3) if not
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_multiples: Option<[usize; 3]>,
    /// Dropout before every fully connected layer but the first.
    pub dropout: f32,
    /// How it is trained.
    #[serde(flatten)]
    pub training: TrainSettings,
    /// Whether the validation split is scored after every epoch of the final model.
    pub validate_every_epoch: bool,
    /// Views of each validation and test image whose predictions are averaged; 0 and 1 are the
    /// image alone.
    pub test_time_views: usize,
}

impl Default for FinalSettings {
    fn default() -> Self {
        Self {
            width: None,
            block_multiples: None,
            dropout: 0.0,
            training: TrainSettings::default(),
            validate_every_epoch: true,
            test_time_views: 0,
        }
    }
}

impl FinalSettings {
    /// A network of that width. Blocks are multiples of the width, so that one setting fits the
    /// loop's model and the final one.
    pub fn network(&self, width: usize, dropout: f32) -> NetworkSettings {
        let block_widths = self
            .block_multiples
            .map(|multiples| multiples.map(|multiple| multiple.saturating_mul(width)));
        NetworkSettings { width, block_widths, dropout }
    }
}
