//! How far a task is, told as events of `tracing`.

use std::time::{Duration, Instant};

/// The target of the events that say how far a task is. Their fields: `task`, `done`, `all`, `unit`, `note`, and `ended`
/// once nothing more comes.
pub const PROGRESS: &str = "s2s::progress";

/// The least time between two events of a task: nobody reads faster.
const EVERY: Duration = Duration::from_millis(100);

/// Progress of a task of known length.
pub struct Progress {
    task: String,
    unit: String,
    all: u64,
    done: u64,
    last: Instant,
}

impl Progress {
    /// Progress of `task` over `length` steps of `unit`.
    pub fn new(task: &str, unit: &str, length: u64) -> Self {
        tracing::info!(target: PROGRESS, task, done = 0_u64, all = length, unit, note = "");
        Progress { task: task.to_owned(), unit: unit.to_owned(), all: length, done: 0, last: Instant::now() }
    }

    /// Moves to `position`, with `note` (for example the loss) beside it. Costs next to nothing where no event is due.
    pub fn at(&mut self, position: u64, note: impl FnOnce() -> String) {
        self.done = position;
        if self.last.elapsed() < EVERY {
            return;
        }
        self.last = Instant::now();
        if tracing::enabled!(target: PROGRESS, tracing::Level::INFO) {
            let (task, unit, note) = (self.task.as_str(), self.unit.as_str(), note());
            tracing::info!(target: PROGRESS, task, done = position, all = self.all, unit, note = note.as_str());
        }
    }

    /// Ends it and leaves `summary` as an event of its own.
    pub fn finish(self, summary: &str) {
        let task = self.task.clone();
        drop(self);
        tracing::info!("{task}: {summary}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let (task, unit) = (self.task.as_str(), self.unit.as_str());
        tracing::info!(target: PROGRESS, task, done = self.done, all = self.all, unit, note = "", ended = true);
    }
}
