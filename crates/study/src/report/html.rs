//! Small pieces of HTML, and numbers as people read them.

pub(crate) use super::chart::escape;
pub(crate) use crate::evaluate::rounding::{plain, signed, span};
use crate::evaluate::stats::Paired;

/// A table: the first column holds the rows' names.
pub(crate) struct Table {
    id: String,
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<Entry>>,
}

/// One entry of a table.
pub(crate) enum Entry {
    Text(String),
    /// Text that is markup already.
    Markup(String),
    /// Text made of numbers, such as an interval.
    Figures(String),
    /// A number: what is read, and all its digits.
    Number(String, f64),
}

impl Table {
    pub(crate) fn new(id: &str, caption: &str, head: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            caption: caption.to_owned(),
            head: head.iter().map(|&h| h.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, entries: Vec<Entry>) {
        self.rows.push(entries);
    }

    /// The table in a frame that scrolls sideways where the screen is narrow.
    pub(crate) fn markup(&self) -> String {
        let mut out = format!(
            "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table \
             id=\"{1}\"><caption>{0}</caption><thead><tr>",
            escape(&self.caption),
            escape(&self.id)
        );
        for (column, head) in self.head.iter().enumerate() {
            let is_numbers = |row: &Vec<Entry>| {
                matches!(row.get(column), Some(Entry::Figures(_) | Entry::Number(..)))
            };
            let class = if self.rows.iter().any(is_numbers) { " class=\"n\"" } else { "" };
            out += &format!("<th scope=\"col\"{class}>{}</th>", escape(head));
        }
        out += "</tr></thead><tbody>";
        for row in &self.rows {
            out += "<tr>";
            for (i, entry) in row.iter().enumerate() {
                out += &match entry {
                    Entry::Text(text) if i == 0 => {
                        format!("<th scope=\"row\">{}</th>", escape(text))
                    }
                    Entry::Text(text) => format!("<td>{}</td>", escape(text)),
                    Entry::Markup(markup) => format!("<td>{markup}</td>"),
                    Entry::Figures(text) => format!("<td class=\"n\">{}</td>", escape(text)),
                    Entry::Number(text, value) => {
                        format!("<td class=\"n\" data-v=\"{value}\">{}</td>", escape(text))
                    }
                };
            }
            out += "</tr>";
        }
        out + "</tbody></table></div>"
    }
}

/// An entry for a number that may be missing.
pub(crate) fn number(value: Option<f64>, text: impl Fn(f64) -> String) -> Entry {
    match value {
        Some(value) if value.is_finite() => Entry::Number(text(value), value),
        _ => Entry::Figures("\u{2013}".to_owned()),
    }
}

/// The interval of a difference, or why it has none.
pub(crate) fn interval(paired: &Paired, digits: usize) -> String {
    match paired.interval {
        None => paired.why_no_interval().to_owned(),
        interval => span(interval, digits),
    }
}

/// Digits after the point that a standard error justifies: its first digit is the last one shown.
pub(crate) fn digits(error: Option<f64>) -> usize {
    match error {
        Some(error) if error >= 0.95 => 1,
        Some(error) if error > 0.0 => {
            [0.095, 0.0095].iter().filter(|limit| error < **limit).count() + 1
        }
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_follow_the_error() {
        assert_eq!(
            [Some(2.3), Some(0.4), Some(0.03), Some(0.003), None].map(digits),
            [1, 1, 2, 3, 1]
        );
    }

    #[test]
    fn a_table_escapes_what_it_is_given() {
        let mut table = Table::new("t", "c", &["a", "b"]);
        table.row(vec![
            Entry::Text("<b>".into()),
            number(Some(1.5), |v| plain(v, 1)),
            number(None, |v| plain(v, 1)),
        ]);
        assert!(
            table.markup().contains("<th scope=\"col\">a</th><th scope=\"col\" class=\"n\">b</th>")
        );
        let markup = table.markup();
        assert!(
            markup.contains("&lt;b&gt;")
                && markup.contains("data-v=\"1.5\">1.5<")
                && markup.contains('\u{2013}'),
            "{markup}"
        );
    }
}
