//! `report.html`: one file that explains itself, opens anywhere and needs no network; `genes.html`, all genes of a panel; and plots as files.

mod charts;
mod colours;
mod document;
mod expectations;
mod figure;
mod gene;
mod guides;
mod limits;
mod markup;
mod page;
mod panel;
mod planned;
mod plots;
mod score_charts;
mod tables;
mod texts;
mod uncertainty;
mod viewer;

pub(super) use gene::figure;
pub(super) use guides::guides;
pub(super) use limits::{MOST_PICTURED, UNFOLDED, block};
pub(super) use page::{Shown, page};
pub(super) use planned::plan_figure;
pub(super) use plots::Plots;
pub(super) use viewer::Viewer;
