//! Numbers as people write them.

use crate::evaluate::stats::Interval;

/// A number with so many digits and a real minus sign.
pub(crate) fn plain(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
        return text.trim_start_matches('-').to_owned();
    }
    text.replace('-', "\u{2212}")
}

/// A difference: with its sign, but none where it rounds to zero.
pub(crate) fn signed(value: f64, digits: usize) -> String {
    let text = plain(value, digits);
    if text.starts_with('\u{2212}') || text.chars().all(|c| c == '0' || c == '.') {
        text
    } else {
        format!("+{text}")
    }
}

/// An interval, or a dash where there is none.
pub(crate) fn span(interval: Option<Interval>, digits: usize) -> String {
    interval.map_or_else(
        || "\u{2013}".to_owned(),
        |Interval { low, high }| format!("{} to {}", signed(low, digits), signed(high, digits)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            (plain(-1.25, 1), signed(1.25, 1), signed(-0.04, 1)),
            ("\u{2212}1.2".into(), "+1.2".into(), "0.0".into())
        );
    }
}
