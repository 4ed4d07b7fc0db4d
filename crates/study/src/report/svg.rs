//! A plain SVG drawing: text, lines, dots, bars and small images, in one font whose widths are known well enough that
//! labels do not overlap.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt::Write;

/// Blue and vermillion, orange, green, purple: Okabe and Ito's palette, told apart by colour-blind readers.
pub(crate) const PALETTE: [&str; 5] = ["#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7"];

/// Colour of text and axes.
pub(crate) const INK: &str = "#222222";

/// Colour of grid lines.
pub(crate) const FAINT: &str = "#d9d9d9";

/// Mean width of a character in font sizes; wide enough for the sans-serif fonts of every system.
const CHARACTER: f64 = 0.58;

/// Where a text stands against its point.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing under way.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
    note: Option<&'static str>,
}

impl Svg {
    /// A white sheet; `title` is what a screen reader says.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self { width, height, title: title.to_owned(), body: String::new(), note: None }
    }

    /// A line below everything, so that a figure taken out of its report still says it.
    pub(crate) fn note_synthetic(&mut self, is_synthetic: bool) {
        self.note = is_synthetic.then_some("synthetic data: made by a program, no patient's");
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), size: f64, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    pub(crate) fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str, width: f64) {
        let _ = writeln!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        );
    }

    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, colour: &str, opacity: f64) {
        let _ = writeln!(
            self.body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"/>"
        );
    }

    pub(crate) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        let _ = writeln!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>"
        );
    }

    /// An image of 8-bit pixels (grey or RGB) in a square of `side`, its pixels kept sharp.
    pub(crate) fn image(
        &mut self,
        (x, y): (f64, f64),
        side: f64,
        [height, width, channels]: [usize; 3],
        pixels: &[u8],
    ) {
        let Some(png) = png(height, width, channels, pixels) else { return };
        let data = STANDARD.encode(png);
        let _ = writeln!(
            self.body,
            "<image x=\"{x:.1}\" y=\"{y:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" style=\"image-rendering:pixelated\" \
             href=\"data:image/png;base64,{data}\"/>"
        );
    }

    pub(crate) fn finish(mut self) -> String {
        if let Some(note) = self.note {
            self.height += 20.0;
            self.text((self.width - 8.0, self.height - 7.0), 10.0, Anchor::End, note);
        }
        let Self { width, height, title, body, .. } = self;
        let title = escaped(&title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\" aria-label=\"{title}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\" \
             fill=\"{INK}\">\n<title>{title}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
        )
    }
}

/// The room that a text takes at most.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * CHARACTER
}

/// `text` as it may stand in XML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn png(height: usize, width: usize, channels: usize, pixels: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(if channels == 3 { png::ColorType::Rgb } else { png::ColorType::Grayscale });
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(10.0, 10.0, "a < b");
        svg.text((0.0, 0.0), 10.0, Anchor::Start, "<script>&\"");
        let text = svg.finish();
        assert!(text.contains("a &lt; b") && text.contains("&lt;script&gt;&amp;&quot;"), "{text}");
    }

    #[test]
    fn an_image_is_embedded_as_png() {
        let mut svg = Svg::new(10.0, 10.0, "x");
        svg.image((0.0, 0.0), 10.0, [2, 2, 1], &[0, 80, 160, 255]);
        assert!(svg.finish().contains("data:image/png;base64,iVBORw0KGgo"));
    }
}
