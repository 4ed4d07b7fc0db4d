//! safetensors files, with the same bytes for the same model.
//!
//! The `safetensors` crate reads. Writing is ours: that crate keeps metadata in a hash map, whose
//! order is random.

use crate::EngineError;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::fmt::Write as _;

type Tensor = (String, Vec<usize>, Vec<f32>);

/// Header (length, JSON padded to eight bytes with spaces), then the values in little-endian order.
pub(crate) fn write(metadata: &BTreeMap<String, String>, tensors: &[Tensor]) -> Vec<u8> {
    let mut header = String::from("{\"__metadata__\":{");
    for (i, (key, value)) in metadata.iter().enumerate() {
        header.push_str(if i == 0 { "" } else { "," });
        quote(&mut header, key);
        header.push(':');
        quote(&mut header, value);
    }
    header.push('}');
    let mut offset = 0;
    for (name, shape, values) in tensors {
        let end = offset + values.len() * 4;
        header.push(',');
        quote(&mut header, name);
        let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        let _ = write!(header, ":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{offset},{end}]}}");
        offset = end;
    }
    header.push('}');
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + offset);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend(header.as_bytes());
    for value in tensors.iter().flat_map(|t| &t.2) {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// Appends `text` as a JSON string.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Metadata and tensors of a file.
pub(crate) fn read(bytes: &[u8]) -> Result<(BTreeMap<String, String>, Vec<Tensor>), EngineError> {
    let wrong = |e: safetensors::SafeTensorError| EngineError::File(format!("not a safetensors file: {e}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
    let metadata = header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            let problem = format!("has type {:?}, expected F32", view.dtype());
            return Err(EngineError::Tensor { name: name.into(), problem });
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        tensors.push((name.to_string(), view.shape().to_vec(), values));
    }
    Ok((metadata, tensors))
}
