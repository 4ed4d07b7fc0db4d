//! The header of a .npy array: dtype, order and shape.
//!
//! Our own few lines instead of a crate's: the known readers allocate whatever length a header
//! claims, multiply its shape unchecked and parse nested literals recursively, and here the header
//! may come from anyone. Format: NumPy's NEP 1 and `numpy.lib.format`, versions 1.0, 2.0 and 3.0.

use std::io::{self, Read};

/// No array of images or labels has a longer header; NumPy's own limit is 10,000.
const MAX_HEADER: usize = 10_000;

/// What a .npy header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The type string, such as `|u1` or `<i8`.
    pub descr: String,
    /// Whether the first axis runs fastest.
    pub fortran_order: bool,
    /// Length of every axis.
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads the header, leaving `reader` at the first element. Fails with a sentence that fits
    /// after "member X: ".
    pub fn read(reader: &mut impl Read) -> Result<Self, String> {
        let mut start = [0; 8];
        fill(reader, &mut start)?;
        if &start[..6] != b"\x93NUMPY" {
            return Err("not a .npy array (wrong first bytes)".to_owned());
        }
        let mut length = [0; 4];
        match start[6] {
            1 => fill(reader, &mut length[..2])?,
            2 | 3 => fill(reader, &mut length)?,
            version => return Err(format!("npy version {version} is unknown, expected 1, 2 or 3")),
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER {
            return Err(format!(
                "the npy header claims {length} bytes, expected at most {MAX_HEADER}"
            ));
        }
        let mut text = vec![0; length];
        fill(reader, &mut text)?;
        let text = String::from_utf8_lossy(&text);
        parse(&text)
            .ok_or_else(|| format!("cannot understand the npy header {:?}", shortened(text.trim())))
    }

    /// Elements in the array, or none if there are more than 64 bits can count.
    pub fn elements(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |product, &axis| product.checked_mul(axis))
    }
}

/// Elements of `width` bytes whose first axis runs fastest, so that the last one does.
pub(super) fn in_c_order(bytes: &[u8], shape: &[u64], width: usize) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    // Where an element stands in Fortran order, counted up like the wheels of a clock.
    let mut steps = Vec::with_capacity(shape.len());
    let mut step = 1usize;
    for &axis in shape {
        steps.push(step);
        step *= axis as usize;
    }
    let mut place = vec![0u64; shape.len()];
    let mut from = 0;
    for element in out.chunks_exact_mut(width) {
        element.copy_from_slice(&bytes[from * width..(from + 1) * width]);
        for axis in (0..shape.len()).rev() {
            place[axis] += 1;
            from += steps[axis];
            if place[axis] < shape[axis] {
                break;
            }
            from -= shape[axis] as usize * steps[axis];
            place[axis] = 0;
        }
    }
    out
}

fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> Result<(), String> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "the npy header is cut off".to_owned(),
        _ => format!("cannot be read: {error}"),
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(120).collect()
}

/// Parses `{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 28), }` with its keys in any
/// order.
fn parse(text: &str) -> Option<Header> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim_start();
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        rest = match key {
            "descr" => {
                let (text, after) = quoted(value)?;
                descr = Some(text.to_owned());
                after
            }
            "fortran_order" => {
                let (flag, after) = match value.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, value.strip_prefix("False")?),
                };
                fortran_order = Some(flag);
                after
            }
            "shape" => {
                let (axes, after) = value.strip_prefix('(')?.split_once(')')?;
                let axes = axes.split(',').map(str::trim).filter(|axis| !axis.is_empty());
                shape = Some(
                    axes.map(|axis| axis.trim_end_matches('L').parse().ok())
                        .collect::<Option<Vec<u64>>>()?,
                );
                after
            }
            _ => return None,
        };
        rest = rest.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(Header { descr: descr?, fortran_order: fortran_order?, shape: shape? })
}

/// A quoted string at the beginning of `text`, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// A version 1.0 header as NumPy writes it, padded to a multiple of 64 bytes.
pub(super) fn header_bytes(descr: &str, shape: &[usize]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        axes.join(", ")
    );
    let padding = 63 - (10 + text.len()) % 64;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_version() {
        let v1 = header_bytes("<i8", &[5, 1]);
        assert_eq!(v1.len() % 64, 0);
        let expected = Header { descr: "<i8".to_owned(), fortran_order: false, shape: vec![5, 1] };
        assert_eq!(Header::read(&mut &v1[..]), Ok(expected.clone()));
        for version in [2, 3] {
            let mut bytes = v1[..8].to_vec();
            bytes[6] = version;
            bytes.extend(u32::from(u16::from_le_bytes([v1[8], v1[9]])).to_le_bytes());
            bytes.extend(&v1[10..]);
            assert_eq!(Header::read(&mut &bytes[..]), Ok(expected.clone()));
        }
    }

    #[test]
    fn reads_one_axis_and_keys_in_any_order() {
        let header = parse("{'shape': (7,), 'fortran_order': True, \"descr\": '|u1'}").unwrap();
        assert_eq!(
            (header.shape, header.fortran_order, header.descr.as_str()),
            (vec![7], true, "|u1")
        );
    }

    #[test]
    fn the_order_of_axes_is_turned_round() {
        // numpy.arange(6).reshape(2, 3), whose first axis runs fastest in the file.
        assert_eq!(in_c_order(&[0, 3, 1, 4, 2, 5], &[2, 3], 1), [0, 1, 2, 3, 4, 5]);
        // numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)).ravel(order="K")
        let all: Vec<u8> = (0..24).collect();
        let fortran: Vec<u8> = (0..4)
            .flat_map(|c| (0..3).flat_map(move |b| (0..2).map(move |a| 12 * a + 4 * b + c)))
            .collect();
        assert_eq!(in_c_order(&fortran, &[2, 3, 4], 1), all);
        assert_eq!(in_c_order(&[1, 2, 5, 6, 3, 4, 7, 8], &[2, 2], 2), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn refuses_a_header_that_claims_gigabytes() {
        let mut bytes = b"\x93NUMPY\x02\x00".to_vec();
        bytes.extend(u32::MAX.to_le_bytes());
        assert!(Header::read(&mut &bytes[..]).unwrap_err().contains("4294967295"));
    }

    #[test]
    fn counts_no_further_than_64_bits() {
        let shape = vec![u64::MAX, 2];
        assert_eq!(Header { descr: String::new(), fortran_order: false, shape }.elements(), None);
    }

    proptest! {
        #[test]
        fn survives_any_text(text in ".{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn survives_damage(position in 0usize..128, byte: u8) {
            let mut bytes = header_bytes("|u1", &[3, 28, 28]);
            bytes[position] = byte;
            let _ = Header::read(&mut &bytes[..]);
        }
    }
}
