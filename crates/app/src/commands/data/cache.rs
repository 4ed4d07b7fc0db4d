//! `fewlabel data cache list|clear`: copies of images that were read before.

use crate::options::Common;
use crate::screen;
use anyhow::Context as _;
use clap::Subcommand;
use fewlabel_learn::memory;
use fewlabel_study::store::image_cache::ImageCache;
use std::path::PathBuf;

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List the folders whose images are kept, and how much of them.
    List,
    /// Remove all that is kept, or what is kept of one folder.
    Clear {
        /// The folder of the images; that of a manifest.
        #[arg(value_name = "FOLDER")]
        folder: Option<PathBuf>,
    },
}

pub(super) fn run(action: &Action, common: &Common) -> anyhow::Result<()> {
    let cache = ImageCache::of_user().context("there is no cache folder: set FEWLABEL_DATA")?;
    let place = cache.folder().display().to_string();
    match action {
        Action::List => {
            let kept = cache.list()?;
            if common.json {
                let document = serde_json::json!({ "folder": place, "sources": kept });
                return screen::print_json(&document);
            }
            let rows = kept.iter().map(|kept| {
                [kept.source.clone(), kept.blocks.to_string(), memory::in_words(kept.bytes as f64)]
            });
            let table = screen::table(["images of", "files", "size"], rows);
            screen::print(&format!("{place}\n{table}\n"))
        }
        Action::Clear { folder } => {
            let bytes = cache.clear(folder.as_deref())?;
            if common.json {
                let document = serde_json::json!({ "folder": place, "removed_bytes": bytes });
                return screen::print_json(&document);
            }
            screen::print(&format!("{place}: {} removed\n", memory::in_words(bytes as f64)))
        }
    }
}
