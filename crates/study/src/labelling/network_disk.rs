//! Whether a folder lies on another machine's disk. SQLite's log needs memory that all its readers
//! share, and locks that hold; across a network neither is certain, and labels could be lost.

use std::path::Path;

/// Kinds of file system that reach over a network, by the numbers of Linux's `statfs(2)`.
#[cfg(target_os = "linux")]
const KINDS: [(u64, &str); 10] = [
    (0x6969, "NFS"),
    (0x517B, "SMB"),
    (0xFF53_4D42, "CIFS"),
    (0xFE53_4D42, "SMB"),
    (0x0102_1997, "9p"),
    (0x5346_414F, "AFS"),
    (0x00C3_6400, "Ceph"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
];

/// What kind of network a folder that is there lies behind, if it does.
#[cfg(target_os = "linux")]
pub(super) fn kind(folder: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(folder).ok()?;
    // The type of the number differs among machines; its lower 32 bits are the kind.
    let number = found.f_type as u64 & 0xFFFF_FFFF;
    KINDS.iter().find(|(kind, _)| *kind == number).map(|(_, name)| *name)
}

/// Only Linux tells it by a number.
#[cfg(not(target_os = "linux"))]
pub(super) fn kind(_folder: &Path) -> Option<&'static str> {
    None
}
