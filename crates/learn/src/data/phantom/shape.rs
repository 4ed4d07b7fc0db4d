//! Soft-edged solids in patient space (millimetres): how deep a point lies inside them.

/// A point or direction: x to the patient's left, y to the back, z to the head.
pub(super) type Point = [f32; 3];

pub(super) fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// An ellipsoid that is turned and dented.
#[derive(Clone, Debug)]
pub(super) struct Solid {
    pub(super) center: Point,
    pub(super) radii: Point,
    /// Its axes in patient space.
    axes: [Point; 3],
    /// Dents: direction in its own space, and how much further (or less far) the surface reaches
    /// there.
    pub(super) dents: Vec<(Point, f32)>,
}

impl Solid {
    /// An ellipsoid turned by `tilt` radians about x (in the sagittal plane), then by `turn` about
    /// z.
    pub(super) fn new(center: Point, radii: Point, tilt: f32, turn: f32) -> Self {
        let (st, ct) = (libm::sinf(tilt), libm::cosf(tilt));
        let (sz, cz) = (libm::sinf(turn), libm::cosf(turn));
        let about_z = |v: Point| [cz * v[0] - sz * v[1], sz * v[0] + cz * v[1], v[2]];
        let axes = [about_z([1.0, 0.0, 0.0]), about_z([0.0, ct, st]), about_z([0.0, -st, ct])];
        Self { center, radii, axes, dents: Vec::new() }
    }

    /// Adds a dent (or, with a positive amount, a bulge) towards `direction`, in its own axes.
    pub(super) fn dented(mut self, direction: Point, amount: f32) -> Self {
        let length = dot(direction, direction).sqrt().max(1e-6);
        self.dents.push((direction.map(|v| v / length), amount));
        self
    }

    /// The point in the solid's own space, where the undented surface is the unit sphere.
    pub(super) fn local(&self, p: Point) -> Point {
        let d = sub(p, self.center);
        let [a, b, c] = &self.axes;
        [dot(d, *a) / self.radii[0], dot(d, *b) / self.radii[1], dot(d, *c) / self.radii[2]]
    }

    /// Millimetres from the surface to `p`, positive inside, along the ray from the centre.
    pub(super) fn depth(&self, p: Point) -> f32 {
        let u = self.local(p);
        let r = dot(u, u).sqrt();
        if r > 1.8 {
            return -1e3;
        }
        let d = sub(p, self.center);
        let length = dot(d, d).sqrt();
        if r < 1e-3 {
            return self.radii[0].min(self.radii[1]).min(self.radii[2]);
        }
        let mut surface = 1.0;
        for (direction, amount) in &self.dents {
            let along = dot(u, *direction) / r;
            if along > 0.0 {
                surface += amount * along * along;
            }
        }
        (surface - r) / r * length
    }

    /// Half the size of the box around it, dents left out.
    pub(super) fn half_box(&self) -> [f32; 3] {
        let mut half = [0.0; 3];
        for (axis, half) in half.iter_mut().enumerate() {
            let mut sum = 0.0;
            for (a, r) in self.axes.iter().zip(self.radii) {
                sum += a[axis] * a[axis] * r * r;
            }
            *half = sum.sqrt();
        }
        half
    }

    /// Middle and half size of the box around both solids.
    pub(super) fn half_box_with(&self, other: &Self) -> (Point, Point) {
        let (a, b) = (self.half_box(), other.half_box());
        let low = [0, 1, 2].map(|i| (self.center[i] - a[i]).min(other.center[i] - b[i]));
        let high = [0, 1, 2].map(|i| (self.center[i] + a[i]).max(other.center[i] + b[i]));
        ([0, 1, 2].map(|i| 0.5 * (low[i] + high[i])), [0, 1, 2].map(|i| 0.5 * (high[i] - low[i])))
    }
}

/// A chain of round segments: vessels, gut, pancreas.
#[derive(Clone, Debug)]
pub(super) struct Tube {
    /// Points on the middle line, and the radius there.
    pub(super) path: Vec<(Point, f32)>,
}

impl Tube {
    /// Millimetres from the surface to `p`, positive inside.
    pub(super) fn depth(&self, p: Point) -> f32 {
        let mut best = -1e3f32;
        for pair in self.path.windows(2) {
            let ((a, ra), (b, rb)) = (pair[0], pair[1]);
            let (ab, ap) = (sub(b, a), sub(p, a));
            let t = (dot(ap, ab) / dot(ab, ab).max(1e-6)).clamp(0.0, 1.0);
            let away = sub(ap, ab.map(|v| v * t));
            best = best.max(ra + (rb - ra) * t - dot(away, away).sqrt());
        }
        best
    }

    /// The smallest box around it: middle and half size.
    pub(super) fn bounds(&self) -> (Point, Point) {
        let (mut low, mut high) = ([f32::MAX; 3], [f32::MIN; 3]);
        for (p, r) in &self.path {
            for axis in 0..3 {
                low[axis] = low[axis].min(p[axis] - r);
                high[axis] = high[axis].max(p[axis] + r);
            }
        }
        let mid = [0, 1, 2].map(|a| 0.5 * (low[a] + high[a]));
        (mid, [0, 1, 2].map(|a| 0.5 * (high[a] - low[a])))
    }
}

/// A solid or a tube.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Solid(Solid),
    Tube(Tube),
}

impl Shape {
    pub(super) fn depth(&self, p: Point) -> f32 {
        match self {
            Self::Solid(solid) => solid.depth(p),
            Self::Tube(tube) => tube.depth(p),
        }
    }

    /// Middle and half size of the box around it.
    pub(super) fn bounds(&self) -> (Point, Point) {
        match self {
            Self::Solid(solid) => (solid.center, solid.half_box()),
            Self::Tube(tube) => tube.bounds(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_the_distance_along_the_ray() {
        let ball = Solid::new([10.0, 0.0, 0.0], [20.0, 20.0, 20.0], 0.3, -0.2);
        assert!((ball.depth([10.0, 0.0, 15.0]) - 5.0).abs() < 1e-4);
        assert!((ball.depth([35.0, 0.0, 0.0]) + 5.0).abs() < 1e-4);
    }

    #[test]
    fn a_dent_moves_the_surface_on_its_side_only() {
        let ball = Solid::new([0.0; 3], [20.0; 3], 0.0, 0.0).dented([0.0, 0.0, 2.0], -0.25);
        assert!((ball.depth([0.0, 0.0, 15.0])).abs() < 1e-4);
        assert!((ball.depth([0.0, 0.0, -15.0]) - 5.0).abs() < 1e-4);
    }

    #[test]
    fn a_turned_ellipsoid_fits_its_box() {
        let solid = Solid::new([0.0; 3], [10.0, 20.0, 50.0], std::f32::consts::FRAC_PI_2, 0.0);
        let half = solid.half_box();
        assert!((half[1] - 50.0).abs() < 1e-3 && (half[2] - 20.0).abs() < 1e-3, "{half:?}");
    }

    #[test]
    fn a_tube_is_as_deep_as_its_radius() {
        let tube = Tube { path: vec![([0.0, 0.0, 0.0], 4.0), ([0.0, 0.0, 10.0], 8.0)] };
        assert!((tube.depth([0.0, 0.0, 5.0]) - 6.0).abs() < 1e-4);
        assert_eq!(tube.bounds().1, [8.0, 8.0, 11.0]);
    }
}
