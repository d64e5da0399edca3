//! 𝒟 where the measured bins lie on no lattice: which of them the sparser image keeps.

use super::draws::{Draws, draws};
use super::pixels::Turn;
use crate::dataset::Dataset;
use crate::section::{Holes, Raster};
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::Arc;

/// The share of the measured bins that is hidden in likes of the section's holes.
const IN_HOLES: f64 = 0.1;

/// Maps of likes that examples choose from.
const MAPS: usize = 16;

/// Draws of the sparser mask from which the held-out bins are predicted.
pub(super) const DRAWS: u64 = 2;

/// How measured bins are dropped where they lie on no lattice.
#[derive(Clone, Debug)]
pub enum Thinning {
    /// Each by itself: it stays with this probability, that of being measured.
    Bins(f64),
    /// Around holes: maps [rows, cols] of the bins that stay, all but holes of the same shapes, moved to where all is measured.
    Holes(Arc<[Raster<bool>]>),
}

impl Thinning {
    /// That of a section whose measured bins lie on no lattice, drawn with `seed`.
    pub fn of(dataset: &Dataset, seed: u64) -> Option<Self> {
        let rate = dataset.sampling().rate()?;
        let Some(holes) = Holes::of(dataset.sampling(), dataset.tissue()) else { return Some(Thinning::Bins(rate)) };
        let (known, mut rng) = (dataset.measured_tissue(), draws(seed, Draws::Holes));
        let map = |_| holes.moved(&known, IN_HOLES, &mut rng).map(|hidden| !hidden);
        Some(Thinning::Holes((0..MAPS).map(map).collect()))
    }

    /// Masks of the whole section (the bins that stay) from which its held-out bins are predicted: two draws; around holes, all but the
    /// `held` ones, which lie in holes themselves.
    pub(super) fn looks(&self, held: &Raster<bool>) -> Vec<Raster<bool>> {
        match self {
            Thinning::Bins(rate) => (0..DRAWS).map(|draw| drawn(*rate, held.shape(), draw)).collect(),
            Thinning::Holes(_) => vec![held.map(|held| !held)],
        }
    }

    /// Masks from which errors are learned: those of [`Thinning::looks`], and where they hide held-out bins alone some others.
    pub(super) fn calibrating(&self, held: &Raster<bool>) -> Vec<Raster<bool>> {
        let others = match self {
            Thinning::Bins(_) => &[],
            Thinning::Holes(maps) => &maps[..maps.len().min(DRAWS as usize)],
        };
        [&self.looks(held), others].concat()
    }

    /// 1 at the bins that stay of the window of `shape` at `origin`, turned; else 0.
    pub(super) fn window(
        &self,
        origin: (usize, usize),
        shape: (usize, usize),
        turn: Turn,
        rng: &mut impl Rng,
    ) -> Vec<f32> {
        match self {
            Thinning::Bins(rate) => kept(*rate, shape.0 * shape.1, rng),
            Thinning::Holes(maps) => {
                let window = maps[rng.random_range(0..maps.len())].window(origin, shape);
                let (rows, cols) = if turn.transpose { (shape.1, shape.0) } else { shape };
                let stays = (0..rows * cols).map(|i| window[turn.source(shape, (i / cols, i % cols))]);
                stays.map(|stays| f32::from(u8::from(stays))).collect()
            }
        }
    }

    /// The same of an image that lies nowhere in the section.
    fn anywhere(&self, shape: (usize, usize), rng: &mut impl Rng) -> Vec<f32> {
        let origin = match self {
            Thinning::Bins(_) => (0, 0),
            Thinning::Holes(maps) => {
                let (rows, cols) = maps[0].shape();
                (rng.random_range(0..rows), rng.random_range(0..cols))
            }
        };
        self.window(origin, shape, Turn::NONE, rng)
    }

