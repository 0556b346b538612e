//! A network with random weights, as fast as a trained one, for measurements.

use seqformer::{SeqFormer, initialize};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor, nn};

use super::{Predictor, gpu};
use crate::EngineError;
use crate::device::out_of_memory;
use crate::plan::PredictPlan;

/// Size of the noise image from which the backbone's statistics are computed.
const CALIBRATION: ImageSize = ImageSize { height: 128, width: 128 };

impl Predictor {
    /// Builds the network of the plan with weights that depend only on `seed`.
    ///
    /// The statistics of frozen normalization are computed from an image of noise, so that activations stay bounded.
    ///
    /// # Errors
    ///
    /// If the network cannot be built, or the device lacks the memory or does not support the precision.
    pub fn with_random_weights(
        plan: &PredictPlan,
        device: Device,
        seed: i64,
    ) -> Result<Self, EngineError> {
        gpu::check(device, plan.options.precision)?;
        out_of_memory("the weights", || Self::draw(plan, device, seed))?
    }

    fn draw(plan: &PredictPlan, device: Device, seed: i64) -> Result<Self, EngineError> {
        let network = &plan.network.model;
        let variables = nn::VarStore::new(device);
        let model = SeqFormer::new(&variables.root(), network)?;
        tch::manual_seed(seed);
        initialize(&variables, network)?;
        let [height, width] = CALIBRATION.sides();
        let noise = Tensor::randint(256, [1, 3, height, width], (Kind::Float, Device::Cpu));
        model.calibrate_backbone(&model.preprocess(&noise, CALIBRATION)?);
        Ok(Self::with_model(model, variables, plan.options.clone()))
    }
}
