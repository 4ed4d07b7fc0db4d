use super::super::super::{DataError, Dataset, UNLABELLED, open_with, open_with_names};
use super::super::settings::Import;
use super::*;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// A grey or coloured PNG of such a size, every seed another one.
fn picture(seed: usize, [height, width, channels]: [usize; 3]) -> Vec<u8> {
    let pixel = |i: usize| (i * (seed * 2 + 3) % 251 + seed * 11) as u8;
    let pixels: Vec<u8> = (0..height * width * channels).map(pixel).collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

/// A folder of 12 x 12 grey pictures with these names, all of them different.
fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, name) in names.iter().enumerate() {
        put(&folder, name, &picture(seed, [12, 12, 1]));
    }
    folder
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn open(folder: &TempDir, import: &Import) -> Result<Dataset, DataError> {
    open_with(folder.path(), None, import, &Watch::nobody())
}

fn refused(folder: &TempDir, import: &Import) -> String {
    let sentence = open(folder, import).unwrap_err().to_string();
    let path = folder.path().display().to_string();
    assert!(sentence.starts_with(&path), "{sentence}");
    sentence[path.len()..].trim_start_matches(": ").to_owned()
}

#[test]
fn subfolders_are_classes_in_byte_order_and_rows_are_in_byte_order_of_paths() {
    let folder = folder(&["2/a.png", "10/b.png", "1/deep/er/c.png", "10/a.png", "loose.png"]);
    let data = open(&folder, &Import::default()).unwrap();
    assert_eq!(data.class_names, ["1", "10", "2"]);
    let files = data.files.as_ref().unwrap();
    let expected = ["1/deep/er/c.png", "10/a.png", "10/b.png", "2/a.png", "loose.png"];
    assert_eq!(files.paths[0], expected);
    assert_eq!(data.train.labels, [0, 1, 1, 2, UNLABELLED]);
    assert!(!files.has_splits && data.val.is_empty() && data.test.is_empty());
    assert_eq!((data.train.images.height, data.train.images.channels), (12, 1));
    assert_eq!(data.train.images.image(0)[1], ((2 * 2 + 3) + 22) as u8);
}

#[test]
fn folders_of_splits_are_splits_whatever_they_are_called() {
    let folder = folder(&["Train/a/1.png", "train_notes.txt", "valid/b/1.png", "Test/1.png"]);
    put(&folder, "train_notes.txt", b"about");
    let data = open(&folder, &Import::default()).unwrap();
    assert_eq!(
        data.splits().map(|(_, split)| split.labels.clone()),
        [vec![0], vec![1], vec![UNLABELLED]]
    );
    let files = data.files.unwrap();
    assert!(files.has_splits);
    assert_eq!(files.passed_over.values().sum::<usize>(), 1);
    let twice = self::folder(&["val/a/1.png", "validation/a/1.png", "train/a/1.png"]);
    assert!(refused(&twice, &Import::default()).starts_with("val and validation are both"));
    let mixed = self::folder(&["train/a/1.png", "test/a/1.png", "more/1.png"]);
    let what = refused(&mixed, &Import::default());
    assert!(what.starts_with("holds the splits test, train and beside them more"), "{what}");
    let wrapped = self::folder(&["all/train/a/1.png", "all/test/a/1.png"]);
    let what = refused(&wrapped, &Import::default());
    assert!(what.starts_with("its only folder is all, with the splits test, train"), "{what}");
    let class = self::folder(&["control/1.png", "test/1.png"]);
    assert_eq!(open(&class, &Import::default()).unwrap().class_names, ["control", "test"]);
}

#[test]
fn what_systems_leave_is_passed_over_and_counted() {
    let folder = folder(&["a/1.png", "b/1.png", "a/._1.png", "__MACOSX/a/1.png"]);
    for name in [".DS_Store", "a/.ipynb_checkpoints/1-checkpoint.png", "b/Thumbs.db"] {
        put(&folder, name, b"x");
    }
    put(&folder, "a/notes.txt", b"text");
    fs::create_dir(folder.path().join("c")).unwrap();
    let data = open(&folder, &Import::default()).unwrap();
    assert_eq!((data.train.len(), data.class_names.len()), (2, 2));
    let files = data.files.as_ref().unwrap();
    let counted: Vec<_> = files.passed_over.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(counted, [("hidden", 3), ("left by the system", 2), ("no picture", 1)]);
    let empty = "\"c\" is no class: no image is in the folder";
    assert!(data.warnings().contains(&empty.to_owned()), "{:?}", data.warnings());
}

