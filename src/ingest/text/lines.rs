//! The lines of a text file, gzipped or not: one thread reads and unpacks, and all cores get chunks of whole lines.
//!
//! Whatever the number of threads, each line is given out once, and of several errors the first one in the file is told.

use super::stream::{Digest, is_stream, open, refuse};
use crate::compute::Progress;
use crate::{Error, Result};
use flate2::read::MultiGzDecoder;
use memchr::{memchr, memchr_iter, memrchr};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are read, unpacked and handed out at a time; no line may be longer.
const CHUNK: usize = 1 << 20;

/// Whole lines of a file.
#[derive(Debug)]
pub(crate) struct Chunk {
    text: Vec<u8>,
    /// The number of the first line, counted from 1.
    first_line: u64,
}

impl Chunk {
    /// The lines without their ends, each with its number.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let text = self.text.strip_suffix(b"\n").unwrap_or(&self.text);
        let mut rest = (!self.text.is_empty()).then_some(text);
        (self.first_line..).map_while(move |number| {
            let text = rest?;
            let end = memchr(b'\n', text);
            rest = end.map(|end| &text[end + 1..]);
            Some((number, without_return(&text[..end.unwrap_or(text.len())])))
        })
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A text file, read up to some line.
pub(crate) struct Lines {
    path: PathBuf,
    stream: Box<dyn Read + Send>,
    /// Bytes of the file itself, packed or not, that have been read, and that there are.
    position: Arc<AtomicU64>,
    length: u64,
    /// What has been read and not yet given out.
    rest: Vec<u8>,
    at_end: bool,
    /// Whether lines end as on old Macs: by a return alone.
    by_returns: bool,
    /// Of a stream, which can be read only once: what has gone by.
    digest: Option<Digest>,
    next_line: u64,
}

impl Lines {
    /// Opens `path`; whether it is gzipped is told by its first bytes.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, "read", e))?.len();
        let position = Arc::new(AtomicU64::new(0));
        let digest = is_stream(path).then(Digest::default);
        let mut lines = Lines {
            path: path.to_owned(),
            stream: unpacked_as(path, position.clone(), digest.clone())?,
            position,
            length,
            rest: Vec::new(),
            at_end: false,
            by_returns: false,
            digest,
            next_line: 1,
        };
        lines.fill()?;
        lines.check_encoding()?;
        Ok(lines)
    }

    /// Of a stream: what identifies its content, once all of it has been read.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.digest.clone()
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether no line is left.
    pub(crate) fn is_at_end(&self) -> bool {
        self.at_end && self.rest.is_empty()
    }

    /// The next line without its end, which is still to come; empty at the end.
    pub(crate) fn peek(&mut self) -> Result<&[u8]> {
        self.fill()?;
        Ok(without_return(self.rest.split(|byte| *byte == b'\n').next().unwrap_or_default()))
    }

