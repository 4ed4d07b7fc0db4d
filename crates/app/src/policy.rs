//! Augmentation policies as the command line names them.

use anyhow::Context;
use fewlabel_learn::augment::Policy;
use std::path::Path;

/// A policy by its name, or from a TOML file of its settings.
pub(crate) fn read(policy: &str) -> anyhow::Result<Policy> {
    let path = Path::new(policy);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Ok(Policy::from_name(policy)?);
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {policy}"))?;
    toml::from_str(&text).with_context(|| policy.to_owned())
}
