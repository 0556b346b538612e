use super::*;

fn cpu(size: &[i64], kind: Kind) -> Tensor {
    Tensor::zeros(size, (kind, Device::Cpu))
}

#[test]
fn tensors_of_the_cpu_are_named() {
    let size = PixelSize { height: 8, width: 8 };
    let normalization = FrameNormalization {
        mean: [0.0; 3],
        deviation: [1.0; 3],
        order: ChannelOrder::Same,
        padded: size,
        kind: Kind::Float,
    };
    let results = [
        normalize_frames(&cpu(&[1, 8, 8, 3], Kind::Uint8), &normalization).map(drop),
        pack_masks(&cpu(&[1, 2, 2], Kind::Float), MaskFrame { input: size, output: size })
            .map(drop),
        dynamic_masks(
            &cpu(&[1, 8, 4, 4], Kind::Float),
            &cpu(&[1, 169], Kind::Float),
            &cpu(&[1, 1, 2], Kind::Float),
            8,
        )
        .map(drop),
    ];
    for result in results {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("expected a tensor on a GPU, found Cpu"), "{message}");
    }
}
