//! The `fewlabel` command.
fn main() {}