    /// Natural images `[count, 1, side, side]` with two channels behind each: 1 at the pixels that are measured of it, and at
    /// those that stay of them.
    pub(super) fn with_masks(&self, images: Tensor<4>, rng: &mut impl Rng) -> Tensor<4> {
        let [count, _, rows, cols] = images.dims();
        let masks = self.masks(count, (rows, cols), rng);
        let masks = Tensor::from_data(TensorData::new(masks, [2 * count * rows * cols]), &images.device());
        masked(images, masks)
    }

    /// Those channels of so many images.
    pub(super) fn masks(&self, count: usize, shape: (usize, usize), rng: &mut impl Rng) -> Vec<f32> {
        let mut masks = Vec::with_capacity(2 * count * shape.0 * shape.1);
        for _ in 0..count {
            let measured = self.anywhere(shape, rng);
            let stays = self.anywhere(shape, rng);
            masks.extend_from_slice(&measured);
            masks.extend(measured.iter().zip(stays).map(|(measured, stays)| measured * stays));
        }
        masks
    }
}

/// Images `[b, 1, h, w]` with their masks `[b · 2 · h · w]` behind them.
pub(super) fn masked(images: Tensor<4>, masks: Tensor<1>) -> Tensor<4> {
    let [count, _, rows, cols] = images.dims();
    Tensor::cat(vec![images, masks.reshape([count, 2, rows, cols])], 1)
}

/// A draw of the bins that stay of a section of this shape.
fn drawn(rate: f64, (rows, cols): (usize, usize), draw: u64) -> Raster<bool> {
    let stays = kept(rate, rows * cols, &mut Xoshiro256PlusPlus::seed_from_u64(draw));
    Raster::from_fn(rows, cols, |row, col| stays[row * cols + col] > 0.0)
}

/// 1 for each of `pixels` pixels that stays, at random with the probability `rate`, else 0.
///
/// Drawn for all pixels, measured or not: which of the measured ones stay then depends on no other thing than the stream.
fn kept(rate: f64, pixels: usize, rng: &mut impl Rng) -> Vec<f32> {
    (0..pixels).map(|_| f32::from(u8::from(rng.random_range(0.0..1.0) < rate))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    /// One map whose hidden bins are told apart by their places.
    fn holes() -> Thinning {
        Thinning::Holes([Raster::from_fn(9, 7, |row, col| (row, col) != (3, 2) && row + col < 12)].into())
    }

    #[test]
    fn a_turned_window_hides_the_turned_bins() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let hidden = |turn: Turn, rng: &mut _| {
            let window = holes().window((2, 1), (4, 5), turn, rng);
            let cols = if turn.transpose { 4 } else { 5 };
            (0..20).filter(|i| window[*i] == 0.0).map(|i| (i / cols, i % cols)).collect::<Vec<_>>()
        };
        assert_eq!(hidden(Turn::NONE, &mut rng), [(1, 1)]);
        assert_eq!(hidden(Turn { flip_rows: true, ..Turn::NONE }, &mut rng), [(2, 1)]);
        assert_eq!(hidden(Turn { flip_cols: true, ..Turn::NONE }, &mut rng), [(1, 3)]);
        assert_eq!(hidden(Turn { transpose: true, flip_cols: true, ..Turn::NONE }, &mut rng), [(3, 1)]);
    }

    #[test]
    fn held_out_bins_are_predicted_without_themselves() {
        let held = Raster::from_fn(9, 7, |row, col| row == 4 && col < 2);
        let looks = holes().looks(&held);
        assert!(looks.len() == 1 && (0..63).all(|i| looks[0][(i / 7, i % 7)] != held[(i / 7, i % 7)]));
        assert_eq!(holes().calibrating(&held).len(), 2);
        let draws = Thinning::Bins(0.25).looks(&held);
        let share = |mask: &Raster<bool>| mask.values().iter().filter(|stays| **stays).count();
        assert!(draws.len() == 2 && draws.iter().all(|mask| (5..30).contains(&share(mask))) && draws[0] != draws[1]);
    }
}
