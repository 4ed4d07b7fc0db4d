//! How an image is read between its pixels and beyond its border.

use fewlabel_engine::image::{Border, Sampling};
use serde::{Deserialize, Serialize};

/// How values between pixels are made (torchvision's `InterpolationMode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resampling {
    /// The nearest pixel.
    Nearest,
    /// The weighted mean of the four pixels around.
    #[default]
    Bilinear,
}

impl From<Resampling> for Sampling {
    fn from(resampling: Resampling) -> Self {
        match resampling {
            Resampling::Nearest => Self::Nearest,
            Resampling::Bilinear => Self::Bilinear,
        }
    }
}

/// What lies outside the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// The edge pixel again and again.
    #[default]
    Replicate,
    /// The image mirrored about its outer edge.
    Reflect,
    /// One value.
    Constant(f32),
}

impl Edge {
    pub(super) fn check(self) -> Result<(), String> {
        match self {
            Self::Constant(k) if !(0.0..=1.0).contains(&k) => {
                Err(format!("a border value lies in [0, 1], not {k}"))
            }
            _ => Ok(()),
        }
    }
}

impl From<Edge> for Border {
    fn from(edge: Edge) -> Self {
        match edge {
            Edge::Replicate => Self::Replicate,
            Edge::Reflect => Self::Reflect,
            Edge::Constant(k) => Self::Constant(k),
        }
    }
}
