//! Just enough of the protobuf encoding to write messages.
//!
//! Source: the "Encoding" chapter of the protobuf documentation.
//!
//! These lines replace a protobuf crate and its code generator; only two message types are written, and none is read.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH_DELIMITED: u32 = 2;
const FIXED32: u32 = 5;

/// A message in its encoded form, built field by field.
#[derive(Debug)]
pub(super) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    pub(super) fn varint(self, field: u32, value: u64) -> Self {
        self.tag(field, VARINT).raw_varint(value)
    }

    pub(super) fn double(self, field: u32, value: f64) -> Self {
        self.tag(field, FIXED64).raw(&value.to_le_bytes())
    }

    pub(super) fn float(self, field: u32, value: f32) -> Self {
        self.tag(field, FIXED32).raw(&value.to_le_bytes())
    }

    pub(super) fn string(self, field: u32, value: &str) -> Self {
        self.delimited(field, value.as_bytes())
    }

    pub(super) fn message(self, field: u32, value: Self) -> Self {
        self.delimited(field, &value.bytes)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn delimited(self, field: u32, value: &[u8]) -> Self {
        self.tag(field, LENGTH_DELIMITED).raw_varint(value.len() as u64).raw(value)
    }

    fn tag(self, field: u32, wire_type: u32) -> Self {
        self.raw_varint(u64::from(field << 3 | wire_type))
    }

    fn raw_varint(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
        self
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }
}
