//! The gradients of what genes do to features ([`super::film`]): of scales and shifts image by image, and from them of the weights and the
//! embeddings.

use super::film::place;
use super::forward::{UNITS, View, cubes};
use super::layout::Film;
use super::plan::{Films, Pass};
use super::products::CHUNK;
use super::tiles::Image;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Units of a cube that sums over an image, or over its scales and shifts.
const SUMMING: usize = 256;

impl Pass {
    /// From the gradient of what [`Pass::modulate`] left, `before`, to that of what it found, in its place; and the gradients
    /// of scales and shifts.
    pub(super) fn modulate_backward(&self, stage: usize, site: usize, before: Option<&CubeTensor>, grad: View) {
        let (Some(films), Some(before)) = (&self.films, before) else { return };
        let film = self.plan.film();
        scale_gradient::launch(
            &self.weights.client,
            CubeCount::Static(self.extents.count as u32, film.channels.div_ceil(CHUNK) as u32, 1),
            CubeDim::new_1d(SUMMING as u32),
            grad.buffer.clone().into_buffer_arg(),
            before.clone().into_buffer_arg(),
            films.affine.clone().into_buffer_arg(),
            self.extents.buffer.clone().into_buffer_arg(),
            grad.first,
            grad.stride,
            2 * film.channels * (stage * film.sites + site),
            film,
        );
    }

    /// Writes the gradients of W, V and the embeddings, from those of scales and shifts; of a network that knows no gene, zeros.
    pub(super) fn film_weights(&self, gradient: &CubeTensor) {
        let film = self.plan.film();
        if film.embedding == 0 {
            return;
        }
        let client = &self.weights.client;
        let films = self.films.as_ref();
        let (affine, embedded) = films.map_or((&self.weights, &self.weights), |films| (&films.affine, &films.embedded));
        film_weights::launch(
            client,
            cubes(film.of_image() * film.embedding, UNITS as usize),
            CubeDim::new_1d(UNITS),
            affine.clone().into_buffer_arg(),
            embedded.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            films.map_or(0, |films| films.genes.count),
            film,
        );
        let Some(Films { genes, affine, .. }) = films else { return };
        let own = self.empty(genes.count * film.embedding);
        embedding_gradient::launch(
            client,
            CubeCount::Static(genes.count as u32, film.embedding as u32, 1),
            CubeDim::new_1d(SUMMING as u32),
            affine.clone().into_buffer_arg(),
            self.weights.clone().into_buffer_arg(),
            own.clone().into_buffer_arg(),
            film,
        );
        table_gradient::launch(
            client,
            cubes(self.plan.genes * film.embedding, UNITS as usize),
            CubeDim::new_1d(UNITS),
            own.into_buffer_arg(),
            genes.buffer.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            self.plan.table(),
            self.plan.genes,
            genes.count,
            film,
        );
    }
}

/// The gradients of an image's scales and shifts at `site`, for a chunk of channels, and that of what was scaled and shifted.
#[cube(launch)]
fn scale_gradient(
    grad: &mut [f32],
    before: &[f32],
    affine: &mut [f32],
    images: &[u32],
    first: usize,
    stride: usize,
    site: usize,
    #[comptime] film: Film,
) {
    let channels = comptime!(film.channels);
    let mut scales = Shared::new_slice(SUMMING);
    let mut shifts = Shared::new_slice(SUMMING);
    let (image, unit) = (CUBE_POS_X as usize, UNIT_POS as usize);
    let channel = CUBE_POS_Y as usize * CHUNK + unit % CHUNK;
    let at = image * comptime!(film.of_image()) + site + channel;
    let own_image = Image::of(images, image);
    let (mut of_scale, mut of_shift) = (f32::new(0.0), f32::new(0.0));
    if channel < channels {
        let scale = affine[at];
        let mut own = unit / CHUNK;
        while own < own_image.pixels {
            let (pixel, place) = (own_image.first + own, (own_image.first + own) * stride + first + channel);
            let value = grad[place];
            of_scale += value * before[pixel * channels + channel];
            of_shift += value;
            grad[place] = value * scale;
            own += comptime!(SUMMING / CHUNK);
        }
    }
    scales[unit] = of_scale;
    shifts[unit] = of_shift;
    sync_cube();
    if unit < CHUNK && channel < channels {
        for lane in 1..comptime!(SUMMING / CHUNK) {
            of_scale += scales[lane * CHUNK + unit];
            of_shift += shifts[lane * CHUNK + unit];
        }
        affine[at] = of_scale;
        affine[at + channels] = of_shift;
    }
}

/// The gradients of W and V, of all images together.
#[cube(launch)]
fn film_weights(affine: &[f32], embedded: &[f32], gradient: &mut [f32], images: usize, #[comptime] film: Film) {
    let each = comptime!(film.embedding);
    if ABSOLUTE_POS < comptime!(film.of_image() * film.embedding) {
        let (number, e) = (ABSOLUTE_POS / each, ABSOLUTE_POS % each);
        let mut sum = f32::new(0.0);
        for image in 0..images {
            sum += affine[image * comptime!(film.of_image()) + number] * embedded[image * each + e];
        }
        gradient[place(number, film) + e] = sum;
    }
}

/// The gradient of each image's embedding, `[images, embedding]`: a cube has one number of it.
#[cube(launch)]
fn embedding_gradient(affine: &[f32], weights: &[f32], out: &mut [f32], #[comptime] film: Film) {
    let mut sums = Shared::new_slice(SUMMING);
    let (image, e, unit) = (CUBE_POS_X as usize, CUBE_POS_Y as usize, UNIT_POS as usize);
    let mut sum = f32::new(0.0);
    let mut number = unit;
    while number < comptime!(film.of_image()) {
        sum += affine[image * comptime!(film.of_image()) + number] * weights[place(number, film) + e];
        number += SUMMING;
    }
    sums[unit] = sum;
    sync_cube();
    if unit == 0 {
        for other in 1..SUMMING {
            sum += sums[other];
        }
        out[image * comptime!(film.embedding) + e] = sum;
    }
}

/// The gradient of the table of embeddings, from those of the images: an image of an unknown gene has a share of every row.
#[cube(launch)]
fn table_gradient(
    own: &[f32],
    genes: &[u32],
    gradient: &mut [f32],
    base: usize,
    known: usize,
    images: usize,
    #[comptime] film: Film,
) {
    let each = comptime!(film.embedding);
    if ABSOLUTE_POS < known * each {
        let (row, e) = (ABSOLUTE_POS / each, ABSOLUTE_POS % each);
        let mut sum = f32::new(0.0);
        for image in 0..images {
            let gene = genes[image] as usize;
            let value = own[image * each + e];
            if gene == row {
                sum += value;
            }
            if gene == known {
                sum += value / f32::cast_from(known as u32);
            }
        }
        gradient[base + ABSOLUTE_POS] = sum;
    }
}
