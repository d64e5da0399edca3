//! What can go wrong, told to the person who can mend it.
//!
//! Every message names the file, the row or key, what was found, what was expected, and what to do.
//! The variant decides the exit code that workflow engines act upon.

use std::path::Path;
use std::sync::Arc;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error by its remedy: who has to act, and whether running again can help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line or the config asks for something that makes no sense (exit 2).
    #[error("{0}")]
    Usage(String),
    /// An input file was read, and what it holds cannot be used (exit 65).
    #[error("{0}")]
    Data(String),
    /// An input file or folder does not exist (exit 66).
    #[error("{0}")]
    Missing(String),
    /// The program is wrong, not the user (exit 70).
    #[error("{0}\nThis is a bug in s2s: please report it with the command line and this message.")]
    Bug(String),
    /// Reading or writing failed for a reason outside the data: permissions, disk space (exit 74).
    #[error("{0}")]
    Io(String),
    /// The same, where the operating system said why (exit 74).
    #[error("{message}")]
    System {
        /// What was done to which file, and what the system said.
        message: String,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// A signal asked for a stop and the work so far is saved: run again to resume (exit 75).
    #[error("{0}")]
    Stopped(String),
}

impl Error {
    /// The exit code of `sysexits.h` that tells a workflow engine whether to retry.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Data(_) => 65,
            Error::Missing(_) => 66,
            Error::Bug(_) => 70,
            Error::Io(_) | Error::System { .. } => 74,
            Error::Stopped(_) => 75,
        }
    }

    /// An error with the same remedy and exit code that says something else.
    pub fn retold(&self, message: String) -> Self {
        match self {
            Error::Usage(_) => Error::Usage(message),
            Error::Data(_) => Error::Data(message),
            Error::Missing(_) => Error::Missing(message),
            Error::Bug(_) => Error::Bug(message),
            Error::Io(_) => Error::Io(message),
            Error::System { source, .. } => Error::System { message, source: source.clone() },
            Error::Stopped(_) => Error::Stopped(message),
        }
    }

    /// Bad content of `path`: `what` says where in it, what was found, what was expected, what to do.
    pub fn data(path: &Path, what: impl std::fmt::Display) -> Self {
        Error::Data(format!("{}: {what}", path.display()))
    }

    /// A bug, told with the place in the source that calls this.
    #[track_caller]
    pub fn bug(what: impl std::fmt::Display) -> Self {
        Error::Bug(format!("{what}\nat {}", std::panic::Location::caller()))
    }

    /// An operating-system error on `path` while `doing` ("read", "write", "create"): [`Error::System`], but a path that does not
    /// exist is [`Error::Missing`].
    pub fn io(path: &Path, doing: &str, source: std::io::Error) -> Self {
        if source.kind() == std::io::ErrorKind::NotFound && doing == "read" {
            return Error::Missing(format!(
                "{}: no such file or folder. Check the path; relative paths start at the folder the command runs in",
                path.display()
            ));
        }
        let message = format!("{}: could not {doing}: {source}", path.display());
        Error::System { message, source: Arc::new(source) }
    }
}

/// The three names most like `wanted`, best first; case does not count.
pub fn nearest_names<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> =
        names.map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// How many names an error lists.
const MOST_LISTED: usize = 10;

/// Names for an error: the first ten, each cut at forty characters, and how many there are.
pub(crate) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let short = |name: &str| match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    };
    let first: Vec<String> = names.take(MOST_LISTED).map(short).collect();
    let more = if all > MOST_LISTED { format!(", … ({all} in all)") } else { String::new() };
    first.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::io::{Error as IoError, ErrorKind};

    #[test]
    fn a_bug_is_told_with_its_place_also_from_within_a_closure() {
        let failed: Result<(), &str> = Err("no number");
        let line = line!() + 1;
        let error = failed.map_err(|e| Error::bug(format!("scores: {e}"))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("scores: no number\nat src/error.rs:{line}:")), "{error}");
        assert_eq!(error.exit_code(), 70);
    }

    #[test]
    fn a_list_of_names_is_cut_at_ten_and_a_name_at_forty_characters() {
        let names: Vec<String> = (0..12).map(|i| i.to_string()).collect();
        assert_eq!(listed(names.iter().map(String::as_str)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (12 in all)");
        assert_eq!(listed(["a", "b"].into_iter()), "a, b");
        assert_eq!(listed(["é".repeat(50).as_str()].into_iter()).chars().count(), 41);
    }

    #[test]
    fn what_the_system_said_is_kept_as_the_source_and_a_retold_error_keeps_it() {
        let error = Error::io(Path::new("a"), "write", IoError::from(ErrorKind::StorageFull));
        let retold = error.retold("told again".to_owned());
        assert_eq!((error.exit_code(), retold.exit_code(), retold.to_string().as_str()), (74, 74, "told again"));
        assert!(error.to_string().starts_with("a: could not write: "), "{error}");
        assert!([error, retold].iter().all(|error| error.source().is_some()));
        let missing = Error::io(Path::new("a"), "read", IoError::from(ErrorKind::NotFound));
        assert_eq!(missing.exit_code(), 66);
    }
}
