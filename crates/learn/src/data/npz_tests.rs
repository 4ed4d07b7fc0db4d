//! Good, wrong and hostile .npz files, made here.

use std::io::Cursor;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// The members of a small valid file: 3 classes, images of 2x2.
fn members() -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    for (name, n) in [("train", 6u8), ("val", 3), ("test", 3)] {
        let pixels: Vec<u8> = (0..n * 4).collect();
        let labels: Vec<u8> = (0..n).map(|i| i % 3).collect();
        members
            .push((format!("{name}_images.npy"), array("|u1", &[usize::from(n), 2, 2], &pixels)));
        members.push((format!("{name}_labels.npy"), array("|u1", &[usize::from(n), 1], &labels)));
    }
    members
}

fn array(descr: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = npy::header_bytes(descr, shape);
    bytes.extend(data);
    bytes
}

fn zipped(members: &[(String, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The splits and the number of classes of a file of these bytes.
fn read_bytes(bytes: &[u8]) -> Result<([Split; 3], usize), DataError> {
    let contents = contents(bytes, None)?;
    Ok((contents.0.splits, contents.1))
}

/// What a file of these bytes holds, and how many classes it has where so many are `named`.
fn contents(bytes: &[u8], named: Option<usize>) -> Result<(Contents, usize), DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data.npz");
    std::fs::write(&path, bytes).unwrap();
    let contents = read(&path)?;
    let classes = contents.classes(&path, named)?;
    Ok((contents, classes))
}

/// Reads the valid file with `member` replaced.
fn with(member: &str, bytes: Vec<u8>) -> Result<([Split; 3], usize), DataError> {
    let mut members = members();
    members.iter_mut().find(|(name, _)| name == member).unwrap().1 = bytes;
    read_bytes(&zipped(&members, CompressionMethod::Deflated))
}

#[test]
fn reads_stored_and_deflated() {
    let stored = read_bytes(&zipped(&members(), CompressionMethod::Stored)).unwrap();
    let deflated = read_bytes(&zipped(&members(), CompressionMethod::Deflated)).unwrap();
    assert_eq!(stored, deflated);
    let ([train, ..], classes) = stored;
    assert_eq!((train.len(), classes, train.images.image(1)), (6, 3, &[4, 5, 6, 7][..]));
    assert_eq!(train.labels, [0, 1, 2, 0, 1, 2]);
}

#[test]
fn labels_may_be_any_integer() {
    for (descr, data) in [
        ("<i8", vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
        (">i4", vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]),
        ("<u2", vec![0, 0, 1, 0, 2, 0]),
        ("|i1", vec![0, 1, 2]),
    ] {
        let ([_, val, _], _) = with("val_labels.npy", array(descr, &[3], &data)).unwrap();
        assert_eq!(val.labels, [0, 1, 2], "{descr}");
    }
}

#[test]
fn what_is_written_is_read_back_and_never_changes() {
    let (splits, _) = read_bytes(&zipped(&members(), CompressionMethod::Stored)).unwrap();
    let names = ["näevus", "melanoma, early", "melanoma"].map(str::to_owned).to_vec();
    let dataset = Dataset::new("tiny".to_owned(), splits.clone(), names.clone());
    let bytes = |_| {
        let mut out = Cursor::new(Vec::new());
        write(&dataset, &mut out).unwrap();
        out.into_inner()
    };
    assert_eq!(bytes(0), bytes(1));
    assert_eq!(
        contents(&bytes(0), None).unwrap(),
        (Contents { splits, class_names: Some(names) }, 3)
    );
}

#[test]
fn a_disk_that_is_full_is_an_error_and_nothing_is_tried_after_it() {
    /// Takes so many bytes; every call after the first that failed is one too many.
    struct Full {
        left: usize,
        has_failed: bool,
    }
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(!self.has_failed, "written to after it failed");
            if self.left == 0 {
                self.has_failed = true;
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.left);
            self.left -= taken;
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for Full {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            assert!(!self.has_failed, "looked for a place after it failed");
            Ok(0)
        }
    }
    let (splits, _) = read_bytes(&zipped(&members(), CompressionMethod::Stored)).unwrap();
    let dataset = Dataset::new("tiny".to_owned(), splits, class_names::placeholders(3));
    let mut whole = Cursor::new(Vec::new());
    write(&dataset, &mut whole).unwrap();
    for left in [0, 30, 200, 900, whole.into_inner().len() - 1] {
        let error = write(&dataset, Full { left, has_failed: false }).unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write the data set: ") && error.contains("space"),
            "{left}: {error}"
        );
    }
}

