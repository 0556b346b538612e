//! Which file a layer comes from, and names.

use super::*;

const INPUT: InputConvention =
    InputConvention { pixel_std: [58.395, 57.12, 57.375], is_bgr: false, stride_in_1x1: false };

fn shapes(list: &[(&str, &[usize])]) -> Shapes {
    list.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect()
}

/// Tensors filled with one number.
fn file(folder: &Path, value: f32, list: &[(&str, &[usize])]) -> PathBuf {
    let path = folder.join(format!("{value}.safetensors"));
    let array = |shape: &[usize]| {
        let count = shape.iter().product();
        Array::from_f32(shape, &vec![value; count]).unwrap()
    };
    let state = list.iter().map(|(name, shape)| ((*name).to_owned(), array(shape))).collect();
    write_safetensors(&path, &state).unwrap();
    path
}

fn sources(files: &[PathBuf], renames: &[(&str, &str)], network: &Shapes) -> Vec<MergeSource> {
    let renames: Vec<(String, String)> =
        renames.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
    let read = |file: &PathBuf| MergeSource::read(file, &renames, (network, &INPUT)).unwrap();
    files.iter().map(read).collect()
}

const STEM: &str = "detr.detr.backbone.0.backbone.stem.conv1.weight";
const NORM: &str = "detr.detr.backbone.0.backbone.stem.conv1.norm.weight";
const SCORES: &str = "detr.detr.class_embed.0.weight";
const BOXES: &str = "detr.detr.transformer.decoder.bbox_embed.0.layers.0.weight";

#[test]
fn layers_come_whole_from_the_first_file_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let network = shapes(&[
        (STEM, &[2, 3, 7, 7]),
        (NORM, &[2]),
        (SCORES, &[3, 4]),
        (BOXES, &[4, 4]),
        ("detr.detr.query_embed.weight", &[5, 8]),
    ]);
    let files = [
        // Its normalization would fit, but belongs to another convolution.
        file(folder.path(), 1.0, &[(STEM, &[8, 3, 7, 7]), (NORM, &[2]), (SCORES, &[3, 4])]),
        file(
            folder.path(),
            2.0,
            &[
                ("trunk.conv1.weight", &[2, 3, 7, 7]),
                ("trunk.conv1.norm.weight", &[2]),
                (SCORES, &[3, 4]),
            ],
        ),
        file(
            folder.path(),
            3.0,
            &[
                ("detr.detr.bbox_embed.0.layers.0.weight", &[4, 4]),
                ("detr.detr.query_embed.weight", &[9, 8]),
            ],
        ),
    ];
    let prefix = STEM.strip_suffix("conv1.weight").unwrap();
    let sources = sources(&files, &[("trunk.", prefix)], &network);
    let merged = merge(&network, &sources);
    let value = |name: &str| merged.state.get(name).map(|array| array.to_f64_vec()[0]);
    assert_eq!([STEM, NORM, SCORES, BOXES].map(value), [2.0, 2.0, 1.0, 3.0].map(Some));
    assert_eq!(value("detr.detr.bbox_embed.0.layers.0.weight"), Some(3.0), "both names");
    assert_eq!(value("detr.detr.query_embed.weight"), None);
    assert_eq!(merged.num_unused, [1, 0, 1]);
    let part = |name: &str, from: [usize; 3], missing: &[&str]| MergedPart {
        name: name.to_owned(),
        from: from.to_vec(),
        missing: missing.iter().map(|&name| name.to_owned()).collect(),
    };
    assert_eq!(
        merged.parts,
        [
            part("backbone.stem", [0, 2, 0], &[]),
            part("class_embed", [1, 0, 0], &[]),
            part("query_embed", [0, 0, 0], &["detr.detr.query_embed.weight"]),
            part("transformer.decoder", [0, 0, 1], &[]),
        ]
    );
    for name in ["a.safetensors", "a.pth"] {
        let output = folder.path().join(name);
        merged.write(&output).unwrap();
        assert_eq!(read(&output).unwrap().arrays, merged.state.arrays);
    }
}

#[test]
fn prefixes_that_collide_or_are_nowhere_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let network = shapes(&[(SCORES, &[1])]);
    let path = file(folder.path(), 1.0, &[("a.x", &[1]), ("b.x", &[1])]);
    let rename = |from: &str| vec![(from.to_owned(), "b.".to_owned())];
    let read = |from: &str| MergeSource::read(&path, &rename(from), (&network, &INPUT));
    let said = read("a.").unwrap_err().to_string();
    assert!(said.contains("another tensor already has the name \"b.x\""), "{said}");
    let renames = rename("c.");
    let sources = [read("c.").unwrap()];
    assert_eq!(unused_renames(&renames, &sources), BTreeSet::from(["c."]));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), f32::NAN, &[(SCORES, &[2])]);
    let network = shapes(&[(SCORES, &[2])]);
    let said = MergeSource::read(&path, &[], (&network, &INPUT)).unwrap_err().to_string();
    assert!(said.contains("not finite") && said.contains("2 of 2 values"), "{said}");
}
