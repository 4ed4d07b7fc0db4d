//! The parts of a network in training, forward and backward.

pub(crate) mod class_head;
pub(crate) mod dropout;
pub(crate) mod encoder;
pub(crate) mod first_layer;
pub(crate) mod group;
pub(crate) mod head;
pub(crate) mod loss;
pub(crate) mod projection_head;
pub(crate) mod vicreg;
