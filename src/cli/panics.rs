//! Panics, in this thread or in one of a GPU's, told as one clear error.

use crate::Error;
use crate::compute::explained;
use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;
use std::sync::Mutex;

/// The first thread that panicked: those that waited for it only say that it is gone.
static FIRST: Mutex<Option<Panic>> = Mutex::new(None);

/// What is known of a panic.
struct Panic {
    said: String,
    /// The file and the line in the source.
    place: String,
    /// Where RUST_BACKTRACE asks for it.
    backtrace: Option<String>,
}

impl Panic {
    fn of(panic: &PanicHookInfo) -> Self {
        let backtrace = Backtrace::capture();
        let captured = backtrace.status() == BacktraceStatus::Captured;
        Panic {
            said: text(panic.payload()),
            place: panic.location().map_or("an unknown place".to_owned(), |place| place.to_string()),
            backtrace: captured.then(|| backtrace.to_string()),
        }
    }
}

/// From now on panics print nothing, and the first is remembered.
pub(super) fn listen() {
    std::panic::set_hook(Box::new(|panic| {
        let mut first = FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        first.get_or_insert_with(|| Panic::of(panic));
    }));
}

/// The error that a panic of the main thread stands for; a bug is told with its place in the source.
pub(super) fn error(panic: &(dyn Any + Send)) -> Error {
    told(FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take(), &text(panic))
}

fn told(first: Option<Panic>, last: &str) -> Error {
    let said = first.as_ref().map_or("", |first| first.said.as_str());
    match (explained(said, last), first) {
        (Error::Bug(told), Some(Panic { place, backtrace, .. })) => {
            let more = backtrace.map_or_else(
                || "; RUST_BACKTRACE=1 in the environment tells the way there".to_owned(),
                |way| format!("\n{}", way.trim_end()),
            );
            Error::Bug(format!("{told}\nat {place}{more}"))
        }
        (error, _) => error,
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    text.unwrap_or_else(|| "the program panicked".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic(said: &str, backtrace: Option<&str>) -> Option<Panic> {
        Some(Panic { said: said.to_owned(), place: "src/a.rs:3:5".to_owned(), backtrace: backtrace.map(str::to_owned) })
    }

    #[test]
    fn a_bug_is_told_with_its_place_and_the_way_there_if_it_was_asked_for() {
        let error = told(panic("index out of bounds", None), "index out of bounds");
        assert_eq!(error.exit_code(), 70);
        let message = error.to_string();
        assert!(message.starts_with("index out of bounds\nat src/a.rs:3:5; RUST_BACKTRACE=1"), "{message}");
        let message = told(panic("index out of bounds", Some("   0: main\n")), "index out of bounds").to_string();
        assert!(message.starts_with("index out of bounds\nat src/a.rs:3:5\n   0: main\n"), "{message}");
    }

    #[test]
    fn what_is_no_bug_needs_no_place() {
        let error = told(panic("out of device memory", None), "channel closed");
        assert!(error.exit_code() == 2 && !error.to_string().contains("src/a.rs"), "{error}");
    }
}
