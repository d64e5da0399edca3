//! What the genes of a panel have in common.

mod principal;
mod rows;

pub use principal::{Components, Entries, principal_components};
