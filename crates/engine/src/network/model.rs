//! A network's parameters and running statistics.

use crate::kernels::buffer::Buffer;
use crate::network::architecture::Architecture;
use crate::network::checkpoint;
use crate::network::layout::Layout;
use crate::{EngineError, rng::Key};
use std::collections::{BTreeMap, BTreeSet};

/// Parameters and running statistics of a network.
///
/// Its tensors and its file have PyTorch's names and layouts: `block1.conv1.weight` [out, in, 3,
/// 3], `head.fc1.weight` [out, in] and so on.
#[derive(Clone, Debug)]
pub struct Model {
    architecture: Architecture,
    pub(crate) layout: Layout,
    pub(crate) parameters: Buffer,
    pub(crate) running: Buffer,
}

impl Model {
    /// A fresh model. Weights and biases are uniform in +-1/sqrt(fan in), as PyTorch starts them.
    ///
    /// Each tensor draws from a stream of its own, `key.at(ordinal, 0)`. So tensors of equal shape
    /// start equal in networks that differ elsewhere.
    ///
    /// # Errors
    /// If the architecture cannot be built.
    pub fn new(architecture: Architecture, key: Key) -> Result<Self, EngineError> {
        let mut model = Self::empty(architecture.checked()?);
        for (ordinal, entry) in model.layout.entries.iter().enumerate() {
            let memory = if entry.running { &mut model.running } else { &mut model.parameters };
            let mut stream = key.at(ordinal as u64, 0).stream();
            let bound = 1.0 / (entry.fan_in.max(1) as f32).sqrt();
            for i in 0..entry.len() {
                memory[entry.position(i)] =
                    if entry.fan_in == 0 { entry.start } else { stream.uniform(-bound, bound) };
            }
        }
        Ok(model)
    }

    fn empty(architecture: Architecture) -> Self {
        let layout = Layout::new(&architecture);
        let (parameters, running) =
            (Buffer::zeros(layout.parameters), Buffer::zeros(layout.running));
        Self { architecture, layout, parameters, running }
    }

