//! Sampling offsets and attention logits as one product.

use seqformer_ops::{FeatureLevels, JoinedPoints, ms_deform_attn_at_joined};
use tch::{Device, Tensor};

use crate::Precision;
use crate::layers::{AttentionShape, Linear, MsDeformAttn, References, Sampling};

/// The two projections of an attention module that predict its sampling points, joined.
#[derive(Debug)]
pub(crate) struct PreparedJoinedPoints {
    linear: Linear,
    shape: AttentionShape,
}

impl PreparedJoinedPoints {
    /// Joins the projections if that is worth it.
    pub(crate) fn new(attention: &MsDeformAttn, precision: Precision) -> Option<Self> {
        is_worth_it(attention.sampling_offsets.weight.device(), precision)
            .then(|| Self::join(attention))
    }

    /// Joins the projections.
    fn join(attention: &MsDeformAttn) -> Self {
        let (offsets, logits) = (&attention.sampling_offsets, &attention.attention_weights);
        let join = |first: &Tensor, second: &Tensor| Tensor::cat(&[first, second], 0).detach();
        let weight = join(&offsets.weight, &logits.weight);
        let bias = join(&offsets.bias, &logits.bias);
        Self { linear: Linear { weight, bias }, shape: attention.shape }
    }

    /// See [`MsDeformAttn::sampling`].
    pub(crate) fn sampling(
        &self,
        queries: &Tensor,
        references: &References,
        levels: &FeatureLevels,
    ) -> Sampling {
        let rows = self.linear.forward_full(queries); // [N, Q, 3 * M * L * P]
        let third = rows.size()[2] / 3;
        let (offsets, logits) = (rows.narrow(-1, 0, 2 * third), rows.narrow(-1, 2 * third, third));
        self.shape.sampling(&offsets, &logits, references, levels)
    }

    /// See [`MsDeformAttn::read_around`]; `values` is `[N, S, M, D]`.
    pub(crate) fn read_around(
        &self,
        values: &Tensor,
        queries: &Tensor,
        references: &Tensor,
        levels: &FeatureLevels,
        padding: Option<&Tensor>,
    ) -> Tensor {
        let rows = self.linear.forward_full(queries); // [N, Q, 3 * M * L * P]
        let points = JoinedPoints { rows: &rows, references };
        ms_deform_attn_at_joined(values, levels, &points, padding)
            .expect("the projections give the shapes that the operation takes")
    }
}

/// On the CPU, fused layers join the projections. In mixed precision, offsets are in full precision and logits are not.
fn is_worth_it(device: Device, precision: Precision) -> bool {
    device.is_cuda() && precision != Precision::Bf16
}

#[cfg(test)]
mod tests {
    use seqformer_ops::LevelSize;
    use tch::{Kind, nn};

    use super::*;

    const ON_CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

    #[test]
    fn one_product_gives_the_points_of_two() {
        tch::manual_seed(5);
        let shape = AttentionShape { hidden_dim: 64, num_heads: 4, num_levels: 2, num_points: 4 };
        let vs = nn::VarStore::new(Device::Cpu);
        let attention = MsDeformAttn::new(&vs.root(), shape);
        tch::no_grad(|| {
            for mut parameter in vs.trainable_variables() {
                let _drawn = parameter.normal_(0.0, 0.2);
            }
        });
        let attention = attention.detach();
        let joined = PreparedJoinedPoints::join(&attention);
        let sizes = [(6, 9), (3, 5)].map(|(height, width)| LevelSize { height, width });
        let levels = FeatureLevels::new(&sizes).unwrap();
        let tokens = Tensor::randn([2, levels.num_tokens(), 64], ON_CPU);
        let queries = Tensor::randn([2, 7, 64], ON_CPU);
        let near = |found: &Tensor, expected: &Tensor| {
            let off = (found - expected).abs().max().double_value(&[]);
            assert!(off < 1e-5, "{off:e}");
        };
        let points = Tensor::rand([1, 7, 2, 2], ON_CPU);
        let boxes = References::Boxes(Tensor::rand([2, 7, 2, 4], ON_CPU));
        for references in [&References::Points(points.shallow_clone()), &boxes] {
            let found = joined.sampling(&queries, references, &levels);
            let expected = attention.sampling(&queries, references, &levels);
            near(&found.locations, &expected.locations);
            near(&found.weights, &expected.weights);
        }
        let padding = Tensor::rand([1, levels.num_tokens()], ON_CPU).lt(0.3);
        for padding in [None, Some(&padding)] {
            let values = attention.values(&tokens, None);
            let found = joined.read_around(&values, &queries, &points, &levels, padding);
            near(&found, &attention.read_around(&tokens, &queries, &points, &levels, padding));
        }
    }

    #[test]
    fn products_are_joined_on_gpus_where_both_have_one_precision() {
        let gpu = Device::Cuda(0);
        assert!(is_worth_it(gpu, Precision::F32) && is_worth_it(gpu, Precision::Tf32));
        assert!(!is_worth_it(gpu, Precision::Bf16) && !is_worth_it(Device::Cpu, Precision::F32));
    }
}
