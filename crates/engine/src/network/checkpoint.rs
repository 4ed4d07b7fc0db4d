//! safetensors files, with the same bytes for the same model.
//!
//! The `safetensors` crate reads. Writing is ours: that crate keeps metadata in a hash map, whose
//! order is random.

use crate::EngineError;
use safetensors::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What the readers of other programs, such as Hugging Face's, ask a file for: that it holds
/// tensors in PyTorch's layouts.
pub(crate) const FORMAT: (&str, &str) = ("format", "pt");

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
        let _ = write!(
            header,
            ":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{offset},{end}]}}"
        );
        offset = end;
    }
    header.push('}');
    let mut bytes = with_length(header.into_bytes());
    bytes.reserve_exact(offset);
    for value in tensors.iter().flat_map(|t| &t.2) {
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// A file's header behind its length.
fn with_length(mut header: Vec<u8>) -> Vec<u8> {
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header].concat()
}

/// The file as it was before its header had a `format`; other bytes as they are. What a file is
/// named by must not depend on the version of this program that wrote it.
pub fn without_format(bytes: &[u8]) -> Cow<'_, [u8]> {
    let header = || {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
    };
    // Quotes inside of texts are escaped: nothing but the key itself reads like this.
    let entry = format!("\"{}\":\"{}\",", FORMAT.0, FORMAT.1).into_bytes();
    let Some((header, values)) = header() else { return Cow::Borrowed(bytes) };
    let Some(at) = header.windows(entry.len()).position(|part| part == entry) else {
        return Cow::Borrowed(bytes);
    };
    let header = [&header[..at], header[at + entry.len()..].trim_ascii_end()].concat();
    Cow::Owned([&with_length(header), values].concat())
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
    let wrong =
        |e: safetensors::SafeTensorError| EngineError::File(format!("not a safetensors file: {e}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(wrong)?;
    let metadata =
        header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    let file = SafeTensors::deserialize(bytes).map_err(wrong)?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        if view.dtype() != Dtype::F32 {
            let problem = format!("has type {:?}, expected F32", view.dtype());
            return Err(EngineError::Tensor { name: name.into(), problem });
        }
        let values =
            view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        tensors.push((name.to_string(), view.shape().to_vec(), values));
    }
    Ok((metadata, tensors))
}
