//! A contact sheet: images and what a policy makes of them, so that a person sees what the network
//! sees.

use super::pipeline::{Applied, Augmenter};
use super::policy::Policy;
use super::transform::Kind;
use crate::data::{Images, Split};
use crate::purpose::AUGMENT;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fewlabel_engine::rng::Key;
use std::fmt::Write as _;

/// Pixels between tiles.
const GAP: usize = 4;
/// The shorter side of a tile on the sheet is at least so many pixels.
const SIDE: usize = 84;
/// Height of a line of text in an SVG.
const LINE: usize = 12;

/// One picture of a sheet.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Its pixels, channels last.
    pub pixels: Vec<u8>,
    /// What stands under it.
    pub caption: String,
}

/// Pictures of one size in rows and columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Rows of pixels in a tile.
    pub height: usize,
    /// Pixels in a row of a tile.
    pub width: usize,
    /// 1 for grey, 3 for colour.
    pub channels: usize,
    /// Tiles in a row.
    pub columns: usize,
    /// All tiles, row after row.
    pub tiles: Vec<Tile>,
}

/// An RGB picture, eight bits a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Red, green and blue of every pixel.
    pub pixels: Vec<u8>,
}

/// Originals in the first column, what the policy makes of them in `variants` epochs beside them.
///
/// The draws are those of a final model's first epochs under `seed`. The images are the first of
/// every class, then the second, and so on, `count` in all.
pub fn preview(
    split: &Split,
    class_names: &[String],
    policy: &Policy,
    count: usize,
    variants: usize,
    seed: u64,
) -> Sheet {
    let Images { height, width, channels, .. } = split.images;
    let mut augmenter = Augmenter::new(policy, height, width, channels);
    let mut tiles = Vec::new();
    for row in round_robin(&split.labels, class_names.len(), count) {
        let original = split.images.image(row);
        let caption = class_names.get(usize::from(split.labels[row])).cloned().unwrap_or_default();
        tiles.push(Tile { pixels: original.to_vec(), caption });
        for epoch in 0..variants as u64 {
            let mut image: Vec<f32> =
                original.iter().map(|v| f32::from(*v) * (1.0 / 255.0)).collect();
            let applied =
                augmenter.apply(Key::new(seed, AUGMENT).at(epoch, row as u64), &mut image);
            tiles.push(Tile { pixels: bytes(&image), caption: caption_of(applied) });
        }
    }
    Sheet { height, width, channels, columns: variants + 1, tiles }
}

/// Rows of images, a class after the other as far as they reach.
fn round_robin(labels: &[u16], classes: usize, count: usize) -> Vec<usize> {
    let mut of_class = vec![Vec::new(); classes];
    for (row, &label) in labels.iter().enumerate() {
        if let Some(rows) = of_class.get_mut(usize::from(label)) {
            rows.push(row);
        }
    }
    let deepest = of_class.iter().map(Vec::len).max().unwrap_or(0);
    (0..deepest)
        .flat_map(|i| of_class.iter().filter_map(move |rows| rows.get(i)).copied())
        .take(count)
        .collect()
}

fn caption_of(applied: Applied) -> String {
    let strength = applied.strength;
    let unit = match applied.kind {
        Kind::None => return "none".into(),
        Kind::Several => return format!("{strength:.0} transforms"),
        Kind::Rotation | Kind::Shear | Kind::Affine => "°",
        Kind::Blur | Kind::Elastic | Kind::Translation | Kind::Crop => " px",
        _ => "",
    };
    format!("{} {strength:.2}{unit}", applied.kind)
}

fn bytes(image: &[f32]) -> Vec<u8> {
    image.iter().map(|v| (v * 255.0 + 0.5) as u8).collect()
}

impl Sheet {
    /// How often a tile's pixel is repeated along both axes.
    fn zoom(&self) -> usize {
        SIDE.div_ceil(self.height.min(self.width).max(1))
    }

    fn rows(&self) -> usize {
        self.tiles.len().div_ceil(self.columns.max(1))
    }

