//! A network with random weights: as fast as a trained one, for measurements.

use seqformer::{SeqFormer, initialize};
use seqformer_masks::ImageSize;
use tch::{Device, Kind, Tensor, nn};

use super::{Predictor, gpu};
use crate::EngineError;
use crate::device::out_of_memory;
use crate::plan::PredictPlan;

/// Sides of the picture of noise that the backbone's statistics are taken from.
const CALIBRATION: ImageSize = ImageSize { height: 128, width: 128 };

impl Predictor {
    /// Builds the network of the plan with weights that follow from `seed` alone.
    ///
    /// The statistics of a frozen normalisation are taken from a picture of noise, so that no number grows
    /// beyond bounds on its way through the network.
    ///
    /// # Errors
    ///
    /// If the network cannot be built, or the device has no memory for it or no products of the precision.
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
