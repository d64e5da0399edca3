//! Flags that belong to platforms: plain data, declared once, from which a command line is built.

use super::config::{PrepConfig, condition};

/// A flag of one platform or several.
#[derive(Debug)]
pub struct Flag {
    /// Its name without the dashes.
    pub name: &'static str,
    /// What it takes.
    pub takes: Takes,
    /// What it is for, in one line.
    pub help: &'static str,
    /// What else there is to say; may be empty.
    pub more: &'static str,
    /// The flag, without the dashes, that cannot be given with it.
    pub conflicts: Option<&'static str>,
    /// Writes a value (nothing for a switch) into the config; the error says what is wrong with it.
    pub set: fn(&mut PrepConfig, &str) -> Result<(), String>,
}

/// What a flag takes, under the name that its help gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is given or not.
    Nothing,
    /// A text, or a number that cannot be negative.
    Text(&'static str),
    /// A text, and more of them if it is given again.
    Texts(&'static str),
    /// A number; negative ones are told as such.
    Number(&'static str),
}

impl Flag {
    /// A flag that takes a text and conflicts with none.
    pub(crate) const fn text(
        name: &'static str,
        value: &'static str,
        help: &'static str,
        set: fn(&mut PrepConfig, &str) -> Result<(), String>,
    ) -> Flag {
        Flag { name, takes: Takes::Text(value), help, more: "", conflicts: None, set }
    }
}

/// A value of any type as a flag gives it; the error is that of the type.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|e: T::Err| e.to_string())
}

/// Of tables and matrices: the column of gene names.
pub(crate) static GENE_COLUMN: Flag = Flag {
    more: "anndata: the column of var with the gene names [default: its index]; spatialdata: the column of the points.",
    ..Flag::text(
        "gene-column",
        "NAME",
        "csv: the column of the genes [default: gene, feature_name, gene_name, gene_symbol, gene_id, target or the like]",
        |config, name| {
            config.csv.gene_column = Some(name.to_owned());
            config.matrix.gene_column = Some(name.to_owned());
            Ok(())
        },
    )
};

/// Of tables: the counts.
pub(crate) static COUNT_COLUMN: Flag = Flag::text(
    "count-column",
    "NAME",
    "Tables: the column of counts, or none if every row is one molecule [default: count, MIDCount, UMICount, nUMI or the like, else none]",
    |config, name| {
        config.csv.count_column = Some(name.to_owned());
        Ok(())
    },
);

/// Of tables and matrices: the unit of positions.
pub(crate) static UM_PER_UNIT: Flag = Flag {
    takes: Takes::Number("µm"),
    ..Flag::text(
        "um-per-unit",
        "µm",
        "csv, anndata, spatialdata: µm per unit of x and y, the size of a pixel [default: 1]",
        |config, value| parsed(value).map(|um| config.csv.um_per_unit = Some(um)),
    )
};

/// Of AnnData, alone or in a SpatialData store: which matrix.
pub(crate) static LAYER: Flag = Flag::text(
    "layer",
    "NAME",
    "anndata, spatialdata: the layer that holds the counts, or raw [default: X]",
    |config, name| {
        config.matrix.layer = Some(name.to_owned());
        Ok(())
    },
);

/// Of AnnData, alone or in a SpatialData store: which observations.
pub(crate) static WHERE: Flag = Flag {
    takes: Takes::Texts("COLUMN=VALUE"),
    more: "Given again with the same column, any of the values will do; with another column, both have to hold.",
    ..Flag::text(
        "where",
        "COLUMN=VALUE",
        "anndata, spatialdata: read the observations with this value in a column of obs: a section, a kind of cells",
        |config, text| {
            condition(text).ok_or("expected COLUMN=VALUE, for example library_id=S1")?;
            config.matrix.r#where.push(text.to_owned());
            Ok(())
        },
    )
};

/// Of arrays with gaps: how far apart their rows and columns are.
pub(crate) static PITCH_UM: Flag = Flag {
    takes: Takes::Number("µm"),
    more: "With --mode impute it is S times --bin-um, and what is between is imputed; a benchmark has bins of it. See --preset.",
    ..Flag::text(
        "pitch-um",
        "µm",
        "anndata, spatialdata, dbit-seq: from one row or column of the array to the next, where there are gaps",
        |config, value| parsed(value).map(|um| config.matrix.pitch_um = Some(um)),
    )
};

/// Of every matrix: its values are no counts.
pub(crate) static ALREADY_NORMALISED: Flag = Flag {
    name: "already-normalised",
    takes: Takes::Nothing,
    help: "The matrix holds normalised values, not counts: take them as they are, and normalise nothing",
    more: "--min-counts is then the number of genes found in a bin, since there are no counts.",
    conflicts: None,
    set: |config, _| {
        config.matrix.already_normalised = true;
        Ok(())
    },
};

/// Of instruments whose positions are pixels or spots of their own.
pub(crate) static PIXEL_UM: Flag = Flag {
    takes: Takes::Number("µm"),
    ..Flag::text(
        "pixel-um",
        "µm",
        "µm per pixel (cosmx), or from one DNB to the next (stereo-seq) [default: 0.120280945, or 0.5]",
        |config, value| parsed(value).map(|um| config.pixel_um = Some(um)),
    )
};
