//! How sparse a section like a dense pilot may be measured: what is lost by sampling it more and more sparsely.

mod files;
mod measure;
mod row;

pub use files::run;
pub use measure::{PlanSettings, plan};
pub(super) use row::Summary;
pub use row::{PlanRow, text};
