//! `fewlabel data fetch NAME`.

use super::download;
use crate::options::Common;
use crate::screen;
use anyhow::{Context, bail};
use fewlabel_learn::data::{DataError, cache, catalogue};
use fewlabel_study::WholeFile;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(super) fn run(name: &str, mirror: Option<&str>, common: &Common) -> anyhow::Result<()> {
    if name == catalogue::PHANTOM {
        bail!("phantom is built in: there is nothing to fetch");
    }
    let Some(entry) = catalogue::find(name) else {
        let nearest = catalogue::nearest(name).map(str::to_owned);
        return Err(DataError::UnknownName { name: name.to_owned(), nearest }.into());
    };
    let folder = cache::folder()?;
    let path = folder.join(entry.file_name());
    let fetched = match path.exists() {
        true => {
            let found = cache::file_md5(&path)?;
            if found != entry.md5 {
                let (name, expected) = (name.to_owned(), entry.md5.to_owned());
                return Err(DataError::WrongChecksum { path, name, expected, found }.into());
            }
            false
        }
        false => {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            let address = mirror.map_or_else(|| entry.address(), str::to_owned);
            let mut partial = WholeFile::named(&path)?;
            let bar = bar(common, name);
            let outcome = download::download(&address, entry.md5, &mut partial, &bar);
            bar.finish_and_clear();
            outcome.with_context(|| {
                let place = path.display();
                format!(
                    "cannot fetch {name}; on a machine without a network put the file of \
                     {address} (MD5 {}) at {place}",
                    entry.md5
                )
            })?;
            partial.finish()?;
            true
        }
    };
    if common.json {
        return screen::print_json(&serde_json::json!({
            "name": name, "file": path.display().to_string(), "md5": entry.md5, "fetched": fetched,
            "licence": entry.licence,
            "source": catalogue::SOURCE,
        }));
    }
    let word = if fetched { "fetched" } else { "already here" };
    screen::print(&format!(
        "{name} {word}: {}\nlicence {}; {}\n",
        path.display(),
        entry.licence,
        catalogue::SOURCE
    ))
}

/// Bytes so far on a terminal, nothing otherwise.
fn bar(common: &Common, name: &str) -> ProgressBar {
    let bar = match common.quiet {
        true => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
        false => ProgressBar::no_length(),
    };
    if let Ok(style) =
        ProgressStyle::with_template("{prefix} {bytes}/{total_bytes} {wide_bar} {eta}")
    {
        bar.set_style(style);
    }
    bar.with_prefix(name.to_owned())
}
