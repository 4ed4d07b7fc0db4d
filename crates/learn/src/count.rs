//! Counts in words.

/// `count` of a thing that is called `one` when it is alone: "1 run", "2 runs", "3 classes", "4
/// strategies".
pub fn counted(count: usize, one: &str) -> String {
    format!("{count} {}", if count == 1 { one.to_owned() } else { many(one) })
}

fn many(one: &str) -> String {
    match one.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if one.ends_with('s') => format!("{one}es"),
        _ => format!("{one}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let cases = [
            (1, "run", "1 run"),
            (0, "run", "0 runs"),
            (2, "class", "2 classes"),
            (3, "strategy", "3 strategies"),
        ];
        for (count, one, said) in cases {
            assert_eq!(counted(count, one), said);
        }
    }
}
