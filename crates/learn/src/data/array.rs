//! Arrays of floats in .npy and .npz files, read in blocks of rows.

use super::npy::{self, Header};
use super::{DataError, location, unpack};
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The number types that can be read.
#[derive(Clone, Copy)]
enum Kind {
    F16 { big_endian: bool },
    F32 { big_endian: bool },
    F64 { big_endian: bool },
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::F16 { .. } => 2,
            Self::F32 { .. } => 4,
            Self::F64 { .. } => 8,
        }
    }

    /// A number as `f32`; a `f64` beyond its range becomes infinite and is refused later.
    fn decode(self, bytes: &[u8]) -> f32 {
        let mut wide = [0; 8];
        let mut narrow = [0; 4];
        match self {
            Self::F16 { big_endian } => {
                let bits = [bytes[0], bytes[1]];
                let bits = if big_endian { u16::from_be_bytes } else { u16::from_le_bytes }(bits);
                half(bits)
            }
            Self::F32 { big_endian } => {
                narrow.copy_from_slice(bytes);
                if big_endian { f32::from_be_bytes(narrow) } else { f32::from_le_bytes(narrow) }
            }
            Self::F64 { big_endian } => {
                wide.copy_from_slice(bytes);
                (if big_endian { f64::from_be_bytes(wide) } else { f64::from_le_bytes(wide) })
                    as f32
            }
        }
    }
}

/// A number of 16 bits (IEEE 754 binary16), which every `f32` can hold.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    sign * match exponent {
        0 => fraction * f32::from_bits(0x3380_0000), // 2^-24
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * f32::from_bits(((exponent - 15 + 127) as u32) << 23),
    }
}

/// An array whose rows are still to be read.
pub struct Array {
    path: PathBuf,
    shape: Vec<usize>,
    kind: Kind,
    source: Box<dyn Read>,
}

impl Array {
    /// Opens `path`: a .npy, a .npz with one array, or FILE.npz:NAME. The shape must have `axes`
    /// axes, none of them empty.
    ///
    /// # Errors
    /// If there is no such array of float16, float32 or float64, or the file is too short for it.
    pub fn open(path: &Path, axes: usize) -> Result<Self, DataError> {
        let wrong = |problem: String| DataError::Array { path: path.to_owned(), problem };
        let (mut source, bytes) = open_source(path)?;
        let header = Header::read(&mut source).map_err(wrong)?;
        let kind = match header.descr.as_str() {
            "<f2" | "=f2" => Kind::F16 { big_endian: false },
            ">f2" => Kind::F16 { big_endian: true },
            "<f4" | "=f4" => Kind::F32 { big_endian: false },
            ">f4" => Kind::F32 { big_endian: true },
            "<f8" | "=f8" => Kind::F64 { big_endian: false },
            ">f8" => Kind::F64 { big_endian: true },
            other => {
                return Err(wrong(format!(
                    "holds numbers of type {other}, expected float16, float32 or float64"
                )));
            }
        };
        if header.shape.len() != axes || header.shape.contains(&0) {
            let shape = &header.shape;
            return Err(wrong(format!(
                "has the shape {shape:?}, expected {axes} axes, none of them empty"
            )));
        }
        let needed = header.elements().and_then(|n| n.checked_mul(kind.bytes() as u64));
        let Some(needed) = needed.filter(|&needed| needed <= bytes) else {
            return Err(wrong(format!("is too short for its shape {:?}", header.shape)));
        };
        if header.fortran_order && header.shape.len() > 1 {
            let bytes = unpack::read(&mut source.take(needed), needed).map_err(wrong)?;
            source = Box::new(Cursor::new(npy::in_c_order(&bytes, &header.shape, kind.bytes())));
        }
        let shape = header.shape.iter().map(|&axis| axis as usize).collect();
        Ok(Self { path: path.to_owned(), shape, kind, source })
    }

