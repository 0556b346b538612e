use seqformer_cuda::graph::{CaptureError, GraphPool};
use seqformer_cuda::open_cuda_library;
use seqformer_cuda::transfer::Upload;
use tch::{Cuda, Device, Kind, Tensor};

const ON_GPU: (Kind, Device) = (Kind::Float, Device::Cuda(0));

/// Random numbers of the GPU as a run with this seed draws them first.
fn draw(seed: i64) -> Tensor {
    tch::manual_seed(seed);
    Tensor::randn([5], ON_GPU).to_device(Device::Cpu)
}

#[test]
fn after_work_that_cannot_be_recorded_libtorch_draws_uploads_and_records() {
    let opened = open_cuda_library("libtorch_cuda.so".as_ref());
    if opened.is_err() || !Cuda::is_available() {
        eprintln!("skipped: there is no GPU");
        return;
    }
    let drawn = draw(3);
    let pool = GraphPool::new(ON_GPU.1).unwrap();
    let ones = Tensor::ones([4], ON_GPU);
    let host = Tensor::arange(6, (Kind::Int64, Device::Cpu));
    for _ in 0..2 {
        // The first part of it may be recorded, the second waits for the card.
        let waits = pool.capture(|| (&ones * 2.0).sum(Kind::Float).double_value(&[]));
        assert!(matches!(waits, Err(CaptureError::Unsupported { .. })), "{waits:?}");
        assert_eq!(draw(3), drawn);
        let uploaded = Upload::start(&host, ON_GPU.1).unwrap().take().unwrap();
        assert_eq!(uploaded.to_device(Device::Cpu), host);
        let random = pool.capture(|| Tensor::randn([5], ON_GPU));
        assert!(matches!(random, Err(CaptureError::Unsupported { .. })), "{random:?}");
        assert_eq!(draw(3), drawn);
    }
    let input = Tensor::zeros([4], ON_GPU);
    let graphs = [2.0, 3.0].map(|factor| pool.capture(|| &input * factor).unwrap());
    drop(pool.capture(|| ones.double_value(&[0])).unwrap_err());
    for value in [1.0, 5.0] {
        let _filled = input.shallow_clone().fill_(value);
        for (graph, factor) in graphs.iter().zip([2.0, 3.0]) {
            let result = graph.replay().unwrap().to_device(Device::Cpu);
            assert_eq!(result.double_value(&[3]), value * factor);
        }
    }
}
