//! Data sets as the command line names them, and what is said of them.

use crate::import_options::ImportOptions;
use crate::options::Common;
use crate::screen::note;
use anyhow::bail;
use clap::Args;
use fewlabel_learn::counted;
use fewlabel_learn::data::answers_table::{self, Answered};
use fewlabel_learn::data::preprocessing::Preprocessing;
use fewlabel_learn::data::source::Import;
use fewlabel_learn::data::{DataError, Dataset};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How a data set is read: its classes, its pixels, its splits.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataOptions {
    /// Names of the classes, in the labels' order [default: `class_names` in the file, else the
    /// lines of FILE.classes.txt beside FILE.npz, else the catalogue's where the file is a
    /// published one].
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    class_names: Option<Vec<String>>,
    #[command(flatten)]
    import: ImportOptions,
}

impl DataOptions {
    /// The names, if they were given.
    pub(crate) fn given(&self) -> Option<Vec<String>> {
        Some(self.class_names.as_ref()?.iter().map(|name| name.trim().to_owned()).collect())
    }

    /// How files become a data set, and which splits are made.
    pub(crate) fn import(&self) -> Import {
        self.import.import()
    }

    /// Opens a data set with these names.
    pub(crate) fn read(&self, data: &Path, common: &Common) -> Result<Dataset, DataError> {
        self.import.open(data, self.given().as_deref(), None, common)
    }

    /// Opens a data set with these names, and says where its properties come from.
    pub(crate) fn open(&self, data: &Path, common: &Common) -> Result<Dataset, DataError> {
        let data = self.read(data, common)?;
        say_origin([&data], common);
        Ok(data)
    }
}

impl DataOptions {
    /// [`DataOptions::open`] for what a model or encoder is to look at: pictures become what those
    /// became that it learned from.
    pub(crate) fn open_like(
        &self,
        data: &Path,
        like: Preprocessing,
        common: &Common,
    ) -> anyhow::Result<Dataset> {
        if let Some(option) = self.import().first_of_pixels() {
            bail!("{option}: the model or encoder says itself how files become pixels");
        }
        let names = self.given();
        let channels = like.channels;
        let data = self.import.open(data, names.as_deref(), Some(like), common)?;
        say_origin([&data], common);
        let pictures = data.files.as_ref().map(|files| &files.pictures.channels);
        if let (1, Some(count)) = (channels, pictures.and_then(|counts| counts.get("colour"))) {
            let images = counted(*count, "colour image");
            note(&format!("warning: {}: the model sees {images} in grey", data.name));
        }
        Ok(data)
    }
}

/// Refuses what is neither a path that is there nor a name of the catalogue, before anything is
/// made of it.
pub(crate) fn refuse_missing(data: &Path) -> Result<(), DataError> {
    fewlabel_learn::data::check_place(data)
}

/// Gives a data set the labels of tables that a person filled in.
pub(crate) fn answered(
    mut data: Dataset,
    tables: &[PathBuf],
    common: &Common,
) -> Result<Dataset, DataError> {
    for table in tables {
        let Answered { dataset, labels, notes } = answers_table::apply(data, table)?;
        data = dataset;
        if !common.quiet {
            note(&format!("{}: {}", table.display(), counted(labels, "label")));
            notes.iter().for_each(|text| note(&format!("{}: {text}", table.display())));
        }
    }
    Ok(data)
}

/// Says of each data set what was taken from the catalogue, or why nothing was.
pub(crate) fn say_origin<'a>(data: impl IntoIterator<Item = &'a Dataset>, common: &Common) {
    let about = |data: &Dataset| data.note.as_ref().map(|text| format!("{}: {text}", data.name));
    let lines: BTreeSet<String> = data.into_iter().filter_map(about).collect();
    lines.iter().filter(|_| !common.quiet).for_each(|line| note(line));
}

/// Warns of what is likely to be a mistake in the data.
pub(crate) fn warn<'a>(data: impl IntoIterator<Item = &'a Dataset>) {
    let about = |data: &Dataset| {
        let name = data.name.clone();
        data.warnings().into_iter().map(move |text| format!("warning: {name}: {text}"))
    };
    let lines: BTreeSet<String> = data.into_iter().flat_map(about).collect();
    lines.iter().for_each(|line| note(line));
}
