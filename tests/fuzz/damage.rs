//! What happens to files: bytes that flip, fields that are no numbers, keys of metadata that say what cannot be.

use rand::{Rng, RngExt};
use serde_json::{Value, json};

/// One damaged version of `whole`: as bytes, as text or as JSON, whatever it is.
pub fn damaged(whole: &[u8], rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    let text = std::str::from_utf8(whole).is_ok_and(|text| !text.contains('\0'));
    for _ in 0..rng.random_range(1..4) {
        match rng.random_range(0..3) {
            0 => flip(&mut bytes, rng),
            _ if bytes.get(8) == Some(&b'{') => change_header(&mut bytes, rng),
            _ if bytes.first() == Some(&b'{') => change_json(&mut bytes, rng),
            _ if text => change_text(&mut bytes, rng),
            _ => flip(&mut bytes, rng),
        }
    }
    bytes
}

/// Flips, overwrites, repeats or cuts off bytes, often near one of the ends, where headers and footers stand.
fn flip(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    for _ in 0..rng.random_range(1..12) {
        let length = bytes.len();
        if length == 0 {
            return;
        }
        let at = match rng.random_range(0..4) {
            0 => rng.random_range(0..length.min(4096)),
            1 => length - 1 - rng.random_range(0..length.min(2048)),
            _ => rng.random_range(0..length),
        };
        match rng.random_range(0..24) {
            0..14 => bytes[at] ^= 1 << rng.random_range(0..8),
            14..18 => bytes[at] = rng.random_range(0..=255),
            18..21 => {
                let value = [0x00, 0x7f, 0xff][rng.random_range(0..3)];
                let until = (at + rng.random_range(1..9)).min(length);
                bytes[at..until].fill(value);
            }
            21 | 22 => {
                let piece = bytes[at..(at + 64).min(length)].to_vec();
                let to = rng.random_range(0..length);
                bytes.splice(to..(to + piece.len()).min(length), piece);
            }
            _ => bytes.truncate(at),
        }
    }
}

/// Fields that are no good number, or too much of one.
const FIELDS: [&str; 20] = [
    "NaN",
    "inf",
    "-inf",
    "1e308",
    "-1e308",
    "1e-320",
    "99999999999999999999",
    "-1",
    "0",
    "0x10",
    "",
    " ",
    "\"",
    "[",
    "{",
    "4294967295",
    "2147483648.5",
    "1000000",
    "true",
    "\u{663}",
];

fn change_text(text: &mut Vec<u8>, rng: &mut impl Rng) {
    let length = text.len().max(1);
    let (first, second) = (rng.random_range(0..length), rng.random_range(0..length));
    let (low, high) = (first.min(second).min(text.len()), first.max(second).min(text.len()));
    match rng.random_range(0..8) {
        0 => text.truncate(low),
        1..4 => replace_field(text, low, rng),
        4 => drop_column(text, rng.random_range(0..8), rng.random_bool(0.5)),
        5 => text.iter_mut().filter(|byte| **byte == b'\n').step_by(3).for_each(|byte| *byte = b'\r'),
        6 => {
            let copies = text[low..high.min(low + 2000)].repeat(rng.random_range(1..200));
            drop(text.splice(low..low, copies));
        }
        _ => drop(text.splice(low..low, *b"#\"\0\xff,\t;: ")),
    }
}

fn replace_field(text: &mut Vec<u8>, from: usize, rng: &mut impl Rng) {
    let separator = |byte: &u8| b",\t\n: ".contains(byte);
    let Some(start) = text.iter().skip(from).position(separator).map(|start| from + start + 1) else { return };
    let end = text.iter().skip(start).position(separator).map_or(text.len(), |end| start + end);
    text.splice(start..end, FIELDS[rng.random_range(0..FIELDS.len())].bytes());
}

/// Drops a column of the header alone, or of every row.
fn drop_column(text: &mut Vec<u8>, column: usize, everywhere: bool) {
    let whole = String::from_utf8_lossy(text).into_owned();
    let delimiter = if whole.lines().next().is_some_and(|header| header.contains('\t')) { "\t" } else { "," };
    let line = |(number, line): (usize, &str)| {
        let keep = |index: usize| index != column || (number > 0 && !everywhere);
        let fields = line.split(delimiter).enumerate().filter(|(index, _)| keep(*index)).map(|(_, field)| field);
        fields.collect::<Vec<_>>().join(delimiter)
    };
    *text = whole.lines().enumerate().map(line).collect::<Vec<_>>().join("\n").into_bytes();
}

/// The JSON in the header of a `.safetensors` file, whose length stays right.
fn change_header(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let Some(header) = bytes.get(8..8_usize.saturating_add(length)) else { return };
    let mut header = header.to_vec();
    change_json(&mut header, rng);
    bytes.splice(8..8 + length, header.iter().copied());
    bytes[..8].copy_from_slice(&(header.len() as u64).to_le_bytes());
}

fn change_json(bytes: &mut Vec<u8>, rng: &mut impl Rng) {
    let Ok(mut value) = serde_json::from_slice::<Value>(bytes) else { return };
    change(&mut value, rng);
    *bytes = value.to_string().into_bytes();
}

/// Changes one node, also of JSON that is the text of a node.
fn change(value: &mut Value, rng: &mut impl Rng) {
    let here = rng.random_bool(0.1);
    match value {
        Value::Object(keys) if !here && !keys.is_empty() => {
            let key = keys.keys().nth(rng.random_range(0..keys.len())).unwrap().clone();
            if rng.random_bool(0.05) {
                keys.remove(&key);
            } else {
                change(&mut keys[&key], rng);
            }
        }
        Value::Array(list) if !here && !list.is_empty() => {
            let at = rng.random_range(0..list.len());
            match rng.random_range(0..12) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                _ => change(&mut list[at], rng),
            }
        }
        Value::String(text) if text.starts_with('{') => {
            let mut inner = std::mem::take(text).into_bytes();
            change_json(&mut inner, rng);
            *text = String::from_utf8(inner).unwrap();
        }
        other => *other = hostile(other, rng),
    }
}

/// What a node may say that is not so.
fn hostile(value: &Value, rng: &mut impl Rng) -> Value {
    let number = value.as_f64().unwrap_or(1.0);
    let all = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(1000),
        json!(1_u64 << 31),
        json!(1_u64 << 53),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e308),
        json!(1e-300),
        json!(0.5),
        json!(number + 1.0),
        json!(number as i64 + 1),
        json!(-number),
        json!(""),
        json!("../../evil"),
        json!("=cmd"),
        json!("A".repeat(100_000)),
        json!([]),
        json!({}),
        json!([[[[[]]]]]),
    ];
    all[rng.random_range(0..all.len())].clone()
}
