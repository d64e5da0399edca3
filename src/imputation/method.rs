//! How bins are predicted without a fitted network.

use std::fmt;
use std::str::FromStr;

/// How bins are predicted without a fitted network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// From the measured bins of the gene alone.
    Baseline(Baseline),
    /// From the measured bins of the whole panel.
    Expert(Expert),
}

/// An interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Baseline {
    /// The measured bin of the same block.
    Nearest,
    /// Distance-weighted mean of the four measured bins around.
    Bilinear,
    /// Cubic convolution of the sixteen measured bins around.
    Bicubic,
    /// Inverse distance weighting: mean of the 12 nearest measured bins by 1 / distance².
    Idw,
    /// Ordinary kriging of the 16 nearest measured bins, with an exponential variogram and a nugget fitted to each gene.
    Kriging,
}

/// One of the [experts](crate::experts), or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expert {
    /// Measured bins averaged with those most alike in expression and surroundings, then bilinear.
    Smoothed,
    /// Cokriging of the gene with the panel's first eight components.
    Cokriging,
    /// Mean of a regression forest on what the surroundings say of the panel's components.
    Forest,
    /// Mean of kriging and these three, weighted for each gene by how they predict measured bins, with the forest's median and
    /// intervals: the best without a fitted network.
    Blend,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let found = Method::ALL.into_iter().find(|method| method.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Method::ALL.map(Method::name).join(", ")))
    }
}

impl Method {
    /// Whether it tells what else a bin may hold: its median, and intervals.
    pub fn tells_distribution(self) -> bool {
        matches!(self, Method::Expert(Expert::Blend | Expert::Forest))
    }

    /// Every method.
    pub const ALL: [Method; 9] = [
        Method::Baseline(Baseline::Nearest),
        Method::Baseline(Baseline::Bilinear),
        Method::Baseline(Baseline::Bicubic),
        Method::Baseline(Baseline::Idw),
        Method::Baseline(Baseline::Kriging),
        Method::Expert(Expert::Smoothed),
        Method::Expert(Expert::Cokriging),
        Method::Expert(Expert::Forest),
        Method::Expert(Expert::Blend),
    ];

    /// Its name, as `--method` and stores have it.
    pub fn name(self) -> &'static str {
        match self {
            Method::Baseline(Baseline::Nearest) => "nearest",
            Method::Baseline(Baseline::Bilinear) => "bilinear",
            Method::Baseline(Baseline::Bicubic) => "bicubic",
            Method::Baseline(Baseline::Idw) => "idw",
            Method::Baseline(Baseline::Kriging) => "kriging",
            Method::Expert(Expert::Smoothed) => "smoothed",
            Method::Expert(Expert::Cokriging) => "cokriging",
            Method::Expert(Expert::Forest) => "forest",
            Method::Expert(Expert::Blend) => "blend",
        }
    }
}
