//! Learning with few labels.
#![deny(missing_docs)]
#![forbid(unsafe_code)]

pub mod acquire;
pub mod augment;
pub mod data;
