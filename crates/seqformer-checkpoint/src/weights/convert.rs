//! Conversion between kinds of weight files.

use std::path::Path;

use crate::error::{CheckpointError, Reason};
use crate::key_map::{FURTHER_GROUPS, MapReport, to_original, to_vnext};
use crate::pickle::shortened;
use crate::{Array, OWN_ENTRY, Provenance, StateDict, Value, read, write_pth, write_safetensors};

/// The names that a converted file gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetDialect {
    /// Those of VNext, and of this program.
    #[default]
    VNext,
    /// Those of the original SeqFormer repository.
    Original,
}

/// The format of a converted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetFormat {
    /// `torch.save` of `{"model": …}`.
    Pth,
    /// safetensors.
    Safetensors,
}

impl TargetFormat {
    /// The format selected by a file's extension.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "pth" | "pt" => Some(Self::Pth),
            "safetensors" => Some(Self::Safetensors),
            _ => None,
        }
    }

    /// The same, where there has to be one.
    ///
    /// # Errors
    ///
    /// If the extension is neither .pth nor .safetensors.
    pub fn required(path: &Path) -> Result<Self, CheckpointError> {
        Self::of(path).ok_or_else(|| {
            let what = "writing a file of this kind; end its name with .pth or .safetensors";
            Reason::Unsupported(what.to_owned()).at(path)
        })
    }
}

/// What a conversion did.
#[derive(Debug, Clone)]
pub struct Conversion {
    /// From the file's names to those of VNext.
    pub to_vnext: MapReport,
    /// From there to the original repository's, if requested.
    pub to_original: Option<MapReport>,
    /// Number of tensors written.
    pub num_tensors: usize,
    /// Removed wrappers, and the like.
    pub remarks: Vec<String>,
    /// Tensors of the file with non-finite numbers, and how many.
    pub not_finite: Vec<String>,
}

/// The precision of what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TargetPrecision {
    /// The precision of the input file.
    #[default]
    Keep,
    /// Half precision for all floating point numbers: half the size.
    Half,
}

/// Reads the file `from` and writes `to`, in the format of its extension.
///
/// # Errors
///
/// Fails if `from` cannot be read, if the extension of `to` is neither .pth nor .safetensors, if numbers exceed half
/// precision, or if `to` cannot be written; an existing file is then unchanged.
pub fn convert(
    from: &Path,
    to: &Path,
    dialect: TargetDialect,
    precision: TargetPrecision,
) -> Result<Conversion, CheckpointError> {
    let format = TargetFormat::required(to)?;
    let state = read(from)?;
    let not_finite = state.not_finite();
    let mapping = to_vnext(state, None).map_err(|reason| reason.at(from))?;
    let mut state = mapping.state;
    add_second_names(&mut state);
    if state.arrays.remove(FURTHER_GROUPS).is_some() {
        state.remarks.push("left out: the groups of queries that only training has".to_owned());
    }
    let mut back = None;
    if dialect == TargetDialect::Original {
        let mapping = to_original(&state);
        state = mapping.state;
        back = Some(mapping.report);
    }
    if precision == TargetPrecision::Half {
        for (name, array) in &mut state.arrays {
            *array = halved(name, array).map_err(|reason| reason.at(from))?;
        }
    }
    // Metadata belongs to the old file, except for the provenance of the weights.
    let mut provenance = Provenance::of(&state);
    state.metadata.clear();
    if provenance.config.is_some() {
        provenance.write_to(&mut state);
        provenance = Provenance::of(&state);
    }
    match format {
        TargetFormat::Pth => {
            let mut entries = vec![("model", Value::from(&state))];
            if provenance.config.is_some() {
                entries.push((OWN_ENTRY, Value::dict(provenance.to_entries())));
            }
            write_pth(to, &Value::dict(entries))?;
        }
        TargetFormat::Safetensors => {
            state.metadata.insert("format".to_owned(), "pt".to_owned());
            write_safetensors(to, &state)?;
        }
    }
    Ok(Conversion {
        to_vnext: mapping.report,
        to_original: back,
        num_tensors: state.len(),
        remarks: state.remarks,
        not_finite,
    })
}

/// An array in half precision, if its numbers fit; integers stay unchanged.
fn halved(name: &str, array: &Array) -> Result<Array, Reason> {
    let Some(half) = array.to_half() else { return Ok(array.clone()) };
    let infinite = |array: &Array| array.count_not_finite().infinite;
    let count = infinite(&half).saturating_sub(infinite(array));
    if count > 0 {
        return Err(Reason::HalfOverflow {
            name: shortened(name),
            count,
            of: array.num_elements(),
        });
    }
    Ok(half)
}

/// Gives the box heads both of their names, as the Python programs expect.
pub(super) fn add_second_names(state: &mut StateDict) {
    const NAMES: [&str; 2] = ["detr.detr.bbox_embed.", "detr.detr.transformer.decoder.bbox_embed."];
    for [from, to] in [[NAMES[0], NAMES[1]], [NAMES[1], NAMES[0]]] {
        let second = |name: &String| Some(format!("{to}{}", name.strip_prefix(from)?));
        let found: Vec<_> = state
            .arrays
            .iter()
            .filter_map(|(name, array)| Some((second(name)?, array.clone())))
            .collect();
        for (name, array) in found {
            state.arrays.entry(name).or_insert(array);
        }
    }
}

#[cfg(test)]
mod tests;
