//! Golden arrays as tensors, and golden JSON as numbers.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seqformer_checkpoint::{DType, StateDict};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

/// The tensors of a golden file.
#[derive(Debug)]
pub(crate) struct Arrays(StateDict);

impl Arrays {
    /// Reads a golden safetensors file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self(seqformer_testing::read_arrays(path)?))
    }

    /// The tensor of that name.
    pub(crate) fn get(&self, name: &str) -> Result<Tensor> {
        let array = self.0.get(name).with_context(|| format!("the file has no tensor {name}"))?;
        let kind = match array.dtype() {
            DType::F64 => Kind::Double,
            DType::F32 => Kind::Float,
            DType::F16 => Kind::Half,
            DType::BF16 => Kind::BFloat16,
            DType::I64 => Kind::Int64,
            DType::I32 => Kind::Int,
            DType::I16 => Kind::Int16,
            DType::I8 => Kind::Int8,
            DType::U8 => Kind::Uint8,
            DType::Bool => Kind::Bool,
        };
        let size: Vec<i64> = array.shape().iter().map(|&side| side as i64).collect();
        Ok(Tensor::f_from_data_size(array.bytes(), &size, kind)?)
    }

    /// Whether there is a tensor of that name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

/// The largest magnitude of a tensor.
pub(crate) fn max_abs(tensor: &Tensor) -> f64 {
    if tensor.numel() == 0 {
        0.0
    } else {
        tensor.to_kind(Kind::Double).abs().max().double_value(&[])
    }
}

/// All numbers of a tensor.
pub(crate) fn values(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_device(Device::Cpu).to_kind(Kind::Double).contiguous().view(-1);
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}

/// A list of numbers in JSON.
pub(crate) fn numbers(value: &Value) -> Result<Vec<f64>> {
    let Some(items) = value.as_array() else { bail!("expected a list of numbers, found {value}") };
    items
        .iter()
        .map(|item| item.as_f64().with_context(|| format!("expected a number, found {item}")))
        .collect()
}

/// A whole number in JSON.
pub(crate) fn integer(value: &Value) -> Result<i64> {
    value.as_i64().with_context(|| format!("expected a whole number, found {value}"))
}
