//! What the kernels of a GPU round.

/// What is rounded where a network is computed by the kernels of a GPU: in memory and on matrix units, sums are f32 whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Nothing.
    #[default]
    None,
    /// Factors of products to TF32, where there are matrix units for it.
    Tf32,
    /// Factors of convolutions to bf16, and so what dense blocks keep and its gradients; the factors of other products as
    /// [`Rounding::Tf32`] does.
    Bf16,
}
