//! The metrics of the intervals of a gene and a method.

use crate::scoring::metric::{Metric, Of, Place};

/// In the order of the files.
pub(super) static INTERVALS: &[Metric] = &[
    Metric {
        places: &[Place::Intervals],
        ..Metric::new("coverage", "Achieved", "Coverage achieved", Of::Intervals(|own| Some(own.coverage)))
    },
    Metric {
        places: &[Place::Intervals],
        ..Metric::new("width", "Width", "Mean width", Of::Intervals(|own| Some(own.width)))
    },
    Metric {
        places: &[Place::Intervals],
        ..Metric::new("score", "Interval score", "Mean interval score", Of::Intervals(|own| Some(own.score)))
    },
    Metric {
        places: &[Place::Intervals],
        beside: "width",
        ..Metric::new(
            "constant_width",
            "Constant width",
            "Mean width of intervals of one width that cover as many bins",
            Of::Intervals(|own| Some(own.constant_width)),
        )
    },
    Metric {
        places: &[Place::Intervals],
        ..Metric::new(
            "constant_score",
            "Constant’s",
            "Interval score of intervals of one width that cover as many bins",
            Of::Intervals(|own| Some(own.constant_score)),
        )
    },
];
