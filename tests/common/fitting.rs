//! Runs `s2s-fit` with a recipe of a few small steps.

use std::path::Path;
use std::process::{Command, Output};

/// A recipe of a few steps in which every part of the method takes part.
pub const TINY: &str = "
network: {cascades: 2, channels: 8, growth: 4, blocks: 1, layers: 2, window: 4, heads: 2, input_channels: 2}
fit: {steps: 4, batch: 2, image_batch: 2, image_patch: 32, guides: [lattice], upsampling: bilinear, gene_scale: rms, average: 0.9}
";

/// The command `s2s-fit` in `folder`, where `tiny.yaml` is [`TINY`].
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let config = folder.join("tiny.yaml");
    if !config.exists() {
        std::fs::write(config, TINY).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_s2s-fit"));
    command.current_dir(folder).args(arguments);
    command
}

pub fn fit(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The tensors of a file of weights: its metadata holds seconds and the command line, which differ from run to run.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn weights(folder: &Path, name: &str) -> Vec<u8> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + header..].to_vec()
}

#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub const WAVE: [&str; 10] =
    ["--dataset", "sample.s2s", "--gene", "WAVE", "--config", "tiny.yaml", "--seed", "7", "--threads", "1"];
