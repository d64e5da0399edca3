//! What `--version` says: `-V` is for programs, the long form for a report of a bug.

use crate::kernels::InstructionSet;
use std::sync::OnceLock;

/// The version alone.
pub(super) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// The version; below it the `commit` of the source, the features of this build, and what the kernels use of this processor.
pub(super) fn long(commit: Option<&str>) -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let commit = commit.filter(|commit| !commit.is_empty()).unwrap_or("not told (S2S_COMMIT tells it to a build)");
        let built = [("cuda", cfg!(feature = "cuda")), ("vulkan", cfg!(feature = "vulkan"))];
        let features: Vec<&str> = built.iter().filter(|(_, built)| *built).map(|(name, _)| *name).collect();
        let features =
            if features.is_empty() { "cpu alone".to_owned() } else { format!("cpu, {}", features.join(", ")) };
        let (set, machine) = (InstructionSet::best(), std::env::consts::ARCH);
        format!("{SHORT}\ncommit    {commit}\nfeatures  {features}\nkernels   {set} ({machine})")
    })
}
