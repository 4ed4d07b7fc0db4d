//! Paths in text: settings are UTF-8, names of files need not be. What text cannot hold is written
//! as a `file:` address (RFC 8089) with `%XX` for its bytes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What an address begins with.
const SCHEME: &str = "file://";
/// What stands in an address as it is, beside letters and digits.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// `path` as text from which [`from_text`] makes the same path.
pub fn to_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) if !text.starts_with(SCHEME) => text.to_owned(),
        _ => {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            format!("{SCHEME}{}", percent_encode(absolute.as_os_str().as_encoded_bytes(), KEPT))
        }
    }
}

/// The path that `text` names: itself, or what its address stands for.
pub fn from_text(text: &str) -> PathBuf {
    match text.strip_prefix(SCHEME) {
        Some(address) => PathBuf::from(system_string(percent_decode_str(address).collect())),
        None => PathBuf::from(text),
    }
}

/// Bytes as the system's text: on Unix any, elsewhere UTF-8.
#[cfg(unix)]
pub(super) fn system_string(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

/// Bytes as the system's text: on Unix any, elsewhere UTF-8.
#[cfg(not(unix))]
pub(super) fn system_string(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_their_own_text() {
        for text in ["phantom", "a b/ä%41.npz", "/data/x.npz"] {
            assert_eq!(
                (to_text(Path::new(text)).as_str(), from_text(text)),
                (text, PathBuf::from(text))
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn any_bytes_survive_text() {
        let path = PathBuf::from(system_string(b"/data/caf\xe9 %41\n.npz".to_vec()));
        let text = to_text(&path);
        assert_eq!(text, "file:///data/caf%E9%20%2541%0A.npz");
        assert_eq!(from_text(&text), path);
        assert_eq!(
            from_text(&to_text(Path::new("file:///x"))),
            std::path::absolute("file:///x").unwrap()
        );
    }
}
