//! Training from a Swin Transformer as VNext's `tools/convert-pretrained-swin-model-to-d2.py` writes it.
//!
//! The converter reads the weights that Swin's authors publish and writes, with Python's `pickle`,
//! `{"model": OrderedDict of tensors, "__author__": "third_party", "matching_heuristics": True}`. Names stay those of the
//! authors. A tensor in such a pickle has its storage as the bytes of a `torch.save` file.

use std::fs;

use seqformer_testing::UniformRange;

use crate::train::{Bench, weights_and_optimizer};
use crate::{display, seqformer, text};

/// Swin-T with a quarter of its channels.
const EMBED_DIM: usize = 24;
const DEPTHS: [usize; 4] = [2, 2, 6, 2];
const HEADS: [usize; 4] = [3, 6, 12, 24];
const WINDOW: usize = 7;
/// What the network does not have: Swin's classifier, the normalization before it, and a mask for one image size.
const UNUSED: [&str; 5] =
    ["head.bias", "head.weight", "layers.0.blocks.1.attn_mask", "norm.bias", "norm.weight"];
const BACKBONE: &str = "detr.detr.backbone.0.backbone";

/// A tensor of the authors' file.
struct Given {
    name: String,
    shape: Vec<usize>,
    values: Values,
}

enum Values {
    F32(Vec<f32>),
    I64(Vec<i64>),
}

/// All tensors of the authors' file, with random weights.
fn swin_tiny() -> Vec<Given> {
    let mut given = Vec::new();
    let mut add = |name: String, shape: &[usize]| {
        let is_scale = name.contains("norm") && name.ends_with(".weight");
        let range = UniformRange { offset: f64::from(u8::from(is_scale)), scale: 0.05 };
        let values = Values::F32(range.numbers(&name, shape.iter().product()));
        given.push(Given { name, shape: shape.to_vec(), values });
    };
    let mut layer = |name: String, shape: &[usize]| {
        add(format!("{name}.weight"), shape);
        add(format!("{name}.bias"), &shape[..1]);
    };
    layer("patch_embed.proj".to_owned(), &[EMBED_DIM, 3, 4, 4]);
    layer("patch_embed.norm".to_owned(), &[EMBED_DIM]);
    for (stage, depth) in DEPTHS.into_iter().enumerate() {
        let channels = EMBED_DIM << stage;
        for block in 0..depth {
            let name = |part: &str| format!("layers.{stage}.blocks.{block}.{part}");
            layer(name("norm1"), &[channels]);
            layer(name("attn.qkv"), &[3 * channels, channels]);
            layer(name("attn.proj"), &[channels, channels]);
            layer(name("norm2"), &[channels]);
            layer(name("mlp.fc1"), &[4 * channels, channels]);
            layer(name("mlp.fc2"), &[channels, 4 * channels]);
        }
        if stage < 3 {
            layer(format!("layers.{stage}.downsample.norm"), &[4 * channels]);
        }
    }
    layer("norm".to_owned(), &[EMBED_DIM << 3]);
    layer("head".to_owned(), &[10, EMBED_DIM << 3]);
    for (stage, depth) in DEPTHS.into_iter().enumerate() {
        if stage < 3 {
            let shape = [EMBED_DIM << (stage + 1), EMBED_DIM << (stage + 2)];
            add(format!("layers.{stage}.downsample.reduction.weight"), &shape);
        }
        for block in 0..depth {
            let name = format!("layers.{stage}.blocks.{block}.attn.relative_position_bias_table");
            add(name, &[(2 * WINDOW - 1).pow(2), HEADS[stage]]);
        }
    }
    let cells = WINDOW * WINDOW;
    add("layers.0.blocks.1.attn_mask".to_owned(), &[1, cells, cells]);
    let index = relative_position_index();
    given.extend(DEPTHS.into_iter().enumerate().flat_map(|(stage, depth)| {
        let index = &index;
        (0..depth).map(move |block| Given {
            name: format!("layers.{stage}.blocks.{block}.attn.relative_position_index"),
            shape: vec![cells, cells],
            values: Values::I64(index.clone()),
        })
    }));
    given
}

/// For every two cells of a window, the row of the bias table for their distance.
fn relative_position_index() -> Vec<i64> {
    let (cells, far) = (0..WINDOW * WINDOW, WINDOW - 1);
    let of_pair = |a: usize, b: usize| {
        let [dy, dx] =
            [(a / WINDOW, b / WINDOW), (a % WINDOW, b % WINDOW)].map(|(a, b)| a + far - b);
        (dy * (2 * WINDOW - 1) + dx) as i64
    };
    cells.clone().flat_map(|a| cells.clone().map(move |b| of_pair(a, b))).collect()
}

/// Opcodes of pickle, as far as the converter's files have them.
#[derive(Default)]
struct Pickle(Vec<u8>);

impl Pickle {
    fn op(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.op(b"X");
        self.op(&(text.len() as u32).to_le_bytes());
        self.op(text.as_bytes());
    }

