//! TIFF and BigTIFF: every page is an image.
//!
//! Read by this program's own code: the `tiff` crate (0.11.3) knows no palettes and panics on files
//! that exist. Here the decompressors are libraries, and what is around them is a walk over the
//! tags, in which anything that is not understood is refused by its name.

mod chunks;
mod compression;
mod directory;
mod layout;
mod samples;

use super::{Raster, check_size};
pub(super) use directory::Container;
use directory::Directory;
use layout::Layout;

/// The tag of EXIF's orientation, in EXIF blocks and in TIFF pages.
pub(super) const ORIENTATION: u16 = 274;

/// How many pages there are; every one has to lie inside the file.
pub(super) fn frames(bytes: &[u8]) -> Result<usize, String> {
    let (container, first) = Container::open(bytes)?;
    Ok(container.pages(first)?.len())
}

pub(super) fn read(bytes: &[u8], frame: usize) -> Result<Raster, String> {
    let (container, first) = Container::open(bytes)?;
    let pages = container.pages(first)?;
    // Once for every file: a cut one may have lost the pixels of its last pages only.
    if frame == 0 {
        for page in &pages {
            chunks::check_extent(container, page)?;
        }
    }
    let page = &pages[frame];
    let layout = Layout::of(page)?;
    // The samples as they come out, and the values made of them.
    let widest = layout.sample_bytes().max(if layout.is_float_made() { 4 } else { 1 });
    check_size(layout.height, layout.width, layout.samples.max(3) * widest)?;
    let raw = chunks::read(container, page, &layout)?;
    let (channels, bits, values, mut notes) = samples::values(raw, page, &layout)?;
    notes.extend(page_notes(page, pages.len())?);
    Ok(Raster {
        height: layout.height,
        width: layout.width,
        channels,
        bits,
        values,
        orientation: page.number(ORIENTATION)?,
        notes,
    })
}

/// What a person should know of a page beside its pixels.
fn page_notes(page: &Directory, pages: usize) -> Result<Vec<String>, String> {
    let mut notes = Vec::new();
    // NewSubfileType: bit 0 is a smaller copy, bit 2 a mask.
    let kind = page.number(254)?.unwrap_or(0);
    if kind & 1 != 0 {
        notes.push("the page is a smaller copy of another one".to_owned());
    }
    // ImageJ writes stacks above 4 GB as one page with the rest behind it.
    let description = String::from_utf8_lossy(page.bytes(270)?.unwrap_or_default());
    let images = description.lines().find_map(|line| line.strip_prefix("images="));
    if let Some(images) = images.filter(|images| pages == 1 && images.trim() != "1") {
        let images: String = images.trim().chars().take(12).collect();
        notes.push(format!("ImageJ wrote {images} images here, of which one is a page"));
    }
    Ok(notes)
}
