//! HDF5, read by the crate `hdf5-reader`: pure Rust (no libhdf5 to install or to link), MIT or Apache-2.0, released often,
//! fuzzed by its authors, with limits on what a header can make it allocate. It reads every HDF5 file of our test data:
//! 10x matrices (PyTables and Cell Ranger), AnnData of several versions. `hdf5-pure` reads and also writes, in four times
//! the code; bindings to libhdf5 need a C library whose answer to damaged files is a crash.
//!
//! The file is read through plain reads, not a memory map: a file that shrinks meanwhile is an error, not a signal.
//!
//! A field of a table of records (a compound array) is an array like others: `cell/x` is field x of the table `cell`.

use super::{Array, Nodes, lzf};
use crate::{Error, Result};
use hdf5_reader::group::Group;
use hdf5_reader::{
    ByteOrder, CompoundField, Dataset, Datatype, FileStorage, FilterRegistry, H5Type, Hdf5File, OpenOptions, SliceInfo,
    SliceInfoElem, StringSize, VarLenKind, dtype_element_size,
};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The most that one read and one chunk may unpack to.
const MAX_BYTES: usize = 512 << 20;

/// Deflate packs at most 1032 to 1: an array that claims more than this times the file's length is a damaged header.
const MAX_PACKING: u64 = 1100;

/// An HDF5 file.
pub(crate) struct File {
    file: Hdf5File,
    length: u64,
}

impl File {
    pub(crate) fn open(path: &Path) -> Result<File> {
        let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let length = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
        let options = OpenOptions::default()
            .with_max_read_bytes(MAX_BYTES)
            .with_max_chunk_bytes(MAX_BYTES)
            .with_filter_registry(filters());
        let storage = FileStorage::from_file(file).map_err(|e| unreadable(path, &e))?;
        let file = Hdf5File::from_storage_with_options(Arc::new(storage), options).map_err(|e| unreadable(path, &e))?;
        Ok(File { file, length })
    }

    fn group(&self, name: &str) -> hdf5_reader::error::Result<Group> {
        if name.is_empty() { self.file.root_group() } else { self.file.group(name) }
    }

    /// The array `name`, or the table of records of which it is a field.
    fn dataset(&self, name: &str) -> Result<(Dataset, Option<CompoundField>), String> {
        let whole = self.file.dataset(name);
        let field = || {
            let (table, field) = name.rsplit_once('/')?;
            let table = self.file.dataset(table).ok()?;
            let field = fields(&table).iter().find(|found| found.name == field)?.clone();
            Some((table, Some(field)))
        };
        whole.map(|dataset| (dataset, None)).or_else(|e| field().ok_or_else(|| cause(e)))
    }

    fn attribute(&self, name: &str, attribute: &str) -> Option<hdf5_reader::Attribute> {
        let of_group = self.group(name).and_then(|group| group.attribute(attribute)).ok();
        of_group.or_else(|| self.file.dataset(name).ok()?.attribute(attribute).ok())
    }
}

/// The fields of a table of records; none of another array.
fn fields(dataset: &Dataset) -> &[CompoundField] {
    if let Datatype::Compound { fields, .. } = dataset.dtype() { fields } else { &[] }
}

/// What HDF5 itself brings, and LZF.
fn filters() -> FilterRegistry {
    let mut filters = FilterRegistry::new();
    let damaged = || hdf5_reader::error::Error::InvalidData("a chunk packed with LZF is damaged".to_owned());
    filters.register(lzf::FILTER, Box::new(move |_, packed, _| lzf::unpack(packed).ok_or_else(damaged)));
    filters
}

/// A cause that a user can act upon.
fn cause(error: hdf5_reader::error::Error) -> String {
    let text = error.to_string();
    if text.contains("unsupported filter") || text.contains("filter id") {
        return format!(
            "{text}: packed in a way that only a plugin of HDF5 unpacks. Write it again with compression=\"gzip\""
        );
    }
    if text.contains("unexpected end of data") || text.contains("unexpected EOF") {
        return format!("{text}. Is the file complete? Copy or download it again");
    }
    text
}

fn unreadable(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::data(path, format!("not readable as HDF5 ({cause}). Is the file complete? Copy or download it again"))
}

