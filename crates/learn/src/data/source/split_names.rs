//! What people call the three splits.

/// A split of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// What is learned from.
    #[default]
    Train,
    /// What is watched while learning.
    Val,
    /// What is looked at once, at the end.
    Test,
}

/// The names, in small letters.
const NAMES: [(&str, Place); 9] = [
    ("train", Place::Train),
    ("training", Place::Train),
    ("val", Place::Val),
    ("valid", Place::Val),
    ("validation", Place::Val),
    ("dev", Place::Val),
    ("test", Place::Test),
    ("testing", Place::Test),
    ("tst", Place::Test),
];

impl Place {
    /// The split that is called so, in small or capital letters.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, place)| *place)
    }

    /// Its name in tables.
    pub(super) fn name(self) -> &'static str {
        ["train", "val", "test"][self as usize]
    }
}

/// The name that was probably meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    let near = NAMES.iter().map(|(known, _)| (strsim::damerau_levenshtein(known, &name), *known));
    near.filter(|(distance, known)| *distance <= 2 && *distance < known.len() - 1)
        .min()
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_several_names() {
        assert_eq!(Place::named("Validation"), Some(Place::Val));
        assert_eq!(Place::named(" TRAIN "), Some(Place::Train));
        assert_eq!((Place::named("tests"), Place::named("")), (None, None));
        assert_eq!(
            (nearest("trian"), nearest("a"), nearest("fold_3")),
            (Some("train"), None, None)
        );
    }
}
