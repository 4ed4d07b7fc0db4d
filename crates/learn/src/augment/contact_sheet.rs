//! A contact sheet of a data set: images of every split and class, one row below the other.

use super::sheet::{Sheet, Tile};
use crate::data::{Dataset, Images, UNLABELLED};

/// A sheet, and what its rows show.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactSheet {
    /// The pictures.
    pub sheet: Sheet,
    /// Split, class and number of images of each row; several rows may be of one class.
    pub rows: Vec<(&'static str, String, usize)>,
}

/// `rows` rows of `columns` images for every class of every split, spread evenly over its images.
/// What has no label comes last.
pub fn contact_sheet(data: &Dataset, rows: usize, columns: usize) -> ContactSheet {
    let Images { height, width, channels, .. } = data.train.images;
    let (mut tiles, mut about) = (Vec::new(), Vec::new());
    for (number, (name, split)) in data.splits().into_iter().enumerate() {
        let classes = data.class_names.iter().enumerate();
        let classes = classes.map(|(label, class)| (label as u16, class.clone()));
        for (label, class) in classes.chain([(UNLABELLED, "no label".to_owned())]) {
            let all = (0..split.len()).filter(|&row| split.labels[row] == label);
            let all: Vec<usize> = all.collect();
            let shown = all.len().min(rows * columns);
            for row in (0..shown).map(|i| all[i * all.len() / shown]) {
                let (pixels, caption) =
                    (split.images.image(row).to_vec(), data.image_name(number, row));
                tiles.push(Tile { pixels, caption });
            }
            let lines = shown.div_ceil(columns);
            let blank = Tile { pixels: vec![255; height * width * channels], caption: "".into() };
            tiles.resize(tiles.len() + lines * columns - shown, blank);
            about.extend(vec![(name, class, all.len()); lines]);
        }
    }
    ContactSheet { sheet: Sheet { height, width, channels, columns, tiles }, rows: about }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Split;

    #[test]
    fn every_split_and_class_has_its_rows() {
        let split = |labels: &[u16]| Split {
            images: Images {
                height: 1,
                width: 1,
                channels: 1,
                pixels: (0..labels.len() as u8).collect(),
            },
            labels: labels.to_vec(),
        };
        let train = split(&[0, 1, 0, 0, 0, 0, UNLABELLED, 0]);
        let data = Dataset::new(
            "d".into(),
            [train, split(&[]), split(&[1])],
            vec!["a".into(), "b".into()],
        );
        let ContactSheet { sheet, rows } = contact_sheet(&data, 2, 2);
        let expected = [
            ("train", "a".to_owned(), 6),
            ("train", "a".to_owned(), 6),
            ("train", "b".to_owned(), 1),
            ("train", "no label".to_owned(), 1),
            ("test", "b".to_owned(), 1),
        ];
        assert_eq!(rows, expected);
        let pixels: Vec<u8> = sheet.tiles.iter().map(|tile| tile.pixels[0]).collect();
        assert_eq!(pixels, [0, 2, 4, 5, 1, 255, 6, 255, 0, 255]);
        assert_eq!(sheet.tiles[4].caption, "train/1");
    }
}
