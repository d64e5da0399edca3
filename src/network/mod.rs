//! CDCIN, the cascaded data-consistent imputation network (design: method §3; the paper's §3.2).
//!
//! From the outside in: [`Cdcin`] → [`data_consistency()`] + [`Rdhan`] (one stage) → [`Rdhab`] (one block: dense
//! convolutions, then two attention blocks) → [`HybridAttention`] → [`WindowAttention`] + [`ChannelAttention`].
//!
//! Between the modules activations are channels-last, `[b, h, w, c]`, so that attention, normalisation and 1×1
//! convolutions need no permutation. Parameters have PyTorch's layouts and names ([`weights`]).

mod cdcin;
mod channel_attention;
mod data_consistency;
mod ensemble;
mod flat;
#[cfg(feature = "gpu")]
mod fused;
mod genes;
mod hybrid_attention;
mod input;
mod layers;
mod rdhab;
mod rdhan;
mod rounding;
mod size;
#[cfg(feature = "gpu")]
mod trial;
pub mod weights;
mod window_attention;

pub use cdcin::{Cdcin, CdcinConfig};
pub use channel_attention::{ChannelAttention, ChannelAttentionConfig};
pub use data_consistency::data_consistency;
pub(crate) use ensemble::{Ensemble, KeptGuides};
pub use flat::{flatten, flatten_gradients, gradient_of, trainable, unflatten};
#[cfg(feature = "gpu")]
pub(crate) use fused::has_kernels;
pub use genes::{Film, Genes};
pub use hybrid_attention::{HybridAttention, HybridAttentionConfig, Mlp, MlpConfig};
pub use input::{Guide, Input, InputConfig, Upsampling, subsample, upsample};
pub use layers::{Conv, ConvConfig, Draw, LayerNorm, Linear, LinearConfig};
pub use rdhab::{Rdhab, RdhabConfig};
pub use rdhan::{Rdhan, RdhanConfig};
pub use rounding::Rounding;
pub use window_attention::{WindowAttention, WindowAttentionConfig, Windows};
