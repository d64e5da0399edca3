//! `report.html`: one file that explains itself, opens anywhere and needs no network; `genes.html`, all genes of a panel; and plots as files.

mod card;
mod cards;
mod charts;
mod colours;
mod document;
mod expectations;
mod figure;
mod gene;
mod guides;
mod known;
mod limits;
mod listed;
mod markup;
mod order;
mod page;
mod panel;
mod planned;
mod plots;
mod ranked;
mod score_charts;
mod tables;
mod texts;
mod uncertainty;
mod viewer;

pub(super) use cards::Cards;
pub(super) use gene::figure;
pub(super) use guides::guides;
pub(super) use limits::{MOST_PICTURED, UNFOLDED, block};
pub(super) use order::Order;
pub(super) use page::{Shown, page};
pub(super) use planned::plan_figure;
pub(super) use plots::Plots;
pub(super) use viewer::Viewer;
