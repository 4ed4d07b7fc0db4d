//! The same numbers as scipy and torchvision, where the definitions agree.
//!
//! The expected values came from scipy 1.17.1 and torchvision 0.29.2 by this snippet, rounded to
//! five digits:
//!
//! ```python
//! import numpy as np, torch, scipy.ndimage as nd, torchvision.transforms.v2.functional as F
//! h, w = 5, 6
//! image = ((np.arange(h * w) * 37) % 101).reshape(h, w).astype(np.float32) / 100
//! a = np.deg2rad(17); c = np.array([(h - 1) / 2, (w - 1) / 2])
//! m = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
//! rotation = nd.affine_transform(image, m, c - m @ c, order=1, mode='nearest')
//! blur = nd.gaussian_filter(image, 1.2, mode='nearest', truncate=4)
//! i = np.arange(h * w).reshape(h, w); dx = ((i * 29) % 13 - 6) / 4; dy = ((i * 17) % 11 - 5) / 3
//! y, x = np.mgrid[0:h, 0:w]
//! # and mode='reflect'
//! displaced = nd.map_coordinates(image, [y + dy, x + dx], order=1, mode='nearest')
//! t = torch.from_numpy(image)[None]
//! contrast, gamma = F.adjust_contrast(t, 1.3), F.adjust_gamma(t, 0.7)
//! sharpness, solarize = F.adjust_sharpness(t, 1.8), F.solarize(t, 0.6)
//! autocontrast = F.autocontrast(t * 0.5 + 0.2)
//! posterize = F.posterize(torch.from_numpy(np.round(image * 255).astype(np.uint8))[None], 3) / 255
//! big = ((np.arange(1600) * 37) % 101).reshape(40, 40).astype(np.float32) / 100
//! rounded = torch.from_numpy(np.round(big * 200).astype(np.uint8))
//! equalize = F.equalize(rounded[None])[0, 0, :30] / 255
//! bilinear = F.InterpolationMode.BILINEAR; big = torch.from_numpy(big)[None]
//! rotate = F.rotate(big, 17., interpolation=bilinear)[0, 15, 10:20]
//! affine = F.affine(big, -10., [2, -1], 1.2, [8., 0.], interpolation=bilinear)[0, 18, 15:25]
//! ```

use super::transform::{Family, tests::apply_to};
use super::*;
use fewlabel_engine::image::{Border, Field, Resampler, Sampling, Shape};

const SMALL: Shape = Shape { height: 5, width: 6, channels: 1 };
const BIG: Shape = Shape { height: 40, width: 40, channels: 1 };

fn image(shape: Shape) -> Vec<f32> {
    (0..shape.len()).map(|i| (i * 37 % 101) as f32 / 100.0).collect()
}

fn assert_close(what: &str, got: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        assert!((g - w).abs() <= tolerance, "{what}: value {i} is {g}, not {w}");
    }
}

fn assert_small(family: &dyn Family, want: &[f32; 30]) {
    let got = apply_to(family, SMALL, image(SMALL)).0;
    assert_close("small", &got, want, 2e-5);
}

#[test]
fn rotation_and_blur_are_scipys() {
    assert_small(&Rotation { degrees: [17.0; 2], ..Rotation::default() }, &ROTATION);
    assert_small(&Blur { sigma: [1.2; 2] }, &BLUR);
}

#[test]
fn displacement_is_scipys_map_coordinates() {
    let dx: Vec<f32> = (0..30).map(|i| ((i * 29) % 13 - 6) as f32 / 4.0).collect();
    let dy: Vec<f32> = (0..30).map(|i| ((i * 17) % 11 - 5) as f32 / 3.0).collect();
    for (border, want) in [(Border::Replicate, &DISPLACED), (Border::Reflect, &REFLECTED)] {
        let mut got = image(SMALL);
        let field = Field { dx: &dx, dy: &dy, scale: 1.0 };
        Resampler::new(SMALL).displace(&mut got, field, Sampling::Bilinear, border);
        assert_close("displaced", &got, want, 2e-5);
    }
}

