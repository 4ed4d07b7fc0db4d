//! Augmentation policies as the command line names them.

use anyhow::{Context, anyhow};
use fewlabel_learn::augment::Policy;
use fewlabel_study::words;
use std::ffi::OsStr;
use std::path::Path;

/// A policy by its name, or from a TOML file of its settings.
pub(crate) fn read(policy: &OsStr) -> anyhow::Result<Policy> {
    let path = Path::new(policy);
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Ok(Policy::from_name(&policy.to_string_lossy())?);
    }
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text)
        .map_err(|error| anyhow!("{}: {}", path.display(), words::of_toml_text(&error, &text)))
}
