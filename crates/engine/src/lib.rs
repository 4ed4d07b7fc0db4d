//! A CPU engine that trains and scores small convolutional networks, with the same bits on every machine.
#![deny(missing_docs)]

mod kernels;

pub mod image;
pub mod math;
pub mod rng;
pub mod vector;
