//! A project as one page: what was labelled, how good the classifier is, and examples. It needs no
//! network and runs no script; it follows the system's light or dark theme, and is light in print.

use crate::error::StudyError;
use crate::evaluate::rounding::plain;
use crate::labelling::curve::{CurvePoint, shares};
use crate::labelling::estimate::{Estimate, FEWEST_HELD_OUT, Interval};
use crate::report::STYLE;
use crate::report::chart::{Axis, Heat, Line, Ramp, heat_map, line_chart};
use crate::report::html::{Entry, Table, escape};
use crate::store::atomic_file::write_named;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fewlabel_learn::counted;
use std::path::Path;

/// How the study's page marks the rules of its dark theme.
const DARK: &str = ":root[data-theme=\"dark\"]";
const OWN_STYLE: &str = include_str!("project_report.css");
/// What the page may load: what it holds itself.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// All that the page says.
#[derive(Clone, Debug, Default)]
pub struct ProjectReport {
    /// The project's name.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// When the page was made, as RFC 3339 writes it.
    pub time: String,
    /// Images of the project.
    pub images: usize,
    /// Classes, each with the answers that name it, held-out ones among them.
    pub classes: Vec<(String, usize)>,
    /// Held-out answers with a class.
    pub held_out: usize,
    /// Images answered "unsure".
    pub unsure: usize,
    /// Images answered "unusable".
    pub unusable: usize,
    /// Images skipped and not answered since.
    pub skipped: usize,
    /// Images with a flag.
    pub flagged: usize,
    /// Who answered.
    pub annotators: Vec<String>,
    /// Minutes of labelling, pauses cut out, where times are known.
    pub minutes: Option<f64>,
    /// Answers a minute, where they are known.
    pub labels_per_minute: Option<f64>,
    /// What the held-out answers say; absent below [`FEWEST_HELD_OUT`].
    pub estimate: Option<Estimate>,
    /// The learning curve.
    pub curve: Vec<CurvePoint>,
    /// The sentence that says where labelling stands.
    pub advice: String,
    /// What a reader should know beside, one sentence each: encoder, strategy, files not used.
    pub notes: Vec<String>,
    /// Pages of examples.
    pub examples: Vec<ExamplePage>,
}

/// Examples that belong together.
#[derive(Clone, Debug, Default)]
pub struct ExamplePage {
    /// What they have in common, such as a class.
    pub title: String,
    /// The examples.
    pub images: Vec<Example>,
}

/// An image that the page holds.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// Its path in the data set.
    pub path: String,
    /// What is said of it.
    pub caption: String,
    /// The image as a PNG file; a small one, since the page holds all of them.
    pub png: Vec<u8>,
}

/// Writes the page.
///
/// # Errors
/// If the file cannot be written; nothing half-written is left.
pub fn write(path: &Path, report: &ProjectReport) -> Result<(), StudyError> {
    write_named(path, page(report).as_bytes())
}

/// The page that [`write()`] writes.
pub fn page(report: &ProjectReport) -> String {
    let title = escape(&format!("Labels of {}", report.name));
    let parts = [
        ("labels", "What was labelled", labelled(report)),
        ("accuracy", "How good the classifier is", accuracy(report)),
        ("curve", "Learning curve", curve(report)),
        ("time", "Time", time(report)),
        ("examples", "Examples", examples(report)),
        ("notes", "Notes", notes(report)),
    ];
    let parts: Vec<_> = parts.iter().filter(|(_, _, body)| !body.is_empty()).collect();
    let links: String = parts
        .iter()
        .map(|(id, name, _)| format!("<li><a href=\"#{id}\">{name}</a></li>"))
        .collect();
    let sections: String = parts
        .iter()
        .map(|(id, name, body)| {
            format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 id=\"{id}-title\">{name}\
                 </h2>{body}</section>\n"
            )
        })
        .collect();
    let lead = escape(&report.advice);
    let made = escape(&format!("Made by Fewlabel {} at {}.", report.version, report.time));
    let embeds = match report.examples.iter().map(|page| page.images.len()).sum::<usize>() {
        0 => "This page embeds no images of the project.".to_owned(),
        count => format!(
            "This page embeds {} of the project: pass it on only where the images may go.",
            counted(count, "image")
        ),
    };
    let style = style();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"color-scheme\" content=\"light dark\">\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{style}</style>\n</head>\n<body>\n<a \
         class=\"skip\" href=\"#content\">Skip to the content</a>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"lead\">{lead}</p>\n<p class=\"warning\">{embeds}</p>\n<p class=\"note\">{made}\
         </p>\n</header>\n<nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n<main \
         id=\"content\" tabindex=\"-1\">\n{sections}</main>\n</body>\n</html>\n"
    )
}

