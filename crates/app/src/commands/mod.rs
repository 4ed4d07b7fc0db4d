//! One file per command. A new one is a file here, a line in the list below, and two in `cli.rs`.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod data;
pub(crate) mod label;
pub(crate) mod labels;
pub(crate) mod learn;
pub(crate) mod man;
pub(crate) mod predict;
pub(crate) mod pretrain;
pub(crate) mod preview;
pub(crate) mod probe;
pub(crate) mod query;
pub(crate) mod report;
pub(crate) mod reproduce;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod train;
