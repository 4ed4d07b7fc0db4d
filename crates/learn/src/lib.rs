//! Learning with few labels.
