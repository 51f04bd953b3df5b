//! Curves through measured points.

/// A monotone curve through points: piecewise cubic, without overshoot (F. N. Fritsch and J. Butland,
/// "A method for constructing local monotone piecewise cubic interpolants", 1984).
#[derive(Debug, Clone)]
pub(super) struct Curve {
    points: Vec<(f64, f64)>,
    slopes: Vec<f64>,
}

impl Curve {
    /// The curve through points of increasing `x`. Points whose `x` does not increase, or that are
    /// not finite, are passed over.
    pub(super) fn through(given: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut points: Vec<(f64, f64)> = vec![];
        for (x, y) in given {
            let follows = points.last().is_none_or(|it| it.0 < x);
            if follows && x.is_finite() && y.is_finite() {
                points.push((x, y));
            }
        }
        let secants: Vec<f64> = points
            .windows(2)
            .map(|it| (it[1].1 - it[0].1) / (it[1].0 - it[0].0))
            .collect();
        let slopes = (0..points.len()).map(|index| {
            let before = index.checked_sub(1).and_then(|it| secants.get(it));
            match (before, secants.get(index)) {
                (Some(a), Some(b)) if a * b > 0.0 => 2.0 * a * b / (a + b),
                (Some(_), Some(_)) | (None, None) => 0.0,
                (Some(secant), None) | (None, Some(secant)) => *secant,
            }
        });
        Self {
            slopes: slopes.collect(),
            points,
        }
    }

    /// The value at `x`; outside of the points, that of the nearest one. Without points, 0.
    pub(super) fn at(&self, x: f64) -> f64 {
        let after = self.points.partition_point(|it| it.0 <= x);
        let Some(start) = after.checked_sub(1) else {
            return self.points.first().map_or(0.0, |it| it.1);
        };
        let (x0, y0) = self.points[start];
        let Some(&(x1, y1)) = self.points.get(after) else {
            return y0;
        };
        let (width, t) = (x1 - x0, (x - x0) / (x1 - x0));
        let (s0, s1) = (self.slopes[start] * width, self.slopes[after] * width);
        let rest = 1.0 - t;
        y0 * (1.0 + 2.0 * t) * rest * rest
            + s0 * t * rest * rest
            + y1 * t * t * (3.0 - 2.0 * t)
            + s1 * t * t * (t - 1.0)
    }
}
