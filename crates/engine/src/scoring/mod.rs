//! A model in use.

pub(crate) mod scorer;
