use serde_json::json;

use super::{ClassScore, Report};

fn report() -> Report {
    let class = |id, name: &str, ap| {
        let mut stats = [0.0; 12];
        stats[0] = ap;
        stats[6] = -1.0;
        ClassScore { id, name: name.to_owned(), is_present: true, stats }
    };
    let absent = ClassScore { is_present: false, ..class(10, "unicorn", -1.0) };
    let per_class =
        vec![class(1, "giant panda", 0.456), class(2, "ape", -1.0), class(9, "ape", 1.0), absent];
    Report { stats: [0.25; 12], per_class }
}

#[test]
fn the_table_has_a_line_per_class_that_is_there_in_the_scale_of_the_summary() {
    let expected = "\
class            AP    AP50    AP75     AR1    AR10
giant panda   0.456   0.000   0.000       -   0.000
ape               -   0.000   0.000       -   0.000
ape           1.000   0.000   0.000       -   0.000
1 classes have neither annotations nor results
";
    assert_eq!(report().per_class_table().to_string(), expected);
}

#[test]
fn json_keeps_classes_of_one_name_apart() {
    let json = report().to_json();
    assert_eq!(json["stats"].as_array().unwrap().len(), 12);
    assert_eq!((&json["num_classes"], &json["per_class"]["unicorn"]), (&json!(4), &json!(null)));
    assert_eq!(json["stat_names"][8], "AR100");
    assert_eq!(json["per_class"]["giant panda"], 0.456);
    assert_eq!(json["per_class"]["ape (2)"], -1.0);
    assert_eq!(json["per_class"]["ape (9)"], 1.0);
    assert_eq!(json["per_class_stats"]["giant panda"][6], -1.0);
}

#[test]
fn scores_have_the_names_and_the_scale_of_detectron2() {
    let scores = report().scores();
    let names: Vec<&str> = scores.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..12], super::STAT_NAMES);
    assert_eq!(names[12..], ["AP-giant panda", "AP-ape (2)", "AP-ape (9)", "AP-unicorn"]);
    let value = |name: &str| scores.iter().find(|(known, _)| known == name).unwrap().1;
    assert_eq!((value("AP"), value("ARl"), value("AP-ape (9)")), (25.0, 25.0, 100.0));
    assert!((value("AP-giant panda") - 45.6).abs() < 1e-12);
    assert!(value("AP-unicorn").is_nan() && value("AP-ape (2)").is_nan());
    // One class is all classes.
    let one = Report { per_class: report().per_class[..1].to_vec(), ..report() };
    assert_eq!(one.scores().len(), 12);
}

#[test]
fn lines_to_copy_are_those_of_detectron2() {
    let mut stats = [0.25; 12];
    (stats[1], stats[3]) = (0.123_456_7, -1.0);
    let lines = Report { stats, ..report() }.copypaste("segm");
    let expected = [
        "copypaste: Task: segm",
        "copypaste: AP,AP50,AP75,APs,APm,APl,AR1,AR10,AR100,ARs,ARm,ARl",
        "copypaste: 25.0000,12.3457,25.0000,nan,25.0000,25.0000,25.0000,25.0000,25.0000,25.0000,25.0000,25.0000",
    ];
    assert_eq!(lines, expected);
}
