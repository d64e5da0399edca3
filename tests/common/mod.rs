//! What the integration tests share.

use std::path::{Path, PathBuf};

/// The reference file `rel` of the shared folder: `$S2S_SHARED`, or `../shared` beside the crate.
///
/// `None`, with a line that says so, where it is not present: such tests pass without having run.
#[allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]
pub fn shared(rel: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let path = std::env::var_os("S2S_SHARED").map_or_else(beside, PathBuf::from).join(rel);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: ../shared/{rel} not present");
    None
}