#[test]
fn a_broken_file_is_named_and_ends_nothing_unless_it_is_to() {
    let folder = folder(&["a/1.png", "b/1.png"]);
    let whole = picture(7, [12, 12, 1]);
    put(&folder, "a/cut.png", &whole[..whole.len() / 2]);
    put(&folder, "a/empty.png", b"");
    let data = open(&folder, &Import::default()).unwrap();
    let unusable = &data.files.as_ref().unwrap().unusable;
    let names: Vec<_> = unusable.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(names, ["a/cut.png", "a/empty.png"]);
    assert!(data.warnings()[0].starts_with("2 files could not be used, the first: a/cut.png"));
    let what = refused(&folder, &Import { strict: true, ..Import::default() });
    assert!(what.starts_with("a/cut.png "), "{what}");
}

#[test]
fn sizes_and_colours_follow_the_images() {
    let same = folder(&["a/1.png", "b/1.png"]);
    let small = open(&same, &Import { size: Some(8), ..Import::default() }).unwrap();
    assert_eq!((small.train.images.height, small.train.images.width), (8, 8));
    put(&same, "b/2.png", &picture(5, [12, 12, 3]));
    let colour = open(&same, &Import::default()).unwrap();
    assert_eq!((colour.train.images.channels, colour.train.images.height), (3, 12));
    let grey = open(&same, &Import { channels: Some(1), ..Import::default() }).unwrap();
    assert_eq!(grey.train.images.channels, 1);
    assert_eq!(colour.train.images.image(0)[..3], [grey.train.images.image(0)[0]; 3]);
    put(&same, "b/3.png", &picture(6, [13, 12, 1]));
    let resized = open(&same, &Import::default()).unwrap();
    assert_eq!((resized.train.images.height, resized.train.images.width), (64, 64));
    let large = tempfile::tempdir().unwrap();
    put(&large, "1.png", &picture(1, [80, 80, 1]));
    assert_eq!(open(&large, &Import::default()).unwrap().train.images.height, 64);
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let names: Vec<String> = (0..300).map(|i| format!("{}/{i}.png", i % 7)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let folder = folder(&names);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let data = pool.install(|| open(&folder, &Import::default()).unwrap());
        (data.checksum.clone(), data.files.unwrap())
    };
    assert_eq!(with(1), with(5));
}

#[test]
fn look_alike_classes_are_asked_about_with_their_counts() {
    let folder = folder(&["Tumor/1.png", "tumor/1.png", "tumor/2.png"]);
    let what = refused(&folder, &Import::default());
    let expected = "has the classes \"Tumor\" (1 image) and \"tumor\" (2 images)";
    assert!(what.starts_with(expected), "{what}");
}