impl Nodes for File {
    fn children(&self, name: &str) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = match (self.group(name), self.file.dataset(name)) {
            (Ok(group), _) => {
                let (groups, datasets) = group.member_names().map_err(cause)?;
                [groups, datasets].concat()
            }
            (_, Ok(table)) => fields(&table).iter().map(|field| field.name.clone()).collect(),
            _ => Vec::new(),
        };
        names.sort();
        Ok(names)
    }

    fn array(&self, name: &str) -> Result<Box<dyn Array>, String> {
        let (dataset, field) = self.dataset(name)?;
        let elements = dataset.shape().iter().try_fold(1_u64, |product, length| product.checked_mul(*length));
        let bytes = elements.and_then(|n| n.checked_mul(dtype_element_size(dataset.dtype()).ok()? as u64));
        match bytes {
            Some(bytes) if bytes <= self.length.saturating_mul(MAX_PACKING) => Ok(Box::new(Stored { dataset, field })),
            _ => Err(format!(
                "the header claims {:?} elements, more than a file of {} bytes can hold. Copy or download it again",
                dataset.shape(),
                self.length
            )),
        }
    }

    fn is_group(&self, name: &str) -> bool {
        self.file.dataset(name).is_err() && self.group(name).is_ok()
    }

    fn text(&self, name: &str, attribute: &str) -> Option<String> {
        self.attribute(name, attribute)?.read_string().ok()
    }

    fn texts(&self, name: &str, attribute: &str) -> Option<Vec<String>> {
        self.attribute(name, attribute)?.read_strings().ok()
    }

    fn numbers(&self, name: &str, attribute: &str) -> Option<Vec<u64>> {
        let numbers = self.attribute(name, attribute)?.read_1d::<Number>().ok()?;
        numbers.into_iter().map(|Number(n)| (n >= 0.0 && n.fract() == 0.0).then_some(n as u64)).collect()
    }
}

/// An array of the file.
struct Stored {
    dataset: Dataset,
    /// The only field that is read of a table of records.
    field: Option<CompoundField>,
}

impl Stored {
    fn read<T: H5Type>(&self, part: &[Range<u64>]) -> Result<Vec<T>, String> {
        let all = |range: &Range<u64>| SliceInfoElem::Slice { start: range.start, end: range.end, step: 1 };
        let selection = SliceInfo { selections: part.iter().map(all).collect() };
        let values = self.dataset.read_slice::<T>(&selection).map_err(cause)?;
        Ok(values.into_iter().collect())
    }

    /// What the elements are.
    fn kind(&self) -> &Datatype {
        self.field.as_ref().map_or(self.dataset.dtype(), |field| &field.datatype)
    }

    /// The bytes of each element.
    fn elements(&self, part: &[Range<u64>]) -> Result<Vec<Bytes>, String> {
        let mut all = self.read::<Bytes>(part)?;
        if let Some(field) = &self.field {
            let size = Bytes::element_size(&field.datatype);
            let start = field.byte_offset as usize;
            for Bytes(record) in &mut all {
                let within = record.get(start..start + size).ok_or("a field beyond its record")?;
                *record = within.to_vec();
            }
        }
        Ok(all)
    }
}

impl Array for Stored {
    fn shape(&self) -> &[u64] {
        self.dataset.shape()
    }

    fn chunk(&self) -> Vec<u64> {
        let chunks = self.dataset.chunks().map(|chunk| chunk.into_iter().map(u64::from).collect());
        chunks.unwrap_or_else(|| vec![1; self.shape().len()])
    }

    fn numbers(&self, part: &[Range<u64>]) -> Result<Vec<f64>, String> {
        if self.field.is_none() {
            return Ok(self.read::<Number>(part)?.into_iter().map(|Number(n)| n).collect());
        }
        let number = |Bytes(bytes): Bytes| Ok(Number::from_bytes(&bytes, self.kind()).map_err(cause)?.0);
        self.elements(part)?.into_iter().map(number).collect()
    }

    fn is_text(&self) -> bool {
        matches!(self.kind(), Datatype::String { .. } | Datatype::VarLen { kind: VarLenKind::String, .. })
    }

    fn texts(&self, part: &[Range<u64>], each: &mut dyn FnMut(&str)) -> Result<(), String> {
        if part.is_empty() {
            each(&self.dataset.read_string().map_err(cause)?);
            return Ok(());
        }
        if !self.is_text() {
            return Err(format!("found {}, expected texts", plain(self.kind())));
        }
        if matches!(self.kind(), Datatype::String { size: StringSize::Fixed(_), .. }) {
            self.elements(part)?.iter().for_each(|Bytes(bytes)| each(&padded(bytes)));
            return Ok(());
        }
        for Bytes(place) in self.elements(part)? {
            let bytes = self.dataset.resolve_vlen_reference_bytes(&place, 1).map_err(cause)?;
            each(&padded(&bytes));
        }
        Ok(())
    }
}

