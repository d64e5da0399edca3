//! Steps of one kind, recorded once and replayed: the host then writes where examples lie and how far to go into two small buffers, and
//! launches the whole step as one graph. Kinds differ in the shape of their examples and in which losses join.
#![allow(unsafe_code, reason = "a graph is replayed on buffers that nobody checks")]

use super::adam::IDLE;
use super::fused::FusedLosses;
use super::losses::Losses;
use super::state::State;
use super::step::Making;
use super::told::{Inputs, Kind};
use crate::compute::{gpu_memory, reserved_mib};
use crate::kernels::ops::{self, RATES, Written};
use burn::tensor::{Device, Graph, Tensor, capture};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;

/// Steps of a kind in a sitting before one is recorded: they compile and tune the kernels, and what comes seldom does without.
const BEFORE: usize = 8;

/// MiB that may be held of a GPU that does not tell how much it has free, by recordings and by steps.
const UNTOLD: u64 = 1024;

/// The steps of a sitting.
pub(super) struct Replays<'a> {
    making: Rc<Making<'a>>,
    kinds: Vec<(Kind, Recording<'a>)>,
    room: Room,
    /// How often vectors had been copied when the last step was recorded; `None` before.
    copied: Option<usize>,
    /// Whether a step was made since that none replayed.
    others: bool,
    /// Whether steps are still recorded and replayed.
    goes_on: bool,
}

enum Recording<'a> {
    /// Begins after so many more steps.
    After(usize),
    Made(Box<Replay<'a>>),
    NoRoom,
}

/// A recorded step.
struct Replay<'a> {
    graph: Graph<FusedLosses, Box<dyn FnMut() -> FusedLosses + 'a>>,
    inputs: Rc<RefCell<Inputs>>,
}

impl<'a> Replays<'a> {
    /// The steps of a run with such weights, if the recipe lets them be replayed.
    pub(super) fn of(making: Rc<Making<'a>>, weights: &Tensor<1>) -> Option<Self> {
        let replayed = making.settings.fit.replay && making.repeats(weights);
        replayed.then(|| Replays {
            making,
            kinds: Vec::new(),
            room: Room::default(),
            copied: None,
            others: false,
            goes_on: true,
        })
    }

    /// Makes the next step by replaying a recorded one; `None` where there is none.
    pub(super) fn step(&mut self, state: &mut State) -> Option<Losses> {
        if !self.goes_on {
            return None;
        }
        // Before another step is recorded: what was recorded earlier must still be of what is learned now.
        if std::mem::take(&mut self.others) && self.copied.is_some_and(|copied| copied != copies(state)) {
            self.end("what it learns does not stay where it was");
            return None;
        }
        let (kind, written) = self.making.told(state.made);
        let at = self.kinds.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.kinds.push((kind, Recording::After(BEFORE)));
            self.kinds.len() - 1
        });
        match &mut self.kinds[at].1 {
            Recording::After(0) => self.kinds[at].1 = self.record(kind, &written, state)?,
            Recording::After(steps) => *steps -= 1,
            Recording::Made(_) | Recording::NoRoom => {}
        }
        let Recording::Made(replay) = &mut self.kinds[at].1 else {
            self.others = true;
            return None;
        };
        let losses = replay.step(written);
        state.made += 1;
        Some(losses)
    }

    /// No step is replayed from here on.
    fn end(&mut self, why: &str) {
        tracing::warn!("steps are made one by one: {why}");
        self.kinds.clear();
        self.goes_on = false;
    }

    /// Records a step that was told this, but leaves everything as it is; `None` where the GPU cannot.
    fn record(&mut self, kind: Kind, told: &Written, state: &State) -> Option<Recording<'a>> {
        let device = state.learned.borrow().weights.device();
        // Where all steps are alike, none needs memory beside its recording.
        if !self.making.is_of_one_kind() && !self.room.is_left(&device) {
            return Some(Recording::NoRoom);
        }
        let before = copies(state);
        let mut reals = told.reals.clone();
        reals[..RATES].copy_from_slice(&IDLE);
        let (reals, whole) = (Tensor::from_floats(&reals[..], &device), Tensor::from_ints(&told.whole[..], &device));
        let inputs = Rc::new(RefCell::new(Inputs { reals, whole }));
        let step = self.making.of_kind(kind, inputs.clone(), state.learned.clone());
        let graph = capture(&device, step);
        // What copies a vector would read the old one in every replay.
        if !graph.is_hardware() || copies(state) != before {
            self.end("this GPU does not record one to replay it");
            return None;
        }
        self.room.recordings += 1;
        self.copied = Some(before);
        Some(Recording::Made(Box::new(Replay { graph, inputs })))
    }
}

/// How often vectors were copied in all steps so far.
fn copies(state: &State) -> usize {
    let learned = state.learned.borrow();
    // Steps wait in a queue. What the device makes of them can wait for the next read.
    let _ = learned.weights.device().flush();
    learned.copies.load(Ordering::Relaxed)
}

impl Replay<'_> {
    /// The step that is told this.
    fn step(&mut self, written: Written) -> Losses {
        let mut inputs = self.inputs.borrow_mut();
        let (reals, whole) = ops::write(inputs.reals.clone(), inputs.whole.clone(), written);
        *inputs = Inputs { reals, whole };
        // SAFETY: the graph holds the memory of all that it was recorded with, and its inputs and what it learns are held here and by the
        // state as well; both are written and read by this thread alone, in the order in which it asks for it.
        let FusedLosses { all, join } = unsafe { self.graph.replay() };
        // The next step writes over them.
        FusedLosses { all: all.clone() * 1.0, join: *join }.each()
    }
}

/// What of the GPU's memory there is for recordings: each of them holds that of its step for as long as the run lasts, so that other steps
/// need theirs anew.
#[derive(Default)]
struct Room {
    recordings: usize,
    /// MiB that this process held before the first: what steps take, at most.
    step: Option<u64>,
    full: bool,
}

impl Room {
    /// Whether steps find memory behind another recording. Once they do not, there is no further one.
    fn is_left(&mut self, device: &Device) -> bool {
        let held = reserved_mib(device);
        let step = *self.step.get_or_insert(held);
        let left = gpu_memory(device).map_or(held + step <= UNTOLD, |memory| step <= memory.free);
        if !left && !self.full {
            tracing::info!(
                "{} kinds of steps are replayed, others made one by one: the GPU's memory has no room for more recordings, {held} MiB are held",
                self.recordings
            );
        }
        self.full |= !left;
        !self.full
    }
}
