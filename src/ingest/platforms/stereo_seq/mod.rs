//! STOmics Stereo-seq: counts per gene and DNB of the `chip`, or per square of DNBs, as text (`gem`) or HDF5 (`gef`); or per cell (`cells`).

mod cells;
mod chip;
mod gef;
mod gem;

pub(crate) use gef::StereoSeqGef;
pub(crate) use gem::StereoSeq;
