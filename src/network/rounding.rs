//! What the kernels of a GPU round.

/// What is rounded where a network is computed by the kernels of a GPU; sums are f32 whatever it is. Without those kernels nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Nothing.
    #[default]
    None,
    /// Factors of products to TF32, where there are matrix units for it.
    Tf32,
    /// Factors of convolutions to bf16, and what lies in memory between kernels and nothing else needs: what dense blocks and the channel
    /// attention keep, its gradients, and the input of the MLP for its backward pass. Other factors as [`Rounding::Tf32`] has them. Asks for even
    /// `channels`, `growth` and `channels / compress`.
    Bf16,
}