/// The study page's style, whose dark theme follows the system instead of a choice.
fn style() -> String {
    let (mut light, mut dark, mut rest) = (String::new(), String::new(), STYLE);
    while let Some((before, after)) = rest.split_once(DARK) {
        let (rule, behind) = after.split_once('}').unwrap_or((after, ""));
        light += before;
        dark += &format!(":root{rule}}}\n");
        rest = behind;
    }
    format!("{light}{rest}{OWN_STYLE}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n")
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escape(text))
}

fn labelled(report: &ProjectReport) -> String {
    let labelled: usize = report.classes.iter().map(|(_, count)| count).sum();
    let mut said = format!(
        "{} of {} have a class; {} of these were drawn at random and held out from training.",
        labelled,
        counted(report.images, "image"),
        report.held_out
    );
    let others = [
        (report.unsure, "answered \u{201c}unsure\u{201d}"),
        (report.unusable, "unusable"),
        (report.skipped, "skipped"),
        (report.flagged, "flagged"),
    ];
    let others: Vec<String> = others
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if !others.is_empty() {
        said += &format!(" Beside them: {}.", others.join(", "));
    }
    if !report.annotators.is_empty() {
        said += &format!(" Answered by {}.", report.annotators.join(", "));
    }
    let mut table = Table::new("t-labels", "Answers of each class", &["class", "answers", "share"]);
    for (class, count) in &report.classes {
        let share = 100.0 * *count as f64 / labelled.max(1) as f64;
        table.row(vec![
            Entry::Text(class.clone()),
            Entry::Number(count.to_string(), *count as f64),
            Entry::Number(format!("{} %", plain(share, 0)), share),
        ]);
    }
    let sample = "Most images were picked because they teach the classifier most: their mixture of \
                  classes is not that of all images.";
    paragraph(&said) + &table.markup() + &paragraph(sample)
}

/// A share and its interval as people read it.
fn in_words(interval: Option<Interval>) -> String {
    interval.map_or_else(
        || "\u{2013}".to_owned(),
        |Interval { estimate, low, high, .. }| {
            let [estimate, low, high] = [estimate, low, high].map(|share| plain(100.0 * share, 1));
            format!("{estimate} % ({low} to {high})")
        },
    )
}

fn accuracy(report: &ProjectReport) -> String {
    let Some(estimate) = &report.estimate else {
        return paragraph(&format!(
            "A number is shown from {FEWEST_HELD_OUT} held-out answers on; there are {}.",
            report.held_out
        ));
    };
    let mut out = String::new();
    for (what, interval) in
        [("Accuracy", estimate.accuracy), ("Balanced accuracy", estimate.balanced_accuracy)]
    {
        let value = escape(&in_words(Some(interval)));
        out += &format!("<p class=\"lead\">{what}: <strong>{value}</strong></p>");
    }
    let intervals = match estimate.clustered {
        true => "by patient, since some held-out images have a patient in common",
        false => "Wilson\u{2019}s or built like them",
    };
    out += &paragraph(&format!(
        "In brackets are 95 % intervals, {intervals}. They stand on {}, drawn at random and never \
         learned from.",
        counted(estimate.n as usize, "held-out answer")
    ));
    out += "<p class=\"warning\">The estimate belongs to the classifier that has not learned from \
            the held-out answers. The classifier that is handed over has learned from all answers; \
            it has no images left to be judged by, and is likely a little better.</p>";
    if estimate.unsure + estimate.unusable > 0 {
        out += &paragraph(&format!(
            "The figures are about images that a person can answer: of the held-out ones, {} \
             called unsure and {} called unusable are not among them.",
            estimate.unsure, estimate.unusable
        ));
    }
    out + &classes(estimate) + &confusion(estimate)
}

