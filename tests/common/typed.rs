//! Columns of every type that writers of Parquet choose.
#![allow(dead_code, reason = "every test file compiles this module, and not all of them use all of it")]

use arrow_array::types::{Int32Type, UInt16Type};
use arrow_array::*;
use arrow_schema::DataType;
use std::sync::Arc;

/// Whole numbers as another type.
pub fn numbers(numbers: &[i64], kind: &DataType) -> ArrayRef {
    macro_rules! of {
        ($array:ident, $number:ty) => {
            Arc::new($array::from_iter_values(numbers.iter().map(|number| *number as $number)))
        };
    }
    match kind {
        DataType::Int8 => of!(Int8Array, i8),
        DataType::Int16 => of!(Int16Array, i16),
        DataType::Int32 => of!(Int32Array, i32),
        DataType::Int64 => of!(Int64Array, i64),
        DataType::UInt8 => of!(UInt8Array, u8),
        DataType::UInt16 => of!(UInt16Array, u16),
        DataType::UInt32 => of!(UInt32Array, u32),
        DataType::UInt64 => of!(UInt64Array, u64),
        DataType::Float32 => of!(Float32Array, f32),
        DataType::Float64 => of!(Float64Array, f64),
        DataType::Float16 => {
            Arc::new(Float16Array::from_iter_values(numbers.iter().map(|number| half::f16::from_f64(*number as f64))))
        }
        DataType::Decimal128(precision, scale) => {
            let units = numbers.iter().map(|number| i128::from(*number) * 10_i128.pow(*scale as u32));
            Arc::new(Decimal128Array::from_iter_values(units).with_precision_and_scale(*precision, *scale).unwrap())
        }
        kind => texts(&numbers.iter().map(|number| Some(number.to_string())).collect::<Vec<_>>(), kind),
    }
}

/// Texts as another type.
pub fn texts(texts: &[Option<impl AsRef<str>>], kind: &DataType) -> ArrayRef {
    let texts = texts.iter().map(|text| text.as_ref().map(AsRef::as_ref));
    match kind {
        DataType::Utf8 => Arc::new(texts.collect::<StringArray>()),
        DataType::LargeUtf8 => Arc::new(texts.collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(texts.collect::<StringViewArray>()),
        DataType::Binary => Arc::new(texts.map(|text| text.map(str::as_bytes)).collect::<BinaryArray>()),
        DataType::LargeBinary => Arc::new(texts.map(|text| text.map(str::as_bytes)).collect::<LargeBinaryArray>()),
        DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
            Arc::new(texts.collect::<DictionaryArray<UInt16Type>>())
        }
        DataType::Dictionary(..) => Arc::new(texts.collect::<DictionaryArray<Int32Type>>()),
        kind => panic!("no columns of {kind}"),
    }
}