    /// The shape of the network.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Name, shape and values of every tensor, in file order.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>, Vec<f32>)> {
        let values = |entry: &crate::network::layout::Entry| {
            let memory = if entry.running { &self.running } else { &self.parameters };
            (0..entry.len()).map(|i| memory[entry.position(i)]).collect()
        };
        self.layout.entries.iter().map(|e| (e.name.clone(), e.shape.clone(), values(e))).collect()
    }

    /// The inverse of [`Self::tensors`]. The order of the tensors does not matter.
    ///
    /// # Errors
    /// If the architecture cannot be built, or a tensor is missing, unknown, given twice or of
    /// another shape, or holds what no training leaves: a value that is not finite, a variance
    /// below 0.
    pub fn from_tensors(
        architecture: Architecture,
        tensors: impl IntoIterator<Item = (String, Vec<usize>, Vec<f32>)>,
    ) -> Result<Self, EngineError> {
        let mut model = Self::empty(architecture.checked()?);
        let mut missing: BTreeSet<String> =
            model.layout.entries.iter().map(|e| e.name.clone()).collect();
        for (name, shape, values) in tensors {
            let wrong = |problem: String| EngineError::Tensor { name: name.clone(), problem };
            let Some(entry) = model.layout.entries.iter().find(|e| e.name == name) else {
                return Err(wrong("is not part of this network".into()));
            };
            if !missing.remove(&name) {
                return Err(wrong("is given twice".into()));
            }
            if shape != entry.shape || values.len() != entry.len() {
                return Err(wrong(format!("has shape {shape:?}, expected {:?}", entry.shape)));
            }
            if let Some(value) = values
                .iter()
                .find(|value| !value.is_finite() || entry.is_variance() && **value < 0.0)
            {
                let expected =
                    if entry.is_variance() { "finite numbers from 0 on" } else { "finite numbers" };
                return Err(wrong(format!("holds {value}, expected {expected}")));
            }
            let memory = if entry.running { &mut model.running } else { &mut model.parameters };
            for (i, &value) in values.iter().enumerate() {
                memory[entry.position(i)] = value;
            }
        }
        match missing.pop_first() {
            Some(name) => Err(EngineError::Tensor { name, problem: "is missing".into() }),
            None => Ok(model),
        }
    }

    /// Refuses a model with a parameter or running statistic that is infinite or not a number.
    ///
    /// # Errors
    /// Names the tensor and what it holds.
    pub fn check_finite(&self) -> Result<(), EngineError> {
        // Without a way out in the middle, looking at all values is a matter of vectors.
        let is_whole =
            |memory: &[f32]| memory.iter().filter(|value| !value.is_finite()).count() == 0;
        if is_whole(&self.parameters) && is_whole(&self.running) {
            return Ok(());
        }
        let broken = self.tensors().into_iter().find_map(|(name, _, values)| {
            let value = values.into_iter().find(|value| !value.is_finite())?;
            Some(EngineError::Tensor { name, problem: format!("holds {value}") })
        });
        broken.map_or(Ok(()), Err)
    }

    /// The model as a safetensors file, with the architecture and the `format` that other tools
    /// look for among its metadata. Equal models and metadata give equal bytes.
    pub fn to_safetensors(&self, metadata: &BTreeMap<String, String>) -> Vec<u8> {
        let mut all = metadata.clone();
        all.extend(self.architecture.to_metadata());
        all.insert(checkpoint::FORMAT.0.to_owned(), checkpoint::FORMAT.1.to_owned());
        checkpoint::write(&all, &self.tensors())
    }

    /// Reads a file that [`Self::to_safetensors`] wrote, and its metadata.
    ///
    /// # Errors
    /// If the bytes are not such a file. Memory stays within a small multiple of their number.
    pub fn from_safetensors(bytes: &[u8]) -> Result<(Self, BTreeMap<String, String>), EngineError> {
        let (metadata, tensors) = checkpoint::read(bytes)?;
        let architecture = Architecture::from_metadata(&metadata)?;
        if architecture.parameter_count() > bytes.len() / 4 {
            return Err(EngineError::File(format!(
                "{} bytes cannot hold the {} parameters that its metadata claims",
                bytes.len(),
                architecture.parameter_count()
            )));
        }
        Ok((Self::from_tensors(architecture, tensors)?, metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(channels: usize, f: usize) -> Model {
        let architecture = Architecture {
            height: 13,
            width: 10,
            channels,
            block_widths: vec![f, 2 * f],
            hidden: vec![f],
            classes: 3,
            dropout: 0.0,
        };
        Model::new(architecture, Key::new(1, 2)).unwrap()
    }

    #[test]
    fn a_file_gives_back_the_model_and_its_bytes() {
        let model = small(3, 5);
        let metadata =
            BTreeMap::from([("note".to_string(), "a \"quoted\"\nline \u{1} é".to_string())]);
        let bytes = model.to_safetensors(&metadata);
        let (again, read) = Model::from_safetensors(&bytes).unwrap();
        assert_eq!(again.tensors(), model.tensors());
        assert_eq!(read["note"], metadata["note"]);
        assert_eq!(again.to_safetensors(&metadata), bytes);
    }

    #[test]
    fn a_value_that_is_no_number_is_found_in_its_tensor() {
        let mut model = small(1, 3);
        assert!(model.check_finite().is_ok());
        model.running[0] = f32::INFINITY;
        assert_eq!(
            model.check_finite().unwrap_err().to_string(),
            "tensor block1.norm1.running_mean: holds inf"
        );
        let place = model
            .layout
            .entries
            .iter()
            .find(|entry| entry.name == "head.fc2.bias")
            .unwrap()
            .position(1);
        model.running[0] = 0.0;
        model.parameters[place] = f32::NAN;
        assert_eq!(
            model.check_finite().unwrap_err().to_string(),
            "tensor head.fc2.bias: holds NaN"
        );
    }

    #[test]
    fn equal_tensors_start_equal_in_networks_that_differ_elsewhere() {
        let (a, b) = (small(1, 8), small(1, 8));
        assert_eq!(a.tensors(), b.tensors());
        let wider = Architecture { classes: 7, ..a.architecture().clone() };
        let wider = Model::new(wider, Key::new(1, 2)).unwrap();
        assert_eq!(a.tensors()[0], wider.tensors()[0]);
        let values = &a.tensors()[6].2;
        let bound = 1.0 / (8.0f32 * 9.0).sqrt();
        assert!(
            values.iter().all(|v| v.abs() <= bound) && values.iter().any(|v| v.abs() > 0.9 * bound)
        );
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let bytes = small(1, 8).to_safetensors(&BTreeMap::new());
        for end in [0, 7, 100, bytes.len() - 1] {
            assert!(Model::from_safetensors(&bytes[..end]).is_err());
        }
        let mut huge = bytes.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(Model::from_safetensors(&huge).is_err());
        let mut tensors = small(1, 8).tensors();
        tensors.pop();
        let error = Model::from_tensors(small(1, 8).architecture().clone(), tensors).unwrap_err();
        assert_eq!(error.to_string(), "tensor head.fc2.bias: is missing");
    }

    #[test]
    fn values_that_no_training_leaves_are_refused_with_their_tensor() {
        let cases = [
            ("block1.conv2.weight", f32::NAN, "holds NaN, expected finite numbers"),
            ("head.fc1.bias", f32::NEG_INFINITY, "holds -inf, expected finite numbers"),
            ("block2.norm1.running_mean", f32::INFINITY, "holds inf, expected finite numbers"),
            ("block2.norm2.running_var", -0.5, "holds -0.5, expected finite numbers from 0 on"),
        ];
        for (name, value, expected) in cases {
            let mut tensors = small(1, 8).tensors();
            let tensor = tensors.iter_mut().find(|tensor| tensor.0 == name).unwrap();
            *tensor.2.last_mut().unwrap() = value;
            let file = checkpoint::write(&small(1, 8).architecture().to_metadata(), &tensors);
            let error = Model::from_safetensors(&file).unwrap_err();
            assert_eq!(error.to_string(), format!("tensor {name}: {expected}"));
        }
        let means = small(1, 8).tensors().into_iter().map(|(name, shape, values)| {
            let sign = if name.ends_with("running_mean") { -1.0 } else { 1.0 };
            (name, shape, values.iter().map(|value| sign * value).collect())
        });
        assert!(
            Model::from_tensors(small(1, 8).architecture().clone(), means).is_ok(),
            "a mean may be negative"
        );
    }

    #[test]
    fn a_file_says_its_format_and_is_named_as_if_it_did_not() {
        let model = small(1, 8);
        let metadata = BTreeMap::from([("note".to_owned(), "\"format\":\"pt\",".to_owned())]);
        let bytes = model.to_safetensors(&metadata);
        assert_eq!(Model::from_safetensors(&bytes).unwrap().1["format"], "pt");
        let mut before = metadata.clone();
        before.extend(model.architecture().to_metadata());
        let before = checkpoint::write(&before, &model.tensors());
        assert_ne!(bytes, before);
        assert_eq!(*crate::without_format(&bytes), before);
        assert_eq!(*crate::without_format(&before), before);
        for damaged in [&bytes[..7], &bytes[..100], b"no file at all"] {
            assert_eq!(*crate::without_format(damaged), *damaged);
        }
    }
}
