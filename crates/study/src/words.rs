//! Complaints about a file's values in the words of the file: what was found and what is expected,
//! not Rust's types.

use crate::spelling;

/// A complaint of serde in plain words, for example `-1, expected a whole number of at least 0` as
/// what something is.
///
/// What is no complaint about a type, a key or a name stays as it is.
pub fn plain(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default().trim_end();
    let (message, place) = without_place(message);
    let text = if let Some(rest) =
        message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "))
    {
        match rest.rsplit_once(", expected ") {
            Some((found, expected)) => {
                format!("found {}, expected {}", self::found(found), self::expected(expected))
            }
            None => format!("found {}", found(rest)),
        }
    } else if let Some((count, expected)) =
        message.strip_prefix("invalid length ").and_then(|m| m.split_once(", expected "))
    {
        format!("found a list of {count}, expected {}", self::expected(expected))
    } else if let Some(rest) = message.strip_prefix("unknown field ") {
        unknown("key", rest)
    } else if let Some(rest) = message.strip_prefix("unknown variant ") {
        unknown("name", rest)
    } else if let Some(rest) = message.strip_prefix("missing field ") {
        format!("{rest} is missing")
    } else if let Some(rest) = message.strip_prefix("duplicate field ") {
        format!("{rest} stands there twice")
    } else {
        message.to_owned()
    };
    text + place
}

/// The complaint of a TOML value, with the setting that it is about: `` `recipe.steps`: found "x",
/// expected a number ``.
pub(crate) fn of_toml(error: &toml::de::Error) -> String {
    let said = error.to_string();
    let place = said.lines().find_map(|line| line.trim().strip_prefix("in `")?.strip_suffix('`'));
    match place {
        Some(place) => format!("`{place}`: {}", plain(error.message())),
        None => plain(error.message()),
    }
}

/// The complaint about a TOML `text`, with its line.
pub fn of_toml_text(error: &toml::de::Error, text: &str) -> String {
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let place =
        error.span().map_or_else(String::new, |span| format!("line {}: ", line(span.start)));
    place + &plain(error.message())
}

/// A value of a file in words.
pub(crate) fn value(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(_) => "a table".to_owned(),
        toml::Value::Array(_) => "a list".to_owned(),
        value => value.to_string(),
    }
}

/// Splits off the ` at line 1 column 5` of a JSON error.
fn without_place(message: &str) -> (&str, &str) {
    match message.rfind(" at line ") {
        Some(at) if message[at..].contains(" column ") => message.split_at(at),
        _ => (message, ""),
    }
}

/// What serde calls `integer `-1``, as it stands in a file.
fn found(what: &str) -> String {
    let what = what.split(" as i128").next().unwrap_or(what);
    let inner =
        |prefix: &str| what.strip_prefix(prefix).map(|rest| rest.trim_matches('`').to_owned());
    match what {
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        "null" | "unit value" | "Option value" => "nothing".to_owned(),
        _ => {
            let number = inner("integer ")
                .or_else(|| inner("floating point "))
                .or_else(|| inner("boolean "));
            number.or_else(|| inner("string ")).unwrap_or_else(|| what.to_owned())
        }
    }
}

/// What serde calls `u32`, `struct Point` or `an array of length 3`, in words.
fn expected(what: &str) -> String {
    let up_to = |most: u64| format!("a whole number from 0 to {most}");
    match what {
        "u8" => up_to(u8::MAX.into()),
        "u16" => up_to(u16::MAX.into()),
        "u32" => up_to(u32::MAX.into()),
        "u64" | "usize" | "u128" => "a whole number of at least 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" | "i128" => "a whole number".to_owned(),
        "a nonzero usize" | "a nonzero u64" | "a nonzero u32" => {
            "a whole number of at least 1".to_owned()
        }
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" | "bool" => "true or false".to_owned(),
        "a string" | "string" | "a borrowed string" | "char" | "a character" => "a text".to_owned(),
        "a sequence" | "sequence" => "a list".to_owned(),
        "map" | "a map" => "a table".to_owned(),
        "string or map" | "wanted string or table" => "a name or a table".to_owned(),
        _ => match (what.split_once(' '), what.strip_prefix("an array of length ")) {
            (_, Some(length)) => format!("a list of {length}"),
            (Some(("struct" | "variant" | "internally" | "adjacently", _)), _) => {
                "a table".to_owned()
            }
            (Some(("enum", _)), _) => "a name".to_owned(),
            (Some(("tuple" | "a tuple", _)), _) => "a list".to_owned(),
            _ => what.to_owned(),
        },
    }
}

/// `` `stpes`, expected one of `steps`, `cosine` `` as "did you mean".
fn unknown(what: &str, rest: &str) -> String {
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let given = quoted.next().unwrap_or_default();
    let valid: Vec<&str> = quoted.collect();
    if valid.is_empty() {
        format!("unknown {what} `{given}`")
    } else {
        spelling::unknown(what, given, &valid)
    }
}

/// `text` as a field of CSV.
pub(crate) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_in_words() {
        for (said, plain_words) in [
            (
                "invalid type: string \"ten\", expected u32",
                "found \"ten\", expected a whole number from 0 to 4294967295",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "found -1, expected a whole number of at least 0",
            ),
            (
                "invalid type: floating point `1.5`, expected u64",
                "found 1.5, expected a whole number of at least 0",
            ),
            ("invalid type: boolean `true`, expected f64", "found true, expected a number"),
            (
                "invalid type: map, expected a sequence at line 1 column 1",
                "found a table, expected a list at line 1 column 1",
            ),
            ("invalid type: sequence, expected struct Recipe", "found a list, expected a table"),
            (
                "invalid length 2, expected an array of length 3",
                "found a list of 2, expected a list of 3",
            ),
            (
                "invalid type: integer `99999999999999999999` as i128, expected u32",
                "found 99999999999999999999, expected a whole number from 0 to 4294967295",
            ),
            (
                "unknown field `stpes`, expected one of `steps`, `cosine`",
                "unknown key `stpes`: did you mean `steps`?",
            ),
            (
                "unknown variant `lower`, expected `lower-index` or `seeded`",
                "unknown name `lower`: expected one of lower-index, seeded",
            ),
            ("missing field `kind`", "`kind` is missing"),
            ("a budget is a number of labels", "a budget is a number of labels"),
            (
                "invalid type: string \"a, expected b\", expected bool",
                "found \"a, expected b\", expected true or false",
            ),
        ] {
            assert_eq!(plain(said), plain_words, "{said}");
        }
    }
}
