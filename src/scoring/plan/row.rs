//! What a plan says of one way to sample.

use crate::section::median;
use serde::Serialize;

/// How well one method predicts one gene from one sampling, over the unmeasured bins in the tissue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanRow {
    /// Which bins are measured: `S = 2`, `random 0.25`.
    pub sampling: String,
    /// The share of bins that are measured.
    pub measured: f64,
    /// The gene.
    pub gene: String,
    /// The method's name.
    pub method: String,
    /// Pearson correlation with the truth; none where one of them is constant.
    pub pcc: Option<f64>,
    /// Mean absolute error, log-normalised units; none without an unmeasured bin in the tissue.
    pub mae: Option<f64>,
    /// Root mean squared error, log-normalised units; none likewise.
    pub rmse: Option<f64>,
    /// Seconds that the prediction took.
    pub seconds: f64,
}

/// What there is of each sampling and method, in the order of `rows`: medians over the genes.
pub(in crate::scoring) struct Summary<'a> {
    pub(in crate::scoring) sampling: &'a str,
    pub(in crate::scoring) measured: f64,
    pub(in crate::scoring) method: &'a str,
    pub(in crate::scoring) pcc: Option<f64>,
    pub(in crate::scoring) mae: Option<f64>,
    pub(in crate::scoring) rmse: Option<f64>,
}

impl<'a> Summary<'a> {
    pub(in crate::scoring) fn all(rows: &'a [PlanRow]) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for row in rows {
            if found.iter().any(|other| other.sampling == row.sampling && other.method == row.method) {
                continue;
            }
            let own = || rows.iter().filter(|other| other.sampling == row.sampling && other.method == row.method);
            found.push(Summary {
                sampling: &row.sampling,
                measured: row.measured,
                method: &row.method,
                pcc: median(own().filter_map(|row| row.pcc)),
                mae: median(own().filter_map(|row| row.mae)),
                rmse: median(own().filter_map(|row| row.rmse)),
            });
        }
        found
    }
}

/// A table for people: medians over the genes, and how much of the first sampling's is lost.
pub fn text(rows: &[PlanRow]) -> String {
    let all = Summary::all(rows);
    let genes = rows.iter().map(|row| &row.gene).collect::<std::collections::BTreeSet<_>>().len();
    let mut text = format!(
        "medians over {genes} genes, unmeasured tissue bins\n\nsampling        measured  method      PCC   of the first    MAE   of the first\n"
    );
    for row in &all {
        let first = all.iter().find(|other| other.method == row.method);
        let change = |of: fn(&Summary) -> Option<f64>| {
            let both = first.and_then(of).zip(of(row));
            both.map_or("–".to_owned(), |(first, own)| format!("{:+.1} %", 100.0 * (own / first - 1.0)))
        };
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.3}"));
        text += &format!(
            "{:<15} {:>7.1} %  {:<10} {:>5} {:>14} {:>6} {:>14}\n",
            row.sampling,
            100.0 * row.measured,
            row.method,
            number(row.pcc),
            change(|summary| summary.pcc),
            number(row.mae),
            change(|summary| summary.mae)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_medians_and_what_is_lost() {
        let row = |sampling: &str, gene: &str, pcc: f64, mae: f64| PlanRow {
            sampling: sampling.to_owned(),
            measured: if sampling == "S = 2" { 0.25 } else { 1.0 / 9.0 },
            gene: gene.to_owned(),
            method: "blend".to_owned(),
            pcc: Some(pcc),
            mae: Some(mae),
            rmse: Some(2.0 * mae),
            seconds: 1.0,
        };
        let rows = [
            row("S = 2", "A", 0.8, 0.2),
            row("S = 2", "B", 0.6, 0.4),
            row("S = 2", "C", 0.5, 0.5),
            row("S = 3", "A", 0.3, 0.6),
            row("S = 3", "B", 0.45, 0.5),
        ];
        let told = text(&rows);
        let line = told.lines().find(|line| line.starts_with("S = 3")).expect("a line");
        let parts: Vec<&str> = line.split_whitespace().collect();
        // Medians .375 of .6, and .55 of .4.
        assert_eq!(parts, ["S", "=", "3", "11.1", "%", "blend", "0.375", "-37.5", "%", "0.550", "+37.5", "%"]);
    }
}
