//! Results on stdout.

use crate::{Error, Result};
use std::io::{ErrorKind, Write};

/// Writes `text` to stdout. A reader that went away wants no more of it: that is no error.
///
/// [`Error::Io`] if it cannot be written for another reason, for example a full disk.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io(std::path::Path::new("standard output"), "write", error))
        }
        _ => Ok(()),
    }
}
