use std::path::Path;

use seqformer_config::CfgNode;

use super::*;

fn config(opts: &[&str]) -> Config {
    config_of("base_ytvis.yaml", opts)
}

fn config_of(recipe: &str, opts: &[&str]) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(recipe);
    let mut node = CfgNode::defaults();
    node.merge_from_file(&file).unwrap();
    node.merge_from_list(&opts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap();
    Config::try_from(&node).unwrap()
}

#[test]
fn the_shipped_recipe_gives_the_published_network() {
    let model = model_config(&config(&["MODEL.RESNETS.DEPTH", "101"]));
    let BackboneConfig::ResNet(resnet) = model.backbone.clone() else { panic!("a ResNet") };
    assert_eq!((resnet.depth, resnet.res2_out_channels, resnet.stride_in_1x1), (101, 256, false));
    assert_eq!(
        (model.num_classes, model.num_queries, model.transformer.hidden_dim),
        (40, 300, 256)
    );
    model.check().unwrap();
}

#[test]
fn the_threshold_counts_only_with_several_classes() {
    let rule = |opts: &[&str]| selection_rule(&config(opts)).class_threshold;
    assert_eq!(rule(&["MODEL.SeqFormer.APPLY_CLS_THRES", "0.2"]), Some(0.2));
    assert_eq!(rule(&["MODEL.SeqFormer.MULTI_CLS_ON", "False"]), None);
}

#[test]
fn videos_are_cut_into_clips_only_when_the_configuration_says_so() {
    assert_eq!(clip_options(&config(&[])), None);
    let opts = ["MODEL.SeqFormer.CLIP_MATCHING", "True", "MODEL.SeqFormer.CLIP_LENGTH", "7"];
    assert_eq!(clip_options(&config(&opts)), Some(ClipOptions::new(7, 1)));
}

#[test]
fn the_shipped_recipe_gives_the_published_training() {
    let shipped = config(&[]);
    assert_eq!(optimizer_config(&shipped), OptimizerConfig::default());
    assert_eq!(grad_clip(&shipped), Some(GradClip::FullModel(0.01)));
    assert_eq!(matcher(&shipped), HungarianMatcher::default());
    assert_eq!(criterion(&shipped), SetCriterion::default());
    let schedule = lr_schedule(&shipped);
    assert_eq!((schedule.multiplier(7999), schedule.multiplier(8000)), (1.0, 0.1));
}

#[test]
fn settings_of_the_solver_reach_the_optimizer() {
    let clip = |opts: &[&str]| grad_clip(&config(opts));
    assert_eq!(clip(&["SOLVER.CLIP_GRADIENTS.ENABLED", "False"]), None);
    assert_eq!(clip(&["SOLVER.CLIP_GRADIENTS.CLIP_VALUE", "0.0"]), None);
    assert_eq!(
        clip(&[
            "SOLVER.CLIP_GRADIENTS.CLIP_TYPE",
            "norm",
            "SOLVER.CLIP_GRADIENTS.NORM_TYPE",
            "1.0"
        ]),
        Some(GradClip::Norm { max_norm: 0.01, norm_type: 1.0 })
    );
    let sgd = optimizer_config(&config(&["SOLVER.OPTIMIZER", "SGD", "SOLVER.MOMENTUM", "0.8"]));
    assert_eq!(sgd.kind, OptimizerKind::Sgd { momentum: 0.8 });
    // A step beyond the end counts as none.
    let late = lr_schedule(&config(&["SOLVER.STEPS", "(5000, 20000)"]));
    assert_eq!(late.decay, Decay::MultiStep { steps: vec![5000], gamma: 0.1 });
    let cosine = lr_schedule(&config(&[
        "SOLVER.LR_SCHEDULER_NAME",
        "WarmupCosineLR",
        "SOLVER.BASE_LR_END",
        "0.00005",
    ]));
    assert_eq!(cosine.decay, Decay::Cosine { end: 0.25 });
}

#[test]
fn the_swin_recipe_gives_swin_large() {
    let model = model_config(&config_of("swin_ytvis.yaml", &[]));
    let BackboneConfig::Swin(swin) = model.backbone.clone() else {
        panic!("the recipe has a Swin Transformer")
    };
    assert_eq!((swin.embed_dim, swin.depths, swin.window_size), (192, [2, 2, 18, 2], 12));
    assert_eq!((swin.num_heads, swin.drop_path), ([6, 12, 24, 48], 0.3));
    model.check().unwrap();
}
