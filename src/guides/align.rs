//! Whether an image lies where it should: its correlation with the totals of the measured bins, and whether it lay better elsewhere.

use super::affine::Affine;
use crate::section::{Raster, pearson};
use rayon::prelude::*;

/// Measured bins that are looked at, at most: evenly spaced ones of more.
const MOST_BINS: usize = 2000;

/// How far an image is shifted: so many µm, but so many bins at least and at most.
const SHIFT_UM: f64 = 200.0;
const SHIFT_BINS: std::ops::RangeInclusive<f64> = 5.0..=20.0;

/// A place is told better if its correlation is, by this much and by so many standard errors (thousands of places are tried), and if it is
/// no less than this.
const BETTER: f64 = 0.02;
const ERRORS: f64 = 6.0;
const LEAST: f64 = 0.3;

/// The turns and mirrors of a square, as (name, matrix on (x, y)).
const TURNS: [(&str, [[f64; 2]; 2]); 8] = [
    ("", [[1.0, 0.0], [0.0, 1.0]]),
    ("mirrored left to right", [[-1.0, 0.0], [0.0, 1.0]]),
    ("mirrored top to bottom", [[1.0, 0.0], [0.0, -1.0]]),
    ("turned by 180°", [[-1.0, 0.0], [0.0, -1.0]]),
    ("turned by 90° clockwise", [[0.0, -1.0], [1.0, 0.0]]),
    ("turned by 90° counter-clockwise", [[0.0, 1.0], [-1.0, 0.0]]),
    ("with x and y exchanged", [[0.0, 1.0], [1.0, 0.0]]),
    ("with x and y exchanged and turned by 180°", [[0.0, -1.0], [-1.0, 0.0]]),
];

/// What the measured bins hold, to hold an image against.
pub(super) struct Totals {
    /// Centres in µm, x and y, and ln(1 + total).
    bins: Vec<([f64; 2], f64)>,
    bin_um: f64,
}

/// A small picture of an image, and where it lies.
pub(super) struct Thumbnail {
    /// [rows, cols].
    pub(super) values: Raster<f32>,
    /// From its pixels to µm.
    pub(super) to_um: Affine,
}

/// How well an image fits, and where it fits better.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fit {
    /// The correlation where it lies; `None` where it has none.
    pub(super) correlation: Option<f64>,
    /// A better place, if there is one.
    pub(super) better: Option<Better>,
}

/// A better place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Better {
    /// What is to be done after the image's own map to µm.
    pub(super) then: Affine,
    /// What that is, for people.
    pub(super) what: String,
    /// The correlation there.
    pub(super) correlation: f64,
}

impl Totals {
    /// Of measured bins with these centres and total counts.
    pub(super) fn new(bins: &[([f64; 2], u32)], bin_um: f64) -> Self {
        let every = bins.len().div_ceil(MOST_BINS).max(1);
        let bins = bins.iter().step_by(every).map(|(centre, total)| (*centre, f64::from(*total).ln_1p())).collect();
        Totals { bins, bin_um }
    }

    /// How many of the bins have their centre in an image of so many pixels.
    pub(super) fn covered(&self, to_um: &Affine, size: [usize; 2]) -> f64 {
        let Some(back) = to_um.inverse() else { return 0.0 };
        let inside = |at: [f64; 2]| (0..2).all(|axis| at[axis] >= 0.0 && at[axis] < size[axis] as f64);
        let found = self.bins.iter().filter(|(centre, _)| inside(back.at(*centre))).count();
        found as f64 / self.bins.len().max(1) as f64
    }

    /// The box around the bins' centres.
    pub(super) fn extent(&self) -> [[f64; 2]; 2] {
        let over = |pick: fn(f64, f64) -> f64| {
            let corners = self.bins.iter().map(|(centre, _)| *centre);
            corners.reduce(|one, other| [pick(one[0], other[0]), pick(one[1], other[1])]).unwrap_or_default()
        };
        [over(f64::min), over(f64::max)]
    }

