//! Keys that neither detectron2 nor VNext has. `CfgNode::dump_for_vnext` omits them.

/// All of them, except [`crate::config::CUSTOM_DATASETS`].
pub(crate) const OWN_KEYS: &[&str] = &[
    "DATASETS.CATEGORY_MAP",
    "DATASETS.DATASET_RATIO",
    "INPUT.CUTOUTS.OBJECTS",
    "INPUT.CUTOUTS.PROBABILITY",
    "INPUT.DATA_PATH",
    "INPUT.PAD_TO_BATCH",
    "MODEL.RESNETS.CALIBRATE_NORM",
    "MODEL.SeqFormer.DROP_ABSENT",
    "MODEL.SeqFormer.QUERY_GROUPS",
    "MODEL.SeqFormer.RESULT_RULE",
    "SOLVER.ACTIVATION_CHECKPOINTING",
    "SOLVER.KEEP_CHECKPOINTS",
    "SOLVER.MICRO_BATCH_SIZE",
    "SOLVER.SAMPLING_MULTIPLIER",
    "TEST.BEST_METRIC",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::OWN_KEYS;
    use crate::keys;

    #[test]
    fn all_other_keys_are_those_of_vnext() {
        // The keys of `get_cfg()` after `add_seqformer_config(cfg)`, listed by VNext's own code.
        let vnext = include_str!("../../testdata/vnext_keys.txt");
        let vnext: BTreeSet<&str> = vnext.lines().collect();
        let all: BTreeSet<&str> = keys::all().map(|spec| spec.key).collect();
        let own: BTreeSet<&str> = OWN_KEYS.iter().copied().collect();
        assert_eq!(all.difference(&own).copied().collect::<BTreeSet<_>>(), vnext);
        assert_eq!(all.intersection(&own).count(), OWN_KEYS.len());
    }
}
