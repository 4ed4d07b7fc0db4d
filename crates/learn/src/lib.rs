//! Learning with few labels.
pub mod acquire;
pub mod augment;
