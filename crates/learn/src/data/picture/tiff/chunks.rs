//! A page's strips and tiles: where they lie, and how they make one image.

use super::compression;
use super::directory::{Container, Directory};
use super::layout::Layout;
use super::samples;

/// Where a page's strips or tiles are, and of what size.
struct Chunks {
    rows: usize,
    columns: usize,
    is_tiled: bool,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
}

impl Chunks {
    fn of(page: &Directory) -> Result<Self, String> {
        let missing =
            || "is a damaged TIFF file: a page does not say where its pixels are".to_owned();
        let number = |tag| page.number(tag).map(|found| found.map(|number| number as usize));
        let (height, width) =
            (number(257)?.ok_or_else(missing)?, number(256)?.ok_or_else(missing)?);
        let is_tiled = page.number(322)?.is_some();
        let (rows, columns, offsets, lengths) = match is_tiled {
            true => {
                (number(323)?.ok_or_else(missing)?, number(322)?.ok_or_else(missing)?, 324, 325)
            }
            false => (number(278)?.unwrap_or(height).min(height), width, 273, 279),
        };
        let offsets = page.numbers(offsets)?.ok_or_else(missing)?;
        let lengths = page.numbers(lengths)?.ok_or_else(missing)?;
        if rows == 0 || columns == 0 || offsets.is_empty() || offsets.len() != lengths.len() {
            return Err(missing());
        }
        Ok(Self { rows, columns, is_tiled, offsets, lengths })
    }
}

/// Refuses a page whose pixels do not all lie inside the file.
pub(super) fn check_extent(file: Container, page: &Directory) -> Result<(), String> {
    let chunks = Chunks::of(page)?;
    for (&offset, &length) in chunks.offsets.iter().zip(&chunks.lengths) {
        file.slice(offset, length)?;
    }
    Ok(())
}

/// The page's samples [height, width, samples], unpacked: 1, 2, 4 or 8 bytes each, the low one
/// first.
pub(super) fn read(file: Container, page: &Directory, layout: &Layout) -> Result<Vec<u8>, String> {
    check_extent(file, page)?;
    let chunks = Chunks::of(page)?;
    let Layout { height, width, samples, .. } = *layout;
    let planes = if layout.is_planar { samples } else { 1 };
    let (across, down) = (width.div_ceil(chunks.columns), height.div_ceil(chunks.rows));
    if chunks.offsets.len() != across.saturating_mul(down).saturating_mul(planes) {
        return Err(
            "is a damaged TIFF file: its strips are not as many as its rows need".to_owned()
        );
    }
    // A tile may be larger than the image, but not without end.
    super::super::check_size(chunks.rows, chunks.columns, samples * layout.sample_bytes())?;
    let tables = page.bytes(347)?;
    let pixel = samples * layout.sample_bytes();
    let mut image = vec![0; height * width * pixel];
    for (i, (&offset, &length)) in chunks.offsets.iter().zip(&chunks.lengths).enumerate() {
        let (plane, i) = (i / (across * down), i % (across * down));
        let (top, left) = (i / across * chunks.rows, i % across * chunks.columns);
        let rows = match chunks.is_tiled {
            true => chunks.rows,
            false => chunks.rows.min(height - top),
        };
        let size = [rows, chunks.columns];
        let data = file.slice(offset, length)?;
        let chunk = unpacked(data, tables, layout, size, samples / planes, file.is_big_endian)?;
        let place = Place { top, left, plane, size };
        paste(&chunk, &mut image, layout, samples / planes, &place);
    }
    Ok(image)
}

/// One strip or tile, unpacked.
fn unpacked(
    data: &[u8],
    tables: Option<&[u8]>,
    layout: &Layout,
    [rows, columns]: [usize; 2],
    samples: usize,
    is_big_endian: bool,
) -> Result<Vec<u8>, String> {
    if layout.compression == 7 {
        if layout.is_planar || layout.bits != 8 || layout.extra != super::layout::Extra::None {
            return Err("is a TIFF file with JPEG in a layout that is not read".to_owned());
        }
        return compression::jpeg(data, tables, layout, [rows, columns]);
    }
    let row_bytes = (columns * samples * layout.bits).div_ceil(8);
    // No method packs a byte into less than a 2000th: a larger claim is a trap.
    if rows * row_bytes > data.len().saturating_mul(2048).saturating_add(4096) {
        return Err("is a damaged TIFF file: a strip is too short".to_owned());
    }
    let mut bytes = vec![0; rows * row_bytes];
    compression::decompress(layout.compression, data, &mut bytes)?;
    samples::unpack(bytes, layout, columns * samples, samples, is_big_endian)
}

/// Where a strip or tile lies in the image.
struct Place {
    top: usize,
    left: usize,
    plane: usize,
    size: [usize; 2],
}

/// Copies what of a strip or tile lies inside the image.
fn paste(chunk: &[u8], image: &mut [u8], layout: &Layout, samples: usize, place: &Place) {
    let bytes = layout.sample_bytes();
    let (from_pixel, to_pixel) = (samples * bytes, layout.samples * bytes);
    let [rows, columns] = place.size;
    let rows = rows.min(layout.height - place.top);
    let width = columns.min(layout.width - place.left);
    for row in 0..rows {
        let from = &chunk[row * columns * from_pixel..][..width * from_pixel];
        let start = ((place.top + row) * layout.width + place.left) * to_pixel;
        let to = &mut image[start..start + width * to_pixel];
        if from_pixel == to_pixel {
            to.copy_from_slice(from);
            continue;
        }
        let pixels = to.chunks_exact_mut(to_pixel).zip(from.chunks_exact(from_pixel));
        for (to, from) in pixels {
            to[place.plane * bytes..][..bytes].copy_from_slice(from);
        }
    }
}
