//! Random weights from one seed.
//!
//! All threads share libtorch's generator, so the one test that counts on its state stands here, where no
//! other test draws numbers.

use seqformer::{NamedTensor, SeqFormer, initialize, named_tensors};
use tch::{Device, nn};

use crate::golden_forward::tiny_config;

fn initialized(seed: i64) -> Vec<NamedTensor> {
    let vs = nn::VarStore::new(Device::Cpu);
    SeqFormer::new(&vs.root(), &tiny_config()).unwrap();
    tch::manual_seed(seed);
    initialize(&vs, &tiny_config()).unwrap();
    named_tensors(&vs)
}

#[test]
fn the_seed_decides_all_numbers() {
    let (first, again, other) = (initialized(6), initialized(6), initialized(7));
    let mut differing = 0;
    for ((first, again), other) in first.iter().zip(&again).zip(&other) {
        assert!(first.tensor.equal(&again.tensor), "{}", first.name);
        differing += usize::from(!first.tensor.equal(&other.tensor));
    }
    // Every matrix is drawn, and so are the biases of feed-forward blocks.
    assert!(differing > 100, "{differing} tensors depend on the seed");
}