/// The kind of elements, for people.
fn plain(kind: &Datatype) -> &'static str {
    match kind {
        Datatype::FixedPoint { .. } | Datatype::FloatingPoint { .. } => "numbers",
        Datatype::Enum { .. } => "booleans or an enumeration",
        Datatype::Compound { .. } => "a compound array, as anndata before 0.7 wrote them",
        Datatype::String { .. } | Datatype::VarLen { .. } => "texts",
        _ => "elements of a rare kind",
    }
}

/// Any number of an HDF5 file: integers and floats of every width and byte order, booleans.
#[derive(Clone)]
struct Number(f64);

impl H5Type for Number {
    fn hdf5_type() -> Datatype {
        f64::hdf5_type()
    }

    fn from_bytes(bytes: &[u8], dtype: &Datatype) -> hdf5_reader::error::Result<Self> {
        let number = match dtype {
            Datatype::FixedPoint { size, signed, byte_order } => integer(bytes, *size as usize, *signed, *byte_order),
            Datatype::FloatingPoint { size: 2, byte_order } => half(bytes, *byte_order),
            Datatype::FloatingPoint { size: 4, .. } => Some(f64::from(f32::from_bytes(bytes, dtype)?)),
            Datatype::FloatingPoint { size: 8, .. } => Some(f64::from_bytes(bytes, dtype)?),
            Datatype::Enum { base, .. } if matches!(**base, Datatype::FixedPoint { .. }) => {
                return Number::from_bytes(bytes, base);
            }
            _ => None,
        };
        number.map(Number).ok_or_else(|| hdf5_reader::error::Error::TypeMismatch {
            expected: "integers of 8 to 64 bits, or floats of 16 to 64".into(),
            actual: plain(dtype).into(),
        })
    }

    fn element_size(dtype: &Datatype) -> usize {
        dtype_element_size(dtype).unwrap_or(0)
    }
}

fn integer(bytes: &[u8], size: usize, signed: bool, order: ByteOrder) -> Option<f64> {
    let bytes = bytes.get(..size).filter(|bytes| matches!(bytes.len(), 1 | 2 | 4 | 8))?;
    let mut wide = [0; 8];
    match order {
        ByteOrder::LittleEndian => wide[..size].copy_from_slice(bytes),
        ByteOrder::BigEndian => wide[..size].iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from),
    }
    let spare = 64 - 8 * size as u32;
    let number = u64::from_le_bytes(wide);
    Some(if signed { (((number << spare) as i64) >> spare) as f64 } else { number as f64 })
}

/// A float of 16 bits.
fn half(bytes: &[u8], order: ByteOrder) -> Option<f64> {
    let bytes: [u8; 2] = bytes.get(..2)?.try_into().ok()?;
    let bits = match order {
        ByteOrder::LittleEndian => half::f16::from_le_bytes(bytes),
        ByteOrder::BigEndian => half::f16::from_be_bytes(bytes),
    };
    Some(bits.to_f64())
}

/// The bytes of an element: a text of fixed width, or the place of one whose width varies.
#[derive(Clone)]
struct Bytes(Vec<u8>);

/// A text, cut at its padding.
fn padded(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned()
}

impl H5Type for Bytes {
    fn hdf5_type() -> Datatype {
        u8::hdf5_type()
    }

    fn from_bytes(bytes: &[u8], _: &Datatype) -> hdf5_reader::error::Result<Self> {
        Ok(Bytes(bytes.to_vec()))
    }

    fn element_size(dtype: &Datatype) -> usize {
        dtype_element_size(dtype).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_and_order_keep_their_value() {
        for (bytes, signed, order, expected) in [
            (&[0xff][..], true, ByteOrder::LittleEndian, -1.0),
            (&[0xff], false, ByteOrder::BigEndian, 255.0),
            (&[0x01, 0x02], true, ByteOrder::BigEndian, 258.0),
            (&[0xfe, 0xff, 0xff, 0xff], true, ByteOrder::LittleEndian, -2.0),
            (&[0, 0, 0, 0, 1, 0, 0, 0], false, ByteOrder::LittleEndian, 4294967296.0),
        ] {
            assert_eq!(integer(bytes, bytes.len(), signed, order), Some(expected), "{bytes:?}");
        }
        assert_eq!(integer(&[0; 3], 3, true, ByteOrder::LittleEndian), None);
    }
}
