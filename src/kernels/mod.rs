//! Fast CPU kernels for training the network, forward and backward, on channels-last f32 images.
//!
//! Everything is made of two register-tiled matrix products (`matmul`) and a few vector functions
//! (`functions`), written once over `simd` and compiled for each instruction set. The operations,
//! from the small to the large: convolutions (`conv`, by `winograd`, `few_inputs` or `few_outputs`, and their
//! gradients), dense blocks (`dense`), `norm`, `mlp`, window attention (`scores`, `attention`, `attention_gradient`), `channel_attention`
//! and whole hybrid attention blocks (`hybrid`). The network meets them as operations on burn
//! tensors ([`ops`]).
//!
//! `gpu` has the same mathematics as kernels for GPUs, and the whole cascade as one operation.

mod aligned;
mod attention;
mod attention_gradient;
mod channel_attention;
mod conv;
mod conv_gradient;
mod dense;
mod few_inputs;
mod few_inputs_gradient;
mod few_outputs;
mod few_outputs_gradient;
mod functions;
#[cfg(feature = "gpu")]
mod gpu;
mod hybrid;
mod image;
mod matmul;
mod mlp;
mod norm;
pub mod ops;
mod padded;
mod row_sums;
mod scores;
pub(crate) mod simd;
mod threads;
mod winograd;
mod winograd_gradient;

pub use simd::{InstructionSet, with_instruction_set};

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
