//! `checkpoint.bin`: where a run stands, and how long its records were at that moment. The training
//! of a single model keeps one like it beside the model's file.

use crate::error::StudyError;
use crate::store::atomic_file;
use crate::store::record::Phases;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

const MAGIC: &[u8; 8] = b"fewlchk1";

/// No run's models take more: what does is not read.
const LONGEST: u64 = 1 << 34;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Checkpoint<B = Lengths> {
    /// What belongs to the snapshot beside it.
    pub(crate) beside: B,
    /// The learn crate's snapshot.
    pub(crate) snapshot: Vec<u8>,
}

/// What belongs to the snapshot of a run of a study.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lengths {
    /// Bytes of `epochs.jsonl`.
    pub(crate) epochs: u64,
    /// Bytes of `queries.jsonl`.
    pub(crate) queries: u64,
    /// Bytes of `answers.jsonl`; none where the run has no such record.
    #[serde(default)]
    pub(crate) answers: u64,
    /// Seconds computed so far.
    pub(crate) seconds: f64,
    /// Starts so far, this one included.
    #[serde(default)]
    pub(crate) starts: u32,
    /// Where the seconds went.
    #[serde(default)]
    pub(crate) phases: Phases,
    /// The run whose queries or model were taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) taken_from: Option<String>,
}

impl<B: Serialize + DeserializeOwned> Checkpoint<B> {
    pub(crate) fn write(&self, path: &Path) -> Result<(), StudyError> {
        let header = serde_json::to_vec(&self.beside)
            .map_err(|e| StudyError::damaged(path, e.to_string()))?;
        let mut bytes =
            Vec::with_capacity(MAGIC.len() + 4 + header.len() + self.snapshot.len() + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(&self.snapshot);
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        atomic_file::write_whole(path, &bytes)
    }

    /// The checkpoint at `path`, if there is one; a damaged one is an error that the run answers by
    /// starting over.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, StudyError> {
        let Some(bytes) = atomic_file::read_at_most(path, LONGEST)? else { return Ok(None) };
        match Self::parse(&bytes) {
            Some(checkpoint) => Ok(Some(checkpoint)),
            None => Err(StudyError::damaged(path, "the checkpoint is damaged")),
        }
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Sha256::digest(body).as_slice() != digest {
            return None;
        }
        let rest = body.strip_prefix(MAGIC)?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (header, snapshot) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Self { beside: serde_json::from_slice(header).ok()?, snapshot: snapshot.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_any_flipped_byte_is_seen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("checkpoint.bin");
        assert_eq!(Checkpoint::<Lengths>::read(&path).expect("none yet"), None);
        let lengths =
            Lengths { epochs: 7, queries: 9, seconds: 1.5, starts: 3, ..Lengths::default() };
        let written = Checkpoint { beside: lengths, snapshot: vec![1, 2, 3] };
        written.write(&path).expect("written");
        assert_eq!(Checkpoint::read(&path).expect("read"), Some(written));
        let bytes = std::fs::read(&path).expect("read");
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(Checkpoint::<Lengths>::parse(&damaged), None, "byte {place}");
            assert_eq!(Checkpoint::<Lengths>::parse(&bytes[..place]), None, "cut at {place}");
        }
    }
}
