//! What classes are called: by the file, by a text file beside it, or by the number of their label.

use super::error::DataError;
use super::npy::{self, Header};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Labels above this are taken for damage, not for classes.
pub(super) const MAX_CLASSES: usize = 1024;
/// Characters of a name.
const MAX_LENGTH: usize = 200;
/// Bytes of a text file of names, with room for four a character.
const MAX_TEXT: usize = 4 * (MAX_LENGTH + 2) * MAX_CLASSES;

/// Names for classes that have none.
pub fn placeholders(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class_{class}")).collect()
}

/// Whether nobody gave these names: they are [`placeholders`].
pub fn are_placeholders(names: &[String]) -> bool {
    names.iter().enumerate().all(|(class, name)| *name == format!("class_{class}"))
}

/// Whether these may be the same classes: as many, of the same names where both have names.
pub fn agree(a: &[String], b: &[String]) -> bool {
    a.len() == b.len() && (a == b || are_placeholders(a) || are_placeholders(b))
}

/// Where the names of the classes of `path` may stand, one a line: `organs.classes.txt` beside
/// `organs.npz`.
pub fn file_beside(path: &Path) -> PathBuf {
    path.with_extension("classes.txt")
}

/// Names that can be told apart and printed, as many as there can be classes.
pub(super) fn check(names: &[String]) -> Result<(), String> {
    if !(2..=MAX_CLASSES).contains(&names.len()) {
        return Err(format!("{} names, expected 2 to {MAX_CLASSES}", names.len()));
    }
    check_each(names)
}

/// The same for any number of names up to the most there can be.
///
/// # Errors
/// Says what is wrong with which name.
pub fn check_each(names: &[String]) -> Result<(), String> {
    if names.len() > MAX_CLASSES {
        return Err(format!("{} names of classes, expected {MAX_CLASSES} at most", names.len()));
    }
    let mut seen = BTreeSet::new();
    for (class, name) in names.iter().enumerate() {
        if name.trim().is_empty() {
            return Err(format!("the name of class {class} is empty"));
        }
        if name.chars().count() > MAX_LENGTH || name.chars().any(char::is_control) {
            return Err(format!(
                "the name of class {class} is no plain line of at most {MAX_LENGTH} characters"
            ));
        }
        if !seen.insert(name) {
            return Err(format!("{name:?} is the name of two classes"));
        }
    }
    Ok(())
}

/// The names in the text file beside `path`, if there is one.
pub(super) fn beside(path: &Path) -> Result<Option<Vec<String>>, DataError> {
    let path = file_beside(path);
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(|source| DataError::Read { path: path.clone(), source })?,
    };
    let wrong =
        |problem: String| DataError::ClassNames { origin: path.display().to_string(), problem };
    if bytes.len() > MAX_TEXT {
        return Err(wrong(format!("{} bytes, expected one name a line", bytes.len())));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8 text".to_owned()))?;
    let text = text.trim_start_matches('\u{feff}').trim_end();
    let names: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    check(&names).map_err(wrong)?;
    Ok(Some(names))
}

/// An array of texts as NumPy writes one (`<U`), which it reads without pickle.
pub(super) fn to_npy(names: &[String]) -> Vec<u8> {
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let mut bytes = npy::header_bytes(&format!("<U{width}"), &[names.len()]);
    for name in names {
        let padding = std::iter::repeat_n(0, width - name.chars().count());
        bytes.extend(name.chars().map(u32::from).chain(padding).flat_map(u32::to_le_bytes));
    }
    bytes
}

/// Bytes of one text of the array that `header` describes.
pub(super) fn width(header: &Header) -> Result<u64, String> {
    let expected = "expected an array of texts, such as numpy.array([\"benign\", \"malignant\"])";
    let kind = header.descr.trim_start_matches(['<', '>', '=', '|']);
    let (unit, letters) = match kind.split_at_checked(1) {
        Some(("U", letters)) => (4, letters),
        Some(("S", letters)) => (1, letters),
        _ => return Err(format!("dtype is {:?}, {expected}", header.descr)),
    };
    let letters =
        letters.parse::<u64>().ok().filter(|letters| (1..=4 * MAX_LENGTH as u64).contains(letters));
    let letters = letters.ok_or_else(|| {
        format!("dtype is {:?}, expected at most {MAX_LENGTH} characters", header.descr)
    })?;
    match header.shape[..] {
        [names] if names <= MAX_CLASSES as u64 => Ok(unit * letters),
        _ => Err(format!("shape is {:?}, {expected}", header.shape)),
    }
}

