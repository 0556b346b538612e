//! Which errors those of the crates below become.

use seqformer::ModelError;
use seqformer_distributed::DistributedError;

use super::EngineError;

impl From<ModelError> for EngineError {
    fn from(source: ModelError) -> Self {
        match source {
            ModelError::OutOfMemory { .. } => Self::DeviceMemory { source },
            source => Self::Model(source),
        }
    }
}

impl From<DistributedError> for EngineError {
    fn from(error: DistributedError) -> Self {
        match error {
            DistributedError::Ops(error) => Self::Ops(error),
            DistributedError::Torch(error) => error.into(),
            lost => Self::Processes(lost),
        }
    }
}

impl From<tch::TchError> for EngineError {
    fn from(error: tch::TchError) -> Self {
        ModelError::from(error).into()
    }
}
