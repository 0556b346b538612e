//! The example of detectron2's documentation, and what is left alone.

use super::*;

fn node(pairs: &[&str]) -> CfgNode {
    let mut node = CfgNode::defaults();
    node.merge_from_list(&pairs.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap();
    node
}

const RECIPE: [&str; 14] = [
    "SOLVER.REFERENCE_WORLD_SIZE",
    "8",
    "SOLVER.IMS_PER_BATCH",
    "16",
    "SOLVER.BASE_LR",
    "0.1",
    "SOLVER.MAX_ITER",
    "5000",
    "SOLVER.STEPS",
    "(4000,)",
    "SOLVER.CHECKPOINT_PERIOD",
    "1000",
    "TEST.EVAL_PERIOD",
    "0",
];

#[test]
fn twice_the_devices_do_half_the_iterations() {
    let mut scaled = node(&RECIPE);
    assert!(scaled.scale_to_world_size(16).unwrap());
    let expected = [
        "SOLVER.REFERENCE_WORLD_SIZE",
        "16",
        "SOLVER.IMS_PER_BATCH",
        "32",
        "SOLVER.BASE_LR",
        "0.2",
        "SOLVER.MAX_ITER",
        "2500",
        "SOLVER.STEPS",
        "(2000,)",
        "SOLVER.CHECKPOINT_PERIOD",
        "500",
        "SOLVER.WARMUP_ITERS",
        "500",
    ];
    assert_eq!(scaled, node(&expected));
    let mut one = node(&RECIPE);
    assert!(one.scale_to_world_size(1).unwrap());
    assert_eq!(one.get("SOLVER.IMS_PER_BATCH"), Some(&Value::Int(2)));
    assert_eq!(one.get("SOLVER.STEPS"), Some(&Value::Tuple(vec![Value::Int(32_000)])));
}

#[test]
fn the_devices_of_the_recipe_change_nothing_and_an_uneven_batch_is_refused() {
    let mut same = node(&RECIPE);
    assert!(!same.scale_to_world_size(8).unwrap());
    assert_eq!(same, node(&RECIPE));
    let mut unset = CfgNode::defaults();
    assert!(!unset.scale_to_world_size(4).unwrap());
    assert_eq!(unset, CfgNode::defaults());
    let mut uneven = node(&["SOLVER.REFERENCE_WORLD_SIZE", "3"]);
    assert!(uneven.scale_to_world_size(1).unwrap_err().to_string().contains("IMS_PER_BATCH"));
}
