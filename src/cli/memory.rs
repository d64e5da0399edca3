//! The allocator of the programs: where the system gives no more memory, one clear error instead of an abort.
#![allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one hands on to that of the system")]

use crate::Error;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;

/// The system's allocator; a process that it gives nothing to says so and ends with exit code 74. What it was writing stays under its
/// temporary name, which the next run takes over.
pub struct Memory;

// SAFETY: every method hands its arguments on to the system's allocator, and gives back what that gives, or does not return.
unsafe impl GlobalAlloc for Memory {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those that the system's allocator asks for; so below.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        given(unsafe { System.realloc(memory, layout, size) }, size)
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Lets the process keep what it frees, up to 64 MiB for each thread, for the next time it asks: images of a network come and go by the megabyte, and to have each of
/// them from the system anew, page by page, cost a quarter of a prediction. What is larger than 32 MiB goes back at once.
pub(super) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, bytes) in [(libc::M_MMAP_THRESHOLD, 32 << 20), (libc::M_TRIM_THRESHOLD, 64 << 20)] {
        // SAFETY: two numbers, both within what the manual of mallopt allows.
        unsafe { libc::mallopt(parameter, bytes) };
    }
}

/// `memory`, unless there is none.
fn given(memory: *mut u8, size: usize) -> *mut u8 {
    if memory.is_null() { exhausted(size) } else { memory }
}

/// Says it without a byte of memory.
#[cold]
fn exhausted(size: usize) -> ! {
    let mut text = [0; 256];
    let mut rest = &mut text[..];
    let _ = writeln!(
        rest,
        "error: out of memory: the system gives no further {} KiB. Give the job more memory (ulimit -v, the limit of a container), or \
         ask for less: fewer --threads, larger bins, fewer genes at a time",
        size.div_ceil(1024)
    );
    let left = rest.len();
    let _ = std::io::stderr().write_all(&text[..text.len() - left]);
    std::process::exit(Error::Io(String::new()).exit_code().into())
}
