//! A network: its shape, its parameters, where they lie in memory, and its file.

pub(crate) mod architecture;
pub(crate) mod checkpoint;
pub(crate) mod layout;
pub(crate) mod model;