/// The names in the `bytes` of an array that [`width`] accepts.
pub(super) fn from_npy(header: &Header, bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = |element: &[u8]| match header.descr.contains('S') {
        true => std::str::from_utf8(element).ok().map(str::to_owned),
        false => {
            let (letters, _) = element.as_chunks::<4>();
            let is_big_endian = header.descr.starts_with('>');
            let code = |letter: &[u8; 4]| {
                if is_big_endian {
                    u32::from_be_bytes(*letter)
                } else {
                    u32::from_le_bytes(*letter)
                }
            };
            letters.iter().map(|letter| char::from_u32(code(letter))).collect()
        }
    };
    let names = bytes.chunks_exact(width(header)? as usize).enumerate().map(|(class, element)| {
        let name =
            text(element).ok_or_else(|| format!("the name of class {class} is no Unicode text"))?;
        Ok(name.trim_end_matches('\0').to_owned())
    });
    let names = names.collect::<Result<Vec<String>, String>>()?;
    check(&names)?;
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_of_nobody_are_told_from_names_of_one_s_own() {
        assert!(
            are_placeholders(&placeholders(3)) && are_placeholders(&owned(&["class_0", "class_1"]))
        );
        assert!(
            !are_placeholders(&owned(&["class_1", "class_0"]))
                && !are_placeholders(&owned(&["a", "b"]))
        );
    }

    #[test]
    fn classes_without_names_may_be_any_of_as_many() {
        let own = owned(&["a", "b", "c"]);
        assert!(
            agree(&own, &own) && agree(&own, &placeholders(3)) && agree(&placeholders(3), &own)
        );
        assert!(!agree(&own, &placeholders(2)) && !agree(&own, &owned(&["a", "c", "b"])));
    }

    #[test]
    fn names_that_cannot_be_told_apart_or_printed_are_refused() {
        for (names, expected) in [
            (owned(&["a"]), "1 names, expected 2 to 1024"),
            (owned(&["a", " "]), "the name of class 1 is empty"),
            (owned(&["a", "b", "a"]), "\"a\" is the name of two classes"),
            (owned(&["a", "b\u{1b}[2J"]), "class 1 is no plain line"),
        ] {
            assert!(check(&names).unwrap_err().contains(expected), "{names:?}");
        }
    }

    #[test]
    fn a_text_file_beside_the_data_names_the_classes() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("moles.npz");
        assert_eq!(beside(&data).unwrap(), None);
        std::fs::write(
            folder.path().join("moles.classes.txt"),
            "\u{feff}normal, benign\r\nmalignant\r\n\r\n",
        )
        .unwrap();
        assert_eq!(beside(&data).unwrap(), Some(owned(&["normal, benign", "malignant"])));
        std::fs::write(folder.path().join("moles.classes.txt"), "a\n\nb\n").unwrap();
        let error = beside(&data).unwrap_err().to_string();
        assert!(
            error.contains("moles.classes.txt") && error.ends_with("the name of class 1 is empty"),
            "{error}"
        );
    }

    #[test]
    fn texts_of_numpy_are_read_in_every_form() {
        let names = owned(&["näevus", "melanoma"]);
        let file = to_npy(&names);
        let mut data = &file[..];
        let header = Header::read(&mut data).unwrap();
        assert_eq!((header.descr.as_str(), header.shape.as_slice()), ("<U8", &[2][..]));
        assert_eq!(from_npy(&header, data).unwrap(), names);
        let swapped: Vec<u8> =
            data.chunks(4).flat_map(|letter| letter.iter().rev().copied()).collect();
        let form = |descr: &str, shape: &[u64]| Header {
            descr: descr.to_owned(),
            shape: shape.to_vec(),
            ..header.clone()
        };
        assert_eq!(from_npy(&form(">U8", &[2]), &swapped).unwrap(), names);
        assert_eq!(from_npy(&form("|S2", &[2]), b"a\0bc").unwrap(), owned(&["a", "bc"]));
        assert!(from_npy(&form("<U8", &[2]), &[255; 64]).unwrap_err().contains("no Unicode text"));
        for (descr, shape) in [
            ("|O", &[2][..]),
            ("<U8", &[2, 1]),
            ("<U8", &[9999]),
            ("<U99999", &[2]),
            ("<f4", &[2]),
            ("", &[2]),
        ] {
            assert!(width(&form(descr, shape)).unwrap_err().contains("expected"), "{descr}");
        }
    }
}
