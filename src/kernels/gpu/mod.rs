//! The network's kernels for GPUs: the mathematics of the CPU's, forward and backward, on channels-last f32 images.
//!
//! All images of a pass, of whatever sizes, lie side by side in one list of pixels (`tiles`), all parameters in one vector
//! (`plan`, `layout`). From the small to the large: products on matrix units (`matrix`), convolutions (`load`, `conv`, `weights`), which multiply in
//! one of several ways (`products`), of f32 numbers or of bf16 (`words`), dense blocks (`dense`, `dense_end`, `dense_gradient`, `dense_weights`), what is computed pixel by pixel (`pixelwise`, `mlp`),
//! channel attention (`gates`, `branch`, `tokens`), window attention (`attention`, `attention_gradient`), both also in rows of registers on
//! matrix units (`rows`, `mlp_rows`, `mlp_rows_gradient`, `attention_rows`, `attention_rows_gradient`), what is known of genes (`film`,
//! `film_gradient`), stages (`stage`); then the passes that launch them (`forward`, `backward`), which burn sees as one operation
//! (`operation`).
//!
//! Around the network, a step of training makes its input of stacks of measured images (`step_input`; where they lie on no lattice, `scattered` fills them before) and takes the losses of its
//! outputs (`losses`), which are operations of their own (`step`), and so is what Adam does with the gradient (`adam`). What follows from the sizes of images stays on
//! the device (`tables`).
//!
//! What takes time is memory more than arithmetic: what is cheap is computed again where it is read, and kept or written is what is not
//! (`scripts/cuda-kernels --bytes` counts it).
//!
//! No kernel needs more than 32 KiB of shared memory, planes of a certain size (but those on matrix units), or atomic operations:
//! weights' gradients are rows of partial sums, summed in a fixed order, so that results repeat.

mod adam;
mod attention;
mod attention_gradient;
mod attention_rows;
mod attention_rows_gradient;
mod attention_rows_sums;
mod backward;
mod branch;
mod conv;
mod cubes;
mod dense;
mod dense_end;
mod dense_gradient;
mod dense_weights;
mod film;
mod film_gradient;
mod forward;
mod functions;
mod gates;
mod layout;
mod load;
mod losses;
mod matrix;
mod mlp;
mod mlp_rows;
mod mlp_rows_gradient;
mod operation;
mod pixelwise;
mod plan;
mod products;
mod rows;
mod scattered;
mod stage;
mod step;
mod step_input;
mod tables;
mod tiles;
mod tokens;
mod weights;
mod windows;
mod words;

#[cfg(all(test, feature = "vulkan"))]
mod halves_tests;
#[cfg(all(test, feature = "vulkan"))]
mod tests;

pub(crate) use adam::{Copies, RATES, Written, adam_step, follow, write};
pub(crate) use losses::{TERMS, TOTAL, Terms};
pub(crate) use operation::{Taped, cascade, taped_cascade};
pub(crate) use plan::{Dimensions, Plan, gene_numbers};
pub(crate) use products::Products;
pub(crate) use scattered::Scattered;
pub(crate) use step::{filled, losses, step_input, total_gradient};
pub(crate) use step_input::{Column, StepInput, View};
