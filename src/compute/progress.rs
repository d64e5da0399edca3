//! Progress on stderr: a bar on a terminal, a plain line now and then in a log file.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often a log file gets a line.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Progress of a task of known length, shown on stderr.
pub struct Progress {
    bar: ProgressBar,
    task: String,
    /// When the last plain line was written; `None` on a terminal.
    last_line: Option<Instant>,
}

impl Progress {
    /// Progress of `task` over `length` steps of `unit`.
    pub fn new(task: &str, unit: &str, length: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(
            Some(length),
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() },
        );
        let template = format!("{{prefix}} {{wide_bar}} {{pos}}/{{len}} {unit} {{per_sec}} ETA {{eta}} {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_prefix(task.to_owned());
        Progress { bar, task: task.to_owned(), last_line: (!terminal).then(Instant::now) }
    }

    /// Moves to `position`, with `note` (for example the loss) beside it.
    pub fn at(&mut self, position: u64, note: impl FnOnce() -> String) {
        let due = self.last_line.is_some_and(|last| last.elapsed() >= LINE_EVERY);
        // The bar redraws at most a few times a second: do not format a note for every step.
        if self.last_line.is_some() && !due {
            self.bar.set_position(position);
            return;
        }
        self.bar.set_position(position);
        let note = note();
        if due {
            let length = self.bar.length().unwrap_or(0);
            let (speed, left) = (self.bar.per_sec(), self.bar.eta().as_secs());
            eprintln!("{}: {position}/{length}, {speed:.2}/s, {left} s left, {note}", self.task);
            self.last_line = Some(Instant::now());
        } else {
            self.bar.set_message(note);
        }
    }

    /// Ends the bar and leaves `summary` as a line of its own.
    pub fn finish(self, summary: &str) {
        self.bar.finish_and_clear();
        eprintln!("{}: {summary}", self.task);
    }
}
