use super::*;

fn unwrapped(names: &[&str]) -> Unwrapped {
    unwrap(names).unwrap()
}

fn kept(names: &[&str]) -> Vec<String> {
    unwrapped(names).names.into_iter().flatten().collect()
}

#[test]
fn wrappers_come_off_in_any_order_and_number() {
    let cores = ["detr.detr.query_embed.weight", "detr.mask_head.lay1.bias"];
    for chain in [
        "module.",
        "_orig_mod.",
        "model.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.module._orig_mod.",
        "state_dict.model.",
        "_forward_module.model._orig_mod.module.",
        "model_ema.module.",
    ] {
        let names: Vec<String> = cores.iter().map(|core| format!("{chain}{core}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = unwrapped(&names);
        assert_eq!(found.names, cores.map(|core| Some(core.to_owned())), "{chain}");
        assert_eq!(found.remarks, [format!("took {chain:?} off every name")]);
    }
    // Names without wrappers stay, and nothing is said.
    let found = unwrapped(&cores);
    assert_eq!((kept(&cores), found.remarks), (cores.map(str::to_owned).to_vec(), vec![]));
}

#[test]
fn wrappers_of_parts_are_taken_out_of_the_middle() {
    let found = unwrapped(&["detr._orig_mod.detr.a", "detr.detr.backbone.module.0.b", "detr.c"]);
    let names: Vec<String> = found.names.into_iter().flatten().collect();
    assert_eq!(names, ["detr.detr.a", "detr.detr.backbone.0.b", "detr.c"]);
    assert_eq!(found.remarks, ["removed wrappers from the middle of 2 names"]);
    let error = unwrap(&["detr.module.a", "detr.a"]).unwrap_err().to_string();
    assert!(error.contains("another tensor is \"detr.a\""), "{error}");
}

#[test]
fn what_stands_beside_the_network_is_left_out_and_named() {
    // torch's AveragedModel counts; Lightning keeps the parts of its module.
    let found = unwrapped(&["n_averaged", "module.backbone.res2.0.conv1.weight"]);
    assert_eq!(found.names, [None, Some("backbone.res2.0.conv1.weight".to_owned())]);
    assert_eq!(found.remarks[0], "took \"module.\" off the names of the network");
    assert_eq!(found.remarks[1], "ignored what is not part of the network (1): \"n_averaged\"");
    assert_eq!(kept(&["criterion.empty_weight", "model.res2_0_branch2a_w"]), ["res2_0_branch2a_w"]);
}

#[test]
fn averages_give_way_to_the_weights_unless_they_are_alone() {
    let found = unwrapped(&["ema_model.module.detr.a", "model.detr.a"]);
    assert_eq!(found.names, [None, Some("detr.a".to_owned())]);
    let remarks = found.remarks.join("\n");
    assert!(remarks.contains("not the averaged ones under \"ema_model.module.\""), "{remarks}");
    let found = unwrapped(&["ema_model.detr.a", "decay"]);
    assert_eq!(found.names, [Some("detr.a".to_owned()), None]);
    assert!(found.remarks.join("\n").contains("these are averaged weights"));
}

#[test]
fn several_kinds_of_prefix_are_an_error_that_counts_them() {
    for names in [
        ["module.detr.a", "detr.b", "detr.c"],
        ["module.detr.a", "_orig_mod.detr.b", "_orig_mod.detr.c"],
        ["module.detr.a", "module.model.detr.a", "module.model.detr.b"],
    ] {
        let error = unwrap(&names).unwrap_err().to_string();
        for expected in
            ["found several kinds of prefix", "1 with \"module.\" (as \"module.detr.a\")", "2 with"]
        {
            assert!(error.contains(expected), "{error}, not {expected}");
        }
    }
}

#[test]
fn names_of_nothing_known_stay_unless_all_are_wrapped_alike() {
    assert_eq!(kept(&["module.a", "b"]), ["module.a", "b"]);
    assert_eq!(kept(&["module.a", "module.b"]), ["a", "b"]);
    // A wrapper alone is the name of a tensor.
    assert_eq!(kept(&["model", "weights."]), ["model", "weights."]);
    assert!(kept(&[]).is_empty());
}
