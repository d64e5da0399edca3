//! Columns of any type that their writers chose, as the few types that the readers know.

use arrow_array::builder::BinaryDictionaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BinaryArray, DictionaryArray, Float64Array, StringArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ArrowReaderOptions;

/// Of a Parquet file what it says of itself, but for the types of the program that wrote it: text and numbers are of one type each.
pub(super) fn plain() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// A column of texts or bytes; `None` where it holds something else.
pub(super) fn bytes(column: &ArrayRef) -> Option<BinaryArray> {
    match column.data_type() {
        DataType::Utf8 => Some(BinaryArray::from(column.as_string::<i32>().clone())),
        DataType::Binary => Some(column.as_binary().clone()),
        DataType::FixedSizeBinary(_) => Some(column.as_fixed_size_binary().iter().collect()),
        _ => None,
    }
}

/// The same, each text once.
pub(super) fn dictionary(column: &ArrayRef) -> Option<DictionaryArray<Int32Type>> {
    if let Some(words) = column.as_dictionary_opt() {
        return Some(words.clone());
    }
    let mut words = BinaryDictionaryBuilder::new();
    words.extend(bytes(column)?.iter());
    Some(words.finish())
}

/// A column of texts or of whole numbers, as texts; `None` where it holds something else, and null where bytes are no text.
pub(super) fn texts(column: &ArrayRef) -> Option<StringArray> {
    fn digits<T: ArrowPrimitiveType>(column: &ArrayRef) -> StringArray
    where
        T::Native: ToString,
    {
        column.as_primitive::<T>().iter().map(|number| number.map(|number| number.to_string())).collect()
    }
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string().clone(),
        DataType::Int8 => digits::<Int8Type>(column),
        DataType::Int16 => digits::<Int16Type>(column),
        DataType::Int32 => digits::<Int32Type>(column),
        DataType::Int64 => digits::<Int64Type>(column),
        DataType::UInt8 => digits::<UInt8Type>(column),
        DataType::UInt16 => digits::<UInt16Type>(column),
        DataType::UInt32 => digits::<UInt32Type>(column),
        DataType::UInt64 => digits::<UInt64Type>(column),
        _ => bytes(column)?.iter().map(|text| std::str::from_utf8(text?).ok()).collect(),
    })
}

/// A column of numbers, or of true and false as 1 and 0; `None` where it holds something else.
pub(super) fn floats(column: &ArrayRef) -> Option<Float64Array> {
    use DataType::*;
    Some(match column.data_type() {
        Float64 => column.as_primitive::<Float64Type>().clone(),
        Float32 => exact::<Float32Type>(column),
        Float16 => exact::<Float16Type>(column),
        Int8 => exact::<Int8Type>(column),
        Int16 => exact::<Int16Type>(column),
        Int32 => exact::<Int32Type>(column),
        Int64 => column.as_primitive::<Int64Type>().unary(|number| number as f64),
        UInt8 => exact::<UInt8Type>(column),
        UInt16 => exact::<UInt16Type>(column),
        UInt32 => exact::<UInt32Type>(column),
        UInt64 => column.as_primitive::<UInt64Type>().unary(|number| number as f64),
        Decimal32(_, scale) => column.as_primitive::<Decimal32Type>().unary(|number| f64::from(number) / unit(*scale)),
        Decimal64(_, scale) => column.as_primitive::<Decimal64Type>().unary(|number| number as f64 / unit(*scale)),
        Decimal128(_, scale) => column.as_primitive::<Decimal128Type>().unary(|number| number as f64 / unit(*scale)),
        Boolean => column.as_boolean().iter().map(|flag| flag.map(|flag| f64::from(u8::from(flag)))).collect(),
        _ => return None,
    })
}

/// Numbers that 64 bits hold exactly.
fn exact<T: ArrowPrimitiveType>(column: &ArrayRef) -> Float64Array
where
    T::Native: Into<f64>,
{
    column.as_primitive::<T>().unary(Into::into)
}

/// What decimal numbers of this scale are whole multiples of, one over it.
fn unit(scale: i8) -> f64 {
    10_f64.powi(i32::from(scale))
}
