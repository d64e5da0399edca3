//! Natural images for co-learning (§4 and §5 of the method): grey, in [0, 1], fully known.
//!
//! They come from a folder of photographs or, so that nothing has to be downloaded, from a procedural generator.

mod crop;
mod dead_leaves;
mod folder;

use crate::section::Raster;
use rand::{Rng, RngExt};
use sha2::{Digest, Sha256};
use std::sync::OnceLock;

/// A collection of grey pictures, kept in memory.
#[derive(Clone, Debug)]
pub struct Images {
    pictures: Vec<Raster<f32>>,
    /// Hashing a hundred million pixels takes its time: once is enough.
    fingerprint: OnceLock<String>,
}

impl Images {
    fn new(pictures: Vec<Raster<f32>>) -> Self {
        Images { pictures, fingerprint: OnceLock::new() }
    }

    /// The pictures.
    pub fn pictures(&self) -> &[Raster<f32>] {
        &self.pictures
    }

    /// `count` random square crops of `side` pixels, one after the other: each from a random picture, at a random place,
    /// turned by any angle and flipped (§5). Values are in [0, 1].
    pub fn batch(&self, count: usize, side: usize, rng: &mut impl Rng) -> Vec<f32> {
        let crops = (0..count).flat_map(|_| {
            let picture = &self.pictures[rng.random_range(0..self.pictures.len())];
            crop::random(picture, side, rng)
        });
        crops.collect()
    }

    /// One hash of all pixels.
    pub fn fingerprint(&self) -> &str {
        self.fingerprint.get_or_init(|| self.hash())
    }

    fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for picture in &self.pictures {
            hash.update((picture.rows() as u64).to_le_bytes());
            hash.update((picture.cols() as u64).to_le_bytes());
            for value in picture.values() {
                hash.update(value.to_le_bytes());
            }
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