    /// How an image fits, here and elsewhere; one that does not cover most bins, `everywhere` false, is not tried elsewhere.
    pub(super) fn fit(&self, image: &Thumbnail, everywhere: bool) -> Fit {
        let dark = image.values.values().iter().copied().fold(f32::INFINITY, f32::min);
        let at = |then: &Affine| self.correlation(image, &image.to_um.then(then), Some(dark));
        if !everywhere {
            return Fit { correlation: self.correlation(image, &image.to_um, None), better: None };
        }
        let here = at(&Affine::pixels([1.0; 2], [0.0; 2]));
        let most = (SHIFT_UM / self.bin_um).clamp(*SHIFT_BINS.start(), *SHIFT_BINS.end()).round() as i32;
        let (rows, cols) = image.values.shape();
        let [low, high] = image.to_um.extent(cols as f64, rows as f64);
        let centre = [(low[0] + high[0]) / 2.0, (low[1] + high[1]) / 2.0];
        let all: Vec<(usize, [f64; 2])> = (0..TURNS.len())
            .flat_map(|turn| (-most..=most).map(move |down| (turn, down)))
            .flat_map(|(turn, down)| (-most..=most).map(move |right| (turn, [right, down].map(f64::from))))
            .collect();
        let tried = |(turn, bins): &(usize, [f64; 2])| {
            let then = placed(*turn, centre, bins.map(|bins| bins * self.bin_um));
            (at(&then).unwrap_or(-1.0), *turn, *bins)
        };
        let best = |places: &[(usize, [f64; 2])]| places.par_iter().map(tried).reduce_with(better_of);
        let mut found = best(&all);
        for step in [0.5, 0.25] {
            let Some((_, turn, [x, y])) = found else { break };
            let steps = [-1.0, 0.0, 1.0].map(|by| by * step);
            let near: Vec<_> = steps.iter().flat_map(|dy| steps.map(|dx| (turn, [x + dx, y + dy]))).collect();
            found = best(&near);
        }
        let better = found.filter(|(correlation, ..)| self.is_better(*correlation, here)).and_then(|found| {
            let (correlation, turn, bins) = found;
            let shift = bins.map(|bins| bins * self.bin_um);
            let then = placed(turn, centre, shift);
            // Nor by its outline alone, which fits that of the tissue somewhere, whatever it shows: by what it shows where it lies.
            let shown = |to_um: &Affine| self.correlation(image, to_um, None);
            let by_itself =
                shown(&image.to_um.then(&then)).is_some_and(|there| self.is_better(there, shown(&image.to_um)));
            by_itself.then(|| Better { then, what: told(TURNS[turn].0, shift), correlation })
        });
        Fit { correlation: here, better }
    }

    /// Whether a correlation is better than that which is.
    fn is_better(&self, correlation: f64, here: Option<f64>) -> bool {
        let here = here.unwrap_or(0.0);
        let error = (1.0 - here.powi(2)) / (self.bins.len() as f64).sqrt();
        correlation > f64::max(LEAST, here + f64::max(BETTER, ERRORS * error))
    }

    /// The correlation of totals and image where `to_um` lays it; bins beyond it see the `dark`, or are left out without one.
    fn correlation(&self, image: &Thumbnail, to_um: &Affine, dark: Option<f32>) -> Option<f64> {
        let back = to_um.inverse()?;
        let seen = |centre: &[f64; 2]| {
            let [x, y] = back.at(*centre);
            between(&image.values, x - 0.5, y - 0.5).or(dark).map(f64::from)
        };
        let pairs = self.bins.iter().filter_map(|(centre, total)| Some((seen(centre)?, *total)));
        let pairs: Vec<(f64, f64)> = pairs.collect();
        pearson(pairs.into_iter())
    }
}

/// The better one; the earlier of equals, whatever the order in which threads meet.
fn better_of<P: PartialOrd>(one: (f64, usize, P), other: (f64, usize, P)) -> (f64, usize, P) {
    let order = one.0.total_cmp(&other.0);
    let earlier = (one.1, &one.2) <= (other.1, &other.2);
    if order.is_gt() || order.is_eq() && earlier { one } else { other }
}

/// Turned about `centre`, then shifted.
fn placed(turn: usize, centre: [f64; 2], shift: [f64; 2]) -> Affine {
    let [[a, b], [d, e]] = TURNS[turn].1;
    let [x, y] = centre;
    Affine([[a, b, x - a * x - b * y + shift[0]], [d, e, y - d * x - e * y + shift[1]]])
}

fn told(turn: &str, [x, y]: [f64; 2]) -> String {
    let shift = format!("shifted by ({x:+.0}, {y:+.0}) µm");
    match (turn, x == 0.0 && y == 0.0) {
        ("", _) => shift,
        (turn, true) => turn.to_owned(),
        (turn, false) => format!("{turn} and {shift}"),
    }
}

