//! What training goes on from, and its bytes.

use crate::kernels::buffer::Buffer;
use crate::{EngineError, Model};

/// The first bytes of every state.
const MARK: &[u8; 8] = b"FLSTATE1";

/// A model with the optimiser's moments and the number of steps made.
pub(crate) struct State {
    pub(crate) model: Model,
    pub(crate) first_moments: Buffer,
    pub(crate) second_moments: Buffer,
    pub(crate) steps: u64,
}

impl State {
    /// A model before its first step.
    pub(crate) fn new(model: Model) -> Self {
        let moments = || Buffer::zeros(model.layout.parameters);
        Self { first_moments: moments(), second_moments: moments(), steps: 0, model }
    }

    fn parts(&self) -> [&Buffer; 4] {
        [&self.model.parameters, &self.model.running, &self.first_moments, &self.second_moments]
    }

    /// The state as bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        write(self.steps, self.parts())
    }

    /// Takes over what [`Self::to_bytes`] wrote. An error leaves everything as it was.
    pub(crate) fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let (steps, parts) = read(bytes, self.parts())?;
        [self.model.parameters, self.model.running, self.first_moments, self.second_moments] =
            parts;
        self.steps = steps;
        Ok(())
    }
}

/// The number of steps, then each part after its length.
pub(crate) fn write(steps: u64, parts: [&Buffer; 4]) -> Vec<u8> {
    let mut bytes = MARK.to_vec();
    bytes.extend(steps.to_le_bytes());
    for part in parts {
        bytes.extend((part.len() as u64).to_le_bytes());
        bytes.extend(part.iter().flat_map(|v| v.to_le_bytes()));
    }
    bytes
}

/// The number of steps and the parts that [`write`] wrote. Each part must be as long as the one
/// `held`.
pub(crate) fn read(bytes: &[u8], held: [&Buffer; 4]) -> Result<(u64, [Buffer; 4]), EngineError> {
    let mut parts = held.map(Buffer::clone);
    let parameters = parts[0].len();
    match fill(bytes, &mut parts) {
        Some(steps) => Ok((steps, parts)),
        None => {
            let text = format!(
                "{} bytes are not the state of a network of {parameters} parameters",
                bytes.len()
            );
            Err(EngineError::State(text))
        }
    }
}

/// Fills `parts` and returns the number of steps, or nothing if the bytes do not fit.
fn fill(bytes: &[u8], parts: &mut [Buffer; 4]) -> Option<u64> {
    let mut rest = bytes.strip_prefix(MARK)?;
    let steps = u64::from_le_bytes(*rest.split_off(..8)?.as_array()?);
    for part in parts {
        let len = u64::from_le_bytes(*rest.split_off(..8)?.as_array()?);
        if len != part.len() as u64 {
            return None;
        }
        let bytes = rest.split_off(..part.len() * 4)?;
        for (value, bytes) in part.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
    }
    rest.is_empty().then_some(steps)
}
