//! Figures as PNG.
//!
//! Text is set in DejaVu Sans, compiled in, whatever fonts the machine has: a bare machine draws
//! the same picture.

use resvg::{tiny_skia, usvg};
use std::sync::{Arc, OnceLock};

/// Dots per unit of the drawing: sharp in print.
const SCALE: f32 = 2.0;

/// Draws an SVG file's text; `None` if it cannot be drawn, which leaves the SVG as the figure.
pub(crate) fn render(svg: &str) -> Option<Vec<u8>> {
    static FONTS: OnceLock<Arc<usvg::fontdb::Database>> = OnceLock::new();
    let fonts = FONTS.get_or_init(|| {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(dejavu::sans::regular().to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let options = usvg::Options { fontdb: Arc::clone(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).ok()?;
    let size = tree.size();
    let mut pixels =
        tiny_skia::Pixmap::new((size.width() * SCALE) as u32, (size.height() * SCALE) as u32)?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::{DotRow, dot_plot};

    #[test]
    fn text_is_drawn_without_a_font_of_the_machine() {
        let rows = |label: &str| {
            [DotRow {
                label: label.into(),
                series: vec![vec![("a".into(), 1.0), ("b".into(), 2.0)]],
            }]
        };
        let draw =
            |label| render(&dot_plot("t", "x", &["s"], &rows(label)).finish(true)).expect("drawn");
        assert_ne!(draw("al"), draw("da"), "labels leave marks");
        assert_eq!(draw("al"), draw("al"));
    }

    #[test]
    fn what_is_no_svg_is_no_picture() {
        assert_eq!(render("<html>"), None);
    }
}
