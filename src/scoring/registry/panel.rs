//! The metrics of a method on the genes of a panel together.

use crate::scoring::metric::{Better, Metric, Of, Place};

/// In the order of the files.
pub(super) static PANEL: &[Metric] = &[
    Metric {
        heading: "Moran’s I\nrank correlation",
        better: Better::High,
        ranks: true,
        places: &[Place::Panel, Place::MultiQcPanel],
        ..Metric::new(
            "morans_i_spearman",
            "Moran's I ranks",
            "Rank correlation of Moran's I over the genes",
            Of::Panel(|panel| panel.morans_i_spearman()),
        )
    },
    Metric {
        heading: "top genes\nin common",
        better: Better::High,
        ranks: true,
        places: &[Place::Panel, Place::MultiQcPanel],
        ..Metric::new(
            "top_overlap",
            "Top genes",
            "Share of the most spatially variable genes found again",
            Of::Panel(|panel| Some(panel.top_overlap())),
        )
    },
    Metric {
        heading: "gene–gene\nPCC",
        better: Better::High,
        ranks: true,
        places: &[Place::Panel, Place::MultiQcPanel],
        ..Metric::new(
            "gene_correlation_pcc",
            "Gene-gene PCC",
            "Correlation of gene-gene correlations",
            Of::Panel(|panel| panel.gene_correlation_pcc()),
        )
    },
    Metric {
        heading: "gene–gene\ndifference",
        better: Better::Low,
        ranks: true,
        places: &[Place::Panel, Place::MultiQcPanel],
        ..Metric::new(
            "gene_correlation_difference",
            "Gene-gene difference",
            "Mean absolute difference of gene-gene correlations",
            Of::Panel(|panel| panel.gene_correlation_difference()),
        )
    },
    Metric {
        heading: "gene–gene\nexcess",
        places: &[Place::Panel],
        ..Metric::new(
            "gene_correlation_excess",
            "Gene-gene excess",
            "Mean gene-gene correlation less the truth's, in absolute values",
            Of::Panel(|panel| panel.gene_correlation_excess()),
        )
    },
    Metric {
        heading: "clusters\nARI",
        better: Better::High,
        ranks: true,
        places: &[Place::Panel, Place::MultiQcPanel],
        beside: "gene_correlation_difference",
        ..Metric::new("ari", "ARI", "Adjusted Rand index of k-means clusters", Of::Panel(|panel| panel.ari()))
    },
];
