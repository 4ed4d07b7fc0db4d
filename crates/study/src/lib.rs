//! Experiments on disk.
