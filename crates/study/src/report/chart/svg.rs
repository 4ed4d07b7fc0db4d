//! A picture as SVG text.
//!
//! Colours are light-theme presentation attributes plus a class: a file stands alone, and the
//! page's style sheet, which overrides attributes, recolours the same drawing for the dark theme.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Height of text that is read, in pixels.
pub(crate) const TEXT: f64 = 12.0;
/// Height of axis numbers and notes.
pub(crate) const SMALL: f64 = 11.0;

/// Colours that people with any of the common colour deficiencies tell apart: blue, vermilion and
/// green of Okabe and Ito (2008), the rest chosen for lightness too, which every eye sees. A test
/// holds them to it, in both themes.
pub(crate) const SERIES: [&str; 7] =
    ["#3c4043", "#0072b2", "#d55e00", "#009e73", "#762308", "#0b2fad", "#9c87a7"];

/// Where a text is held.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// What a mark is, which fixes its colour in either theme.
#[derive(Clone, Copy)]
pub(crate) enum Ink {
    /// Text and axes.
    Text,
    /// Lesser text.
    Muted,
    /// Grid lines.
    Grid,
    /// Data series by number.
    Series(usize),
    /// Text on a dark tile.
    OnDark,
    /// Text on a light tile.
    OnLight,
}

impl Ink {
    fn class(self) -> String {
        match self {
            Self::Text => "ink".to_owned(),
            Self::Muted => "muted".to_owned(),
            Self::Grid => "grid".to_owned(),
            Self::Series(number) => format!("s{}", number % SERIES.len()),
            Self::OnDark => "ondark".to_owned(),
            Self::OnLight => "onlight".to_owned(),
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Text => "#1f2328",
            Self::OnLight => "#000000",
            Self::Muted => "#59636e",
            Self::Grid => "#d8dde3",
            Self::Series(number) => SERIES[number % SERIES.len()],
            Self::OnDark => "#ffffff",
        }
    }
}

/// A drawing in progress.
pub(crate) struct Svg {
    width: f64,
    height: f64,
    title: String,
    body: String,
    /// The images that the body refers to, by name: a page shows many of them more than once.
    images: BTreeMap<String, String>,
}

impl Svg {
    /// An empty picture; `title` is what a screen reader says.
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self {
            width,
            height,
            title: title.to_owned(),
            body: String::new(),
            images: BTreeMap::new(),
        }
    }

    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: Anchor, size: f64, ink: Ink, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (class, colour) = (ink.class(), ink.colour());
        let _ = write!(
            self.body,
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\"{anchor} class=\"{class}\" \
             fill=\"{colour}\">{}</text>",
            Px(x),
            Px(y),
            escape(text)
        );
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        let (class, colour) = (ink.class(), ink.colour());
        let _ = write!(
            self.body,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{class} line\" \
             stroke=\"{colour}\" stroke-width=\"{width}\"/>",
            Px(from.0),
            Px(from.1),
            Px(to.0),
            Px(to.1)
        );
    }

    /// A line through points; `dashes` tells series apart without colour.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], ink: Ink, dashes: &str) {
        let (class, colour) = (ink.class(), ink.colour());
        let dashes = if dashes.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{dashes}\"")
        };
        let _ = write!(
            self.body,
            "<polyline class=\"{class} line\" fill=\"none\" stroke=\"{colour}\" \
             stroke-width=\"2\"{dashes} points=\""
        );
        self.points(points);
        self.body.push_str("\"/>");
    }

    /// A shaded band.
    pub(crate) fn area(&mut self, points: &[(f64, f64)], ink: Ink) {
        let (class, colour) = (ink.class(), ink.colour());
        let _ = write!(
            self.body,
            "<polygon class=\"{class}\" fill=\"{colour}\" fill-opacity=\"0.15\" points=\""
        );
        self.points(points);
        self.body.push_str("\"/>");
    }

    fn points(&mut self, points: &[(f64, f64)]) {
        for (i, (x, y)) in points.iter().enumerate() {
            let _ = write!(self.body, "{}{},{}", if i > 0 { " " } else { "" }, Px(*x), Px(*y));
        }
    }

    pub(crate) fn rect(&mut self, at: (f64, f64), size: (f64, f64), ink: Ink, opacity: f64) {
        let (class, colour) = (ink.class(), ink.colour());
        let (x, y, w, h) = (Px(at.0), Px(at.1), Px(size.0), Px(size.1));
        let _ = write!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" class=\"{class}\" \
             fill=\"{colour}\" fill-opacity=\"{}\"/>",
            Px(opacity)
        );
    }

    /// A tile whose own colour carries meaning; the dark theme mixes `percent` of the class's ramp
    /// anew.
    pub(crate) fn tile(
        &mut self,
        at: (f64, f64),
        size: (f64, f64),
        colour: &str,
        class: &str,
        percent: f64,
    ) {
        let (x, y, w, h) = (Px(at.0), Px(at.1), Px(size.0), Px(size.1));
        let _ = write!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{colour}\" \
             class=\"{class}\" style=\"--t:{}%\"/>",
            Px(percent)
        );
    }

    /// An empty frame.
    pub(crate) fn frame(&mut self, at: (f64, f64), size: (f64, f64), ink: Ink) {
        let (class, colour) = (ink.class(), ink.colour());
        let (x, y, w, h) = (Px(at.0), Px(at.1), Px(size.0), Px(size.1));
        let _ = write!(
            self.body,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" class=\"{class} line\" \
             fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        );
    }

    /// A dot that names itself when pointed at.
    pub(crate) fn dot(&mut self, at: (f64, f64), radius: f64, ink: Ink, opacity: f64, title: &str) {
        let (class, colour) = (ink.class(), ink.colour());
        let _ = write!(
            self.body,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\" class=\"{class}\" fill=\"{colour}\" \
             fill-opacity=\"{}\"><title>{}</title></circle>",
            Px(at.0),
            Px(at.1),
            Px(opacity),
            escape(title)
        );
    }

    /// A hollow dot that names itself when pointed at.
    pub(crate) fn ring(&mut self, at: (f64, f64), radius: f64, ink: Ink, title: &str) {
        let (class, colour) = (ink.class(), ink.colour());
        let _ = write!(
            self.body,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{radius}\" class=\"{class} line\" fill=\"none\" \
             stroke=\"{colour}\"><title>{}</title></circle>",
            Px(at.0),
            Px(at.1),
            escape(title)
        );
    }

    /// A PNG image, pixels kept sharp.
    pub(crate) fn image(&mut self, at: (f64, f64), side: f64, png_base64: &str, title: &str) {
        let name = format!("i{side}-{:016x}", fnv1a(png_base64.as_bytes()));
        let (x, y, title) = (Px(at.0), Px(at.1), escape(title));
        let _ = write!(
            self.body,
            "<use href=\"#{name}\" x=\"{x}\" y=\"{y}\"><title>{title}</title></use>"
        );
        self.images.entry(name).or_insert_with_key(|name| {
            format!(
                "<image id=\"{name}\" width=\"{side}\" height=\"{side}\" \
                 image-rendering=\"optimizeSpeed\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{png_base64}\"/>"
            )
        });
    }

    /// The images that the picture refers to: a page holds each once, for all its pictures.
    pub(crate) fn images(&self) -> &BTreeMap<String, String> {
        &self.images
    }

    /// The picture; with its own background and images as a file, without them as a part of the
    /// page.
    pub(crate) fn finish(&self, as_file: bool) -> String {
        let (w, h) = (Px(self.width), Px(self.height));
        let (namespace, ground) = if as_file {
            (
                format!(" xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\""),
                format!(
                    "{}<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>",
                    definitions(&self.images)
                ),
            )
        } else {
            (String::new(), String::new())
        };
        format!(
            "<svg{namespace} viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{}\" \
             font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\">{ground}{}</svg>",
            escape(&self.title),
            self.body
        )
    }
}

