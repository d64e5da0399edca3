//! How an output came to be: every output of every stage says it.

use serde::{Deserialize, Serialize};

/// An input file and what identifies its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The path as it was given.
    pub path: String,
    /// SHA-256 of the content, in hexadecimal.
    pub sha256: String,
}

/// How an output came to be: every output of every stage carries one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The stage, for example `s2s-prep`.
    pub tool: String,
    /// The version of s2s.
    pub version: String,
    /// The command line, or the name of the program that called.
    pub command: Vec<String>,
    /// The config in force after flags were merged into the file.
    pub config: serde_json::Value,
    /// The seed, where anything random is involved.
    pub seed: Option<u64>,
    /// What was read. In benchmark mode s2s-prep leaves this to `truth.parquet`: a hash of the whole input knows the withheld bins.
    pub inputs: Vec<Input>,
}

impl Provenance {
    /// The provenance of an output of `tool`; [`with_command`](Provenance::with_command) adds who asked for it.
    pub fn new(tool: &str, config: serde_json::Value, seed: Option<u64>, inputs: Vec<Input>) -> Self {
        Provenance {
            tool: tool.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: Vec::new(),
            config,
            seed,
            inputs,
        }
    }

    /// With the command line, or the name of the program, that asked for it.
    pub fn with_command(self, command: &[String]) -> Self {
        Provenance { command: command.to_vec(), ..self }
    }
}