    /// The whole sheet as one picture on white, without captions.
    pub fn picture(&self) -> Rgb {
        let (zoom, columns) = (self.zoom(), self.columns.max(1));
        let (cell_width, cell_height) = (self.width * zoom + GAP, self.height * zoom + GAP);
        let (width, height) = (columns * cell_width + GAP, self.rows() * cell_height + GAP);
        let mut pixels = vec![255; width * height * 3];
        for (i, tile) in self.tiles.iter().enumerate() {
            let (top, left) = (i / columns * cell_height + GAP, i % columns * cell_width + GAP);
            for (y, x) in
                (0..self.height * zoom).flat_map(|y| (0..self.width * zoom).map(move |x| (y, x)))
            {
                let from = &tile.pixels[(y / zoom * self.width + x / zoom) * self.channels..]
                    [..self.channels];
                let to = &mut pixels[((top + y) * width + left + x) * 3..][..3];
                to.copy_from_slice(&[from[0], from[self.channels / 2], from[self.channels - 1]]);
            }
        }
        Rgb { width, height, pixels }
    }

    /// The sheet as a PNG file's bytes.
    pub fn to_png(&self) -> Vec<u8> {
        let picture = self.picture();
        png_bytes(&picture.pixels, picture.width, picture.height, png::ColorType::Rgb)
    }

    /// The sheet as an SVG file's text: every tile a picture with its caption under it.
    pub fn to_svg(&self) -> String {
        let (zoom, columns) = (self.zoom(), self.columns.max(1));
        let (tile_width, tile_height) = (self.width * zoom, self.height * zoom);
        let (cell_width, cell_height) = (tile_width + GAP, tile_height + LINE + GAP);
        let (width, height) = (columns * cell_width + GAP, self.rows() * cell_height + GAP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"9\" \
             text-anchor=\"middle\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let colour =
            if self.channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale };
        for (i, tile) in self.tiles.iter().enumerate() {
            let (x, y) = (i % columns * cell_width + GAP, i / columns * cell_height + GAP);
            let picture = STANDARD.encode(png_bytes(&tile.pixels, self.width, self.height, colour));
            let (middle, baseline) = (x + tile_width / 2, y + tile_height + LINE - 3);
            let _ = writeln!(
                svg,
                "<image x=\"{x}\" y=\"{y}\" width=\"{tile_width}\" height=\"{tile_height}\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{picture}\"/>\n\
                 <text x=\"{middle}\" y=\"{baseline}\">{}</text>",
                escaped(&tile.caption)
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// One of `images` as a PNG file's bytes.
///
/// # Panics
/// If there is no image `row`.
pub fn image_png(images: &Images, row: usize) -> Vec<u8> {
    let colour = if images.channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale };
    png_bytes(images.image(row), images.width, images.height, colour)
}

/// A picture as a PNG file's bytes.
fn png_bytes(pixels: &[u8], width: usize, height: usize, colour: png::ColorType) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.expect("a picture of at least one pixel fits in memory");
    file
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(channels: usize) -> Split {
        let pixels = (0..6 * 12 * channels).map(|i| (i * 7 % 251) as u8).collect();
        Split {
            images: Images { height: 4, width: 3, channels, pixels },
            labels: vec![0, 0, 0, 1, 1, 2],
        }
    }

    fn names() -> Vec<String> {
        ["liver", "lung < left", "heart"].map(String::from).to_vec()
    }

    #[test]
    fn originals_take_turns_by_class_and_stand_first() {
        let split = split(1);
        let sheet = preview(&split, &names(), &Policy::paper(), 4, 2, 0);
        assert_eq!((sheet.columns, sheet.tiles.len()), (3, 12));
        for (tile, row) in sheet.tiles.iter().step_by(3).zip([0, 3, 5, 1]) {
            assert_eq!(tile.pixels, split.images.image(row));
        }
        assert_eq!(sheet.tiles[3].caption, "lung < left");
    }

    #[test]
    fn a_png_reads_back_as_the_picture() {
        for channels in [1, 3] {
            let sheet = preview(&split(channels), &names(), &Policy::none(), 3, 1, 0);
            let file = sheet.to_png();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut pixels).unwrap();
            let picture = sheet.picture();
            assert_eq!(
                (info.width as usize, info.height as usize),
                (picture.width, picture.height)
            );
            assert_eq!(pixels, picture.pixels);
            let place = (GAP * picture.width + GAP) * 3;
            assert_eq!(pixels[place], sheet.tiles[0].pixels[0]);
        }
    }

    #[test]
    fn an_svg_has_every_tile_and_safe_captions() {
        let svg = preview(&split(3), &names(), &Policy::paper(), 6, 3, 0).to_svg();
        assert_eq!((svg.matches("<image ").count(), svg.matches("<text ").count()), (24, 24));
        assert!(svg.contains(">lung &lt; left</text>") && !svg.contains("lung < left"));
    }
}
