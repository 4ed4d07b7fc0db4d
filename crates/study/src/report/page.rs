//! `report.html`: one self-contained page.

use super::Figure;
use super::figures::names;
use super::svg::escaped;
use crate::folder::Kept;
use crate::stats::Summary;
use crate::tables::Cell;
use std::collections::BTreeSet;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// The page.
pub(crate) fn html(runs: &[Kept], cells: &[Cell], figures: &[Figure], damaged: &[String], study: &str) -> String {
    let finished = runs.iter().filter(|run| run.result.is_some()).count();
    let mut body = String::new();
    let _ = writeln!(body, "<h1>Fewlabel report</h1>\n{}", origin(runs));
    let _ = writeln!(body, "<p>{finished} of {} started runs are finished.</p>", runs.len());
    if finished == 0 {
        body.push_str("<p>There is nothing to show yet: no run is finished.</p>\n");
    } else {
        body.push_str(&table(cells));
    }
    for figure in figures {
        let _ =
            writeln!(body, "<figure>\n{}<figcaption>{}</figcaption>\n</figure>", figure.svg, escaped(&figure.caption));
    }
    body.push_str(&failures(runs, damaged));
    let _ = writeln!(
        body,
        "<h2>Settings</h2>\n<details><summary>study.toml</summary><pre>{}</pre></details>",
        escaped(study)
    );
    let version = env!("CARGO_PKG_VERSION");
    let numeric = fewlabel_engine::NUMERIC_VERSION;
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Fewlabel report</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}<footer>Fewlabel {version}, arithmetic version {numeric}. Drawn from \
         the records in this folder alone.</footer>\n</main>\n</body>\n</html>\n"
    )
}

/// Which data, and whether they are synthetic.
fn origin(runs: &[Kept]) -> String {
    let data: BTreeSet<_> =
        runs.iter().map(|run| &run.settings.data).map(|d| (&d.name, &d.checksum, d.synthetic)).collect();
    let mut text = String::new();
    for (name, checksum, synthetic) in data {
        let (name, checksum) = (escaped(name), escaped(checksum));
        let _ = writeln!(text, "<p>Data: <b>{name}</b>, SHA-256 <code>{checksum}</code>.</p>");
        if synthetic {
            let _ = writeln!(
                text,
                "<p class=\"notice\"><b>Synthetic data.</b> The images of {name} were made by a program and show no patient. \
                 What holds here need not hold on real images.</p>"
            );
        }
    }
    text
}

fn table(cells: &[Cell]) -> String {
    let mut text = String::from(
        "<h2>Accuracy</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>runs</th><th>labels</th><th>seeds</th>\
         <th>validation, best epoch</th><th>validation, last epoch</th><th>test</th></tr></thead>\n<tbody>\n",
    );
    for (cell, name) in cells.iter().zip(names(cells)) {
        let columns = [&cell.val_accuracy_best, &cell.val_accuracy_last, &cell.test_accuracy].map(|v| per_cent(v));
        let (labels, seeds) = (cell.labels, cell.seeds.len());
        let _ = writeln!(
            text,
            "<tr><th scope=\"row\">{}</th><td>{labels}</td><td>{seeds}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&name),
            columns[0],
            columns[1],
            columns[2]
        );
    }
    text.push_str(
        "</tbody>\n</table></div>\n<p>Mean and standard deviation (n - 1) over the seeds, in per cent.</p>\n",
    );
    text
}

fn per_cent(values: &[f64]) -> String {
    match Summary::of(values) {
        None => String::new(),
        Some(Summary { mean, sd: Some(sd), .. }) => format!("{:.1} &plusmn; {:.1}", 100.0 * mean, 100.0 * sd),
        Some(Summary { mean, .. }) => format!("{:.1}", 100.0 * mean),
    }
}

fn failures(runs: &[Kept], damaged: &[String]) -> String {
    let failed = runs.iter().filter_map(|run| run.failure.as_ref().map(|reason| (run.settings.label(), reason)));
    let failed = failed.map(|(label, reason)| format!("{label}: {reason}"));
    let lines: Vec<String> = failed.chain(damaged.iter().cloned()).collect();
    if lines.is_empty() {
        return String::new();
    }
    let items: String = lines.iter().map(|line| format!("<li>{}</li>\n", escaped(line))).collect();
    format!("<h2>Failed or damaged</h2>\n<ul>\n{items}</ul>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_gives_a_useful_page() {
        let page = html(&[], &[], &[], &["a.json: <bad>".to_owned()], "seeds = 1");
        assert!(page.contains("nothing to show yet") && page.contains("a.json: &lt;bad&gt;"));
        assert!(!page.contains("http://") && !page.contains("https://"), "no network");
    }
}
