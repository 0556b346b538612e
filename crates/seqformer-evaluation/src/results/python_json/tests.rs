use super::push_float;

#[test]
fn numbers_are_written_as_python_writes_them() {
    let check = |number: f64, expected: &str| {
        let mut text = String::new();
        push_float(&mut text, number);
        assert_eq!(text, expected);
    };
    // Python: repr(number)
    check(0.0, "0.0");
    check(-0.0, "-0.0");
    check(1.0, "1.0");
    check(0.1, "0.1");
    check(1e-4, "0.0001");
    check(9.999e-5, "9.999e-05");
    check(1e-5, "1e-05");
    check(1.5e-7, "1.5e-07");
    check(-2.5e-9, "-2.5e-09");
    check(123_456.75, "123456.75");
    check(1e15, "1000000000000000.0");
    check(123_456_789_012_345_680.0, "1.2345678901234568e+17");
    check(1e16, "1e+16");
    check(1e22, "1e+22");
    check(f64::MAX, "1.7976931348623157e+308");
    check(5e-324, "5e-324");
    check(1.0 / 3.0, "0.3333333333333333");
    // Python: repr(float(numpy.float32(number)))
    check(f64::from(0.987_654_3_f32), "0.9876543283462524");
    check(f64::from(0.1_f32), "0.10000000149011612");
    check(f64::from(1e-5_f32), "9.999999747378752e-06");
    check(f64::from(3.4e38_f32), "3.3999999521443642e+38");
    check(f64::from(0.05_f32), "0.05000000074505806");
    check(f64::from(0.333_333_3_f32), "0.3333333134651184");
}