    /// The first bytes tell text in other encodings, which would come out as nonsense.
    fn check_encoding(&mut self) -> Result<()> {
        let start = &self.rest[..self.rest.len().min(1000)];
        if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) || start.contains(&0) {
            return Err(Error::data(
                &self.path,
                "text in UTF-16, or no text at all: there are zero bytes in it. Save it as UTF-8",
            ));
        }
        // Some editors put this mark before the first name.
        if start.starts_with(b"\xef\xbb\xbf") {
            self.rest.drain(..3);
        }
        Ok(())
    }

    /// The next line without its end; `None` at the end of the file.
    pub(crate) fn next_line(&mut self) -> Result<Option<Vec<u8>>> {
        self.fill()?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = memchr(b'\n', &self.rest);
        let line = without_return(&self.rest[..end.unwrap_or(self.rest.len())]).to_vec();
        self.rest.drain(..end.map_or(self.rest.len(), |end| end + 1));
        self.next_line += 1;
        Ok(Some(line))
    }

    /// Gives the lines that are left to `each`, one by one; errors name the line, counted from 1.
    pub(crate) fn for_each(mut self, mut each: impl FnMut(&str) -> Result<(), String>) -> Result<()> {
        while let Some(chunk) = self.next_chunk()? {
            for (number, line) in chunk.lines() {
                let wrong = |what: String| Error::data(&self.path, format!("line {number}: {what}"));
                let line = std::str::from_utf8(line).map_err(|e| wrong(format!("{e}. Is the file complete?")))?;
                each(line).map_err(wrong)?;
            }
        }
        Ok(())
    }

    /// Gives the lines that are left to all threads of the pool: each makes a state by `start`, takes chunks by `each`,
    /// and ends with `finish`. Of several errors, that of the earliest chunk is returned.
    pub(crate) fn share<S, T: Send>(
        self,
        start: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, &Chunk) -> Result<()> + Sync,
        finish: impl Fn(S) -> T + Sync,
    ) -> Result<Vec<T>> {
        let progress = Mutex::new(Progress::new("reading", "bytes", self.length));
        let position = self.position.clone();
        let (first_error, failed) = (Mutex::new(None), AtomicBool::new(false));
        let note = |index: u64, error: Error| {
            failed.store(true, Ordering::Relaxed);
            let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
            if first.as_ref().is_none_or(|(earlier, _)| index < *earlier) {
                *first = Some((index, error));
            }
        };
        let done = std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(rayon::current_num_threads());
            scope.spawn(move || self.give_out(&sender));
            // Dropped at the end of this closure, so that the reading thread never waits for a taker in vain.
            let chunks = Chunks { receiver: Mutex::new(receiver), failed: &failed };
            rayon::broadcast(|_| {
                let mut state = start();
                while let Some((index, chunk)) = chunks.next() {
                    if let Err(error) = chunk.and_then(|chunk| each(&mut state, &chunk)) {
                        note(index, error);
                    }
                    // Whoever finds it busy leaves the drawing to the other thread.
                    if let Ok(mut progress) = progress.try_lock() {
                        progress.at(position.load(Ordering::Relaxed), String::new);
                    }
                }
                finish(state)
            })
        });
        match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error)) => Err(error),
            None => Ok(done),
        }
    }

    /// Sends all that is left in chunks of whole lines, and after them the error that ended the reading, if any.
    fn give_out(mut self, sender: &SyncSender<(u64, Result<Chunk>)>) {
        for index in 0.. {
            let chunk = match self.next_chunk() {
                Ok(None) => return,
                Ok(Some(chunk)) => Ok(chunk),
                Err(error) => Err(error),
            };
            let last = chunk.is_err();
            // Nobody takes chunks any more after an error.
            if sender.send((index, chunk)).is_err() || last {
                return;
            }
        }
    }

    fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        self.fill()?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = match memrchr(b'\n', &self.rest) {
            Some(end) if !self.at_end => end + 1,
            _ => self.rest.len(),
        };
        let mut next = Vec::with_capacity(CHUNK);
        next.extend_from_slice(&self.rest[end..]);
        let mut text = std::mem::replace(&mut self.rest, next);
        text.truncate(end);
        let first_line = self.next_line;
        self.next_line += memchr_iter(b'\n', &text).count() as u64;
        Ok(Some(Chunk { text, first_line }))
    }

    /// Reads on until a chunk is full or the file ends; a full chunk holds the end of a line.
    fn fill(&mut self) -> Result<()> {
        let wanted = CHUNK.saturating_sub(self.rest.len());
        if self.at_end || wanted == 0 {
            return Ok(());
        }
        let before = self.rest.len();
        let read = self.stream.by_ref().take(wanted as u64).read_to_end(&mut self.rest);
        self.at_end = read.map_err(|e| unreadable(&self.path, &e))? < wanted;
        if before == 0 && self.next_line == 1 {
            self.by_returns = memchr(b'\n', &self.rest).is_none() && memchr(b'\r', &self.rest).is_some();
        }
        if self.by_returns {
            self.rest[before..].iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
        }
        if !self.at_end && memchr(b'\n', &self.rest).is_none() {
            return Err(Error::data(
                &self.path,
                format!("line {} is longer than {CHUNK} bytes. Is this a table in text form?", self.next_line),
            ));
        }
        Ok(())
    }
}

