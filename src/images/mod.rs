//! Natural images for co-learning (§4 and §5 of the method): grey, in [0, 1], fully known.
//!
//! They come from a folder of photographs or, so that nothing has to be downloaded, from a procedural generator.

mod bank;
mod crop;
mod dead_leaves;
mod folder;

use crate::files::hex;
use crate::section::Raster;
use sha2::{Digest, Sha256};

pub use bank::Bank;

/// A collection of grey pictures, kept in memory.
#[derive(Clone, Debug)]
pub struct Images {
    pictures: Vec<Raster<f32>>,
}

impl Images {
    fn new(pictures: Vec<Raster<f32>>) -> Self {
        Images { pictures }
    }

    /// The pictures.
    pub fn pictures(&self) -> &[Raster<f32>] {
        &self.pictures
    }

    /// One hash of all pixels.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for picture in &self.pictures {
            hash.update((picture.rows() as u64).to_le_bytes());
            hash.update((picture.cols() as u64).to_le_bytes());
            for value in picture.values() {
                hash.update(value.to_le_bytes());
            }
        }
        hex(&hash.finalize())
    }
}
