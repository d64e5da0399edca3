//! What a GPU or the system says when it fails, told as one clear error.

use crate::Error;

/// The error that a GPU's words stand for.
pub fn device_error(said: &str) -> Error {
    explained("", said)
}

/// A trouble that is the machine's, not ours.
struct Trouble {
    /// Words of which one is in what threads then say.
    signs: &'static [&'static str],
    /// What happened, and what to do.
    told: &'static str,
    error: fn(String) -> Error,
}

const KNOWN: [Trouble; 5] = [
    Trouble {
        // Of libraries that ask the system themselves.
        signs: &["zstd returned null pointer"],
        told: "out of memory. Give the job more (ulimit -v, the limit of a container), or ask for less: fewer --threads",
        error: Error::Io,
    },
    Trouble {
        // std's threads, and rayon's pool.
        signs: &["failed to spawn thread", "ThreadPoolBuildError"],
        told: "the system starts no further threads. Ask for fewer (--threads 1), or have the limit on processes or on memory raised \
               (ulimit -u, ulimit -v, the limits of a container)",
        error: Error::Io,
    },
    Trouble {
        signs: &["out of device memory", "out-of-memory", "OUT_OF_MEMORY", "can't allocate buffer of size"],
        told: "the GPU's memory is full. Set fit.micro_batch to a smaller number (--set fit.micro_batch=1 needs least, and learns \
               the same), let no one else compute on it, or use a GPU with more memory; s2s-fit --dry-run tells what a fit \
               needs. Where there is a .ckpt, the same command then goes on from it",
        error: Error::Usage,
    },
    Trouble {
        signs: &["Missing symbol cu", "UNSUPPORTED_PTX_VERSION", "INSUFFICIENT_DRIVER"],
        told: "the NVIDIA driver is too old for this build. Install a newer one (docs/gpu.md)",
        error: Error::Missing,
    },
    Trouble {
        signs: &["cannot open source file", "CUDA installation not found"],
        told: "the CUDA headers are missing or not complete. Install the CUDA toolkit, and set CUDA_PATH to the folder that \
               holds include (docs/gpu.md)",
        error: Error::Missing,
    },
];

/// The error that the words of the thread that failed `first`, and of the one that waited for it, stand for.
pub(crate) fn explained(first: &str, last: &str) -> Error {
    for Trouble { signs, told, error } in KNOWN {
        if let Some(said) = [first, last].into_iter().find(|said| signs.iter().any(|sign| said.contains(sign))) {
            // What follows the first line is a backtrace, or the source of a kernel.
            return error(format!("{told}\n(what was said: {})", said.lines().next().unwrap_or_default()));
        }
    }
    let cause = if first.is_empty() || first == last { String::new() } else { format!("\nbefore that: {first}") };
    Error::Bug(format!("{last}{cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gpu_is_no_bug_and_comes_with_advice() {
        // The words of cubecl's IoError::OutOfMemory, in a thread of its own; the main thread sees the channel closed.
        let error = explained("out of device memory allocating 4294967296 bytes\n  0: backtrace", "channel closed");
        assert_eq!(error.exit_code(), 2);
        let message = error.to_string();
        assert!(message.contains("fit.micro_batch") && message.contains("4294967296"), "{message}");
        assert!(!message.contains("backtrace"), "{message}");
    }

    #[test]
    fn an_old_driver_and_missing_headers_are_told_as_such() {
        for said in ["Missing symbol cuCtxCreate_v4: not found", "Unable to load: CUDA_ERROR_UNSUPPORTED_PTX_VERSION"] {
            let error = explained("", said);
            assert!(error.exit_code() == 66 && error.to_string().contains("driver"), "{error}");
        }
        let error = explained("catastrophic error: cannot open source file \"mma.h\"", "");
        assert!(error.exit_code() == 66 && error.to_string().contains("CUDA_PATH"), "{error}");
    }

    #[test]
    fn threads_that_do_not_start_are_no_bug() {
        let said =
            "failed to spawn thread: Os { code: 11, kind: WouldBlock, message: \"Resource temporarily unavailable\" }";
        let error = explained("", said);
        assert!(error.exit_code() == 74 && error.to_string().contains("--threads 1"), "{error}");
    }

    #[test]
    fn anything_else_is_a_bug_told_with_its_first_cause() {
        let error = explained("index out of bounds", "a scoped thread panicked");
        assert_eq!(error.exit_code(), 70);
        assert!(error.to_string().contains("before that: index out of bounds"), "{error}");
    }
}