/// Images as what pictures refer to.
pub(crate) fn definitions(images: &BTreeMap<String, String>) -> String {
    if images.is_empty() {
        return String::new();
    }
    format!("<defs>{}</defs>", images.values().map(String::as_str).collect::<String>())
}

/// A name for bytes (Fowler, Noll and Vo's hash, 1a, 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A coordinate with as many digits as a screen shows.
struct Px(f64);

impl std::fmt::Display for Px {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 100.0).round() / 100.0;
        write!(f, "{}", if rounded == 0.0 || !rounded.is_finite() { 0.0 } else { rounded })
    }
}

/// Text as it may stand in markup.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A width that `text` does not exceed in any of the fonts named: those of DejaVu Sans, the widest,
/// rounded up.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let ems = text.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | '|' | '\'' | '.' | ',' | ':' | ';' | '!' | ' ' | 'I' => 0.35,
        'f' | 't' | 'r' | '(' | ')' | '[' | ']' | '-' | '/' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 1.0,
        'A'..='Z' | '\u{2212}' | '\u{b1}' | '+' | '=' | '<' | '>' => 0.84,
        '0'..='9' | 'a'..='z' => 0.65,
        _ => 1.0,
    });
    ems.sum::<f64>() * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_name_is_text() {
        let mut svg = Svg::new(10.0, 10.0, "a<b");
        svg.text(1.0, 2.0, Anchor::Start, TEXT, Ink::Text, "<script>\"&'\u{7}");
        let text = svg.finish(false);
        assert!(
            text.contains("&lt;script&gt;&quot;&amp;&#39; <") && !text.contains("<script"),
            "{text}"
        );
        assert!(text.contains("aria-label=\"a&lt;b\""));
    }

    #[test]
    fn an_image_shown_twice_is_kept_once() {
        let mut svg = Svg::new(10.0, 10.0, "t");
        svg.image((0.0, 0.0), 5.0, "AAAA", "one");
        svg.image((5.0, 0.0), 5.0, "AAAA", "two");
        let file = svg.finish(true);
        assert_eq!(
            (file.matches("base64,AAAA").count(), file.matches("<use").count()),
            (1, 2),
            "{file}"
        );
        assert!(!svg.finish(false).contains("base64") && svg.images().len() == 1);
    }

    #[test]
    fn coordinates_are_short_and_never_minus_zero() {
        assert_eq!(
            format!("{} {} {} {}", Px(1.23456), Px(-0.001), Px(3.0), Px(f64::NAN)),
            "1.23 0 3 0"
        );
    }

    #[test]
    fn a_file_has_its_own_ground_and_a_part_of_the_page_has_not() {
        let svg = Svg::new(10.0, 10.0, "t");
        assert!(svg.finish(true).contains("#ffffff") && svg.finish(true).contains("xmlns"));
        assert!(!svg.finish(false).contains("#ffffff"));
    }
}
