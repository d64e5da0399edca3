//! The recipes that every program carries with it, so that a config needs no file.

use crate::error::nearest_names;

/// A config with a name.
#[derive(Debug)]
pub struct Recipe {
    /// What `--config` calls it.
    pub name: &'static str,
    /// What it is for, in a line.
    pub about: &'static str,
    /// Whether the network of a panel also sees the images of its section ([`Config::guided`](super::Config::guided)).
    pub guided: bool,
    /// The config: YAML, with comments that say why.
    pub text: &'static str,
}

/// Every recipe, the cheapest first.
pub static RECIPES: [Recipe; 3] = [
    Recipe {
        name: "quick",
        about: "A small network: half a minute a gene on two CPU cores",
        guided: true,
        text: include_str!("../../configs/quick.yaml"),
    },
    Recipe {
        name: "standard",
        about: "A middle-sized network for panels (--joint): twenty minutes of steps on two CPU cores",
        guided: true,
        text: include_str!("../../configs/standard.yaml"),
    },
    Recipe {
        name: "paper",
        about: "That of the paper, 3,000 passes over the patches (50,000 steps on 100 × 90 bins): for GPUs. It explains every key",
        guided: false,
        text: include_str!("../../configs/paper.yaml"),
    },
];

impl Recipe {
    /// The recipe of this name.
    pub fn named(name: &str) -> Option<&'static Recipe> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }

    /// What to say of `given`, which is neither a file nor the name of a recipe.
    pub(super) fn unknown(given: &str) -> String {
        let names = RECIPES.each_ref().map(|recipe| recipe.name);
        let nearest = nearest_names(given, names.into_iter()).first().copied().unwrap_or_default();
        format!(
            "--config {given}: no such file, and no recipe of that name. The recipes are {}; did you mean {nearest}?",
            names.join(", ")
        )
    }
}
