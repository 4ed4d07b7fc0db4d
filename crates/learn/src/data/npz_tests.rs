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
        members.push((format!("{name}_images.npy"), array("|u1", &[usize::from(n), 2, 2], &pixels)));
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

fn read_bytes(bytes: &[u8]) -> Result<([Split; 3], usize), DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("data.npz");
    std::fs::write(&path, bytes).unwrap();
    read(&path, None)
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
    let dataset = Dataset::new("tiny".to_owned(), splits.clone(), vec![String::new(); 3]);
    let bytes = |_| {
        let mut out = Cursor::new(Vec::new());
        write(&dataset, &mut out).unwrap();
        out.into_inner()
    };
    assert_eq!(bytes(0), bytes(1));
    assert_eq!(read_bytes(&bytes(0)).unwrap(), (splits, 3));
}

#[test]
fn every_fault_is_one_sentence_that_names_file_and_member() {
    let mut fortran = array("|u1", &[6, 2, 2], &[0; 24]);
    let at = fortran.windows(5).position(|w| w == b"False").unwrap();
    fortran[at..at + 5].copy_from_slice(b"True ");
    let cases: Vec<(&str, &str, Vec<u8>, &str)> = vec![
        ("no array", "val_images.npy", b"hello, world".to_vec(), "not a .npy array"),
        ("cut header", "val_images.npy", b"\x93NUMPY\x01\x00\xff".to_vec(), "cut off"),
        ("float images", "val_images.npy", array("<f4", &[3, 2, 2], &[0; 48]), "expected uint8"),
        ("flat images", "val_images.npy", array("|u1", &[3, 4], &[0; 12]), "expected (N, H, W)"),
        ("four channels", "val_images.npy", array("|u1", &[3, 2, 2, 4], &[0; 48]), "expected (N, H, W)"),
        ("zero width", "val_images.npy", array("|u1", &[3, 2, 0], &[]), "expected (N, H, W)"),
        ("empty split", "val_images.npy", array("|u1", &[0, 2, 2], &[]), "no sample"),
        ("colour among grey", "val_images.npy", array("|u1", &[3, 2, 2, 3], &[0; 36]), "as in train_images"),
        ("other size", "val_images.npy", array("|u1", &[3, 1, 4], &[0; 12]), "as in train_images"),
        ("fortran order", "train_images.npy", fortran, "Fortran order"),
        ("too short", "val_images.npy", array("|u1", &[3, 2, 2], &[0; 11]), "ends after 11 bytes"),
        ("too long", "val_images.npy", array("|u1", &[3, 2, 2], &[0; 13]), "goes on after"),
        ("10^12 pixels", "val_images.npy", array("|u1", &[1_000_000, 1000, 1000], &[0; 12]), "but the member holds"),
        ("past 64 bits", "val_images.npy", array("|u1", &[usize::MAX, 4096, 4096], &[0; 12]), "but the member holds"),
        ("negative label", "val_labels.npy", array("|i1", &[3, 1], &[0, 255, 1]), "row 1 is -1"),
        ("huge label", "val_labels.npy", array("<u8", &[3], &[255; 24]), "row 0 is 18446744073709551615"),
        ("unknown class", "val_labels.npy", array("|u1", &[3], &[0, 1, 7]), "row 2 is 7, expected 0 to 2"),
        ("float labels", "val_labels.npy", array("<f8", &[3], &[0; 24]), "expected an integer"),
        ("findings", "val_labels.npy", array("|u1", &[3, 14], &[0; 42]), "14 labels an image"),
        ("missing labels", "val_labels.npy", array("|u1", &[2, 1], &[0; 2]), "2 labels for 3 images"),
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
    let sentence = read_bytes(&zipped(&members, CompressionMethod::Stored)).unwrap_err().to_string();
    assert!(sentence.contains("no member val_labels.npy") && sentence.contains("validation_labels.npy"), "{sentence}");
    let sentence = read_bytes(&zipped(&[], CompressionMethod::Stored)).unwrap_err().to_string();
    assert!(sentence.contains("found nothing"), "{sentence}");
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
fn a_member_that_inflates_beyond_measure_is_refused() {
    let images = array("|u1", &[1 << 15, 32, 32], &vec![0; 1 << 25]);
    let sentence = with("train_images.npy", images).unwrap_err().to_string();
    assert!(sentence.contains("refused as damaged"), "{sentence}");
}

/// A stored member whose directory entry claims that it unpacks to gigabytes.
#[test]
fn a_declared_size_is_not_believed() {
    let mut members = members();
    members[0].1 = array("|u1", &[1_000_000, 60, 60], &[0; 24]);
    let mut bytes = zipped(&members, CompressionMethod::Deflated);
    let directory = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&4_000_000_000u32.to_le_bytes());
    let sentence = read_bytes(&bytes).unwrap_err().to_string();
    assert!(sentence.contains("refused as damaged") || sentence.contains("unpacked"), "{sentence}");
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
    let folder = std::env::var_os("FEWLABEL_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let file = folder.join("organamnist-s.npz");
    if !file.exists() {
        writeln!(std::io::stderr(), "skipped: {} is not there", file.display()).unwrap();
        return;
    }
    let grey = super::super::open(file.to_str().unwrap()).unwrap();
    assert_eq!(grey.splits().map(|(_, split)| split.len()), [13_932, 2_452, 8_827]);
    assert_eq!((grey.class_names[10].as_str(), &grey.sides[..]), ("spleen", &[(1, 2), (4, 5), (7, 8)][..]));
    assert_eq!(grey.train.class_counts(11)[6], 2_421);
    let colour = super::super::open(folder.join("bloodmnist.npz").to_str().unwrap()).unwrap();
    assert_eq!((colour.train.images.channels, colour.classes(), colour.flips_keep_labels), (3, 8, true));
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
