use super::*;
use crate::pickle;
use crate::source::Source;

/// Floats stand for tensors here.
fn find_floats(pickle: &[u8]) -> Result<Entries, Reason> {
    let graph = pickle::load(&mut Source::from_bytes(pickle.to_vec()))?;
    find(&graph, |graph, id| matches!(graph.node(id), Node::Float(_)))
}

#[test]
fn the_named_tensors_are_found_in_what_scripts_save() {
    let check = |pickle: &str, expected: &[&str]| {
        let entries = find_floats(pickle.as_bytes()).unwrap();
        let names: Vec<_> = entries.tensors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected, "{pickle:?}");
    };
    check("(Va\nF1\nVb\nF2\nd.", &["a", "b"]);
    for wrapper in wrappers::containers() {
        check(&format!("(Vepoch\nI3\nV{wrapper}\n(Va\nF1\ndd."), &["a"]);
    }
    check("(Vmodel\n(Vstate_dict\n(Va\nF1\nddd.", &["a"]);
    // A wrapper's name may also be the name of a tensor, or of something else.
    check("(Vmodel\nF1\nVa\nF2\nd.", &["model", "a"]);
    check("(Vmodel\nVR50\nVstate_dict\n(Va\nF1\ndd.", &["a"]);
    // Only a prefix of all names is a wrapper's.
    check("(Vmodule.a\nF1\nVmodule.b\nF2\nd.", &["a", "b"]);
    check("(Vmodule.a\nF1\nVb\nF2\nd.", &["module.a", "b"]);
    check("(Vmodel\n(Vmodule.a\nF1\ndd.", &["a"]);
    check("(Vmodule\n(Vmodel_ema\n(Vnet\n(Vmodule._orig_mod.model.a\nF1\ndddd.", &["a"]);
    // Entries that are not named tensors do not count.
    check("(Va\nF1\nI5\nF2\nVargs\ncargparse\nNamespace\n)Rd.", &["a"]);
}

#[test]
fn of_several_networks_the_weights_themselves_are_taken_and_said() {
    let check = |pickle: &str, expected: &[&str], remark: &str| {
        let entries = find_floats(pickle.as_bytes()).unwrap();
        let names: Vec<_> = entries.tensors.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected, "{pickle:?}");
        let remarks = entries.rest.remarks.join("\n");
        assert!(remarks.contains(remark), "{remarks:?}, not {remark:?}");
    };
    // The order in the file does not matter.
    check(
        "(Vmodel_ema\n(Vb\nF2\ndVmodel\n(Va\nF1\ndd.",
        &["a"],
        "took \"model\", not \"model_ema\", which the file has too",
    );
    check("(Vema_state_dict\n(Vb\nF2\ndd.", &["b"], "took the averaged weights under");
    check("(Vnet\n(Vb\nF2\ndd.", &["b"], "took the entries of \"net\"");
    // An optimizer's tensors are no network, and what is empty is none either.
    check("(Vmodel_ema\n(dVstate_dict\n(Va\nF1\ndd.", &["a"], "");
}

#[test]
fn a_file_with_its_tensors_in_an_unknown_place_says_where_they_are() {
    let pickle = b"(Vepoch\nI3\nVstudent\n(Vmodel\n(Va\nF1\nddVoptimizer\n(dd.";
    let Err(error) = find_floats(pickle) else { panic!("found tensors") };
    let error = error.to_string();
    for expected in [
        "[\"epoch\", \"student\", \"optimizer\"]",
        "torch.save(torch.load(FILE)[\"student\"], NEW_FILE)",
    ] {
        assert!(error.contains(expected), "{error}");
    }
    let Err(error) = find_floats(b"(Vepoch\nI3\nd.") else { panic!("found tensors") };
    assert!(error.to_string().contains("none of them holds tensors"), "{error}");
}

#[test]
fn containers_that_name_each_other_many_times_are_looked_at_once() {
    // Each level names the next one a thousand times; a search of all ways would never end.
    let mut pickle = String::from("(dp0\n0");
    for level in 1..4 {
        let entries = format!("Vmodel\ng{}\nVnet\ng{}\n", level - 1, level - 1).repeat(500);
        pickle = format!("{pickle}({entries}dp{level}\n0");
    }
    pickle += "g3\n.";
    let Err(error) = find_floats(pickle.as_bytes()) else { panic!("found tensors") };
    assert!(matches!(error, Reason::NoTensors { .. }), "{error}");
}

#[test]
fn plain_values_become_metadata_and_all_else_a_note() {
    let entries =
        find_floats(b"(Va\nF1\nViteration\nI90\nVname\nVR50\nVflag\nI01\nVoptimizer\n(dI5\nNd.")
            .unwrap();
    let metadata: Vec<_> = entries.rest.metadata.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(metadata, ["flag=true", "iteration=90", "name=R50"]);
    let notes = entries.rest.notes.join("\n");
    assert!(notes.contains("skipped \"optimizer\": a dict"), "{notes}");
    assert!(notes.contains("skipped an entry whose name is an integer"), "{notes}");
}

#[test]
fn notes_are_limited() {
    let others: Vec<_> = (0..500).map(|index| format!("Vk{index}\n(d")).collect();
    let entries = find_floats(format!("(Va\nF1\n{}d.", others.concat()).as_bytes()).unwrap();
    assert_eq!(entries.rest.notes.len(), MAX_NOTES + 1);
    assert_eq!(entries.rest.notes[MAX_NOTES], "and 400 more of the kind");
}

#[test]
fn wrappers_that_hold_each_other_come_to_an_end() {
    let Err(error) = find_floats(b"}q\x00Vmodel\nh\x00s.") else { panic!("found tensors") };
    assert!(matches!(error, Reason::NoTensors { .. }), "{error}");
}
