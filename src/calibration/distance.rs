//! How much nearer the truth interpolation comes at the real spacing than at the sparser one.

use crate::section::{Lags, Raster, Variogram, empirical_variogram};

/// The longest lag in measured bins. Interpolation bridges distances below the shortest one: how steeply γ falls towards them
/// has to be read off the lags that there are.
const REACH: f64 = 10.0;

/// Mean squared errors of interpolation at two spacings, and what no spacing removes of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Of bilinear interpolation of the measured bins, at the unmeasured ones.
    pub real: f64,
    /// The same of the sparser lattice, at the measured bins that it leaves out.
    pub sparser: f64,
    /// Variance of a bin by the noise of its own count.
    pub noise: f64,
}

impl Distance {
    /// Errors at the real distances themselves.
    pub const SAME: Distance = Distance { real: 1.0, sparser: 1.0, noise: 0.0 };

    /// Under the variogram of the `known` ones of `values`: the measured bins as an image in which they are `spacing` pixels
    /// apart (1 on a lattice), of scale `s`. `None` where there is no pair of them.
    pub fn of(values: &Raster<f32>, known: &Raster<bool>, spacing: f64, s: usize, noise: f64) -> Option<Self> {
        let variogram = Variogram::fit_shape(&empirical_variogram(values, known, Lags::Offsets { reach: REACH }))?;
        let [real, sparser] = [1.0, s as f64].map(|times| bilinear_error(&variogram, spacing * times, s));
        Some(Distance { real, sparser, noise })
    }

    /// What remains at the real spacing of a mean squared `error` at the sparser one, as a share of it: its noise, and of the rest as
    /// much as of interpolation's.
    pub fn ratio(&self, error: f64) -> f64 {
        let noise = self.noise.min(error);
        let [real, sparser] = [self.real, self.sparser].map(|all| (all - self.noise).max(0.0));
        let kept = if sparser > 0.0 { (real / sparser).min(1.0) } else { 1.0 };
        if error > 0.0 { (noise + (error - noise) * kept) / error } else { 1.0 }
    }
}

/// The expected squared error of bilinear interpolation of bins `spacing` apart, the mean over the positions that a lattice
/// of scale `s` leaves between them.
fn bilinear_error(variogram: &Variogram, spacing: f64, s: usize) -> f64 {
    let shares = |at: usize| [1.0 - at as f64 / s as f64, at as f64 / s as f64];
    let offsets = (1..s * s).map(|i| (i / s, i % s));
    let error = |(row, col): (usize, usize)| {
        let corner = |i: usize| (shares(row)[i / 2] * shares(col)[i % 2], (i / 2) as f64, (i % 2) as f64);
        let place = (row as f64 / s as f64, col as f64 / s as f64);
        let to_corners: f64 = (0..4)
            .map(corner)
            .map(|(weight, y, x)| weight * variogram.at(spacing * (y - place.0).hypot(x - place.1)))
            .sum();
        let pairs = (0..16).filter(|pair| pair / 4 != pair % 4);
        let between: f64 = pairs
            .map(|pair| (corner(pair / 4), corner(pair % 4)))
            .map(|(a, b)| a.0 * b.0 * variogram.at(spacing * (a.1 - b.1).hypot(a.2 - b.2)))
            .sum();
        2.0 * to_corners - between
    };
    offsets.map(error).sum::<f64>() / (s * s - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: usize, cols: usize) -> Raster<f32> {
        Raster::from_fn(rows, cols, |row, col| {
            let mixed = (row * 977 + col).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x55;
            (mixed.wrapping_mul(mixed >> 29) >> 40) as f32 / (1u32 << 24) as f32
        })
    }

    #[test]
    fn distance_is_nothing_to_noise_and_much_to_a_smooth_field() {
        let all = Raster::filled(60, 60, true);
        let of_noise = Distance::of(&noise(60, 60), &all, 1.0, 2, 0.0).unwrap().ratio(1.0);
        assert!(of_noise > 0.93, "{of_noise}");
        let smooth = Raster::from_fn(60, 60, |row, col| (row as f32 / 6.0).sin() + (col as f32 / 5.0).cos());
        let of_smooth = Distance::of(&smooth, &all, 1.0, 2, 0.0).unwrap();
        assert!(of_smooth.ratio(1.0) < 0.6, "{of_smooth:?}");
        assert_eq!(Distance::of(&smooth, &all.map(|_| false), 1.0, 2, 0.0), None);
    }

    #[test]
    fn the_error_is_that_of_the_formula_of_two_and_four_neighbours() {
        let variogram = Variogram { nugget: 0.1, sill: 0.7, range: 3.0, shape: 0.75 };
        let gamma = |h: f64| variogram.at(h);
        let edge = 2.0 * gamma(0.5) - 0.5 * gamma(1.0);
        let middle = 2.0 * gamma(0.5_f64.sqrt()) - 0.5 * gamma(1.0) - 0.25 * gamma(2.0_f64.sqrt());
        let expected = (2.0 * edge + middle) / 3.0;
        assert!((bilinear_error(&variogram, 1.0, 2) - expected).abs() < 1e-12);
    }

    #[test]
    fn noise_stays_and_the_rest_shrinks_as_interpolations_does() {
        let distance = Distance { real: 0.5, sparser: 0.9, noise: 0.1 };
        // Of 0.7 the noise of 0.1, and half of the other 0.6.
        assert!((distance.ratio(0.7) - 0.4 / 0.7).abs() < 1e-12);
        assert_eq!(distance.ratio(0.08), 1.0);
        assert_eq!(Distance { sparser: 0.1, ..distance }.ratio(0.7), 1.0);
    }

    #[test]
    fn bins_that_are_not_known_have_no_part() {
        let known = Raster::from_fn(30, 30, |row, col| row + col > 12);
        let values = noise(30, 30);
        let spoilt = Raster::from_fn(30, 30, |r, c| if known[(r, c)] { values[(r, c)] } else { f32::NAN });
        assert_eq!(Distance::of(&values, &known, 1.0, 2, 0.0), Distance::of(&spoilt, &known, 1.0, 2, 0.0));
    }
}
