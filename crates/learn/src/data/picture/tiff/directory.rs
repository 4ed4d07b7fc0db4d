//! The directories of a TIFF: one of tags for each page, in a chain.

use super::super::cut;
use std::collections::HashSet;

/// The most pages that are counted.
const MOST_PAGES: usize = 1 << 20;

/// A TIFF as bytes: who comes first in its numbers, and how wide its offsets are.
#[derive(Clone, Copy)]
pub(in super::super) struct Container<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) is_big_endian: bool,
    /// BigTIFF has offsets of 64 bits.
    is_big: bool,
}

impl<'a> Container<'a> {
    /// The file, and where its first directory is.
    pub(in super::super) fn open(bytes: &'a [u8]) -> Result<(Self, u64), String> {
        let (is_big_endian, is_big) = match bytes.get(..4) {
            Some(b"II*\0") => (false, false),
            Some(b"MM\0*") => (true, false),
            Some(b"II+\0") => (false, true),
            Some(b"MM\0+") => (true, true),
            _ => return Err("is no TIFF file".to_owned()),
        };
        let container = Self { bytes, is_big_endian, is_big };
        let first = if is_big { container.number(8, 8) } else { container.number(4, 4) }?;
        Ok((container, first))
    }

    /// Where every page's directory is.
    pub(super) fn pages(&self, first: u64) -> Result<Vec<Directory<'a>>, String> {
        let mut seen = HashSet::new();
        let mut pages = Vec::new();
        let mut at = first;
        while at != 0 {
            if !seen.insert(at) {
                return Err("is a damaged TIFF file: its pages form a circle".to_owned());
            }
            if pages.len() == MOST_PAGES {
                return Err("is a TIFF file of more pages than are read".to_owned());
            }
            let (page, next) = self.directory(at)?;
            pages.push(page);
            at = next;
        }
        if pages.is_empty() {
            return Err("is a damaged TIFF file: it holds no page".to_owned());
        }
        Ok(pages)
    }

    /// The directory at an offset, and where the next one is.
    pub(in super::super) fn directory(&self, at: u64) -> Result<(Directory<'a>, u64), String> {
        let (count_width, entry) = if self.is_big { (8, 20) } else { (2, 12) };
        let count = self.number(at, count_width)?;
        let start = at.saturating_add(count_width as u64);
        let end = start.saturating_add(count.saturating_mul(entry));
        self.slice(start, end.saturating_sub(start))?;
        let next = self.number(end, if self.is_big { 8 } else { 4 })?;
        Ok((Directory { container: *self, start, count }, next))
    }

    /// The bytes from `at` on, so many.
    pub(super) fn slice(&self, at: u64, length: u64) -> Result<&'a [u8], String> {
        let range = usize::try_from(at).ok().zip(usize::try_from(length).ok());
        let range = range.and_then(|(at, length)| self.bytes.get(at..at.checked_add(length)?));
        range.ok_or_else(|| cut("before what its directory points to"))
    }

    /// A number of up to 8 bytes.
    fn number(&self, at: u64, width: usize) -> Result<u64, String> {
        Ok(unsigned(self.slice(at, width as u64)?, self.is_big_endian))
    }
}

/// The tags of one page.
#[derive(Clone, Copy)]
pub(in super::super) struct Directory<'a> {
    container: Container<'a>,
    start: u64,
    count: u64,
}

/// What stands behind a tag.
struct Entry<'a> {
    bytes: &'a [u8],
    /// The type of its numbers, as TIFF counts them.
    kind: u64,
    /// Bytes of one number.
    width: usize,
}

impl<'a> Directory<'a> {
    /// What stands behind a tag, where it is there.
    fn entry(&self, tag: u16) -> Result<Option<Entry<'a>>, String> {
        let file = &self.container;
        let (entry, count_width, inline) = if file.is_big { (20, 8, 8) } else { (12, 4, 4) };
        for i in 0..self.count {
            let at = self.start + i * entry;
            if file.number(at, 2)? != u64::from(tag) {
                continue;
            }
            let kind = file.number(at + 2, 2)?;
            let width = match kind {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => return Err(format!("is a damaged TIFF file: tag {tag} has type {kind}")),
            };
            let count = file.number(at + 4, count_width)?;
            let length = count.saturating_mul(width);
            let value = at + 4 + count_width as u64;
            let value = if length <= inline { value } else { file.number(value, inline as usize)? };
            let bytes = file.slice(value, length)?;
            return Ok(Some(Entry { bytes, kind, width: width as usize }));
        }
        Ok(None)
    }

    /// The whole numbers of a tag, where it is there.
    pub(super) fn numbers(&self, tag: u16) -> Result<Option<Vec<u64>>, String> {
        let Some(Entry { bytes, kind, width }) = self.entry(tag)? else { return Ok(None) };
        if !matches!(kind, 1 | 3 | 4 | 7 | 13 | 16 | 18) {
            return Err(format!("is a damaged TIFF file: tag {tag} is no whole number"));
        }
        let numbers = bytes.chunks_exact(width);
        Ok(Some(numbers.map(|number| unsigned(number, self.container.is_big_endian)).collect()))
    }

    /// The first whole number of a tag, where it is there.
    pub(in super::super) fn number(&self, tag: u16) -> Result<Option<u64>, String> {
        Ok(self.numbers(tag)?.and_then(|numbers| numbers.first().copied()))
    }

    /// The bytes of a tag, where it is there.
    pub(super) fn bytes(&self, tag: u16) -> Result<Option<&'a [u8]>, String> {
        Ok(self.entry(tag)?.map(|entry| entry.bytes))
    }
}

/// An unsigned number of 1 to 8 bytes.
pub(super) fn unsigned(bytes: &[u8], is_big_endian: bool) -> u64 {
    let add = |number, &byte: &u8| number << 8 | u64::from(byte);
    match is_big_endian {
        true => bytes.iter().fold(0, add),
        false => bytes.iter().rev().fold(0, add),
    }
}
