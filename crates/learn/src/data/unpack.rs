//! Bytes out of a file that may claim anything: memory grows as they arrive.

use crate::memory;
use std::io::Read;

/// Bytes read at a time, and what memory begins with.
const BLOCK: usize = 1 << 20;

/// Reads the `claim` bytes that a header promises and makes sure that nothing follows, which also
/// makes an archive check its checksum. What the machine has no room for is refused before a byte
/// is read. Fails with a sentence that fits after a name.
pub(super) fn read(reader: &mut impl Read, claim: u64) -> Result<Vec<u8>, String> {
    refuse_without_room(claim, memory::available())?;
    let claim = usize::try_from(claim)
        .map_err(|_| format!("needs {claim} bytes, more than this machine can address"))?;
    let mut bytes = Vec::new();
    while bytes.len() < claim {
        if bytes.len() == bytes.capacity() {
            // Twice as much as has arrived, and never more than was promised.
            let room = bytes.len().max(BLOCK).min(claim - bytes.len());
            bytes
                .try_reserve_exact(room)
                .map_err(|_| format!("needs {claim} bytes, and the memory is full"))?;
        }
        let wanted = BLOCK.min(claim - bytes.len()).min(bytes.capacity() - bytes.len());
        match reader.by_ref().take(wanted as u64).read_to_end(&mut bytes).map_err(sentence)? {
            0 => return Err(format!("ends after {} bytes, expected {claim}", bytes.len())),
            _ => continue,
        }
    }
    match reader.read(&mut [0]).map_err(sentence)? {
        0 => Ok(bytes),
        _ => Err(format!("goes on after {claim} bytes, where it should end")),
    }
}

/// Refuses more bytes than are available, where that is known.
fn refuse_without_room(claim: u64, available: Option<u64>) -> Result<(), String> {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    match available {
        Some(available) if claim > available => Err(format!(
            "needs {} MiB of memory, and this machine has {} MiB free",
            mib(claim),
            mib(available)
        )),
        _ => Ok(()),
    }
}

/// What a failure to read means. Only a checksum tells damage from a file that is merely wrong.
fn sentence(error: std::io::Error) -> String {
    match error.to_string() {
        text if text.to_lowercase().contains("checksum") => {
            "is damaged: its checksum does not fit its bytes".to_owned()
        }
        text => format!("cannot be unpacked: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_read_and_nothing_else() {
        let bytes: Vec<u8> = (0..3_000_000).map(|i| (i % 251) as u8).collect();
        let read_all = read(&mut &bytes[..], 3_000_000).unwrap();
        assert!(read_all == bytes && read_all.capacity() == bytes.len());
        assert_eq!(
            read(&mut &bytes[..], 3_000_001).unwrap_err(),
            "ends after 3000000 bytes, expected 3000001"
        );
        assert_eq!(
            read(&mut &bytes[..], 2_999_999).unwrap_err(),
            "goes on after 2999999 bytes, where it should end"
        );
        assert_eq!(read(&mut &bytes[..0], 0), Ok(Vec::new()));
    }

    #[test]
    fn what_has_no_room_is_refused_before_it_is_read() {
        assert_eq!(
            refuse_without_room(3 << 20, Some(2 << 20)).unwrap_err(),
            "needs 3 MiB of memory, and this machine has 2 MiB free"
        );
        assert!(
            refuse_without_room(2 << 20, Some(2 << 20)).is_ok()
                && refuse_without_room(u64::MAX, None).is_ok()
        );
    }

    #[test]
    fn a_short_file_costs_no_more_memory_than_it_has_bytes() {
        /// A reader that notes the largest block it was asked for.
        struct Counting(u64);
        impl Read for Counting {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                let given = out.len().min(self.0 as usize);
                assert!(out.len() <= BLOCK, "{} bytes at once", out.len());
                self.0 -= given as u64;
                Ok(given)
            }
        }
        let error = read(&mut Counting(5 << 20), 1 << 30).unwrap_err();
        assert_eq!(error, "ends after 5242880 bytes, expected 1073741824");
    }
}
