//! Which classes the labels of a source are.

use super::super::class_names;
use std::collections::BTreeMap;

/// The classes in the order of their labels: in byte order of their names, or as `given` by a
/// person, who `origin` names. `counts` has the images of each class that was found.
///
/// # Errors
/// If two names are one but for capitals or spaces, if there are too many, or if one was found that
/// is not among those given.
pub(super) fn decide(
    counts: &BTreeMap<String, usize>,
    given: Option<(&[String], &str)>,
) -> Result<Vec<String>, String> {
    refuse_look_alikes(counts)?;
    let found: Vec<String> = counts.keys().cloned().collect();
    class_names::check_each(&found).map_err(|what| {
        if found.len() > class_names::MAX_CLASSES {
            format!("{what}; are its folders or labels patients instead of classes?")
        } else {
            what
        }
    })?;
    let Some((names, origin)) = given else { return Ok(found) };
    match found.iter().find(|name| !names.contains(name)) {
        None => Ok(names.to_vec()),
        Some(other) => Err(format!(
            "the class {other:?} is not among {origin} ({}): these say the order, not other names",
            names.join(", ")
        )),
    }
}

/// `Tumor` beside `tumor`: whether they are one is for a person to say.
fn refuse_look_alikes(counts: &BTreeMap<String, usize>) -> Result<(), String> {
    let plain = |name: &str| {
        let words: Vec<&str> = name.split_whitespace().collect();
        words.join(" ").to_lowercase()
    };
    let mut first: BTreeMap<String, (&str, usize)> = BTreeMap::new();
    for (name, &count) in counts {
        let Some((other, before)) = first.insert(plain(name), (name, count)) else { continue };
        let images = |count| crate::counted(count, "image");
        return Err(format!(
            "has the classes {other:?} ({}) and {name:?} ({}), which differ in capitals or spaces \
             alone: give both one name if they are one class, else names that differ more",
            images(before),
            images(count)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(names: &[&str]) -> BTreeMap<String, usize> {
        names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), i + 1)).collect()
    }

    #[test]
    fn classes_are_in_byte_order_or_in_the_order_given() {
        assert_eq!(decide(&counts(&["2", "10", "1"]), None).unwrap(), ["1", "10", "2"]);
        let given = ["b", "a", "c"].map(str::to_owned);
        let found = counts(&["a", "b"]);
        assert_eq!(decide(&found, Some((&given, "the names given"))).unwrap(), given);
        let error = decide(&counts(&["a", "x"]), Some((&given, "the names given"))).unwrap_err();
        assert!(error.starts_with("the class \"x\" is not among the names given"), "{error}");
    }

    #[test]
    fn look_alikes_are_asked_about() {
        let error = decide(&counts(&["Tumor", "tumor"]), None).unwrap_err();
        let expected = "has the classes \"Tumor\" (1 image) and \"tumor\" (2 images)";
        assert!(error.starts_with(expected), "{error}");
        assert!(decide(&counts(&["a  b", "A b"]), None).is_err());
    }

    #[test]
    fn a_folder_for_every_patient_is_no_class() {
        let names: Vec<String> = (0..1025).map(|i| format!("p{i}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let error = decide(&counts(&names), None).unwrap_err();
        assert!(error.contains("1025 names") && error.contains("patients"), "{error}");
    }
}
