//! Holds the colours of the series, in both themes, to what is promised of them: told apart by
//! people with any of the common colour deficiencies, and seen against their ground.

use super::svg::SERIES;

/// The page's own style: the dark theme's colours stand only there.
const STYLE: &str = include_str!("../page/page.css");

/// What a colour becomes for whom: severe deficiencies after Machado, Oliveira and Fernandes
/// (2009), on linear RGB.
const EYES: [(&str, [[f64; 3]; 3]); 4] = [
    ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

fn linear(colour: &str) -> [f64; 3] {
    [1, 3, 5].map(|at| {
        let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).expect("a colour")) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    })
}

fn times(matrix: [[f64; 3]; 3], v: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * v[0] + row[1] * v[1] + row[2] * v[2])
}

/// CIELAB under D65.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    let xyz = [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ];
    let xyz = times(xyz, rgb.map(|c| c.clamp(0.0, 1.0)));
    let f =
        |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let (x, y, z) = (f(xyz[0] / 0.95047), f(xyz[1]), f(xyz[2] / 1.08883));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// WCAG's contrast ratio.
pub(super) fn contrast(a: &str, b: &str) -> f64 {
    let light = |colour: &str| times([[0.2126, 0.7152, 0.0722]; 3], linear(colour))[0] + 0.05;
    light(a).max(light(b)) / light(a).min(light(b))
}

const DARK: &str = ":root[data-theme=\"dark\"] {";

/// A colour of a theme as the style sheet has it.
fn value(selector: &str, name: &str) -> String {
    let block =
        STYLE.split(selector).nth(1).expect("the theme").split('}').next().expect("its end");
    let after =
        block.split(&format!("{name}: ")).nth(1).unwrap_or_else(|| panic!("{selector}: {name}"));
    after[..7].to_owned()
}

/// A colour of the dark theme.
pub(super) fn dark_value(name: &str) -> String {
    value(DARK, name)
}

/// Ground and series of a theme.
fn theme(selector: &str) -> (String, Vec<String>) {
    (
        value(selector, "--ground"),
        (0..SERIES.len()).map(|i| value(selector, &format!("--s{i}"))).collect(),
    )
}

#[test]
fn series_are_told_apart_by_every_eye_in_both_themes() {
    for selector in [":root {", DARK] {
        let (ground, series) = theme(selector);
        for (i, a) in series.iter().enumerate() {
            assert!(contrast(a, &ground) >= 3.0, "{a} on {ground}: {}", contrast(a, &ground));
            for b in &series[i + 1..] {
                for (eye, matrix) in EYES {
                    let [a_lab, b_lab] = [a, b].map(|colour| lab(times(matrix, linear(colour))));
                    let distance =
                        a_lab.iter().zip(b_lab).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                    assert!(distance >= 15.0, "{a} and {b}, {eye}: {distance:.1}");
                }
            }
        }
    }
}

#[test]
fn a_figure_s_file_has_the_light_theme_s_colours() {
    assert_eq!(theme(":root {").1, SERIES);
}
