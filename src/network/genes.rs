//! What a network that genes share knows of each of them: a few numbers, its embedding, which scale and shift the features.
//!
//! Perez et al. 2018 (FiLM): what a feature means differs from gene to gene. Without it a network that sees a stain must use it for
//! all genes alike.

use super::layers::{Draw, constant};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};

/// The embeddings of the genes that share a network.
///
/// # Params
///
/// - `table`: `[genes, embedding]`
#[derive(Module, Debug)]
pub struct Genes {
    /// `[genes, embedding]`
    pub table: Param<Tensor<2>>,
}

impl Genes {
    /// Random numbers with mean 0, between −1 and 1.
    pub(super) fn draw(genes: usize, embedding: usize, draw: &mut Draw, device: &Device) -> Self {
        Genes { table: draw.uniform([genes, embedding], 1, device) }
    }

    /// The embeddings `[genes, embedding]` of these genes, each a row of the table; the mean of all for `None`, a gene that
    /// the network has not seen, or none.
    pub(super) fn of(&self, genes: &[Option<usize>]) -> Tensor<2> {
        let (table, [count, _]) = (self.table.val(), self.table.dims());
        let mut shares = vec![0.0; genes.len() * count];
        for (row, gene) in shares.chunks_exact_mut(count).zip(genes) {
            match gene {
                Some(gene) => row[*gene] = 1.0,
                None => row.fill(1.0 / count as f32),
            }
        }
        let shares = Tensor::<2>::from_data(TensorData::new(shares, [genes.len(), count]), &table.device());
        shares.cast(table.dtype()).matmul(table)
    }

    /// A network's knowledge of these genes alone, in this order, as [`Genes::of`] has them.
    pub(super) fn only(&self, genes: &[Option<usize>]) -> Self {
        Genes { table: Param::from_tensor(self.of(genes)) }
    }
}

/// Scales and shifts features by the embedding of the gene: (1 + W·e)·x + V·e.
///
/// # Params
///
/// - `weight`: `[2·channels, embedding]`, W above V; starts at 0, where it changes nothing
#[derive(Module, Debug)]
pub struct Film {
    /// `[2·channels, embedding]`
    pub weight: Param<Tensor<2>>,
}

impl Film {
    /// One that changes nothing yet.
    pub(super) fn new(channels: usize, embedding: usize, device: &Device) -> Self {
        Film { weight: constant([2 * channels, embedding], 0.0, device) }
    }

    /// # Shapes
    ///
    /// - x, output: `[b, h, w, channels]`
    /// - embedded: `[b, embedding]`
    pub(super) fn forward(&self, x: Tensor<4>, embedded: Tensor<2>) -> Tensor<4> {
        let [b, _, _, c] = x.dims();
        let by = embedded.matmul(self.weight.val().transpose()).reshape([b, 1, 1, 2 * c]);
        x * (by.clone().narrow(3, 0, c) + 1.0) + by.narrow(3, c, c)
    }
}
