//! Panics, in this thread or in one of a GPU's, told as one clear error.

use crate::Error;
use crate::compute::explained;
use std::any::Any;
use std::sync::Mutex;

/// What the first thread that panicked said: those that waited for it only say that it is gone.
static FIRST: Mutex<Option<String>> = Mutex::new(None);

/// From now on panics print nothing, and the first is remembered.
pub(super) fn listen() {
    std::panic::set_hook(Box::new(|panic| {
        let mut first = FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        first.get_or_insert_with(|| text(panic.payload()));
    }));
}

/// The error that a panic of the main thread stands for.
pub(super) fn error(panic: &(dyn Any + Send)) -> Error {
    let first = FIRST.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    explained(&first.unwrap_or_default(), &text(panic))
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
    text.unwrap_or_else(|| "the program panicked".to_owned())
}
