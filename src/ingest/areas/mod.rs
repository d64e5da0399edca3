//! Bins that a user names: those that failed, the tissue, a part of the section.

mod area;
mod boundaries;
mod geojson;
mod listed;
mod map;
mod polygons;
mod surveyor;
mod vertices;

pub use area::Area;
pub use boundaries::cells;
pub(crate) use listed::read_listed;
pub(crate) use surveyor::{Named, Surveyor, UNIT};