#[test]
fn a_class_of_the_other_splits_counts_where_labels_have_no_gap() {
    let labels =
        |val: &[u8]| with("val_labels.npy", array("|u1", &[3], val)).map(|(_, classes)| classes);
    assert_eq!(labels(&[0, 1, 2]).unwrap(), 3);
    assert_eq!(labels(&[4, 3, 0]).unwrap(), 5);
    assert!(labels(&[4, 0, 0]).unwrap_err().to_string().contains("row 0 is 4, expected 0 to 2"));
}

#[test]
fn names_in_the_file_say_how_many_classes_there_are() {
    let mut members = members();
    let names = |names: &[&str]| {
        class_names::to_npy(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    members.push(("class_names.npy".to_owned(), names(&["a", "b", "c", "d"])));
    let (read, classes) =
        contents(&zipped(&members, CompressionMethod::Deflated), Some(4)).unwrap();
    assert_eq!((read.class_names.map(|names| names.len()), classes), (Some(4), 4));
    for (bytes, expected) in [
        (names(&["a", "b", "a"]), "member class_names: \"a\" is the name of two classes"),
        (
            array("|O", &[3], b"pickled"),
            "member class_names: dtype is \"|O\", expected an array of texts",
        ),
        (array("<U3", &[3], b"short"), "member class_names: "),
    ] {
        members.last_mut().unwrap().1 = bytes;
        let sentence =
            contents(&zipped(&members, CompressionMethod::Deflated), None).unwrap_err().to_string();
        assert!(sentence.contains(expected), "{sentence}");
    }
}

#[test]
fn every_fault_is_one_sentence_that_names_file_and_member() {
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("no array", "val_images.npy", b"hello, world".to_vec(), "not a .npy array"),
        ("cut header", "val_images.npy", b"\x93NUMPY\x01\x00\xff".to_vec(), "cut off"),
        ("float images", "val_images.npy", array("<f4", &[3, 2, 2], &[0; 48]), "expected uint8"),
        ("flat images", "val_images.npy", array("|u1", &[3, 4], &[0; 12]), "expected (N, H, W)"),
        (
            "four channels",
            "val_images.npy",
            array("|u1", &[3, 2, 2, 4], &[0; 48]),
            "expected (N, H, W)",
        ),
        ("zero width", "val_images.npy", array("|u1", &[3, 2, 0], &[]), "expected (N, H, W)"),
        ("fewer images", "val_images.npy", array("|u1", &[0, 2, 2], &[]), "3 labels for 0 images"),
        (
            "colour among grey",
            "val_images.npy",
            array("|u1", &[3, 2, 2, 3], &[0; 36]),
            "as in train_images",
        ),
        ("other size", "val_images.npy", array("|u1", &[3, 1, 4], &[0; 12]), "as in train_images"),
        ("too short", "val_images.npy", array("|u1", &[3, 2, 2], &[0; 11]), "ends after 11 bytes"),
        ("too long", "val_images.npy", array("|u1", &[3, 2, 2], &[0; 13]), "goes on after"),
        (
            "10^12 pixels",
            "val_images.npy",
            array("|u1", &[1_000_000, 1000, 1000], &[0; 12]),
            "but the member holds",
        ),
        (
            "past 64 bits",
            "val_images.npy",
            array("|u1", &[usize::MAX, 4096, 4096], &[0; 12]),
            "but the member holds",
        ),
        ("negative label", "val_labels.npy", array("|i1", &[3, 1], &[0, 254, 1]), "row 1 is -2"),
        (
            "huge label",
            "val_labels.npy",
            array("<u8", &[3], &[255; 24]),
            "row 0 is 18446744073709551615",
        ),
        (
            "unknown class",
            "val_labels.npy",
            array("|u1", &[3], &[0, 1, 7]),
            "row 2 is 7, expected 0 to 2",
        ),
        ("float labels", "val_labels.npy", array("<f8", &[3], &[0; 24]), "expected an integer"),
        ("findings", "val_labels.npy", array("|u1", &[3, 14], &[0; 42]), "14 labels an image"),
        (
            "missing labels",
            "val_labels.npy",
            array("|u1", &[2, 1], &[0; 2]),
            "2 labels for 3 images",
        ),
        ("one class", "train_labels.npy", array("|u1", &[6], &[0; 6]), "expected"),
    ];
    for (case, member, bytes, expected) in cases {
        let sentence = with(member, bytes).unwrap_err().to_string();
        assert!(sentence.contains(expected) && sentence.contains("data.npz"), "{case}: {sentence}");
        assert!(sentence.contains("_images") || sentence.contains("_labels"), "{case}: {sentence}");
        assert!(!sentence.contains('\n') && sentence.len() < 400, "{case}: {sentence}");
    }
}

#[test]
fn a_missing_member_is_named_with_what_is_there() {
    let mut members = members();
    members[3].0 = "validation_labels.npy".to_owned();
    let sentence =
        read_bytes(&zipped(&members, CompressionMethod::Stored)).unwrap_err().to_string();
    assert!(
        sentence.contains("no member val_labels.npy") && sentence.contains("validation_labels.npy"),
        "{sentence}"
    );
    let sentence = read_bytes(&zipped(&[], CompressionMethod::Stored)).unwrap_err().to_string();
    assert!(sentence.contains("found nothing"), "{sentence}");
}

#[test]
fn images_whose_first_axis_runs_fastest_are_turned_round() {
    let mut fortran = array("|u1", &[6, 2, 2], &[0; 24]);
    let at = fortran.windows(5).position(|w| w == b"False").unwrap();
    fortran[at..at + 5].copy_from_slice(b"True ");
    let start = fortran.len() - 24;
    for (place, byte) in fortran[start..].iter_mut().enumerate() {
        let (image, pixel) = (place % 6, place / 6);
        *byte = (4 * image + 2 * (pixel % 2) + pixel / 2) as u8;
    }
    let (splits, _) = with("train_images.npy", fortran).unwrap();
    assert_eq!(splits[0].images.pixels, (0..24).collect::<Vec<u8>>());
}

#[test]
fn floats_are_refused_with_what_to_do() {
    let sentence = with("val_images.npy", array("<f4", &[3, 2, 2], &[0; 48])).unwrap_err();
    assert!(sentence.to_string().contains("(255 * x).round().astype('uint8')"), "{sentence}");
}

#[test]
fn splits_and_labels_may_be_absent_and_a_label_of_minus_one_is_none() {
    let all = members();
    let of = |names: &[&str]| {
        let chosen = all.iter().filter(|(name, _)| names.iter().any(|n| name.starts_with(n)));
        zipped(&chosen.cloned().collect::<Vec<_>>(), CompressionMethod::Stored)
    };
    let (splits, classes) = read_bytes(&of(&["train_images", "test_images"])).unwrap();
    assert_eq!((splits[0].unlabelled(), splits[1].len(), classes), (6, 0, 0));
    assert_eq!(splits[1].images.image_len(), 4);
    let (splits, classes) = read_bytes(&of(&["test_"])).unwrap();
    assert_eq!((splits[0].len(), splits[2].labels.clone(), classes), (0, vec![0, 1, 2], 3));
    let (splits, classes) = with(
        "train_labels.npy",
        array("<i2", &[6, 1], &[0, 0, 255, 255, 1, 0, 255, 255, 2, 0, 255, 255]),
    )
    .unwrap();
    assert_eq!((splits[0].labelled_rows(), splits[0].unlabelled(), classes), (vec![0, 2, 4], 3, 3));
    let empty = array("|u1", &[0, 2, 2], &[]);
    let error = read_bytes(&zipped(&[("val_images.npy".into(), empty)], CompressionMethod::Stored));
    assert!(error.unwrap_err().to_string().contains("no split has a sample"));
}

#[test]
fn what_has_no_label_is_written_and_read_back() {
    let split = |labels: Vec<u16>| Split {
        images: Images { height: 1, width: 2, channels: 1, pixels: vec![5; 2 * labels.len()] },
        labels,
    };
    let none = Split::none_like(&split(vec![]).images);
    let splits = [split(vec![1, UNLABELLED, 0]), none, split(vec![UNLABELLED])];
    let dataset = Dataset::new("p".into(), splits, vec!["a".into(), "b".into()]);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("p.npz");
    write(&dataset, File::create(&path).unwrap()).unwrap();
    let contents = read(&path).unwrap();
    assert_eq!(contents.splits, [dataset.train, dataset.val, dataset.test]);
}

#[test]
fn no_zip_and_half_a_zip_are_told_apart_from_a_data_set() {
    let whole = zipped(&members(), CompressionMethod::Deflated);
    for bytes in [&b""[..], b"plain text", &whole[..whole.len() / 2], &whole[..whole.len() - 1]] {
        let sentence = read_bytes(bytes).unwrap_err().to_string();
        assert!(sentence.contains("not a complete .npz (zip) file"), "{sentence}");
    }
}

#[test]
fn images_that_compress_to_a_thousandth_are_read() {
    let images = array("|u1", &[6, 2300, 2300], &vec![0; 6 * 2300 * 2300]);
    let mut members = members();
    members[0].1 = images;
    for (number, n) in [(2, 3), (4, 3)] {
        members[number].1 = array("|u1", &[n, 2300, 2300], &vec![0; n * 2300 * 2300]);
    }
    let bytes = zipped(&members, CompressionMethod::Deflated);
    assert!(12 * 2300 * 2300 / bytes.len() > 900, "{} bytes", bytes.len());
    let ([train, ..], _) = read_bytes(&bytes).unwrap();
    assert_eq!((train.len(), train.images.pixels.len()), (6, 6 * 2300 * 2300));
}

/// A member whose directory entry claims that it unpacks to gigabytes, and whose header promises as
/// much.
#[test]
fn a_declared_size_is_not_believed() {
    for images in [1_000_000, 1_000_000_000] {
        let mut members = members();
        members[0].1 = array("|u1", &[images, 60, 60], &[0; 24]);
        let mut bytes = zipped(&members, CompressionMethod::Deflated);
        let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        bytes[directory + 24..directory + 28].copy_from_slice(&4_000_000_000u32.to_le_bytes());
        let sentence = read_bytes(&bytes).unwrap_err().to_string();
        let expected = [
            "ends after 24 bytes",
            "of memory, and this machine has",
            "unpacked",
            "but the member holds",
        ];
        assert!(expected.iter().any(|part| sentence.contains(part)), "{sentence}");
        assert!(!sentence.contains("damaged"), "{sentence}");
    }
}

#[test]
fn one_flipped_bit_in_the_pixels_is_noticed() {
    let mut bytes = zipped(&members(), CompressionMethod::Stored);
    let pixels = bytes.windows(4).position(|w| w == [0, 1, 2, 3]).unwrap();
    bytes[pixels] ^= 1;
    assert!(read_bytes(&bytes).unwrap_err().to_string().contains("damaged"));
}

#[test]
fn reads_the_real_sets() {
    let folder = std::env::var_os("FEWLABEL_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let file = folder.join("organamnist-s.npz");
    if !file.exists() {
        writeln!(std::io::stderr(), "skipped: {} is not there", file.display()).unwrap();
        return;
    }
    let grey = super::super::open(&file).unwrap();
    assert_eq!(grey.splits().map(|(_, split)| split.len()), [13_932, 2_452, 8_827]);
    assert_eq!(
        (grey.class_names[10].as_str(), &grey.sides[..]),
        ("spleen", &[(1, 2), (4, 5), (7, 8)][..])
    );
    assert_eq!(grey.train.class_counts(11)[6], 2_421);
    let colour = super::super::open(folder.join("bloodmnist.npz")).unwrap();
    assert_eq!(
        (colour.train.images.channels, colour.classes(), colour.flips_keep_labels),
        (3, 8, true)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damage_anywhere_never_panics(position: prop::sample::Index, byte: u8, deflated: bool) {
        let method = if deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let mut bytes = zipped(&members(), method);
        let at = position.index(bytes.len());
        bytes[at] = byte;
        let _ = read_bytes(&bytes);
    }

    #[test]
    fn a_cut_anywhere_is_refused(position: prop::sample::Index) {
        let bytes = zipped(&members(), CompressionMethod::Deflated);
        prop_assert!(read_bytes(&bytes[..position.index(bytes.len())]).is_err());
    }
}
