//! What the network knows of genes: an image's embedding e, a few numbers of its gene, scales and shifts the features of every
//! channel, (1 + W·e)·x + V·e, at every site: behind a stage's first convolution, behind every block, and before its last convolution.

use super::forward::{UNITS, View, cubes};
use super::layout::Film;
use super::plan::{Films, Pass, Table};
use super::tiles::{TILE, Tile};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

impl Pass {
    /// The embeddings of images of these genes.
    pub(super) fn films(&self, genes: Table) -> Films {
        let (film, known, images) = (self.plan.film(), self.plan.genes, genes.count);
        let [embedded, affine] = [film.embedding, film.of_image()].map(|each| self.empty(images * each));
        embed::launch(
            &self.weights.client,
            cubes(images * film.embedding, UNITS as usize),
            CubeDim::new_1d(UNITS),
            self.weights.clone().into_buffer_arg(),
            genes.buffer.clone().into_buffer_arg(),
            embedded.clone().into_buffer_arg(),
            self.plan.table(),
            known,
            images,
            film,
        );
        scales_and_shifts::launch(
            &self.weights.client,
            cubes(images * film.of_image(), UNITS as usize),
            CubeDim::new_1d(UNITS),
            self.weights.clone().into_buffer_arg(),
            embedded.clone().into_buffer_arg(),
            affine.clone().into_buffer_arg(),
            images,
            film,
        );
        Films { genes, embedded, affine }
    }

    /// Scales and shifts features in their place, where the network knows genes; gives what they were.
    pub(super) fn modulate(&self, stage: usize, site: usize, features: View) -> Option<CubeTensor> {
        let films = self.films.as_ref()?;
        let film = self.plan.film();
        let before = self.image(film.channels);
        scale_and_shift::launch(
            &self.weights.client,
            CubeCount::Static(self.tiles.count as u32, 1, 1),
            CubeDim::new_1d(UNITS),
            features.buffer.clone().into_buffer_arg(),
            films.affine.clone().into_buffer_arg(),
            self.tiles.buffer.clone().into_buffer_arg(),
            before.clone().into_buffer_arg(),
            features.first,
            features.stride,
            2 * film.channels * (stage * film.sites + site),
            film,
        );
        Some(before)
    }
}

/// The embedding of each image, `[images, embedding]`: its gene's row of the table at `base`; the mean of all where there is none.
#[cube(launch)]
fn embed(
    weights: &[f32],
    genes: &[u32],
    out: &mut [f32],
    base: usize,
    known: usize,
    images: usize,
    #[comptime] film: Film,
) {
    let each = comptime!(film.embedding);
    if ABSOLUTE_POS < images * each {
        let (gene, e) = (genes[ABSOLUTE_POS / each] as usize, ABSOLUTE_POS % each);
        let mut value = f32::new(0.0);
        if gene < known {
            value = weights[base + gene * each + e];
        } else {
            for row in 0..known {
                value += weights[base + row * each + e];
            }
            value /= f32::cast_from(known as u32);
        }
        out[ABSOLUTE_POS] = value;
    }
}

/// Where the weights lie that a number among the scales and shifts of an image comes from.
#[cube]
pub(super) fn place(number: usize, #[comptime] film: Film) -> usize {
    let each = comptime!(film.of_stage());
    number / each * comptime!(film.stage) + comptime!(film.first) + number % each * comptime!(film.embedding)
}

/// 1 + W·e and V·e of every image and site.
#[cube(launch)]
fn scales_and_shifts(weights: &[f32], embedded: &[f32], out: &mut [f32], images: usize, #[comptime] film: Film) {
    let each = comptime!(film.of_image());
    if ABSOLUTE_POS < images * each {
        let (image, number) = (ABSOLUTE_POS / each, ABSOLUTE_POS % each);
        let mut sum = f32::new(0.0);
        for e in 0..comptime!(film.embedding) {
            sum += weights[place(number, film) + e] * embedded[image * comptime!(film.embedding) + e];
        }
        if number / comptime!(film.channels) % 2 == 0 {
            sum += f32::new(1.0);
        }
        out[ABSOLUTE_POS] = sum;
    }
}

/// Scales and shifts the pixels of a tile by the numbers at `site` among those of their image, and keeps what they were.
#[cube(launch)]
fn scale_and_shift(
    features: &mut [f32],
    affine: &[f32],
    tiles: &[u32],
    before: &mut [f32],
    first: usize,
    stride: usize,
    site: usize,
    #[comptime] film: Film,
) {
    let channels = comptime!(film.channels);
    let tile = Tile::of(tiles, CUBE_POS);
    let scales = tile.image * comptime!(film.of_image()) + site;
    let mut at = UNIT_POS as usize;
    while at < comptime!(TILE * TILE * channels) {
        let (channel, own) = (at % channels, at / channels);
        let (row, col) = (tile.top + own / TILE, tile.left + own % TILE);
        if row < tile.height && col < tile.width {
            let pixel = tile.first + row * tile.width + col;
            let x = features[pixel * stride + first + channel];
            before[pixel * channels + channel] = x;
            features[pixel * stride + first + channel] =
                x * affine[scales + channel] + affine[scales + channels + channel];
        }
        at += UNITS as usize;
    }
}
