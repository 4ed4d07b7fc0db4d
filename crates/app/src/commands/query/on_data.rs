//! A query on images: a list of files for a person to label, with the pictures beside it.

use super::{Answer, Arguments};
use crate::options::Common;
use crate::{data_set, rows, screen};
use anyhow::{Context as _, anyhow, bail, ensure};
use fewlabel_learn::acquire::{Options, Picks, Ties};
use fewlabel_learn::augment::{Sheet, Tile};
use fewlabel_learn::counted;
use fewlabel_learn::data::{Dataset, Labelled, UNLABELLED};
use fewlabel_learn::model::classifier::Classifier;
use fewlabel_learn::pretrain::Encoder;
use fewlabel_learn::probe::Encoded;
use fewlabel_learn::run::next_query::{NextQuery, Seen};
use fewlabel_study::export::labels_csv;
use fewlabel_study::model_files::{read_classifier, read_encoder};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Pictures in a row of the sheet.
const COLUMNS: usize = 8;
/// Dropout passes and views of an image.
const SAMPLES: [usize; 2] = [20, 8];

pub(super) fn run(arguments: &Arguments, data: &Path, common: &Common) -> anyhow::Result<()> {
    let encoder = arguments.encoder.as_deref().map(read_encoder).transpose()?;
    let classifier = arguments.model.as_deref().map(read_classifier).transpose()?;
    let like = encoder.as_ref().map(|encoder| encoder.like());
    let data = match like.or(classifier.as_ref().map(|classifier| classifier.like())) {
        Some(like) => arguments.options.open_like(data, like, common)?,
        None => arguments.options.open(data, common)?,
    };
    let data = data_set::answered(data, &arguments.answers, common)?;
    data_set::warn([&data]);
    let labelled = known(arguments, &data)?;
    let images = data.train.len();
    if labelled.len() == images {
        bail!(
            "every training image of {} has a label: --labelled L.json says which are known, as \
             if the others had none",
            data.name
        );
    }
    let start = Instant::now();
    let encoder = encoder.map(|encoder| encoder.encoder);
    let picks = choose(arguments, &data, &labelled, (encoder, classifier), common)?;
    let seconds = start.elapsed().as_secs_f64();
    let files: Vec<String> =
        picks.indices.iter().map(|&row| data.image_name(0, row as usize)).collect();
    if let Some(sheet) = &arguments.sheet {
        write_sheet(sheet, &data, &picks, &files)?;
    }
    if let Some(out) = &arguments.out {
        labels_csv::write_questions(out, &data, &picks.indices)?;
    }
    let (ties, all_equal) = (Ties::from(arguments.ties), picks.all_equal);
    if all_equal {
        screen::note(&format!("warning: {}", ties.alone_chose()));
    }
    if common.json {
        let mut document = serde_json::to_value(Answer {
            strategy: &arguments.strategy,
            seed: common.seed,
            batch: arguments.batch,
            threads: common.threads(),
            indices: &picks.indices,
            scores: &picks.scores,
            score_unit: picks.unit,
            ties,
            all_equal,
            seconds,
        })?;
        document["data"] = data.name.clone().into();
        document["labels"] = labelled.len().into();
        document["files"] = files.into();
        return screen::print_json(&document);
    }
    screen::print(&text(arguments, &data, &picks, &files, &labelled))
}

fn text(
    arguments: &Arguments,
    data: &Dataset,
    picks: &Picks,
    files: &[String],
    labelled: &Labelled,
) -> String {
    let row = |(rank, (file, score)): (usize, (&String, &f64))| {
        vec![(rank + 1).to_string(), file.clone(), format!("{score:.6}")]
    };
    let head = vec!["rank".to_owned(), "file".to_owned(), format!("score ({})", picks.unit)];
    let table = screen::table_of(head, files.iter().zip(&picks.scores).enumerate().map(row));
    let mut text = format!(
        "{} of {} have a label\n{table}\n",
        counted(labelled.len(), "image"),
        data.train.len()
    );
    if let Some(sheet) = &arguments.sheet {
        text += &format!("{}: their pictures, in this order\n", sheet.display());
    }
    if let Some(out) = &arguments.out {
        text += &format!(
            "{}: write the class of each image into its line, then `fewlabel train --answers {}`\n",
            out.display(),
            out.display()
        );
    }
    text
}

/// The images whose class is known: those of `--labelled`, else all that have a label.
fn known(arguments: &Arguments, data: &Dataset) -> anyhow::Result<Labelled> {
    let rows = match arguments.labelled.is_empty() {
        true => data.train.labelled_rows(),
        false => rows::read_all(&arguments.labelled)?,
    };
    let mut labels = Vec::with_capacity(rows.len());
    for &row in &rows {
        let label = data.train.labels.get(row as usize).copied();
        let images = data.train.len();
        let label = label.ok_or_else(|| anyhow!("--labelled: row {row} of {images} images"))?;
        ensure!(label != UNLABELLED, "--labelled: row {row} has no label in {}", data.name);
        labels.push(label);
    }
    Ok(Labelled { rows, labels })
}

fn choose(
    arguments: &Arguments,
    data: &Dataset,
    labelled: &Labelled,
    (encoder, classifier): (Option<Encoder>, Option<Classifier>),
    common: &Common,
) -> anyhow::Result<Picks> {
    let options = Options {
        beta: arguments.beta,
        draws: arguments.draws,
        delta: arguments.delta,
        purity: arguments.purity,
        classes: arguments.classes,
        force: arguments.force,
    };
    let threads = common.threads();
    let place = |path: &Option<PathBuf>| {
        path.iter().map(|path| path.display().to_string()).collect::<String>()
    };
    let encoded = match encoder {
        Some(encoder) => {
            encoder.check(&data.train.images).context(place(&arguments.encoder))?;
            Some(Encoded::new(encoder, &data.pool(), None, threads)?)
        }
        None => None,
    };
    if let Some(classifier) = &classifier {
        let wrong = |what| anyhow!("{}: {what}", place(&arguments.model));
        classifier.check(&data.train.images, &data.name).map_err(wrong)?;
    }
    let seen = match (&encoded, &classifier) {
        (Some(encoded), _) => Seen::Encoder(encoded),
        (None, Some(classifier)) => Seen::Classifier(classifier),
        (None, None) => Seen::Pixels,
    };
    let query = NextQuery {
        pool: data.pool(),
        labelled,
        seen,
        strategy: &arguments.strategy,
        options: &options,
        batch: arguments.batch,
        seed: common.seed,
        ties: arguments.ties.into(),
        samples: SAMPLES,
        threads,
    };
    Ok(query.choose()?)
}

/// The pictures of the images that were chosen, as the network sees them.
fn write_sheet(path: &Path, data: &Dataset, picks: &Picks, files: &[String]) -> anyhow::Result<()> {
    let images = &data.train.images;
    let tile = |(&row, file): (&u32, &String)| Tile {
        pixels: images.image(row as usize).to_vec(),
        caption: file.clone(),
    };
    let sheet = Sheet {
        height: images.height,
        width: images.width,
        channels: images.channels,
        columns: COLUMNS.min(picks.indices.len()),
        tiles: picks.indices.iter().zip(files).map(tile).collect(),
    };
    let bytes = match path.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => sheet.to_svg().into_bytes(),
        Some("png") => sheet.to_png(),
        _ => bail!("{}: a sheet is a .png or .svg file", path.display()),
    };
    Ok(fewlabel_study::write_named(path, &bytes)?)
}
