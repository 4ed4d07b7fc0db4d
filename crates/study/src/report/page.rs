//! The page: one file that needs no network.

use super::analysis::Analysis;
use super::cell::Cell;
use super::chart::definitions;
use super::figures::Figure;
use super::html::escape;
use super::load::Loaded;
use super::sections;
use crate::evaluate::claims::Verdict;
use fewlabel_learn::counted;
use std::collections::BTreeMap;

const TEMPLATE: &str = include_str!("page/page.html");
pub(crate) const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Puts the page together.
pub(crate) fn page(
    loaded: &Loaded,
    cells: &[Cell<'_>],
    analysis: &Analysis,
    figures: &[Figure],
) -> String {
    let names: Vec<&str> = loaded.subjects.iter().map(|data| data.name.as_str()).collect();
    let title = if names.is_empty() { "no finished runs".to_owned() } else { names.join(", ") };
    let of = |section: &str| -> String {
        figures.iter().filter(|f| f.section == section).map(sections::figure).collect()
    };
    let mut parts: Vec<(&str, &str, String)> =
        vec![("run", "What was run", sections::what_was_run(loaded, cells))];
    if !cells.is_empty() {
        parts.insert(0, ("short", "In short", sections::in_short(loaded, analysis)));
        parts.push(("claims", "The paper\u{2019}s claims", sections::all_claims(analysis)));
        parts.push(("accuracy", "Accuracy", of("accuracy") + &sections::table(analysis)));
        parts.push(("comparisons", "Comparisons", sections::comparisons(analysis, figures)));
        parts.push(("budget", "Accuracy against labels", sections::budget(analysis, figures)));
        parts.push(("confusion", "Confusions", sections::choosable("confusion", "Cell", figures)));
        parts.push((
            "recall",
            "Recall of each class",
            sections::choosable("recall", "Data set", figures) + &sections::classes(loaded, cells),
        ));
        parts.push(("calibration", "Calibration", of("calibration")));
        parts.push((
            "queries",
            "What was queried",
            sections::choosable("queries", "Cell", figures),
        ));
        parts.push((
            "training",
            "Training curves",
            sections::choosable("training", "Curve", figures),
        ));
        parts.push(("data", "The data", of("data")));
        parts.push(("runs", "Runs", sections::runs(loaded, cells)));
    }
    parts.push(("failures", "Failures", sections::troubles(analysis)));
    assemble(
        &format!("Fewlabel report: {title}"),
        &summary(loaded, analysis),
        &parts,
        &images(figures),
    )
}

/// Sections, each with its id, its name and its markup, as one page.
pub(crate) fn assemble(
    title: &str,
    summary: &str,
    parts: &[(&str, &str, String)],
    images: &str,
) -> String {
    let navigation: String = parts
        .iter()
        .map(|(id, name, _)| format!("<li><a href=\"#{id}\">{name}</a></li>"))
        .collect();
    let body: String = parts
        .iter()
        .map(|(id, name, body)| {
            format!(
                "<section id=\"{id}\" aria-labelledby=\"{id}-title\"><h2 \
            id=\"{id}-title\">{name}</h2>{body}</section>\n"
            )
        })
        .collect();
    fill(&[
        ("title", &escape(title)),
        ("style", STYLE),
        ("script", SCRIPT),
        ("summary", summary),
        ("navigation", &navigation),
        ("body", &body),
        ("images", images),
    ])
}

/// The images of all figures, each once.
fn images(figures: &[Figure]) -> String {
    let images: BTreeMap<String, String> =
        figures.iter().flat_map(|figure| figure.svg.images().clone()).collect();
    format!(
        "<svg class=\"images\" width=\"0\" height=\"0\" aria-hidden=\"true\" \
         focusable=\"false\">{}</svg>",
        definitions(&images)
    )
}

/// The first lines a reader sees.
fn summary(loaded: &Loaded, analysis: &Analysis) -> String {
    let chance = |said: &String| {
        let said = escape(&sections::sentence_case(said));
        format!("<p class=\"warning\"><strong>{said}.</strong></p>")
    };
    let mut out: String = analysis.chance_sentences().iter().map(chance).collect();
    out += &format!("<p class=\"lead\">{}", counted(analysis.runs, "finished run"));
    if !analysis.troubles.is_empty() {
        out += &format!("; <a href=\"#failures\">{} not included</a>", analysis.troubles.len());
    }
    out += ".";
    for claims in &analysis.claims {
        out += &format!(
            " On {}: {} of the paper\u{2019}s 12 claims supported, {} contradicted, {}.",
            escape(&claims.data),
            claims.count(Verdict::Supported),
            claims.count(Verdict::Contradicted),
            claims.undecided()
        );
    }
    out += "</p>";
    let synthetic: Vec<String> = loaded
        .subjects
        .iter()
        .filter(|data| data.synthetic)
        .map(|data| format!("<em>{}</em>", escape(&data.name)))
        .collect();
    if !synthetic.is_empty() {
        out += &format!(
            "<p class=\"warning\"><strong>Synthetic data.</strong> The images of {} are made by \
             the program. Nothing here says anything about patients.</p>",
            synthetic.join(" and ")
        );
    }
    out
}

/// Puts values into the template in one pass: what a value holds is never taken for a place.
fn fill(values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(
        TEMPLATE.len() + values.iter().map(|(_, value)| value.len()).sum::<usize>(),
    );
    let mut rest = TEMPLATE;
    while let Some(start) = rest.find("{{") {
        out += &rest[..start];
        let end = start + rest[start..].find("}}").expect("the template closes its places");
        let name = &rest[start + 2..end];
        out +=
            values.iter().find(|(key, _)| *key == name).expect("the template names known places").1;
        rest = &rest[end + 2..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_asks_for_nothing_from_outside() {
        for text in [TEMPLATE, STYLE, SCRIPT] {
            assert!(
                !text.contains("http:") && !text.contains("https:") && !text.contains("@import"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_value_that_looks_like_a_place_stays_text() {
        let all = |body| {
            fill(&[
                ("title", "t"),
                ("style", ""),
                ("script", ""),
                ("summary", ""),
                ("navigation", ""),
                ("body", body),
                ("images", ""),
            ])
        };
        assert!(all("{{title}}").contains("{{title}}"));
    }
}
