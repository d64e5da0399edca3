//! (to be written)

pub mod losses;
