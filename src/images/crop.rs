//! Random crops: any place, any angle, flipped or not.

use crate::section::Raster;
use rand::{Rng, RngExt};
use std::f32::consts::{SQRT_2, TAU};

/// A random square of `side` pixels, row by row, turned by any angle so that all of it lies inside the picture.
///
/// A picture too small to be turned freely is cut without turning; beyond its edge it is mirrored.
pub fn random(picture: &Raster<f32>, side: usize, rng: &mut impl Rng) -> Vec<f32> {
    let (rows, cols) = picture.shape();
    let reach = side as f32 / SQRT_2 + 1.0;
    let room = rows.min(cols) as f32 - 1.0 - 2.0 * reach;
    let angle = if room > 0.0 { rng.random::<f32>() * TAU } else { 0.0 };
    let half = if room > 0.0 { reach } else { (side - 1) as f32 / 2.0 };
    let mut place = |length: usize| {
        let (low, high) = (half, (length as f32 - 1.0 - half).max(half));
        let at = low + (high - low) * rng.random::<f32>();
        if room > 0.0 { at } else { at.floor() + half.fract() }
    };
    let centre = (place(rows), place(cols));
    square(picture, side, centre, angle, rng.random())
}

/// The square of `side` pixels around `centre` (row, col), turned by `angle` and mirrored if `flip`.
fn square(picture: &Raster<f32>, side: usize, centre: (f32, f32), angle: f32, flip: bool) -> Vec<f32> {
    let (sin, cos) = angle.sin_cos();
    let middle = (side as f32 - 1.0) / 2.0;
    let mut pixels = Vec::with_capacity(side * side);
    for row in 0..side {
        for col in 0..side {
            let (y, x) = (row as f32 - middle, col as f32 - middle);
            let x = if flip { -x } else { x };
            pixels.push(sample(picture, centre.0 + y * cos + x * sin, centre.1 + x * cos - y * sin));
        }
    }
    pixels
}

/// The bilinear value at (row, col); beyond the edge the picture is mirrored.
fn sample(picture: &Raster<f32>, row: f32, col: f32) -> f32 {
    let (top, left) = (row.floor(), col.floor());
    let (down, right) = (row - top, col - left);
    let at = |r: f32, c: f32| picture[(mirror(r as isize, picture.rows()), mirror(c as isize, picture.cols()))];
    let upper = at(top, left) * (1.0 - right) + at(top, left + 1.0) * right;
    let lower = at(top + 1.0, left) * (1.0 - right) + at(top + 1.0, left + 1.0) * right;
    upper * (1.0 - down) + lower * down
}

fn mirror(at: isize, length: usize) -> usize {
    let period = (2 * length).saturating_sub(2).max(1) as isize;
    let at = at.rem_euclid(period) as usize;
    if at < length { at } else { period as usize - at }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> Raster<f32> {
        Raster::from_fn(40, 50, |row, col| 0.01 * row as f32 + 0.005 * col as f32)
    }

    #[test]
    fn without_a_turn_a_crop_is_the_picture_itself() {
        let picture = plane();
        let pixels = square(&picture, 4, (11.5, 21.5), 0.0, false);
        let expected: Vec<f32> = (10..14).flat_map(|r| (20..24).map(move |c| (r, c))).map(|at| picture[at]).collect();
        assert_eq!(pixels, expected);
        let flipped = square(&picture, 4, (11.5, 21.5), 0.0, true);
        assert_eq!(flipped[0], expected[3]);
    }

    #[test]
    fn a_turned_crop_of_a_plane_is_the_turned_plane() {
        let angle = 0.7_f32;
        let pixels = square(&plane(), 9, (20.0, 25.0), angle, false);
        let centre = 0.01 * 20.0 + 0.005 * 25.0;
        for (i, value) in pixels.iter().enumerate() {
            let (y, x) = ((i / 9) as f32 - 4.0, (i % 9) as f32 - 4.0);
            let (row, col) = (y * angle.cos() + x * angle.sin(), x * angle.cos() - y * angle.sin());
            assert!((value - (centre + 0.01 * row + 0.005 * col)).abs() < 1e-5);
        }
    }

    #[test]
    fn beyond_the_edge_the_picture_is_mirrored() {
        assert_eq!([-2, -1, 0, 3, 4, 5].map(|at| mirror(at, 4)), [2, 1, 0, 3, 2, 1]);
        assert_eq!(mirror(7, 1), 0);
    }
}
