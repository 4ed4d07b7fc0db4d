//! Learning with few labels.
pub mod augment;
