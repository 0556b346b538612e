use seqformer_masks::ImageSize;

use super::*;

fn geometry(output: ImageSize) -> FrameGeometry {
    FrameGeometry {
        input: ImageSize { height: 29, width: 61 },
        output,
        enlargement: Enlargement::ByInput,
    }
}

/// Logits of six frames and three instances.
fn logits() -> Tensor {
    tch::manual_seed(9);
    Tensor::randn([3, 6, 8, 16], (Kind::Float, Device::Cpu))
}

fn codes(masks: Vec<FrameMasks>, geometry: FrameGeometry) -> Vec<Vec<Rle>> {
    masks.iter().map(|masks| masks.encode(geometry)).collect()
}

#[test]
fn packed_masks_come_in_order_and_are_those_of_the_logits_bit_by_bit() {
    let logits = logits();
    for output in [(29, 61), (90, 180), (7, 5)] {
        let geometry = geometry(ImageSize { height: output.0, width: output.1 });
        let expected = codes(
            MaskReader::new(Device::Cpu, Enlargement::ByInput).push(&logits, geometry).unwrap(),
            geometry,
        );
        let mut reader = MaskReader::packing();
        let mut found = Vec::new();
        for (first, length) in [(0, 3), (3, 2), (5, 1)] {
            found.extend(reader.push(&logits.narrow(1, first, length), geometry).unwrap());
        }
        // The last part is still on its way.
        assert_eq!(found.len(), 5);
        found.extend(reader.finish().unwrap());
        assert_eq!(codes(found, geometry), expected, "{output:?}");
        let one = reader.read(&logits.select(1, 4), geometry).unwrap();
        assert_eq!(one.encode(geometry), expected[4]);
    }
}

#[test]
fn frames_without_instances_have_no_masks() {
    let geometry = geometry(ImageSize { height: 29, width: 61 });
    for none in [logits().narrow(0, 0, 0), Tensor::zeros([0, 1, 0, 0], (Kind::Float, Device::Cpu))]
    {
        let mut reader = MaskReader::packing();
        let mut masks = reader.push(&none, geometry).unwrap();
        masks.extend(reader.finish().unwrap());
        assert_eq!(codes(masks, geometry), vec![Vec::<Rle>::new(); none.size()[1] as usize]);
    }
}
