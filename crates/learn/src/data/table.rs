//! Tables as people have them: CSV or TSV, with `,`, `;` or a tab, as spreadsheets leave them.
//!
//! A byte-order mark, CRLF, quotes, spaces around values, empty lines and Excel's `sep=;` line are
//! taken. What is no UTF-8 is refused with its line: a name read wrongly names another file.

/// Names of the column of paths; the first that is there counts.
pub const PATH: [&str; 4] = ["path", "file", "filename", "image"];
/// The separators, the likeliest first.
const SEPARATORS: [u8; 3] = *b",;\t";

/// A table: its columns' names, and rows with the line that each begins on.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns as they are written, without spaces around.
    pub columns: Vec<String>,
    /// Lines and values, as many as there are columns.
    pub rows: Vec<(u64, Vec<String>)>,
}

impl Table {
    /// Reads `bytes`, with the separator that gives one of the columns `wanted`.
    ///
    /// # Errors
    /// Names the line and what was expected there.
    pub fn read(bytes: &[u8], wanted: &[&str]) -> Result<Self, String> {
        let text = text(bytes)?;
        let (text, given, before) = without_separator_line(text);
        let header = text.lines().next().unwrap_or_default();
        let separator = given.unwrap_or_else(|| separator(header, wanted));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let columns: Vec<String> =
            reader.headers().map_err(said)?.iter().map(str::to_owned).collect();
        let (mut rows, mut lines) = (Vec::new(), Lines { text, place: 0, line: 1 + before });
        for record in reader.records() {
            let record = record.map_err(said)?;
            let line = lines.of(record.position().map_or(0, csv::Position::byte));
            // What a spreadsheet leaves below and beside a table.
            if record.iter().all(str::is_empty) {
                continue;
            }
            let is_ragged = record.len() < columns.len()
                || record.iter().skip(columns.len()).any(|value| !value.is_empty());
            if is_ragged {
                let (found, expected) = (record.len(), columns.len());
                return Err(format!(
                    "line {line} has {}, the first line has {expected}",
                    crate::counted(found, "value")
                ));
            }
            rows.push((line, record.iter().take(columns.len()).map(str::to_owned).collect()));
        }
        Ok(Self { columns, rows })
    }

    /// The place of the column called `name`, in small or capital letters.
    ///
    /// # Errors
    /// If there are two.
    pub fn column(&self, name: &str) -> Result<Option<usize>, String> {
        let mut places =
            (0..self.columns.len()).filter(|&place| self.columns[place].to_lowercase() == name);
        let place = places.next();
        match places.next() {
            Some(_) => Err(format!("two columns are called {name}")),
            None => Ok(place),
        }
    }
}

/// Counts lines up to places that only go forward. The reader's own count does not know the empty
/// lines and the line feed that it skips before a record.
struct Lines<'a> {
    text: &'a str,
    place: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first character from `byte` on that ends no line.
    fn of(&mut self, byte: u64) -> u64 {
        let bytes = self.text.as_bytes();
        let mut end = usize::try_from(byte).unwrap_or(usize::MAX).min(bytes.len());
        while matches!(bytes.get(end), Some(b'\r' | b'\n')) {
            end += 1;
        }
        let passed = &bytes[self.place.min(end)..end];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.place = end;
        self.line
    }
}

/// The text without its mark.
fn text(bytes: &[u8]) -> Result<&str, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("is UTF-16 text, expected UTF-8: save it as \"CSV UTF-8\"".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count();
        format!("line {line} is no UTF-8 text: save it as \"CSV UTF-8\"")
    })
}

/// The text behind Excel's `sep=;` line, the separator that it names, and the lines it takes.
fn without_separator_line(text: &str) -> (&str, Option<u8>, u64) {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let first = first.trim_end_matches('\r').trim_matches('"');
    match first.strip_prefix("sep=").map(str::as_bytes) {
        Some(&[separator]) if SEPARATORS.contains(&separator) => (rest, Some(separator), 1),
        _ => (text, None, 0),
    }
}

/// The separator that gives a wanted column, else the one that gives most columns.
fn separator(header: &str, wanted: &[&str]) -> u8 {
    let columns = |separator: u8| {
        let parts = header.split(char::from(separator));
        parts.map(|part| part.trim().trim_matches('"').trim().to_lowercase()).collect::<Vec<_>>()
    };
    let has_wanted =
        |separator: &u8| columns(*separator).iter().any(|column| wanted.contains(&column.as_str()));
    let with_wanted: Vec<u8> = SEPARATORS.into_iter().filter(has_wanted).collect();
    let among = if with_wanted.is_empty() { SEPARATORS.to_vec() } else { with_wanted };
    // The first of those with most columns: `max_by_key` gives the last.
    among.into_iter().rev().max_by_key(|&separator| columns(separator).len()).unwrap_or(b',')
}

fn said(error: csv::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Vec<String>, Vec<(u64, Vec<String>)>);

    fn read(text: &str) -> Result<Read, String> {
        Table::read(text.as_bytes(), &["path"]).map(|table| (table.columns, table.rows))
    }

    #[test]
    fn tables_of_every_spreadsheet_are_one_table() {
        let expected = read("path,label\na.png,x\nb.png,\"y, z\"\n").unwrap();
        assert_eq!(expected.1[1], (3, vec!["b.png".to_owned(), "y, z".to_owned()]));
        for text in [
            "path;label\na.png;x\nb.png;y, z\n",
            "path\tlabel\na.png\tx\nb.png\ty, z\n",
            "\u{feff}path,label\r\na.png,x\r\nb.png,\"y, z\"\r\n",
            "path , label\n a.png , x \n\"b.png\",\"y, z\"",
            "\"path\";\"label\"\na.png;x\nb.png;y, z\n",
            "path;label;;\na.png;x;;\nb.png;y, z;;\n",
        ] {
            let (columns, rows) = read(text).unwrap();
            let two = |values: &[String]| values[..2].to_vec();
            assert_eq!(two(&columns), expected.0, "{text:?}");
            let rows: Vec<_> = rows.iter().map(|(line, values)| (*line, two(values))).collect();
            assert_eq!(rows, expected.1, "{text:?}");
        }
        let (_, rows) = read("sep=;\r\npath;label\r\n\r\na.png;x\r\n;\r\nb.png;y, z").unwrap();
        assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 6]);
    }

    #[test]
    fn what_is_no_table_is_said_with_its_line() {
        let latin = Table::read(b"path,label\na.png,L\xe4sion\n", &["path"]).unwrap_err();
        assert_eq!(latin, "line 2 is no UTF-8 text: save it as \"CSV UTF-8\"");
        let utf16 = Table::read(b"\xff\xfep\0a\0", &["path"]).unwrap_err();
        assert!(utf16.starts_with("is UTF-16 text"), "{utf16}");
        assert_eq!(
            read("path,label\na.png,x,y\n").unwrap_err(),
            "line 2 has 3 values, the first line has 2"
        );
        assert_eq!(
            read("path,label\n\na.png\n").unwrap_err(),
            "line 3 has 1 value, the first line has 2"
        );
        let table = Table::read(b"path,Label,label\n", &["path"]).unwrap();
        assert_eq!(table.column("label").unwrap_err(), "two columns are called label");
    }
}