/// The bytes of `path`, unpacked if its first bytes say that it is gzipped, whatever it is called.
pub(crate) fn unpacked(path: &Path) -> Result<Box<dyn Read + Send>> {
    unpacked_as(path, Arc::default(), None)
}

/// The same; `position` counts the bytes of the file itself that were read, and `digest` hears them.
fn unpacked_as(path: &Path, position: Arc<AtomicU64>, digest: Option<Digest>) -> Result<Box<dyn Read + Send>> {
    let mut file = Heard { inner: open(path)?, position, digest };
    let mut magic = Vec::new();
    file.by_ref().take(8).read_to_end(&mut magic).map_err(|e| unreadable(path, &e))?;
    refuse(path, &magic)?;
    let packed = magic.starts_with(&[0x1f, 0x8b]);
    let whole = std::io::Cursor::new(magic).chain(file);
    Ok(if packed { Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 18, whole))) } else { Box::new(whole) })
}

fn unreadable(path: &Path, cause: &std::io::Error) -> Error {
    Error::data(
        path,
        format!("not readable as text or gzip ({cause}). Is the file complete? Copy or download it again"),
    )
}

/// The chunks on their way to the threads, in the order of the file.
struct Chunks<'a> {
    receiver: Mutex<Receiver<(u64, Result<Chunk>)>>,
    failed: &'a AtomicBool,
}

impl Chunks<'_> {
    /// The next chunk; `None` at the end, or once another thread met an error.
    fn next(&self) -> Option<(u64, Result<Chunk>)> {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        if self.failed.load(Ordering::Relaxed) { None } else { receiver.recv().ok() }
    }
}

/// Counts the bytes of the file itself, packed or not, and lets a digest hear them.
struct Heard<R> {
    inner: R,
    position: Arc<AtomicU64>,
    digest: Option<Digest>,
}

impl<R: Read> Read for Heard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.position.fetch_add(n as u64, Ordering::Relaxed);
        if let Some(digest) = &self.digest {
            digest.hear(&buffer[..n]);
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &[u8]) -> (tempfile::NamedTempFile, Lines) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let lines = Lines::open(file.path()).unwrap();
        (file, lines)
    }

    /// The numbers and lengths of all lines, in the order of the file.
    fn shared(text: &[u8], threads: usize) -> Vec<(u64, usize)> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (_file, lines) = open(text);
        let each = |found: &mut Vec<_>, chunk: &Chunk| {
            found.extend(chunk.lines().map(|(number, line)| (number, line.len())));
            Ok(())
        };
        let mut all = pool.install(|| lines.share(Vec::new, each, |found| found)).unwrap().concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn every_line_comes_once_with_its_number() {
        let long: Vec<String> = (0..100_000).map(|i| "x".repeat(i % 97)).collect();
        for end in ["\n", "\r\n"] {
            for last in ["", end] {
                let text = long.join(end) + last;
                let expected: Vec<_> = long.iter().enumerate().map(|(i, line)| (i as u64 + 1, line.len())).collect();
                // The last line is empty if nothing ends it: 99,999 % 97 = 89 characters, so it is not.
                assert_eq!(shared(text.as_bytes(), 1), expected);
                assert_eq!(shared(text.as_bytes(), 5), expected);
            }
        }
        assert_eq!(shared(b"", 2), []);
        assert_eq!(shared(b"\n\na", 2), [(1, 0), (2, 0), (3, 1)]);
    }

    #[test]
    fn the_first_error_of_the_file_is_told_whatever_the_threads() {
        let text = "0123456789\n".repeat(1_000_000);
        let told = [1, 2, 7].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (_file, lines) = open(text.as_bytes());
            let each = |_: &mut (), chunk: &Chunk| match chunk.lines().find(|(number, _)| *number >= 300_000) {
                None => Ok(()),
                Some((number, _)) => Err(Error::Data(number.to_string())),
            };
            pool.install(|| lines.share(|| (), each, |()| ())).unwrap_err().to_string()
        });
        assert_eq!(told, ["300000"; 3]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![b'x'; 3 * CHUNK]).unwrap();
        let error = Lines::open(file.path()).err().unwrap().to_string();
        assert!(error.contains("line 1 is longer"), "{error}");
    }
}
