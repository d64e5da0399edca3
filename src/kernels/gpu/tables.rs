//! Small tables of whole numbers that kernels read: of a pass, what follows from the sizes of its images. They stay on the device,
//! so that a pass with the sizes of an earlier one uploads none.

use burn::tensor::{DType, Shape};
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Tables that are kept at most; the one that was asked for longest ago makes room. A step asks for nine.
const MOST: usize = 96;

/// Numbers of a table that is kept at most.
const LONGEST: usize = 1 << 18;

/// What is kept, the one asked for last in the end.
static KEPT: Mutex<Vec<Kept>> = Mutex::new(Vec::new());

struct Kept {
    values: Vec<u32>,
    buffer: CubeTensor,
}

/// These numbers on the device of `like`; uploaded unless they are there from before.
pub(super) fn kept(like: &CubeTensor, values: Vec<u32>) -> CubeTensor {
    let mut tables = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = |kept: &Kept| kept.buffer.device == like.device && kept.values == values;
    if let Some(at) = tables.iter().position(known) {
        let table = tables.remove(at);
        let buffer = table.buffer.clone();
        tables.push(table);
        return buffer;
    }
    let buffer = uploaded(like, &values);
    if values.len() <= LONGEST {
        if tables.len() == MOST {
            tables.remove(0);
        }
        tables.push(Kept { values, buffer: buffer.clone() });
    }
    buffer
}

/// These numbers on the device of `like`, for once.
pub(super) fn uploaded(like: &CubeTensor, values: &[u32]) -> CubeTensor {
    #[cfg(test)]
    UPLOADS.set(UPLOADS.get() + 1);
    let handle = like.client.create_from_slice(u32::as_bytes(values));
    let shape = Shape::from([values.len()]);
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, DType::U32)
}

#[cfg(test)]
thread_local! {
    /// How many tables this thread has uploaded.
    pub(super) static UPLOADS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