    /// Length of every axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Reads the next `rows` rows into `values`, in place of what was there.
    ///
    /// # Errors
    /// If the file ends before, or cannot be read.
    pub fn read_rows(&mut self, rows: usize, values: &mut Vec<f32>) -> Result<(), DataError> {
        let size = self.kind.bytes();
        let mut left = rows * self.width();
        values.clear();
        values.reserve_exact(left);
        let mut bytes = vec![0; (1 << 16) * size];
        while left > 0 {
            let count = left.min(1 << 16);
            let chunk = &mut bytes[..count * size];
            self.source
                .read_exact(chunk)
                .map_err(|source| DataError::Read { path: self.path.clone(), source })?;
            values.extend(chunk.chunks_exact(size).map(|number| self.kind.decode(number)));
            left -= count;
        }
        Ok(())
    }
}

/// The bytes of an array from its .npy header on, and at most how many there are.
fn open_source(given: &Path) -> Result<(Box<dyn Read>, u64), DataError> {
    let read = |source: io::Error| DataError::Read { path: given.to_owned(), source };
    let wrong = |problem: String| DataError::Array { path: given.to_owned(), problem };
    let (path, member) = split_member(given);
    let file = File::open(&path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if !metadata.is_file() {
        return Err(wrong("is not a file".to_owned()));
    }
    if path.extension().is_none_or(|extension| extension != "npz") {
        return Ok((Box::new(BufReader::with_capacity(1 << 20, file)), metadata.len()));
    }
    let zip = |error: ZipError| DataError::NotZip { path: path.clone(), reason: error.to_string() };
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(zip)?;
    let index = match member {
        Some(member) => archive
            .index_for_name(&format!("{member}.npy"))
            .ok_or_else(|| wrong(format!("holds no array {member}")))?,
        None if archive.len() == 1 => 0,
        None => {
            return Err(wrong(format!(
                "holds {} arrays, expected one or FILE.npz:NAME",
                archive.len()
            )));
        }
    };
    let mut entry = archive.by_index(index).map_err(zip)?;
    let size = entry.size();
    if entry.compression() == CompressionMethod::Stored {
        let start = entry.data_start().ok_or_else(|| wrong("is damaged".to_owned()))?;
        drop(entry);
        let mut file = BufReader::with_capacity(1 << 20, File::open(&path).map_err(read)?);
        file.seek(SeekFrom::Start(start)).map_err(read)?;
        return Ok((Box::new(file.take(size)), size.min(metadata.len())));
    }
    // A compressed array is unpacked as a whole.
    let bytes = unpack::read(&mut entry, size).map_err(wrong)?;
    Ok((Box::new(Cursor::new(bytes)), size))
}

/// FILE.npz:NAME as file and name.
fn split_member(path: &Path) -> (PathBuf, Option<String>) {
    const BETWEEN: &[u8] = b".npz:";
    let bytes = path.as_os_str().as_encoded_bytes();
    let Some(at) = bytes.windows(BETWEEN.len()).rposition(|part| part == BETWEEN) else {
        return (path.to_owned(), None);
    };
    let (file, member) = bytes.split_at(at + BETWEEN.len() - 1);
    (
        location::system_string(file.to_vec()).into(),
        Some(String::from_utf8_lossy(&member[1..]).into_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn npy(descr: &str, shape: &str, fortran: &str, data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn read(name: &str, bytes: &[u8], axes: usize) -> Result<Vec<f32>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let mut array = Array::open(&path, axes)?;
        let (mut values, mut block) = (Vec::new(), Vec::new());
        for _ in 0..array.shape()[0] {
            array.read_rows(1, &mut block)?;
            values.extend(&block);
        }
        Ok(values)
    }

    #[test]
    fn both_float_types_and_byte_orders_are_read() {
        let numbers = [0.25_f64, 0.75, 1.0, 0.0];
        let bytes = |f: fn(f64) -> Vec<u8>| numbers.iter().flat_map(|&x| f(x)).collect::<Vec<u8>>();
        let cases = [
            ("<f4", bytes(|x| (x as f32).to_le_bytes().to_vec())),
            (">f4", bytes(|x| (x as f32).to_be_bytes().to_vec())),
            ("<f8", bytes(|x| x.to_le_bytes().to_vec())),
            (">f8", bytes(|x| x.to_be_bytes().to_vec())),
        ];
        for (descr, data) in cases {
            assert_eq!(
                read("p.npy", &npy(descr, "(2, 2)", "False", &data), 2).unwrap(),
                [0.25, 0.75, 1.0, 0.0]
            );
        }
    }

    #[test]
    fn half_precision_is_read_exactly() {
        // numpy.array([0.5, -2, 65504, 2**-24, 2**-14], numpy.float16).view(numpy.uint16)
        let bits: [u16; 5] = [0x3800, 0xc000, 0x7bff, 0x0001, 0x0400];
        let expected = [0.5, -2.0, 65504.0, 2f32.powi(-24), 2f32.powi(-14)];
        let little: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let big: Vec<u8> = bits.iter().flat_map(|bits| bits.to_be_bytes()).collect();
        for (descr, data) in [("<f2", little), (">f2", big)] {
            assert_eq!(read("h.npy", &npy(descr, "(1, 5)", "False", &data), 2).unwrap(), expected);
        }
        assert!(half(0x7c00) == f32::INFINITY && half(0xfc00) == f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan() && half(0x8000) == 0.0);
    }

    #[test]
    fn the_first_axis_may_run_fastest() {
        // numpy.asfortranarray([[0.25, 0.75], [1, 0]], numpy.float32).tobytes(order="A")
        let data: Vec<u8> =
            [0.25_f32, 1.0, 0.75, 0.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let values = read("f.npy", &npy("<f4", "(2, 2)", "True", &data), 2).unwrap();
        assert_eq!(values, [0.25, 0.75, 1.0, 0.0]);
    }

    #[test]
    fn stored_and_compressed_archives_are_read() {
        let array = npy("<f4", "(1, 2)", "False", &[0, 0, 0, 63, 0, 0, 0, 63]);
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            archive.start_file("probs.npy", options).unwrap();
            archive.write_all(&array).unwrap();
            let bytes = archive.finish().unwrap().into_inner();
            assert_eq!(read("p.npz", &bytes, 2).unwrap(), [0.5, 0.5]);
        }
    }

    #[test]
    fn the_name_of_an_array_stands_behind_any_path() {
        let split =
            |bytes: &[u8]| split_member(Path::new(&location::system_string(bytes.to_vec())));
        let path = |bytes: &[u8]| PathBuf::from(location::system_string(bytes.to_vec()));
        assert_eq!(split(b"/caf\xe9.npz:probs"), (path(b"/caf\xe9.npz"), Some("probs".to_owned())));
        assert_eq!(split(b"/caf\xe9.npy"), (path(b"/caf\xe9.npy"), None));
    }

    #[test]
    fn an_array_of_zeros_may_shrink_to_nothing() {
        let array = npy("<f4", "(65536, 64)", "False", &vec![0; 1 << 24]);
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file("probs.npy", zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&array).unwrap();
        let bytes = archive.finish().unwrap().into_inner();
        assert!(array.len() / bytes.len() > 900);
        assert!(read("p.npz", &bytes, 2).unwrap().iter().all(|&value| value == 0.0));
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_one_sentence() {
        let cases = [
            (
                npy("<i8", "(1, 2)", "False", &[0; 16]),
                "numbers of type <i8, expected float16, float32 or float64",
            ),
            (npy("<f4", "(4,)", "False", &[0; 16]), "has the shape [4], expected 2 axes"),
            (npy("<f4", "(0, 2)", "False", &[]), "has the shape [0, 2], expected 2 axes"),
            (
                npy("<f4", "(9999999999, 9999999999)", "False", &[0; 16]),
                "is too short for its shape",
            ),
            (b"hello".to_vec(), "cut off"),
        ];
        for (bytes, expected) in cases {
            let error = read("p.npy", &bytes, 2).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
