//! The metrics: one entry for each. The files, the tables, the report and MultiQC walk over these lists.

mod genes;
mod intervals;
mod panel;

use super::comparison::Context;
use super::intervals::Intervals;
use super::metric::{Metric, Of, Place, Values};
use super::panel::PanelComparison;
use genes::GENES;
pub(super) use genes::LOG_NORMALISED;
use intervals::INTERVALS;
use panel::PANEL;

/// The figures of a gene, a method and a region; `None` in a region that a metric is not defined for.
pub(super) fn of_gene(context: &Context) -> Values {
    let here = |metric: &Metric| metric.region.is_none_or(|region| region == context.region);
    figures(|metric| match metric.of {
        Of::Gene(of) => Some(if here(metric) { of(context) } else { None }),
        _ => None,
    })
}

/// The figures of a method on the panel.
pub(super) fn of_panel(comparison: &PanelComparison) -> Values {
    figures(|metric| match metric.of {
        Of::Panel(of) => Some(of(comparison)),
        _ => None,
    })
}

/// The figures of the intervals of a gene and a method.
pub(super) fn of_intervals(intervals: &Intervals) -> Values {
    figures(|metric| match metric.of {
        Of::Intervals(of) => Some(of(intervals)),
        _ => None,
    })
}

fn figures(of: impl Fn(&'static Metric) -> Option<Option<f64>>) -> Values {
    Values::new(all().filter_map(|metric| Some((metric, of(metric)?))))
}

/// All metrics.
pub fn all() -> impl Iterator<Item = &'static Metric> + Clone {
    GENES.iter().chain(PANEL).chain(INTERVALS)
}

/// The metrics of a gene, a method and a region that files hold, in the order of their columns.
pub fn in_files() -> impl Iterator<Item = &'static Metric> + Clone {
    GENES.iter().filter(|metric| matches!(metric.of, Of::Gene(_)))
}

/// The metrics that are shown in one of `places`, in the order in which tables show them.
pub fn shown(places: &[Place]) -> Vec<&'static Metric> {
    let index = |key: &str| all().position(|metric| metric.key == key);
    let own = all().enumerate().filter(|(_, metric)| metric.places.iter().any(|place| places.contains(place)));
    let mut own: Vec<(usize, &Metric)> = own.map(|(i, metric)| (index(metric.beside).unwrap_or(i), metric)).collect();
    own.sort_by_key(|(place, _)| *place);
    own.into_iter().map(|(_, metric)| metric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_one_thing_are_told_apart_and_stand_beside_others_that_are_there() {
        for metric in all() {
            let same = |other: &&Metric| {
                other.key == metric.key && std::mem::discriminant(&other.of) == std::mem::discriminant(&metric.of)
            };
            assert_eq!(all().filter(same).count(), 1, "{}", metric.key);
            assert!(metric.beside.is_empty() || all().any(|other| other.key == metric.beside));
        }
    }
}
