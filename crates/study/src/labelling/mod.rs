//! A project: a person labels images, and a classifier learns from every answer.
//!
//! | file | holds |
//! |---|---|
//! | `event` | what can happen |
//! | `store` | the events and the images' names on disk |
//! | `state` | what the events come to |
//! | `reserve` | which images are held out to judge by |
//! | `desk` | which image comes next |
//! | `session` | everything at work: reading, learning, choosing, judging |
//! | `estimate`, `forecast`, `rate`, `advice` | what a classifier is worth, what labels add |
//! | `rows`, `exports`, `import` | answers as other programs read and write them |
//! | `handover` | what a person takes away |

pub mod advice;
mod cells;
pub mod curve;
mod desk;
pub mod estimate;
pub mod event;
pub mod exports;
pub mod forecast;
pub mod handover;
pub mod import;
pub mod loaded;
mod network_disk;
pub mod pictures;
pub mod project;
pub mod rate;
pub mod reserve;
pub mod rows;
pub mod session;
mod shares;
pub mod state;
pub mod store;
