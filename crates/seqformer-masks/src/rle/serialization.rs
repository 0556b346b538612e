//! The JSON form `{"size": [height, width], "counts": …}`.

use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::compressed;
use crate::{ImageSize, Rle};

impl Serialize for Rle {
    /// Writes the counts in the compressed form.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Rle", 2)?;
        fields.serialize_field("size", &[self.size.height, self.size.width])?;
        fields.serialize_field("counts", &self.to_compressed())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Rle {
    /// Reads the counts in the compressed form or as a list of numbers; other keys are ignored.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RleVisitor)
    }
}

struct RleVisitor;

impl<'de> Visitor<'de> for RleVisitor {
    type Value = Rle;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a run-length mask with the keys \"size\" and \"counts\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rle, A::Error> {
        let mut size: Option<[u32; 2]> = None;
        let mut counts: Option<Counts> = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "size" => size = Some(map.next_value()?),
                "counts" => counts = Some(map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let [height, width] = size.ok_or_else(|| A::Error::missing_field("size"))?;
        let counts = counts.ok_or_else(|| A::Error::missing_field("counts"))?;
        Rle::from_counts(ImageSize { height, width }, counts.0).map_err(A::Error::custom)
    }
}

/// Run lengths in either form.
struct Counts(Vec<u32>);

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountsVisitor)
    }
}

struct CountsVisitor;

impl<'de> Visitor<'de> for CountsVisitor {
    type Value = Counts;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("compressed run lengths (text) or a list of run lengths")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Counts, E> {
        let mut counts = Vec::new();
        compressed::parse(text, &mut counts).map_err(E::custom)?;
        Ok(Counts(counts))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Counts, A::Error> {
        // No capacity is reserved, because the announced length is not trustworthy.
        let mut counts = Vec::new();
        while let Some(count) = seq.next_element()? {
            counts.push(count);
        }
        Ok(Counts(counts))
    }
}