    fn number(&mut self, number: usize) {
        self.op(b"J");
        self.op(&(number as i32).to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[usize]) {
        self.op(b"(");
        for &number in numbers {
            self.number(number);
        }
        self.op(b"t");
    }

    fn ordered_dict(&mut self) {
        self.op(b"ccollections\nOrderedDict\n)R");
    }

    /// `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`
    fn tensor(&mut self, given: &Given) {
        self.op(b"ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\n");
        let storage = given.values.torch_save();
        self.op(b"B");
        self.op(&(storage.len() as u32).to_le_bytes());
        self.op(&storage);
        self.op(b"\x85R");
        self.number(0);
        self.numbers(&given.shape);
        let strides =
            (0..given.shape.len()).map(|axis| given.shape[axis + 1..].iter().product::<usize>());
        self.numbers(&strides.collect::<Vec<_>>());
        self.op(b"\x89");
        self.ordered_dict();
        self.op(b"tR");
    }
}

impl Values {
    /// A storage as `torch.save(…, _use_new_zipfile_serialization=False)` writes it.
    fn torch_save(&self) -> Vec<u8> {
        let (class, count, bytes) = match self {
            Self::F32(values) => (
                "FloatStorage",
                values.len(),
                values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ),
            Self::I64(values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                ("LongStorage", values.len(), bytes)
            }
        };
        let mut file = Pickle::default();
        // The magic number, the version of the protocol, and what the system is like.
        file.op(b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}(");
        file.text("protocol_version");
        file.op(b"M\xe9\x03");
        file.text("little_endian");
        file.op(b"\x88u.\x80\x02(");
        file.text("storage");
        file.op(format!("ctorch\n{class}\n").as_bytes());
        file.text("94113333830208");
        file.text("cpu");
        file.number(count);
        file.op(b"NtQ.\x80\x02]");
        file.text("94113333830208");
        file.op(b"a.");
        file.op(&(count as u64).to_le_bytes());
        file.op(&bytes);
        file.0
    }
}

/// The converter's file.
fn converted(tensors: &[Given]) -> Vec<u8> {
    let mut file = Pickle::default();
    file.op(b"\x80\x04}(");
    file.text("model");
    file.ordered_dict();
    file.op(b"(");
    for given in tensors {
        file.text(&given.name);
        file.tensor(given);
    }
    file.op(b"u");
    file.text("__author__");
    file.text("third_party");
    file.text("matching_heuristics");
    file.op(b"\x88u.");
    file.0
}

#[test]
fn a_training_starts_from_the_backbone_of_vnexts_swin_converter() {
    let bench = Bench::new();
    let tensors = swin_tiny();
    let [pickle, safetensors] = ["swin_tiny.pkl", "swin_tiny.safetensors"].map(|n| bench.output(n));
    fs::write(&pickle, converted(&tensors)).unwrap();
    let [pickle, safetensors] = [pickle, safetensors].map(|path| display(&path));
    let train = |output: &str, weights: &str| {
        let embed_dim = EMBED_DIM.to_string();
        let mut pairs = vec!["MODEL.WEIGHTS", weights, "MODEL.BACKBONE.NAME", "D2SwinTransformer"];
        pairs.extend(["MODEL.SWIN.EMBED_DIM", &embed_dim, "MODEL.SWIN.DEPTHS", "[2, 2, 6, 2]"]);
        pairs.extend(["MODEL.SWIN.NUM_HEADS", "[3, 6, 12, 24]"]);
        // The backbone stays as the file has it, so that it can be compared.
        pairs.extend(["SOLVER.BACKBONE_MULTIPLIER", "0.0"]);
        pairs.extend(["SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1,)"]);
        let done = bench.run("train", output, &[], &pairs);
        assert!(done.status.success(), "{}", text(&done.stderr));
        fs::read_to_string(bench.output(output).join("log.txt")).unwrap()
    };

    let said = train("trained", &pickle);
    let (unused, used): (Vec<_>, Vec<_>) =
        tensors.iter().partition(|given| UNUSED.contains(&given.name.as_str()));
    let count = used.len();
    let mut expected = vec![
        format!("names of Swin Transformer backbone; {count} renamed"),
        format!("ignored ({}):", unused.len()),
        format!("{count} tensors loaded"),
        format!("{BACKBONE}.norm0.weight is missing and is initialized randomly"),
    ];
    expected.extend(UNUSED.map(|name| format!("\n  {name}: ")));
    for expected in expected {
        assert!(said.contains(&expected), "{expected:?} not in\n{said}");
    }
    let trained = seqformer_checkpoint::read(&bench.output("trained/model_final.pth")).unwrap();
    for Given { name, shape, values } in used {
        let found = trained.get(&format!("{BACKBONE}.{name}")).unwrap();
        assert_eq!(found.shape(), shape, "{name}");
        match values {
            Values::F32(values) => assert_eq!(&found.to_f32_vec(), values, "{name}"),
            Values::I64(values) => {
                let values: Vec<f64> = values.iter().map(|&value| value as f64).collect();
                assert_eq!(found.to_f64_vec(), values, "{name}");
            }
        }
    }

    let output = seqformer(&["weights", "convert", &pickle, &safetensors]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    train("trained_converted", &safetensors);
    let [a, b] = ["trained", "trained_converted"]
        .map(|run| weights_and_optimizer(&bench.checkpoint(run, "model_final.pth")));
    assert_eq!(a, b, "the converted file gives another training");
}
