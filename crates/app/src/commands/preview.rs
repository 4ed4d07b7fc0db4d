//! `fewlabel preview --data D --policy P --out FILE`: what augmentation does, as a picture.

use crate::data_set::DataOptions;
use crate::options::Common;
use crate::policy;
use crate::screen;
use anyhow::bail;
use clap::Args;
use fewlabel_learn::augment::preview;
use fewlabel_learn::counted;
use std::ffi::OsString;
use std::path::PathBuf;

/// Arguments of `preview`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// A catalogue name or a path.
    #[arg(long, value_name = "D", default_value = "phantom")]
    data: PathBuf,
    #[command(flatten)]
    options: DataOptions,
    /// A policy's name, or a TOML file with its settings.
    #[arg(long, value_name = "P", default_value = "paper")]
    policy: OsString,
    /// Images shown, one a row: the first of every class, then the second, and so on.
    #[arg(long, value_name = "N", default_value_t = 8,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    images: u16,
    /// Variants of each image beside it.
    #[arg(long, value_name = "N", default_value_t = 7,
        value_parser = clap::value_parser!(u16).range(1..=100))]
    variants: u16,
}

pub(crate) fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<()> {
    let out = common.out("preview.png");
    let svg = match out.extension().and_then(|extension| extension.to_str()) {
        Some("png") => false,
        Some("svg") => true,
        _ => bail!("{}: a preview is a .png or .svg file", out.display()),
    };
    let policy = policy::read(&arguments.policy)?;
    let dataset = arguments.options.open(&arguments.data, common)?;
    if policy.is_learned() {
        bail!(
            "a learned policy is chosen on labelled images during a run; there is nothing to \
             preview before"
        );
    }
    screen::warn_of_mirrors(&policy, &dataset);
    let (images, variants) = (usize::from(arguments.images), usize::from(arguments.variants));
    let sheet =
        preview(&dataset.train, &dataset.class_names, &policy, images, variants, common.seed);
    let bytes = if svg { sheet.to_svg().into_bytes() } else { sheet.to_png() };
    fewlabel_study::write_named(&out, &bytes)?;
    let shown = sheet.tiles.len() / sheet.columns;
    if common.json {
        return screen::print_json(&serde_json::json!({
            "file": out.display().to_string(), "data": dataset.name, "policy": policy,
            "images": shown, "variants": variants,
        }));
    }
    let (file, name) = (out.display(), policy.name());
    screen::print(&format!(
        "{file}: {} of {} with {} each, policy {name}\n",
        counted(shown, "image"),
        dataset.name,
        counted(variants, "variant")
    ))
}
