use std::path::Path;

use seqformer_config::CfgNode;

use super::*;

fn config(opts: &[&str]) -> Config {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/base_ytvis.yaml");
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
    assert_eq!(clip_options(&config(&opts)), Some(ClipOptions { length: 7, stride: 1 }));
}