fn classes(estimate: &Estimate) -> String {
    let absent = estimate.classes.iter().filter(|class| class.n == 0).count();
    let head = ["class", "held-out answers", "sensitivity", "specificity", "PPV"];
    let mut table = Table::new("t-classes", "Each class against the others", &head);
    for class in &estimate.classes {
        let [sensitivity, specificity, ppv] =
            [class.sensitivity, class.specificity, class.ppv].map(in_words).map(Entry::Figures);
        table.row(vec![
            Entry::Text(class.class.clone()),
            Entry::Number(class.n.to_string(), f64::from(class.n)),
            sensitivity,
            specificity,
            ppv,
        ]);
    }
    let mut said = "Sensitivity: of the images of a class, those that are called so. Specificity: \
                    of the others, those that are not. PPV: of those called so, those that are."
        .to_owned();
    if absent > 0 {
        said += &format!(
            " The balanced accuracy is the mean sensitivity of the classes with held-out answers; \
             {} none.",
            if absent == 1 { "1 class has".to_owned() } else { format!("{absent} classes have") }
        );
    }
    table.markup() + &paragraph(&said)
}

fn confusion(estimate: &Estimate) -> String {
    let names = &estimate.confusion.classes;
    let tiles = estimate.confusion.counts.iter().map(|row| {
        let of = f64::from(row.iter().sum::<u32>().max(1));
        let tile = |&count: &u32| (count > 0).then(|| (count.to_string(), f64::from(count) / of));
        row.iter().map(tile).collect()
    });
    let heat = Heat {
        title: "Confusion matrix of the held-out answers",
        row_axis: "answer",
        column_axis: "what the classifier says",
        rows: names.clone(),
        columns: names.clone(),
        ramp: Ramp::Share,
        frames: Vec::new(),
        tiles: tiles.collect(),
    };
    let caption = "Held-out images by what the person answered (rows) and what the classifier says \
                   (columns). The stronger the colour, the larger the share of the row.";
    figure(&heat_map(&heat).finish(false), caption)
}

fn figure(svg: &str, caption: &str) -> String {
    format!(
        "<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Figure\">{svg}\
         </div><figcaption>{}</figcaption></figure>",
        escape(caption)
    )
}

fn curve(report: &ProjectReport) -> String {
    let points = shares(&report.curve);
    if points.len() < 2 {
        return String::new();
    }
    let line = |name: &str, of: fn(&crate::labelling::curve::CurveShare) -> f64| Line {
        name: name.to_owned(),
        points: points.iter().map(|p| (f64::from(p.labels), 100.0 * of(p), 0.0)).collect(),
    };
    let lines = [
        line("accuracy", |point| point.accuracy),
        line("lower end of its 95 % interval", |point| point.low),
        line("upper end", |point| point.high),
    ];
    let svg = line_chart(
        "Learning curve",
        "answers with a class",
        "accuracy on held-out answers, %",
        Axis::Linear,
        &lines,
    );
    let caption = "Accuracy of the classifier after so many answers, judged by the held-out ones \
                   of then. All points share these images: when the set is too easy or too hard, \
                   the whole curve is too high or too low.";
    figure(&svg.finish(false), caption)
}

fn time(report: &ProjectReport) -> String {
    let Some(minutes) = report.minutes else { return String::new() };
    let minutes = minutes.round() as usize;
    let spent = match minutes / 60 {
        0 => counted(minutes, "minute"),
        hours => format!("{} {}", counted(hours, "hour"), counted(minutes % 60, "minute")),
    };
    let rate = report
        .labels_per_minute
        .map_or_else(String::new, |rate| format!(", of late {} answers a minute", plain(rate, 1)));
    paragraph(&format!("Labelling took {spent}{rate}; pauses of over a minute are not counted."))
}