/// The value between the four pixels around a point, whose centres have whole numbers; `None` outside.
fn between(values: &Raster<f32>, x: f64, y: f64) -> Option<f32> {
    let (rows, cols) = values.shape();
    if x < -0.5 || y < -0.5 || x > cols as f64 - 0.5 || y > rows as f64 - 0.5 {
        return None;
    }
    let along = |at: f64, count: usize| {
        let at = at.clamp(0.0, count as f64 - 1.0);
        let first = (at as usize).min(count.saturating_sub(2));
        (first, (first + 1).min(count - 1), (at - first as f64) as f32)
    };
    let ((left, right, u), (top, bottom, v)) = (along(x, cols), along(y, rows));
    let row = |row: usize| values[(row, left)] * (1.0 - u) + values[(row, right)] * u;
    Some(row(top) * (1.0 - v) + row(bottom) * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Totals of a pattern without symmetry, and an image of it that was laid wrongly.
    fn case(wrong: Affine) -> Fit {
        let bright = |x: f64, y: f64| (x / 90.0).sin() + (y / 140.0 + 1.0).cos() + ((x + 2.0 * y) / 60.0).sin() + 3.0;
        let centre = |row: usize, col: usize| [10.0 + 20.0 * col as f64, 10.0 + 20.0 * row as f64];
        let bins: Vec<([f64; 2], u32)> = (0..30)
            .flat_map(|row| (0..40).map(move |col| centre(row, col)))
            .map(|[x, y]| ([x, y], (100.0 * bright(x, y)) as u32))
            .collect();
        let true_um = Affine::pixels([10.0; 2], [0.0; 2]);
        let values = Raster::from_fn(60, 80, |row, col| {
            let [x, y] = true_um.at([col as f64 + 0.5, row as f64 + 0.5]);
            bright(x, y) as f32
        });
        Totals::new(&bins, 20.0).fit(&Thumbnail { values, to_um: true_um.then(&wrong) }, true)
    }

    #[test]
    fn an_image_that_fits_is_left_where_it_is() {
        let fit = case(Affine::pixels([1.0; 2], [0.0; 2]));
        assert!(fit.correlation.expect("it varies") > 0.9);
        assert_eq!(fit.better, None);
    }

    #[test]
    fn a_shift_is_found() {
        let better = case(Affine::pixels([1.0; 2], [60.0, -40.0])).better.expect("a better place");
        assert_eq!(better.what, "shifted by (-60, +40) µm");
        assert_eq!(better.then.at([60.0, -40.0]), [0.0, 0.0]);
    }

    /// Tissue in the middle of a frame that the image covers, which shows nothing of it.
    #[test]
    fn the_outline_of_an_image_that_shows_nothing_fits_nowhere_better() {
        let round = |x: f64, y: f64| (x - 400.0).hypot(y - 300.0) < 200.0;
        let centres =
            (0..30).flat_map(|row| (0..40).map(move |col| [10.0 + 20.0 * col as f64, 10.0 + 20.0 * row as f64]));
        let bins: Vec<([f64; 2], u32)> = centres.map(|[x, y]| ([x, y], if round(x, y) { 900 } else { 3 })).collect();
        let noise = |row: usize, col: usize| 180.0 + ((row * 7919 + col * 104_729 + row * col * 31) % 20) as f32;
        let values = Raster::from_fn(60, 80, noise);
        let to_um = Affine::pixels([10.0; 2], [0.0; 2]);
        let fit = Totals::new(&bins, 20.0).fit(&Thumbnail { values, to_um }, true);
        assert!(fit.correlation.expect("it varies").abs() < 0.1 && fit.better.is_none(), "{fit:?}");
    }

    #[test]
    fn mirrors_and_turns_are_found() {
        let mirrored = case(Affine([[1.0, 0.0, 0.0], [0.0, -1.0, 600.0]])).better.expect("a better place");
        assert_eq!(mirrored.what, "mirrored top to bottom");
        let turned = case(Affine([[-1.0, 0.0, 800.0 + 20.0], [0.0, -1.0, 600.0]])).better.expect("a better place");
        assert!(turned.what.starts_with("turned by 180°"), "{}", turned.what);
        let [x, y] = turned.then.at([820.0 - 123.0, 600.0 - 45.0]);
        assert!((x - 123.0).abs() < 6.0 && (y - 45.0).abs() < 6.0, "{x}, {y}");
    }
}
