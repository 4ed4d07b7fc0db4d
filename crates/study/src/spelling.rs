//! "Did you mean": the nearest of the names that would have been valid.

/// The name in `valid` that `given` was probably meant to be, if one is near.
pub fn nearest<'a>(given: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = given.chars().count().max(3) / 3;
    let lower = given.to_lowercase();
    valid
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .min_by_key(|&(distance, _)| distance)
        .filter(|&(distance, name)| {
            distance <= allowed || (given.len() > 1 && name.starts_with(&lower))
        })
        .map(|(_, name)| name)
}

/// A sentence about the unknown `given`: the nearest valid name or, if none is near, all of them.
pub fn unknown(what: &str, given: &str, valid: &[&str]) -> String {
    match nearest(given, valid.iter().copied()) {
        Some(name) => format!("unknown {what} `{given}`: did you mean `{name}`?"),
        None => format!("unknown {what} `{given}`: expected one of {}", valid.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let regimes = ["full", "random", "da", "al", "alda", "alpa"];
        assert_eq!(nearest("randm", regimes), Some("random"));
        assert_eq!(nearest("aldaa", regimes), Some("alda"));
        assert_eq!(nearest("Full", regimes), Some("full"));
        assert_eq!(nearest("zebra", regimes), None);
    }

    #[test]
    fn the_sentence_lists_every_name_when_none_is_near() {
        assert_eq!(
            unknown("regime", "xyz", &["full", "random"]),
            "unknown regime `xyz`: expected one of full, random"
        );
    }
}
