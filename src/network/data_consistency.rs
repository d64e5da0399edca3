//! Data consistency: what was measured is put back before every stage.

use burn::tensor::Tensor;

/// `(1 − mask)·x + mask·x0` (method §3; eq. 12 of the paper): the stage starts from what the previous one imputed,
/// and from the measurement where there is one.
///
/// # Shapes
///
/// - x, x0, mask, output: equal; mask is 1 at measured pixels, else 0
pub fn data_consistency(x: Tensor<4>, x0: Tensor<4>, mask: Tensor<4>) -> Tensor<4> {
    (1.0 - mask.clone()) * x + mask * x0
}
