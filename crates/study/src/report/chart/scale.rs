//! From values to places, with round numbers on the axis.

/// An axis; on a logarithmic one `low`, `high` and what lies between are powers of ten.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    step: f64,
    is_log: bool,
}

impl Scale {
    /// An axis over `values` with about `ticks` round steps, drawn from `from` to `to` in pixels.
    pub(crate) fn over(
        values: impl IntoIterator<Item = f64>,
        ticks: usize,
        from: f64,
        to: f64,
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-9 * high.abs().max(1e-9) {
            let pad = if low == 0.0 { 1.0 } else { low.abs() * 0.05 };
            (low, high) = (low - pad, high + pad);
        }
        let step = round_step((high - low) / ticks.max(1) as f64);
        Self {
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            from,
            to,
            step,
            is_log: false,
        }
    }

    /// A logarithmic axis over the positive ones of `values`, from 1, 2 or 5 times a power of ten
    /// to another.
    pub(crate) fn log_over(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, 0.0);
        for value in values.into_iter().filter(|value| value.is_finite() && *value > 0.0) {
            low = value.min(low);
            high = value.max(high);
        }
        if high == 0.0 {
            (low, high) = (0.1, 1.0);
        }
        let (low, high) = (round_step(low * 0.4).log10(), round_step(high).log10());
        Self { low, high, from, to, step: 1.0, is_log: true }
    }

    /// Where `value` lies.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let value =
            if self.is_log { value.max(f64::MIN_POSITIVE).log10().max(self.low) } else { value };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The round numbers of the axis.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        if self.is_log {
            let powers = (self.low.floor() as i32)..=(self.high.ceil() as i32);
            let ticks =
                powers.flat_map(|power| [1.0, 2.0, 5.0].map(|factor| factor * 10f64.powi(power)));
            let within = |tick: &f64| (self.low - 1e-9..=self.high + 1e-9).contains(&tick.log10());
            return ticks.filter(within).collect();
        }
        let count = ((self.high - self.low) / self.step).round() as usize;
        (0..=count).map(|i| self.low + i as f64 * self.step).collect()
    }

    /// A tick as text, with the digits that the step needs.
    pub(crate) fn label(&self, tick: f64) -> String {
        if tick.abs() >= 1e7 {
            return format!("{tick:.0e}").replace('-', "\u{2212}");
        }
        if self.is_log {
            return format!("{tick}");
        }
        let digits = [0.999, 0.0999, 0.00999].iter().filter(|limit| self.step < **limit).count();
        let text = format!("{tick:.digits$}");
        if text.trim_start_matches('-').chars().all(|c| c == '0' || c == '.') {
            return text.trim_start_matches('-').to_owned();
        }
        text.replace('-', "\u{2212}")
    }
}

/// 1, 2 or 5 times a power of ten, not below `raw`.
fn round_step(raw: f64) -> f64 {
    let mut power = 1e-6;
    while power < 1e12 {
        for factor in [1.0, 2.0, 5.0] {
            if power * factor >= raw * 0.999_999 {
                return power * factor;
            }
        }
        power *= 10.0;
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_values() {
        let scale = Scale::over([43.2, 61.9], 5, 0.0, 100.0);
        assert_eq!(scale.ticks(), [40.0, 45.0, 50.0, 55.0, 60.0, 65.0]);
        assert_eq!((scale.at(40.0), scale.at(65.0)), (0.0, 100.0));
        assert_eq!(scale.label(45.0), "45");
        assert_eq!(Scale::over([0.01, 0.05], 4, 0.0, 1.0).label(0.02), "0.02");
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_at_one_two_and_five() {
        let scale = Scale::log_over([0.03, 2.1], 0.0, 100.0);
        let labels: Vec<String> = scale.ticks().into_iter().map(|tick| scale.label(tick)).collect();
        assert_eq!(labels, ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"]);
        assert!(scale.at(0.02).abs() < 1e-9 && (scale.at(5.0) - 100.0).abs() < 1e-9);
        assert_eq!(scale.at(0.0), 0.0, "what has no logarithm lies at the end");
        let none = Scale::log_over([0.0], 0.0, 1.0);
        assert!(none.ticks().len() >= 2 && none.at(0.5).is_finite());
    }

    #[test]
    fn no_value_and_one_value_still_make_an_axis() {
        for scale in [
            Scale::over([], 4, 0.0, 1.0),
            Scale::over([7.0], 4, 0.0, 1.0),
            Scale::over([f64::NAN], 4, 0.0, 1.0),
        ] {
            assert!(scale.ticks().len() >= 2 && scale.at(7.0).is_finite());
        }
    }
}
