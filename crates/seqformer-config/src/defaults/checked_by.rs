//! Which test shows the effect of a key.

/// Keys, the file of a test, and its name; a key that ends in a full stop stands for its whole section.
pub(super) const CHECKED_BY: &[(&[&str], &str, &str)] = &[
    (&["VERSION"], "seqformer-config/src/version/tests.rs", "old_keys_are_renamed"),
    (
        &["OUTPUT_DIR", "DATASETS.TRAIN", "DATASETS.TEST"],
        FRONT_DOOR,
        "the_three_commands_of_the_original_readme_end_with_checkpoints_results_and_ap",
    ),
    (&["SEED"], "seqformer/tests/it/initialization.rs", "the_seed_decides_all_numbers"),
    (
        &[
            "MODEL.META_ARCHITECTURE",
            "MODEL.SeqFormer.MASK_STRIDE",
            "MODEL.SeqFormer.NUM_FEATURE_LEVELS",
            "MODEL.RESNETS.OUT_FEATURES",
            "MODEL.RESNETS.NORM",
            "MODEL.RESNETS.DEFORM_ON_PER_STAGE",
            "MODEL.SWIN.OUT_FEATURES",
            "MODEL.SWIN.PATCH_SIZE",
        ],
        "seqformer-config/src/config/tests.rs",
        "wrong_settings_are_errors_that_name_the_key",
    ),
    (
        &["MODEL.DEVICE"],
        "seqformer-engine/tests/device.rs",
        "without_a_driver_cuda_is_an_error_and_auto_is_the_cpu",
    ),
    (
        &["MODEL.WEIGHTS"],
        FRONT_DOOR,
        "weights_of_single_images_start_a_training_on_videos_and_what_is_missing_is_said",
    ),
    (
        &["MODEL.PIXEL_MEAN", "MODEL.PIXEL_STD"],
        "seqformer/src/clip/tests.rs",
        "frames_are_normalised_and_then_padded_with_zeros",
    ),
    (
        &["INPUT.FORMAT"],
        "seqformer-engine/src/predictor/tests.rs",
        "blue_comes_first_when_the_weights_want_it",
    ),
    (
        &["MODEL.BACKBONE.NAME"],
        "seqformer-engine/src/builder/tests.rs",
        "the_swin_recipe_gives_swin_large",
    ),
    (&["MODEL.BACKBONE.FREEZE_AT"], BACKBONES, "frozen_stages_are_not_trained"),
    (
        &["MODEL.RESNETS.CALIBRATE_NORM"],
        TRAIN,
        "a_new_backbone_may_take_its_statistics_from_the_first_clips",
    ),
    (
        &["MODEL.RESNETS.NUM_GROUPS", "MODEL.RESNETS.WIDTH_PER_GROUP"],
        BACKBONES,
        "resnexts_agree_with_pytorch",
    ),
    (&["MODEL.RESNETS."], BACKBONES, "resnets_of_every_depth_and_option_agree_with_pytorch"),
    (
        &["MODEL.SWIN.DROP_RATE", "MODEL.SWIN.ATTN_DROP_RATE", "MODEL.SWIN.DROP_PATH_RATE"],
        BACKBONES,
        "training_draws_and_inference_does_not",
    ),
    (
        &["MODEL.SWIN.USE_CHECKPOINT"],
        BACKBONES,
        "blocks_that_are_run_again_give_the_same_gradients",
    ),
    (&["MODEL.SWIN."], BACKBONES, "swin_transformers_with_every_option_agree_with_pytorch"),
    (
        &["MODEL.SeqFormer.NUM_CLASSES"],
        FRONT_DOOR,
        "a_dataset_of_the_user_needs_its_file_and_its_type_alone",
    ),
    (
        &[
            "MODEL.SeqFormer.MASK_WEIGHT",
            "MODEL.SeqFormer.DICE_WEIGHT",
            "MODEL.SeqFormer.GIOU_WEIGHT",
            "MODEL.SeqFormer.L1_WEIGHT",
            "MODEL.SeqFormer.CLASS_WEIGHT",
        ],
        "seqformer/src/criterion/tests.rs",
        "losses_are_divided_by_the_instances_and_weighted",
    ),
    (
        &["MODEL.SeqFormer.DEEP_SUPERVISION"],
        "seqformer/tests/it/golden_train.rs",
        "the_last_layer_alone_has_the_same_losses",
    ),
    (
        &["MODEL.SeqFormer.FOCAL_ALPHA"],
        "seqformer/src/losses/tests.rs",
        "focal_loss_is_its_formula_and_stays_finite",
    ),
    (
        &[
            "MODEL.SeqFormer.SET_COST_CLASS",
            "MODEL.SeqFormer.SET_COST_BOX",
            "MODEL.SeqFormer.SET_COST_GIOU",
        ],
        "seqformer/src/matcher/tests.rs",
        "each_cost_is_the_formula",
    ),
    (
        &["MODEL.SeqFormer.DROPOUT"],
        "seqformer-ops/tests/seeded_dropout.rs",
        "linear_layers_drop_what_dropout_drops",
    ),
    (
        &["MODEL.SeqFormer.DROP_ABSENT"],
        "seqformer-engine/src/collate/tests.rs",
        "instances_that_no_frame_shows_can_be_dropped",
    ),
    (
        &["MODEL.SeqFormer.MULTI_CLS_ON", "MODEL.SeqFormer.APPLY_CLS_THRES"],
        "seqformer-engine/src/builder/tests.rs",
        "the_threshold_counts_only_with_several_classes",
    ),
    (
        &[
            "MODEL.SeqFormer.CLIP_MATCHING",
            "MODEL.SeqFormer.CLIP_LENGTH",
            "MODEL.SeqFormer.CLIP_STRIDE",
        ],
        "seqformer-engine/src/predictor/tests.rs",
        "clips_give_the_results_of_the_reference_pixel_by_pixel",
    ),
    (
        &["MODEL.SeqFormer."],
        "seqformer/tests/it/golden_forward.rs",
        "every_intermediate_agrees_with_the_reference",
    ),
    (
        &["INPUT.SAMPLING_FRAME_NUM", "INPUT.SAMPLING_FRAME_RANGE", "INPUT.SAMPLING_INTERVAL"],
        "seqformer-data/src/clip_sampling/tests.rs",
        "frames_are_sorted_near_one_of_them_and_that_one_occurs_once",
    ),
    (
        &["INPUT.SAMPLING_FRAME_SHUFFLE"],
        "seqformer-data/src/clip_sampling/tests.rs",
        "shuffled_frames_are_not_always_sorted",
    ),
    (
        &["INPUT.AUGMENTATIONS"],
        AUGMENTATION,
        "colours_and_rotation_are_drawn_for_each_frame_in_a_fixed_order",
    ),
    (&["INPUT.MIN_SIZE_TRAIN_SAMPLING"], AUGMENTATION, "a_range_of_sizes_includes_both_ends"),
    (
        &["INPUT.MIN_SIZE_TRAIN", "INPUT.RANDOM_FLIP"],
        AUGMENTATION,
        "half_of_the_clips_are_mirrored_and_every_size_occurs",
    ),
    (
        &["INPUT.MAX_SIZE_TRAIN"],
        "seqformer-data/src/resize/tests.rs",
        "the_short_edge_rules_the_size_and_the_long_edge_limits_it",
    ),
    (
        &["INPUT.MIN_SIZE_TEST", "INPUT.MAX_SIZE_TEST"],
        "seqformer-data/src/mapper/tests.rs",
        "test_frames_are_resized_and_nothing_else",
    ),
    (&["INPUT.CROP."], AUGMENTATION, "windows_have_the_size_of_their_kind_and_stay_inside"),
    (
        &["INPUT.COCO_PRETRAIN", "DATASETS.CATEGORY_MAP"],
        FRONT_DOOR,
        "images_and_videos_train_together_with_the_classes_of_the_videos",
    ),
    (
        &["INPUT.PRETRAIN_SAME_CROP"],
        "seqformer-data/src/still_to_clip/tests.rs",
        "all_views_have_one_size_and_differ_unless_they_should_not",
    ),
    (
        &["INPUT.PRETRAIN_TYPE"],
        "seqformer-data/src/still_to_clip/tests.rs",
        "one_view_is_the_image_and_the_others_are_warped_in_any_order",
    ),
    (
        &["DATASETS.DATASET_RATIO"],
        SAMPLER,
        "weights_are_the_shares_of_the_datasets_and_each_goes_through_all_its_records",
    ),
    (&["DATALOADER.NUM_WORKERS"], TRAIN, "the_number_of_loader_threads_changes_nothing"),
    (
        &["DATALOADER.ASPECT_RATIO_GROUPING", "SOLVER.IMS_PER_BATCH"],
        SAMPLER,
        "grouped_batches_are_wide_or_not_and_lose_nobody",
    ),
    (
        &["DATALOADER.FILTER_EMPTY_ANNOTATIONS"],
        "seqformer-data/src/annotations/tests.rs",
        "test_files_without_annotations_are_read",
    ),
    (
        &["DATALOADER.SAMPLER_TRAIN"],
        SAMPLER,
        "repeated_records_come_as_often_as_they_should_and_none_is_lost",
    ),
    (
        &["DATALOADER.REPEAT_THRESHOLD"],
        "seqformer-data/src/training_set/tests.rs",
        "records_with_rare_classes_are_repeated",
    ),
    (
        &["SOLVER.OPTIMIZER", "SOLVER.MOMENTUM"],
        "seqformer-engine/src/optimizer/tests.rs",
        "sgd_follows_its_formula",
    ),
    (
        &["SOLVER.BASE_LR", "SOLVER.BACKBONE_MULTIPLIER", "SOLVER.SAMPLING_MULTIPLIER"],
        "seqformer-engine/src/optimizer/tests.rs",
        "rates_go_by_the_name_of_the_parameter",
    ),
    (
        &["SOLVER.WEIGHT_DECAY"],
        "seqformer-engine/tests/it/golden_optimizer.rs",
        "five_steps_give_the_parameters_of_the_reference",
    ),
    (
        &["SOLVER.LR_SCHEDULER_NAME", "SOLVER.BASE_LR_END"],
        "seqformer-engine/src/lr_schedule/tests.rs",
        "a_cosine_falls_from_the_whole_rate_to_its_end",
    ),
    (
        &[
            "SOLVER.MAX_ITER",
            "SOLVER.STEPS",
            "SOLVER.GAMMA",
            "SOLVER.WARMUP_FACTOR",
            "SOLVER.WARMUP_ITERS",
            "SOLVER.WARMUP_METHOD",
        ],
        "seqformer-engine/src/lr_schedule/tests.rs",
        "steps_and_warmup_give_the_values_of_detectron2",
    ),
    (
        &["SOLVER.CHECKPOINT_PERIOD"],
        TRAIN,
        "a_run_that_is_killed_again_and_again_ends_in_the_same_weights",
    ),
    (
        &["SOLVER.KEEP_CHECKPOINTS"],
        "seqformer-engine/src/checkpointer/tests.rs",
        "the_newest_few_stay_and_the_marker_names_the_last",
    ),
    (
        &["SOLVER.MICRO_BATCH_SIZE", "INPUT.PAD_TO_BATCH"],
        TRAIN,
        "clips_may_go_through_the_network_one_by_one",
    ),
    (
        &["SOLVER.ACTIVATION_CHECKPOINTING"],
        "seqformer/tests/it/golden_train.rs",
        "layers_that_are_run_again_give_the_same_gradients",
    ),
    (
        &["SOLVER.REFERENCE_WORLD_SIZE"],
        "seqformer-config/src/node/world_size/tests.rs",
        "twice_the_devices_do_half_the_iterations",
    ),
    (
        &["SOLVER.CLIP_GRADIENTS."],
        "seqformer-engine/src/builder/tests.rs",
        "settings_of_the_solver_reach_the_optimizer",
    ),
    (
        &["SOLVER.AMP.ENABLED"],
        "seqformer/tests/it/golden_train.rs",
        "mixed_precision_stays_near_and_every_parameter_gets_a_gradient",
    ),
    (
        &["MODEL.SeqFormer.RESULT_RULE"],
        "seqformer-engine/src/predictor/original/tests.rs",
        "results_equal_those_of_plain_tensor_operations",
    ),
    (
        &["TEST.BEST_METRIC"],
        "seqformer-cli/tests/it/evaluation.rs",
        "several_test_datasets_keep_their_names_scores_and_results",
    ),
    (
        &["TEST.EVAL_PERIOD", "TEST.EXPECTED_RESULTS"],
        TRAIN,
        "validations_come_in_their_period_and_are_compared_with_what_is_expected",
    ),
];

const FRONT_DOOR: &str = "seqformer-cli/tests/it/front_door.rs";
const TRAIN: &str = "seqformer-cli/tests/it/train.rs";
const BACKBONES: &str = "seqformer/tests/it/backbones.rs";
const AUGMENTATION: &str = "seqformer-data/src/augmentation/tests.rs";
const SAMPLER: &str = "seqformer-data/src/sampler/tests.rs";

/// Keys whose effect no test shows, and why.
pub(super) const UNCHECKED: &[(&str, &str)] =
    &[("CUDNN_BENCHMARK", "not tested: needs a GPU"), ("MODEL.MASK_ON", "has none")];

/// The file and the name of the test of a key; the first entry that fits.
pub(super) fn test_of(key: &str) -> Option<(&'static str, &'static str)> {
    let fits = |known: &&str| *known == key || known.ends_with('.') && key.starts_with(*known);
    let entry = CHECKED_BY.iter().find(|(keys, ..)| keys.iter().any(&fits))?;
    Some((entry.1, entry.2))
}
