//! Tables with rows for genes: all of a panel; or of many the best and the worst, and the others by a search for their names.

use super::limits::MOST_FOUND;
use super::markup::{as_data, grouped, named, scrolled};
use super::ranked::Ranked;
use crate::scoring::metric::Metric;
use maud::{Markup, html};

/// A cell: what it says, and whether it is the best of its gene.
pub(super) struct Cell {
    text: String,
    best: bool,
}

impl Cell {
    /// One that ranks nothing.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Cell { text: text.into(), best: false }
    }

    /// The `value` of a metric, of several that show the `best` as this text: ties are ties.
    pub(super) fn figure(metric: &Metric, value: Option<f64>, best: Option<String>) -> Self {
        let text = metric.text(value);
        Cell { best: value.is_some() && best.as_ref() == Some(&text), text }
    }

    /// Itself, in bold where it is the best.
    pub(super) fn html(&self, class: &str) -> Markup {
        html! { td class={ (class) @if self.best { " best" } } { (self.text) } }
    }

    /// The same for the script: a star before the best.
    fn data(&self) -> String {
        let star = if self.best { "*" } else { "" };
        format!("{star}{}", in_a_field(&self.text))
    }
}

/// What the cells of a column are, after those of gene and method.
pub(super) struct Kind {
    /// Their class.
    pub(super) class: &'static str,
    /// Whether they say what is to be done with the gene.
    pub(super) advises: bool,
}

impl Kind {
    /// Figures or words of this class.
    pub(super) fn new(class: &'static str) -> Self {
        Kind { class, advises: false }
    }

    fn cell(&self, cell: &Cell) -> Markup {
        let word = cell.text.rsplit(' ').next().unwrap_or_default();
        html! {
            @if self.advises { td class=(self.class) { span class={ "advice " (word) } { (cell.text) } } }
            @else { (cell.html(self.class)) }
        }
    }
}

/// A table with a row for each gene and method.
pub(super) struct GeneTable<'a> {
    /// What it is called.
    pub(super) label: &'a str,
    /// The file that holds all that it could show.
    pub(super) file: &'a str,
    /// The rows of its head.
    pub(super) head: Markup,
    /// Its columns after those of gene and method.
    pub(super) columns: Vec<Kind>,
    /// The methods and their colours.
    pub(super) methods: Vec<(&'a str, &'a str)>,
    /// The cells of a gene and a method, one for each column; `None` where there is no such row.
    pub(super) cells: &'a dyn Fn(&str, &str) -> Option<Vec<Cell>>,
}

impl GeneTable<'_> {
    /// The table of `genes`, in this order; of many the ends of their order as they are `ranked`, with a search for the others.
    pub(super) fn html(&self, genes: &[&str], ranked: &Ranked) -> Markup {
        if !ranked.are_many() {
            return scrolled(self.label, &self.table(genes));
        }
        html! {
            div class="listed" data-most=(MOST_FOUND) {
                p class="read" { (ranked.told()) " " a href=(self.file) { (self.file) } ", beside this file, holds all." }
                // Shown by the script that it needs.
                p class="find" hidden {
                    label { "Find a gene among all " (grouped(genes.len())) input type="search" autocomplete="off" spellcheck="false" placeholder="part of a name"; }
                    output {}
                }
                (scrolled(self.label, &self.table(&ranked.listed().concat())))
                template { (self.blank()) }
                script type="application/json" { (as_data(&serde_json::Value::from(self.data(ranked.all())).to_string())) }
            }
        }
    }

    fn table(&self, genes: &[&str]) -> Markup {
        html! {
            table class="sortable" {
                thead { (self.head) }
                tbody {
                    @for gene in genes {
                        @for (method, colour) in &self.methods {
                            @if let Some(cells) = (self.cells)(gene, method) { (self.row(gene, (method, colour), &cells)) }
                        }
                    }
                }
            }
        }
    }

    fn row(&self, gene: &str, (method, colour): (&str, &str), cells: &[Cell]) -> Markup {
        html! {
            tr {
                td class="text gene" { (gene) }
                td class="text" { (named(method, colour)) }
                @for (column, cell) in self.columns.iter().zip(cells) { (column.cell(cell)) }
            }
        }
    }

    /// The rows of a gene without its name and figures, for the script to fill in.
    fn blank(&self) -> Markup {
        let cells: Vec<Cell> = self.columns.iter().map(|_| Cell::plain("")).collect();
        html! { @for (method, colour) in &self.methods { (self.row("", (method, colour), &cells)) } }
    }

    /// What the rows of `genes` hold: a line for each, of its name and the cells of one method after another, with tabs between them; those
    /// of rows that are not there are empty.
    fn data(&self, genes: &[&str]) -> String {
        let cells = |gene: &str, method: &str| match (self.cells)(gene, method) {
            Some(cells) => cells.iter().map(|cell| format!("\t{}", cell.data())).collect(),
            None => "\t".repeat(self.columns.len()),
        };
        let line = |gene: &&str| {
            let rows: String = self.methods.iter().map(|(method, _)| cells(gene, method)).collect();
            in_a_field(gene) + &rows
        };
        genes.iter().map(line).collect::<Vec<String>>().join("\n")
    }
}

/// `text` without what would end a field or a line.
fn in_a_field(text: &str) -> String {
    text.replace(char::is_control, " ")
}
