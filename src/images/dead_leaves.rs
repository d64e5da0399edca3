//! Dead leaves: discs of all sizes fallen over each other.
//!
//! The model (Matheron 1968; Lee, Mumford & Huang, "Occlusion Models for Natural Images", IJCV 2001) shares with
//! photographs what matters here: sharp edges between smooth regions at every scale, and a 1/f² power spectrum.

use super::Images;
use crate::section::Raster;
use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Smallest radius of a leaf in pixels.
const SMALLEST: f64 = 1.5;

/// Leaves per picture at most: what is still uncovered then keeps the background.
const MOST_LEAVES: usize = 20_000;

impl Images {
    /// `count` pictures of `side` × `side` pixels; the same for the same `seed`, on any number of threads.
    pub fn dead_leaves(seed: u64, count: usize, side: usize) -> Self {
        let picture = |index: usize| {
            let stream = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(index as u64);
            draw(side, &mut Xoshiro256PlusPlus::seed_from_u64(stream))
        };
        Images::new((0..count).into_par_iter().map(picture).collect())
    }
}

/// A leaf: a disc or a rectangle of any angle, with a gentle gradient across it.
struct Leaf {
    centre: (f64, f64),
    radius: f64,
    axes: (f64, f64),
    turn: (f64, f64),
    angular: bool,
    grey: f64,
    slope: (f64, f64),
}

impl Leaf {
    fn random(side: f64, rng: &mut Xoshiro256PlusPlus) -> Self {
        // A density ∝ r⁻³ of radii up to half the side makes the picture look the same at every scale.
        let largest = side / 2.0;
        let (low, high) = (SMALLEST.powi(-2), largest.powi(-2));
        let radius = (low - rng.random::<f64>() * (low - high)).powf(-0.5);
        let mut number = |from: f64, to: f64| from + (to - from) * rng.random::<f64>();
        Leaf {
            centre: (number(-radius, side + radius), number(-radius, side + radius)),
            radius,
            axes: (1.0, number(0.4, 1.0)),
            turn: number(0.0, std::f64::consts::TAU).sin_cos(),
            angular: number(0.0, 1.0) < 0.3,
            grey: number(0.0, 1.0),
            slope: (number(-0.15, 0.15), number(-0.15, 0.15)),
        }
    }

    /// The leaf's grey at (row, col), if it covers it.
    fn grey_at(&self, row: f64, col: f64) -> Option<f64> {
        let (y, x) = ((row - self.centre.0) / self.radius, (col - self.centre.1) / self.radius);
        let (u, v) = (y * self.turn.1 + x * self.turn.0, x * self.turn.1 - y * self.turn.0);
        let (u, v) = (u / self.axes.0, v / self.axes.1);
        let covers = if self.angular { u.abs().max(v.abs()) <= 0.7 } else { u * u + v * v <= 1.0 };
        covers.then(|| (self.grey + self.slope.0 * y + self.slope.1 * x).clamp(0.0, 1.0))
    }
}

/// One picture: leaves lie where no earlier one does, as if seen from below, until nothing is left uncovered.
fn draw(side: usize, rng: &mut Xoshiro256PlusPlus) -> Raster<f32> {
    let mut picture = Raster::filled(side, side, f32::NAN);
    let mut bare = side * side;
    for _ in 0..MOST_LEAVES {
        let leaf = Leaf::random(side as f64, rng);
        let span = |centre: f64| {
            let first = (centre - leaf.radius).floor().max(0.0) as usize;
            first..((centre + leaf.radius).ceil().max(-1.0) + 1.0).min(side as f64) as usize
        };
        for row in span(leaf.centre.0) {
            for col in span(leaf.centre.1) {
                if let Some(grey) = leaf.grey_at(row as f64, col as f64).filter(|_| picture[(row, col)].is_nan()) {
                    picture[(row, col)] = grey as f32;
                    bare -= 1;
                }
            }
        }
        if bare == 0 {
            break;
        }
    }
    soften(&picture.map(|grey| if grey.is_nan() { 0.5 } else { *grey }))
}

/// A mean over 3 × 3 pixels: lenses have no perfectly sharp edges either.
fn soften(picture: &Raster<f32>) -> Raster<f32> {
    let (rows, cols) = picture.shape();
    Raster::from_fn(rows, cols, |row, col| {
        let around = |at: usize, length: usize| at.saturating_sub(1)..(at + 2).min(length);
        let near = around(row, rows).flat_map(|r| around(col, cols).map(move |c| (r, c)));
        let (sum, count) = near.fold((0.0, 0.0), |(sum, count), at| (sum + picture[at], count + 1.0));
        sum / count
    })
}
