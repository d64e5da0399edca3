//! Random crops: any place, any angle, flipped or not.

use rand::{Rng, RngExt};
use std::f32::consts::{SQRT_2, TAU};

/// Where a square crop lies in its picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    /// Its middle: row and column.
    pub centre: (f32, f32),
    /// How far it is turned, in radians.
    pub angle: f32,
    /// Whether it is mirrored left to right.
    pub flip: bool,
}

impl Placement {
    /// A random place for a crop of `side` pixels, turned by any angle so that all of it lies inside a picture of this shape.
    ///
    /// A picture too small to be turned freely is cut without turning; one smaller than the crop is to be mirrored.
    pub(super) fn random((rows, cols): (usize, usize), side: usize, rng: &mut impl Rng) -> Self {
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
        Placement { centre, angle, flip: rng.random() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn a_small_picture_is_cut_at_whole_pixels_and_not_turned() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for _ in 0..100 {
            let Placement { centre, angle, .. } = Placement::random((70, 16), 64, &mut rng);
            assert_eq!((angle, centre.0.fract(), centre.1), (0.0, 0.5, 31.5));
            assert!((31.5..=37.5).contains(&centre.0), "{}", centre.0);
        }
    }
}
