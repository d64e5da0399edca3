//! Named pipes, process substitution, /dev/stdin: what can be read once, from its start to its end; and files that are no text.

use crate::files::hex;
use crate::{Error, Result};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Whether `path` is neither a file nor a folder, so that it must not be opened twice.
pub(crate) fn is_stream(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// Opens `path`; [`Error::Usage`] for a terminal, from which nothing would come.
pub(crate) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
    if file.is_terminal() {
        return Err(Error::Usage(format!("{}: a terminal. Give a file, or pipe a table into it", path.display())));
    }
    Ok(file)
}

/// What starts with these bytes is no table in text form; `None` for gzip, which is unpacked.
const OTHERS: [(&[u8], &str); 6] = [
    (b"PAR1", "Parquet from a stream, but Parquet is read from its end. Write it to a file and give that"),
    (b"PK\x03\x04", "a zip archive or an Excel workbook. Unpack it, or save the sheet as CSV"),
    (b"BZh", "packed by bzip2. Unpack it, or pack it with gzip"),
    (b"\xfd7zXZ\x00", "packed by xz. Unpack it, or pack it with gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd. Unpack it, or pack it with gzip"),
    (
        b"\x89HDF\r\n\x1a\n",
        "HDF5, and no table in text form. Is it an .h5ad, a 10x .h5 or a .gef? Its name has to say so",
    ),
];

/// [`Error::Data`] if the first bytes of `path` say that it is no text.
pub(crate) fn refuse(path: &Path, first: &[u8]) -> Result<()> {
    match OTHERS.iter().find(|(magic, _)| first.starts_with(magic)) {
        Some((_, what)) => Err(Error::data(path, what)),
        None => Ok(()),
    }
}

/// SHA-256 of a stream as it goes by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Digest(Arc<Mutex<Sha256>>);

impl Digest {
    pub(crate) fn hear(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).update(bytes);
    }

    /// Of everything that has gone by, in hexadecimal.
    pub(crate) fn fingerprint(&self) -> String {
        hex(&self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().finalize())
    }
}
