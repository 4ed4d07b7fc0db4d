use super::super::super::DataError;
use super::*;
use std::fs;
use tempfile::TempDir;

/// A folder with empty files of these names, and a manifest `m.csv` of this text.
fn folder(files: &[&str], text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"").unwrap();
    }
    fs::write(folder.path().join("m.csv"), text).unwrap();
    folder
}

fn listed(files: &[&str], text: &str) -> Result<Listing, DataError> {
    let folder = folder(files, text);
    list(&folder.path().join("m.csv"), &Import::default())
}

fn refused(files: &[&str], text: &str) -> String {
    let sentence = listed(files, text).unwrap_err().to_string();
    let (path, what) = sentence.split_once("m.csv: ").unwrap();
    assert!(!path.is_empty());
    what.to_owned()
}

#[test]
fn every_column_is_read_and_others_are_kept_out() {
    let text = "Path,Label,split,patient,frame,age\n\
                a/x.png,benign,train,p1,,55\n\
                ./a\\y.tif, ,VALIDATION,p2,2.0,\n\
                z.tif#3,malignant,test,,,\n";
    let listing = listed(&["a/x.png", "a/y.tif", "z.tif"], text).unwrap();
    let expected = [
        ("a/x.png", None, Some("benign"), Place::Train, Some("p1")),
        ("a/y.tif", Some(2), None, Place::Val, Some("p2")),
        ("z.tif", Some(3), Some("malignant"), Place::Test, None),
    ];
    let found = listing.entries.iter().map(|entry| {
        let Entry { path, frame, label, split, group } = entry;
        (path.as_str(), *frame, label.as_deref(), *split, group.as_deref())
    });
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(listing.notes, ["columns that are not used: age"]);
    assert!(listing.has_splits);
}

#[test]
fn a_column_of_paths_may_have_other_names() {
    for name in ["file", "filename", "image", "PATH"] {
        let listing = listed(&["a.png"], &format!("{name}\na.png\n")).unwrap();
        assert_eq!((listing.entries.len(), listing.has_splits), (1, false));
    }
    let what = refused(&["a.png"], "name,class\na.png,x\n");
    assert!(what.starts_with("has no column path; its columns are name, class"), "{what}");
    let what = refused(&[], "seeds = 5\nregime = [\"al\", \"full\"]\n");
    assert!(what.starts_with("has no column path; its columns are seeds = 5 "), "{what}");
    assert!(refused(&[], "path,label\n").starts_with("names no file"));
}

#[test]
fn every_mistake_is_named_with_its_line() {
    let files = ["a.png", "b.png", "d/c.png"];
    for (text, expected) in [
        (
            "path,split\na.png,train\nb.png,trian\n",
            "line 3: split is \"trian\", expected train, val or test (did you mean train?)",
        ),
        ("path,split\na.png,train\nb.png,\n", "line 3: has no split"),
        (
            "path,label\na.png,x\nb.png,x\na.png,y\n",
            "a.png has two labels: \"x\" (line 2) and \"y\" (line 4)",
        ),
        ("path,label\na.png,x\na.png,\n", "a.png has two labels: \"x\" (line 2) and none"),
        ("path,split\na.png,test\n./a.png,train\n", "a.png has two splits: test (line 2)"),
        ("path,group\na.png,p1\na.png,p2\n", "a.png has two groups"),
        ("path\n/etc/passwd\n", "line 2: \"/etc/passwd\" is an absolute path"),
        ("path\nC:\\x\\a.png\n", "line 2: \"C:/x/a.png\" is an absolute path"),
        ("path\nfile:///x.png\n", "line 2: \"file:///x.png\" is an absolute path"),
        ("path\nd/../../a.png\n", "line 2: \"d/../../a.png\" leads out of"),
        ("path\nd\n", "line 2: d is a folder"),
        ("path\n./\n", "line 2: \"./\" is a folder"),
        ("path,frame\na.png,0\n", "line 2: frame is \"0\", expected a number from 1"),
        ("path,frame\na.png,one\n", "line 2: frame is \"one\""),
        ("path,frame\na.png,\na.png,2\n", "line 3: a.png is named both whole and by its pages"),
        ("path,label\n,x\n", "line 2: has no path"),
        ("path,label\na.png\n", "line 2 has 1 value, the first line has 2"),
        ("path\nx.png\n", "names a file that is not there: x.png (line 2)"),
        ("path,path\na.png,b.png\n", "two columns are called path"),
    ] {
        let what = refused(&files, text);
        assert!(what.starts_with(expected), "{text:?}: {what}");
    }
}

#[test]
fn all_missing_files_are_counted_and_five_are_named() {
    let names: Vec<String> = (0..8).map(|i| format!("none/{i}.png")).collect();
    let what = refused(&["a.png"], &format!("path\na.png\n{}\n", names.join("\n")));
    assert_eq!(
        what,
        "names 8 files that are not there: none/0.png (line 3), none/1.png (line 4), none/2.png \
         (line 5), none/3.png (line 6), none/4.png (line 7) and 3 more"
    );
}

#[test]
fn a_line_that_says_the_same_again_is_taken_once() {
    let listing = listed(&["a.png"], "path,label\na.png,x\na.png,x\n").unwrap();
    assert_eq!(listing.entries.len(), 1);
    assert_eq!(listing.notes, ["1 line names an image again: it is taken once"]);
}