#[test]
fn names_given_say_the_order() {
    let folder = folder(&["a/1.png", "b/1.png"]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let data = open_with_names(folder.path(), Some(&names(&["b", "c", "a"]))).unwrap();
    assert_eq!(data.train.labels, [2, 0]);
    let error = open_with_names(folder.path(), Some(&names(&["x", "y"]))).unwrap_err();
    assert!(error.to_string().contains("the class \"a\" is not among the class names given"));
}

#[test]
fn splits_are_made_by_group_and_no_group_is_in_two() {
    let names: Vec<String> = (0..60).map(|i| format!("c{}/p{:02}_{i}.png", i % 2, i / 4)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let folder = folder(&names);
    let import = Import {
        val_share: 0.2,
        test_share: 0.2,
        group_from: Some("/(p\\d+)_".to_owned()),
        ..Import::default()
    };
    let data = open(&folder, &import).unwrap();
    assert_eq!(data.splits().map(|(_, split)| split.len()), [36, 12, 12]);
    let files = data.files.as_ref().unwrap();
    assert!(splits::groups_across(files).is_empty() && !files.has_splits);
    assert_eq!(files.paths.each_ref().map(Vec::len), [36, 12, 12]);
    assert!(files.notes[0].contains("15 groups kept whole"), "{:?}", files.notes);
    assert!(!data.warnings().iter().any(|line| line.contains("no group")));
    for (pattern, expected) in [
        ("(", "is no regular expression"),
        ("p\\d+", "captures nothing"),
        ("(x\\d+)", "fits none of 60 paths, such as c0/p00_0.png"),
    ] {
        let import = Import { group_from: Some(pattern.to_owned()), ..Import::default() };
        assert!(refused(&folder, &import).contains(expected), "{pattern}");
    }
    let none = Import { val_share: 0.2, ..Import::default() };
    let warned = open(&folder, &none).unwrap().warnings();
    assert!(warned[0].starts_with("no group is known"), "{warned:?}");
}

#[test]
fn groups_and_copies_across_given_splits_are_warned_of() {
    let folder = folder(&["1.png", "2.png", "3.png", "4.png"]);
    put(&folder, "5.png", &picture(0, [12, 12, 1]));
    let text = "path,label,split,patient\n1.png,a,train,p1\n2.png,b,train,p2\n3.png,a,val,p1\n\
                4.png,b,test,p3\n5.png,a,test,p3\n";
    put(&folder, "m.csv", text.as_bytes());
    let data = open_with_names(folder.path().join("m.csv"), None).unwrap();
    assert_eq!(data.name, "m");
    fs::rename(folder.path().join("m.csv"), folder.path().join("manifest.csv")).unwrap();
    let renamed = open_with_names(folder.path().join("manifest.csv"), None).unwrap();
    assert_eq!(Some(std::ffi::OsStr::new(&renamed.name)), folder.path().file_name());
    let expected = [
        "1 group has images in two splits: p1",
        "1 held-out image is a copy of one in another split: 5.png and 1.png",
    ];
    assert_eq!(data.warnings(), expected);
}

#[test]
fn one_picture_is_a_data_set_and_an_empty_folder_is_none() {
    let folder = folder(&["x.png"]);
    let data = open_with_names(folder.path().join("x.png"), None).unwrap();
    assert_eq!((data.train.len(), data.classes(), data.name.as_str()), (1, 0, "x"));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(refused(&empty, &Import::default()), "is empty, expected images");
    put(&empty, "notes.txt", b"x");
    put(&empty, "a/x.png", b"");
    let what = refused(&empty, &Import::default());
    let expected = "holds no image that can be used (1 no picture, 1 unusable, the first: a/x.png";
    assert!(what.starts_with(expected), "{what}");
}

#[test]
fn reading_is_watched_and_can_be_ended() {
    let folder = folder(&["a/1.png", "a/2.png", "b/1.png"]);
    let seen = AtomicUsize::new(0);
    let progress = |done, all| {
        assert!(done <= all && all == 3);
        seen.fetch_add(1, Ordering::Relaxed);
    };
    let watch = Watch::new(&progress, &|| false);
    open_with(folder.path(), None, &Import::default(), &watch).unwrap();
    assert_eq!(seen.load(Ordering::Relaxed), 3);
    let ended = Watch::new(&|_, _| {}, &|| true);
    let error = open_with(folder.path(), None, &Import::default(), &ended).unwrap_err();
    assert!(matches!(error, DataError::Interrupted));
}

#[test]
fn settings_that_fit_nothing_are_refused() {
    let folder = folder(&["a/1.png", "b/1.png"]);
    let usual = Import::default;
    for (import, expected) in [
        (Import { size: Some(0), ..usual() }, "size is 0, expected 1 to 4096"),
        (Import { channels: Some(2), ..usual() }, "channels is 2, expected 1 (grey) or 3"),
        (Import { val_share: 1.5, ..usual() }, "val_share is 1.5, expected a part from 0 up to 1"),
        (Import { val_share: 0.6, test_share: 0.5, ..usual() }, "val_share and test_share leave"),
    ] {
        assert!(refused(&folder, &import).starts_with(expected), "{expected}");
    }
    let error = open_with("phantom", None, &Import { size: Some(64), ..usual() }, &Watch::nobody());
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("phantom: --size is for images that lie as files"), "{error}");
    let share = Import { val_share: 0.1, ..usual() };
    let error = open_with("phantom", None, &share, &Watch::nobody()).unwrap_err().to_string();
    assert!(error.contains("has 2452 validation images already"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_circles_end() {
    use std::os::unix::fs::symlink;
    let outside = folder(&["3.png", "more/4.png"]);
    let folder = folder(&["a/1.png", "b/2.png"]);
    let link = |to: &std::path::Path, name: &str| symlink(to, folder.path().join(name)).unwrap();
    link(outside.path(), "c");
    link(&outside.path().join("3.png"), "a/file.png");
    link(folder.path(), "a/up");
    link(&folder.path().join("a"), "b/side");
    link(&folder.path().join("b/round"), "b/round");
    link(&folder.path().join("nowhere"), "b/lost.png");
    let data = open(&folder, &Import::default()).unwrap();
    let files = data.files.unwrap();
    let expected = ["a/1.png", "a/file.png", "b/2.png", "c/3.png", "c/more/4.png"];
    assert_eq!(files.paths[0], expected);
    assert_eq!(files.passed_over["link to a folder that is listed already"], 2);
    let lost: Vec<_> = files.unusable.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(lost, ["b/lost.png", "b/round"]);
    let root = open_with_names("/", None).unwrap_err().to_string();
    assert_eq!(root, "/: is the root of a disk, expected a folder of images");
}