#[test]
fn intensities_and_tones_are_torchvisions() {
    assert_small(&Contrast { factor: [1.3; 2] }, &CONTRAST);
    assert_small(&Gamma { gamma: [0.7; 2] }, &GAMMA);
    assert_small(&Sharpness { factor: [1.8; 2] }, &SHARPNESS);
    assert_small(&Solarize { threshold: [0.6; 2] }, &SOLARIZE);
    assert_small(&Posterize { bits: [3.0; 2] }, &POSTERIZE);
    let half: Vec<f32> = image(SMALL).iter().map(|v| v * 0.5 + 0.2).collect();
    assert_close("autocontrast", &apply_to(&AutoContrast {}, SMALL, half).0, &AUTOCONTRAST, 2e-5);
    let levels = image(BIG).iter().map(|v| (v * 200.0).round() / 255.0).collect();
    assert_close("equalize", &apply_to(&Equalize {}, BIG, levels).0[..30], &EQUALIZE, 2e-5);
}

/// Far from the border, which torchvision fills with zeros. Its positions are rounded to f32 from
/// [-1, 1].
#[test]
fn rotation_and_affine_moves_are_torchvisions() {
    let rotation = Rotation { degrees: [17.0; 2], ..Rotation::default() };
    let got = apply_to(&rotation, BIG, image(BIG)).0;
    assert_close("rotate", &got[15 * 40 + 10..][..10], &ROTATE, 5e-5);
    let affine = Affine {
        degrees: [10.0; 2],
        translate_x: [2.0; 2],
        translate_y: [-1.0; 2],
        scale: [1.2; 2],
        shear_x: [8.0; 2],
        ..Affine::default()
    };
    let got = apply_to(&affine, BIG, image(BIG)).0;
    assert_close("affine", &got[18 * 40 + 15..][..10], &AFFINE, 5e-5);
}

