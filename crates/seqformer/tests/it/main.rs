//! The network against tensors of the Python reference.

mod golden_forward;
