//! How a forest grows.

/// How a [`Forest`](super::Forest) grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Trees, at least one.
    pub trees: usize,
    /// Least members of a leaf, counted in different rows.
    pub leaf: usize,
    /// Share of the columns that a split tries, 0 to 1; at least one column is tried. Columns that are constant in the node do
    /// not count.
    pub tried: f64,
    /// Rows that each tree draws with replacement, as a share of all rows; at least one is drawn.
    pub share: f64,
    /// Most rows that a tree draws.
    pub most: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { trees: 100, leaf: 5, tried: 0.5, share: 0.7, most: 20_000 }
    }
}
