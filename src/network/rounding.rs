//! What the kernels of a GPU round.

/// What is rounded where a network is computed by the kernels of a GPU; sums are f32 whatever it is. Without those kernels nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Nothing.
    #[default]
    None,
    /// Factors of products to TF32, where there are matrix units for it.
    Tf32,
    /// Factors of convolutions to bf16, and most of what lies in memory between kernels: all but the residual stream and its gradients.
    /// Other factors as [`Rounding::Tf32`] has them. Asks for even `channels`, `growth` and `channels / compress`.
    Bf16,
}
