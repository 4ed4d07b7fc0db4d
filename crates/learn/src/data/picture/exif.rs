//! The one thing that is read from EXIF: the orientation.

use super::tiff::{Container, ORIENTATION};

/// The orientation in an EXIF block, which is a small TIFF, with or without the words before it.
pub(super) fn orientation(block: &[u8]) -> Option<u64> {
    let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let (container, first) = Container::open(block).ok()?;
    let (directory, _) = container.directory(first).ok()?;
    directory.number(ORIENTATION).ok()?
}
