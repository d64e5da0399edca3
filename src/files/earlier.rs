//! What stands where an output is to be written, and whether it may go.

use crate::{Error, Result};
use std::path::Path;

/// How many differences of another run an error lists.
const MOST_TOLD: usize = 4;

/// What stands under the name of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing, or what the same run wrote: same inputs, same settings, same version of the format.
    Same,
    /// The result of another run of the same command, and in what it differs.
    Another(Vec<String>),
    /// What this command did not write.
    Foreign,
}

impl Earlier {
    /// [`Error::Usage`] if what stands at `target` is not to be replaced: the result of another run without `force`, and never what
    /// is not ours.
    pub fn give_way(&self, target: &Path, force: bool) -> Result<()> {
        let target = target.display();
        match self {
            Earlier::Foreign => Err(Error::Usage(format!(
                "{target}: exists and is no earlier output of this command, so it is left alone. Choose another place or remove it"
            ))),
            Earlier::Another(differences) if !force => {
                let told: Vec<&str> = differences.iter().take(MOST_TOLD).map(String::as_str).collect();
                let more = if differences.len() > MOST_TOLD { "; …" } else { "" };
                Err(Error::Usage(format!(
                    "{target}: holds the result of another run ({}{more}). Choose another place, or replace it with --force",
                    told.join("; ")
                )))
            }
            _ => Ok(()),
        }
    }
}
