//! Gradients of a loss as values, one per trained parameter.

use tch::Tensor;

use seqformer_ops::optimize;

use crate::EngineError;

/// The gradient of each parameter; `None` if the loss does not depend on it.
///
/// Gradients are not stored in the parameters, so a parameter that a batch does not use has none, rather than an old
/// one or zeros, and the optimizer skips it.
#[derive(Debug, Default)]
pub struct Gradients {
    /// In the order of the parameters.
    pub tensors: Vec<Option<Tensor>>,
}

impl Gradients {
    /// Differentiates the scalar `loss` with respect to `parameters`.
    ///
    /// # Errors
    ///
    /// If libtorch fails, for instance because memory runs out.
    pub fn of(loss: &Tensor, parameters: &[&Tensor]) -> Result<Self, EngineError> {
        let found = Tensor::f_run_backward(&[loss], parameters, false, false)?;
        Ok(Self {
            tensors: found.into_iter().map(|tensor| tensor.defined().then_some(tensor)).collect(),
        })
    }

    /// Those that exist.
    pub fn present(&self) -> Vec<&Tensor> {
        self.tensors.iter().flatten().collect()
    }

    /// The sum of these and `others`, of the same parameters.
    ///
    /// # Errors
    ///
    /// If libtorch fails.
    pub fn plus(self, others: Self) -> Result<Self, EngineError> {
        let pairs = self.tensors.into_iter().zip(others.tensors);
        let add = |pair: (Option<Tensor>, Option<Tensor>)| match pair {
            // Not in place: gradients may share memory with each other or among their elements.
            (Some(a), Some(b)) => a.f_add(&b).map(Some),
            (a, b) => Ok(a.or(b)),
        };
        Ok(Self { tensors: pairs.map(add).collect::<Result<_, _>>()? })
    }

    /// The 2-norm of all gradients together, a scalar on their device.
    ///
    /// # Errors
    ///
    /// If libtorch fails.
    pub fn norm(&self) -> Result<Tensor, EngineError> {
        Ok(optimize::global_norm(&self.present())?)
    }

    /// All gradients times `factor`, a scalar on their device.
    ///
    /// # Errors
    ///
    /// If libtorch fails.
    pub fn scaled(&self, factor: &Tensor) -> Result<Self, EngineError> {
        let mut scaled = optimize::scaled(&self.present(), factor)?.into_iter();
        Ok(Self {
            tensors: self
                .tensors
                .iter()
                .map(|tensor| tensor.as_ref().and_then(|_| scaled.next()))
                .collect(),
        })
    }

    /// Replaces each that exists.
    pub(crate) fn map(&self, change: impl Fn(&Tensor) -> Tensor) -> Self {
        Self { tensors: self.tensors.iter().map(|tensor| tensor.as_ref().map(&change)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn parameter(value: f32) -> Tensor {
        Tensor::from_slice(&[value; 3]).set_requires_grad(true)
    }

    fn numbers(tensor: Option<&Tensor>) -> Option<Vec<f64>> {
        Some(Vec::try_from(tensor?.to_kind(Kind::Double)).unwrap())
    }

    #[test]
    fn gradients_of_sums_are_added_though_they_share_memory() {
        let (a, b, unused) = (parameter(1.0), parameter(2.0), parameter(3.0));
        // The gradient of a sum is one number seen three times, and the same for both.
        let loss = || (&a + &b).sum(Kind::Float);
        let of = |loss: &Tensor| Gradients::of(loss, &[&a, &b, &unused]).unwrap();
        let sum = of(&loss()).plus(of(&(loss() * 2.0))).unwrap();
        assert_eq!(numbers(sum.tensors[0].as_ref()), Some(vec![3.0; 3]));
        assert_eq!(numbers(sum.tensors[1].as_ref()), Some(vec![3.0; 3]));
        assert!(sum.tensors[2].is_none());
        assert!((sum.norm().unwrap().double_value(&[]) - 54.0_f64.sqrt()).abs() < 1e-5);
    }

    #[test]
    fn what_one_part_uses_alone_keeps_its_gradient() {
        let (a, b) = (parameter(1.0), parameter(2.0));
        let of = |tensor: &Tensor| Gradients::of(&tensor.sum(Kind::Float), &[&a, &b]).unwrap();
        let sum = of(&a).plus(of(&b)).unwrap();
        let factor = Tensor::full([], 0.5, (Kind::Float, Device::Cpu));
        let half = sum.scaled(&factor).unwrap();
        assert_eq!(numbers(half.tensors[0].as_ref()), Some(vec![0.5; 3]));
        assert_eq!(numbers(half.tensors[1].as_ref()), Some(vec![0.5; 3]));
    }
}
