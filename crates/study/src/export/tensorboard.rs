//! Event files for TensorBoard, one folder a run: scalars of every epoch and query while they
//! happen.
//!
//! A file is a sequence of records (TensorFlow, `record_writer.h`): length u64, masked CRC-32C of
//! the length, the bytes, masked CRC-32C of the bytes, little endian. The bytes are an `Event`
//! message (`event.proto`): 1 wall time (double), 2 step (int64), 3 file version (string), 5
//! summary; a summary's values (1) have a tag (1) and a simple value (2, float). The files hold
//! wall times, and differ from one computation to the next as the timings do.

use crate::ask::job::Job;
use crate::error::{AtPath, StudyError};
use crate::store::atomic_file;
use crate::store::study_dir::Folder;
use fewlabel_learn::run::events::{EpochEvent, Phase, QueryEvent};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// The events of one run; its file is made when the first comes.
pub(crate) struct Board {
    place: PathBuf,
    file: Option<(PathBuf, File)>,
    /// Epochs of the loop so far: their step.
    loop_epochs: i64,
}

impl Board {
    /// The board of a run, in `tensorboard/<label>-<id>`.
    pub(crate) fn new(folder: &Folder, job: &Job) -> Self {
        let label: String = job
            .settings
            .label()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        Self {
            place: folder.path().join("tensorboard").join(format!("{label}-{}", job.id)),
            file: None,
            loop_epochs: 0,
        }
    }

    pub(crate) fn epoch(&mut self, event: &EpochEvent) -> Result<(), StudyError> {
        let (phase, step) = match event.phase {
            Phase::Loop => {
                self.loop_epochs += 1;
                ("loop", self.loop_epochs)
            }
            Phase::Final => ("final", i64::from(event.epoch)),
        };
        let (loss, accuracy) =
            (event.train_loss, event.val_accuracy.map(|accuracy| accuracy as f32));
        let scalars = [("train_loss", loss), ("val_accuracy", accuracy)];
        let there = scalars.into_iter().filter_map(|(name, value)| Some((name, value?)));
        there
            .into_iter()
            .try_for_each(|(name, value)| self.scalar(&format!("{phase}/{name}"), step, value))
    }

    pub(crate) fn query(&mut self, event: &QueryEvent) -> Result<(), StudyError> {
        let step = i64::from(event.round);
        let scores = event.picks.iter().filter_map(|pick| pick.score);
        let entropies = event.picks.iter().filter_map(|pick| pick.entropy);
        let means =
            [("query/mean_score", mean(scores)), ("query/mean_entropy_bits", mean(entropies))];
        let there = means.into_iter().filter_map(|(tag, value)| Some((tag, value?)));
        there.into_iter().try_for_each(|(tag, value)| self.scalar(tag, step, value as f32))
    }

    fn scalar(&mut self, tag: &str, step: i64, value: f32) -> Result<(), StudyError> {
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        if self.file.is_none() {
            atomic_file::make_folder(&self.place)?;
            let name =
                format!("events.out.tfevents.{}.{}.fewlabel", now as u64, std::process::id());
            let path = self.place.join(name);
            let file =
                OpenOptions::new().create(true).append(true).open(&path).at("open", &path)?;
            self.file = Some((path, file));
            self.write(&version(now))?;
        }
        self.write(&summary(now, step, tag, value))
    }

    fn write(&mut self, event: &[u8]) -> Result<(), StudyError> {
        let (path, file) = self.file.as_mut().expect("opened before");
        file.write_all(&record(event)).at("write", path)
    }
}

/// The mean of what is there; none of nothing.
fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// One record around the bytes of a message.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    [&length[..], &masked_crc(&length), bytes, &masked_crc(bytes)].concat()
}

fn version(now: f64) -> Vec<u8> {
    [double(1, now), delimited(3, b"brain.Event:2")].concat()
}

fn summary(now: f64, step: i64, tag: &str, value: f32) -> Vec<u8> {
    let value = [delimited(1, tag.as_bytes()), float(2, value)].concat();
    [double(1, now), integer(2, step as u64), delimited(5, &delimited(1, &value))].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field of wire type 0.
fn integer(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of wire type 1.
fn double(field: u64, value: f64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

/// A field of wire type 2.
fn delimited(field: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field of wire type 5.
fn float(field: u64, value: f32) -> Vec<u8> {
    [varint(field << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

/// The checksum as records hold it: turned by 15 bits and moved by a constant.
fn masked_crc(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// CRC-32C (Castagnoli), bit by bit: events are few and short.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_3720() {
        // RFC 3720, B.4: 32 bytes of zeros, of ones, and ascending.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&std::array::from_fn::<u8, 32, _>(|i| i as u8)), 0x46dd_794e);
    }

    #[test]
    fn a_scalar_has_the_bytes_that_protobuf_gives() {
        // event_pb2.Event(wall_time=1.5, step=300, summary=Summary(value=[Value(tag="a",
        // simple_value=0.5)]))
        let wanted = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02, 0x2a, 0x0a, 0x0a, 0x08][..],
            &[0x0a, 0x01, b'a', 0x15, 0, 0, 0, 0x3f],
        ];
        assert_eq!(summary(1.5, 300, "a", 0.5), wanted.concat());
        assert_eq!(record(b"xy").len(), 8 + 4 + 2 + 4);
    }
}