#[rustfmt::skip]
const ROTATION: [f32; 30] = [
    0.25677, 0.61061, 0.35178, 0.35499, 0.49149, 0.17716, 0.21115, 0.62346, 0.7184, 0.43807,
    0.62128, 0.18492, 0.29423, 0.66937, 0.25327,
    0.52115, 0.51955, 0.36545, 0.44508, 0.78962, 0.46516, 0.60424, 0.36804, 0.41885, 0.63634,
    0.6425, 0.40781, 0.67556, 0.67618, 0.37323,
];
#[rustfmt::skip]
const BLUR: [f32; 30] = [
    0.23173, 0.37853, 0.45855, 0.46052, 0.49068, 0.54977, 0.34144, 0.44918, 0.49688, 0.48367,
    0.46386, 0.43588, 0.47066, 0.51572, 0.51917,
    0.49569, 0.45376, 0.39409, 0.57185, 0.55312, 0.53241, 0.51016, 0.46809, 0.4327, 0.6187, 0.55131,
    0.53877, 0.53843, 0.50542, 0.49845,
];
#[rustfmt::skip]
const CONTRAST: [f32; 30] = [
    0.0, 0.336, 0.817, 0.0, 0.466, 0.947, 0.115, 0.596, 1.0, 0.245, 0.726, 0.0, 0.375, 0.856, 0.024,
    0.505, 0.986, 0.154, 0.635, 1.0, 0.284, 0.765, 0.0, 0.414, 0.895, 0.063, 0.544, 1.0, 0.193,
    0.674,
];
#[rustfmt::skip]
const GAMMA: [f32; 30] = [
    0.0, 0.49859, 0.80996, 0.19953, 0.58948, 0.88511, 0.32413, 0.6747, 0.95761, 0.43051, 0.75553,
    0.0859, 0.52655, 0.83281, 0.23975,
    0.61557, 0.90712, 0.35745, 0.69937, 0.9789, 0.46021, 0.77906, 0.13954, 0.5539, 0.85539, 0.27726,
    0.6412, 0.9289, 0.38948, 0.72367,
];
#[rustfmt::skip]
const SHARPNESS: [f32; 30] = [
    0.0, 0.37, 0.74, 0.1, 0.47, 0.84, 0.2, 0.63215, 1.0, 0.17569, 0.79431, 0.03, 0.4, 0.89431, 0.0,
    0.5, 1.0, 0.23, 0.6, 1.0, 0.20569, 0.82431, 0.0, 0.43, 0.8, 0.16, 0.53, 0.9, 0.26, 0.63,
];
#[rustfmt::skip]
const SOLARIZE: [f32; 30] = [
    0.0, 0.37, 0.26, 0.1, 0.47, 0.16, 0.2, 0.57, 0.06, 0.3, 0.33, 0.03, 0.4, 0.23, 0.13,
    0.5, 0.13, 0.23, 0.4, 0.03, 0.33, 0.3, 0.06, 0.43, 0.2, 0.16, 0.53, 0.1, 0.26, 0.37,
];
#[rustfmt::skip]
const AUTOCONTRAST: [f32; 30] = [
    0.0, 0.38144, 0.76289, 0.10309, 0.48454, 0.86598, 0.20619, 0.58763, 0.96907, 0.30928, 0.69072,
    0.03093, 0.41237, 0.79381, 0.13402,
    0.51546, 0.89691, 0.23711, 0.61856, 1.0, 0.34021, 0.72165, 0.06186, 0.4433, 0.82474, 0.16495,
    0.54639, 0.92783, 0.26804, 0.64948,
];
#[rustfmt::skip]
const POSTERIZE: [f32; 30] = [
    0.0, 0.25098, 0.62745, 0.0, 0.37647, 0.75294, 0.12549, 0.50196, 0.87843, 0.25098, 0.62745, 0.0,
    0.37647, 0.75294, 0.12549,
    0.50196, 0.75294, 0.12549, 0.50196, 0.87843, 0.25098, 0.62745, 0.0, 0.37647, 0.75294, 0.12549,
    0.50196, 0.87843, 0.25098, 0.62745,
];
#[rustfmt::skip]
const EQUALIZE: [f32; 30] = [
    0.0, 0.38431, 0.76471, 0.10588, 0.48627, 0.87059, 0.20784, 0.59216, 0.97255, 0.3098, 0.69412,
    0.03137, 0.41569, 0.79608, 0.13725,
    0.51765, 0.90196, 0.23922, 0.62353, 1.0, 0.34118, 0.72549, 0.06275, 0.44706, 0.82745, 0.16471,
    0.54902, 0.93333, 0.27059, 0.65098,
];
#[rustfmt::skip]
const ROTATE: [f32; 10] = [
    0.57495, 0.47006, 0.49809, 0.74821, 0.43816, 0.24122, 0.49272, 0.51492, 0.4595, 0.27098,
];
#[rustfmt::skip]
const AFFINE: [f32; 10] = [
    0.82428, 0.49195, 0.4962, 0.63721, 0.48145, 0.14826, 0.40879, 0.66931, 0.38634, 0.3549,
];
#[rustfmt::skip]
const DISPLACED: [f32; 30] = [
    0.0, 0.15917, 0.74, 0.51083, 0.84, 0.67, 0.06667, 0.51667, 0.32583, 0.42333, 0.485, 0.84,
    0.83667, 0.13333, 0.74333,
    0.3, 0.3375, 0.09667, 0.8, 0.81083, 0.715, 0.1525, 0.4425, 0.31167, 0.62583, 0.53, 0.785,
    0.6225, 0.12667, 0.63,
];
#[rustfmt::skip]
const REFLECTED: [f32; 30] = [
    0.31833, 0.15917, 0.80667, 0.51083, 0.84, 0.67, 0.06667, 0.51667, 0.32583, 0.42333, 0.485, 0.84,
    0.83667, 0.13333, 0.74333,
    0.3, 0.3375, 0.41667, 0.8, 0.81083, 0.715, 0.1525, 0.4425, 0.31167, 0.62583, 0.53, 0.785,
    0.6225, 0.12667, 0.56333,
];
