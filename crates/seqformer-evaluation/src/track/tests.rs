use seqformer_testing::assert_close_f64;

use super::{average_area, mean};

#[test]
fn means_are_those_of_numpy_bit_by_bit() {
    // numpy 2.4: np.mean(np.array([(i * 7919 % 1000) / 7.0 for i in range(n)]))
    let expected = [
        (1, 0.0),
        (7, 87.734_693_877_551_01),
        (8, 84.5),
        (9, 80.698_412_698_412_71),
        (15, 71.380_952_380_952_38),
        (128, 71.017_857_142_857_14),
        (129, 71.167_220_376_522_69),
        (136, 69.768_907_563_025_21),
        (300, 71.5),
        (1011, 71.364_278_649_145_12),
    ];
    for (count, expected) in expected {
        let values: Vec<f64> = (0..count).map(|i| f64::from(i * 7919 % 1000) / 7.0).collect();
        assert_close_f64(&format!("mean of {count}"), &[mean(&values)], &[expected], 0.0);
    }
}

#[test]
fn frames_without_area_do_not_count() {
    assert_eq!(average_area([0.0, 4.0, 0.0, 8.0].into_iter()), 6.0);
    assert_eq!(average_area([0.0, 0.0].into_iter()), 0.0);
    assert_eq!(average_area([].into_iter()), 0.0);
}
