use super::{Curves, Series};

fn series(name: &str, points: &[(u64, f64)]) -> Series {
    Series { name: name.into(), points: points.to_vec() }
}

fn circles(svg: &str) -> usize {
    svg.matches("<circle").count()
}

/// The y of every point of the paths with this colour and width.
fn heights(svg: &str, pen: &str) -> Vec<f64> {
    let paths = svg.lines().filter(|line| line.contains("fill=\"none\"") && line.contains(pen));
    let data = paths.filter_map(|line| line.split('"').nth(1));
    let points = data.flat_map(|path| path.split(['M', 'L']).filter(|point| !point.is_empty()));
    points.map(|point| point.split(' ').nth(1).unwrap().parse().unwrap()).collect()
}

#[test]
fn a_picture_without_values_says_so() {
    let svg = Curves::new("run", Vec::new()).to_svg();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("no values yet") && svg.contains(">Losses<"));
    assert!(!svg.contains("Validation AP") && !svg.contains("NaN"));
}

#[test]
fn greater_values_lie_higher() {
    let svg =
        Curves::new("run", vec![series("total_loss", &[(0, 4.0), (1, 2.0), (2, 3.0)])]).to_svg();
    let y = heights(&svg, "stroke-width=\"1.8\"");
    assert!(y.len() == 3 && y[0] < y[2] && y[2] < y[1], "{y:?}");
    // On a linear axis the middle value lies in the middle.
    assert!((f64::midpoint(y[0], y[1]) - y[2]).abs() < 0.011, "{y:?}");
}

#[test]
fn the_sum_that_is_drawn_is_the_one_that_is_trained() {
    let total = series("total_loss", &[(0, 158.7), (1, 150.0)]);
    let trained = series("optimized_loss", &[(0, 58.7), (1, 50.0)]);
    let svg = Curves::new("run", vec![total.clone(), trained]).to_svg();
    assert!(svg.contains("optimized_loss") && !svg.contains("total_loss"), "{svg}");
    // Files of other programs have only the sum with the class error.
    let svg = Curves::new("run", vec![total]).to_svg();
    assert!(svg.contains("total_loss"), "{svg}");
}

#[test]
fn a_constant_learning_rate_lies_between_the_edges() {
    let svg = Curves::new("run", vec![series("lr", &[(19, 2e-4), (39, 2e-4)])]).to_svg();
    let y = heights(&svg, "stroke-width=\"1.8\"");
    // The second panel is 120 pixels high, below the first one of 340 and a gap of 52 under the header of 88.
    assert!(y[0] == y[1] && (485.0..595.0).contains(&y[0]), "{y:?}");
    assert!(svg.contains(">2e-4<") && svg.contains(">0<"));
}

#[test]
fn a_wide_range_of_losses_gets_a_logarithmic_axis() {
    let points = [(0, 100.0), (1, 1.0), (2, 10.0)];
    let svg = Curves::new("run", vec![series("loss_ce", &points)]).to_svg();
    assert!(svg.contains("Losses (logarithmic)"));
    let y = heights(&svg, "stroke-width=\"1.8\"");
    assert!((f64::midpoint(y[0], y[1]) - y[2]).abs() < 0.011, "{y:?}");
    let svg = Curves::new("run", vec![series("loss_ce", &[(0, 100.0), (1, 0.0)])]).to_svg();
    assert!(!svg.contains("logarithmic"));
}

#[test]
fn every_evaluation_has_a_mark_and_the_best_is_told() {
    let ap = [(999, 30.0), (1999, 45.5), (2999, 44.0)];
    let all = vec![series("segm/AP", &ap), series("segm/AP50", &ap), series("bbox/AP", &ap)];
    let svg = Curves::new("run", all).to_svg();
    assert_eq!(circles(&svg), 6);
    assert!(svg.contains("Validation AP") && svg.contains("best 45.5 at 1,999"));
    assert!(svg.contains("iteration 2,999"));
}

#[test]
fn of_several_datasets_one_is_drawn() {
    let series =
        vec![series("a/segm/AP", &[(9, 10.0)]), series("b/c/segm/AP", &[(9, 20.0), (19, 30.0)])];
    let marks = |prefix| circles(&Curves::new("", series.clone()).of_dataset(prefix).to_svg());
    assert!(marks("b/c/") > marks("a/") && marks("a/") > marks(""));
}

#[test]
fn what_is_not_finite_is_seen_and_never_drawn() {
    let points = [(0, 1.0), (1, f64::NAN), (2, f64::INFINITY), (3, 2.0)];
    let svg = Curves::new("a < b", vec![series("total_loss", &points)]).to_svg();
    assert!(svg.contains("value is not finite") && svg.contains("a &lt; b"));
    assert_eq!(svg.matches("stroke=\"#c81e1e\"").count(), 2);
    assert!(!svg.contains("NaN") && !svg.contains("inf "));
}

#[test]
fn the_file_is_the_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curves.svg");
    let curves = Curves::new("run", vec![series("lr", &[(19, 2e-4)])]);
    curves.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), curves.to_svg());
    let error = curves.write(&folder.path().join("no/curves.svg")).unwrap_err().to_string();
    assert!(error.contains("no/curves.svg: cannot be written"), "{error}");
}