fn examples(report: &ProjectReport) -> String {
    let mut out = String::new();
    for page in report.examples.iter().filter(|page| !page.images.is_empty()) {
        out += &format!("<h3>{}</h3><ul class=\"examples\">", escape(&page.title));
        for image in &page.images {
            let (path, caption) = (escape(&image.path), escape(&image.caption));
            let alt = if caption.is_empty() { &path } else { &caption };
            let data = STANDARD.encode(&image.png);
            out += &format!(
                "<li><img alt=\"{alt}\" src=\"data:image/png;base64,{data}\"><span>{caption}</span>\
                 <span class=\"path\">{path}</span></li>"
            );
        }
        out += "</ul>";
    }
    out
}

fn notes(report: &ProjectReport) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let items: String =
        report.notes.iter().map(|note| format!("<li>{}</li>", escape(note))).collect();
    format!("<ul>{items}</ul>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelling::estimate::{Judged, estimate};

    fn report() -> ProjectReport {
        let judged: Vec<Judged> = (0..30)
            .map(|i| Judged { truth: i % 2, predicted: if i < 4 { 0 } else { i % 2 }, group: None })
            .collect();
        let names = ["cyst", "<stone>", "none"].map(str::to_owned);
        let curve = (1..=6).map(|i| CurvePoint { labels: 20 * i, correct: 2 * i, judged: 5 * i });
        let image = Example {
            path: "a/\"1\".png".into(),
            caption: "cyst".into(),
            png: b"\x89PNG".to_vec(),
        };
        ProjectReport {
            name: "scans & more".into(),
            version: "1.0".into(),
            time: "2026-12-01T10:00:00Z".into(),
            images: 500,
            classes: names.iter().cloned().zip([70, 50, 0]).collect(),
            held_out: 30,
            unsure: 2,
            annotators: vec!["ann".into()],
            minutes: Some(75.2),
            labels_per_minute: Some(11.25),
            estimate: estimate(&judged, &names, 1, 0),
            curve: curve.collect(),
            advice: "About 60 more labels.".into(),
            notes: vec!["3 files could not be used.".into()],
            examples: vec![ExamplePage { title: "cyst".into(), images: vec![image] }],
            ..ProjectReport::default()
        }
    }

    #[test]
    fn the_page_says_all_that_it_should() {
        let page = page(&report());
        for expected in [
            "<title>Labels of scans &amp; more</title>",
            "120 of 500 images have a class; 30 of these were drawn at random",
            "Beside them: 2 answered \u{201c}unsure\u{201d}. Answered by ann.",
            "Accuracy: <strong>93.3 % (78.7 to 98.2)</strong>",
            "Balanced accuracy: <strong>93.3 %",
            "has not learned from the held-out answers",
            "has learned from all answers",
            "of the held-out ones, 1 called unsure and 0 called unusable are not among",
            "&lt;stone&gt;",
            "1 class has none",
            "Confusion matrix",
            "Learning curve",
            "Labelling took 1 hour 15 minutes, of late 11.2 answers a minute",
            "data:image/png;base64,iVBORw==",
            "This page embeds 1 image of the project",
            "3 files could not be used.",
        ] {
            assert!(page.contains(expected), "{expected} is not in {page}");
        }
        assert!(!page.contains("<stone>") && !page.contains("\"1\".png"), "{page}");
    }

    #[test]
    fn the_page_needs_nothing_and_runs_nothing() {
        let page = page(&report());
        for unwanted in
            ["<script", "http:", "https:", "@import", "url(", "onload", "data-theme=\"d"]
        {
            assert!(!page.contains(unwanted), "{unwanted}");
        }
        let (opened, closed) = (style().matches('{').count(), style().matches('}').count());
        assert_eq!(opened, closed);
        let dark = style();
        let dark = dark.split("prefers-color-scheme: dark").nth(1).expect("a dark theme");
        assert!(dark.contains("--ground: #14181d") && dark.contains("--blue"), "{dark}");
    }

    #[test]
    fn a_project_that_has_hardly_begun_has_a_page_too() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("r.html");
        write(&path, &ProjectReport { held_out: 3, ..ProjectReport::default() }).expect("written");
        let page = std::fs::read_to_string(&path).expect("read");
        assert!(page.contains("from 20 held-out answers on; there are 3."), "{page}");
        assert!(page.contains("embeds no images") && !page.contains("id=\"curve\""));
    }
}
