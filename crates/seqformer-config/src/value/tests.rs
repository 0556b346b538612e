use super::Value;

/// Floats, and Python's `repr` of them.
const FLOATS: &[(f64, &str)] = &[
    (0.0, "0.0"),
    (-0.0, "-0.0"),
    (1.0, "1.0"),
    (0.1, "0.1"),
    (0.0001, "0.0001"),
    (0.0002, "0.0002"),
    (1e-05, "1e-05"),
    (1.5e-05, "1.5e-05"),
    (123_456_789.0, "123456789.0"),
    (1e15, "1000000000000000.0"),
    (1e+16, "1e+16"),
    (1.5e+16, "1.5e+16"),
    (1e+22, "1e+22"),
    (1e+300, "1e+300"),
    (5e-324, "5e-324"),
    (0.05, "0.05"),
    (58.395, "58.395"),
];

#[test]
fn floats_are_written_as_in_python() {
    for (float, expected) in FLOATS {
        assert_eq!(Value::Float(*float).to_string(), *expected);
    }
}

#[test]
fn values_are_written_as_in_python() {
    let text = Value::Str("it's".to_owned());
    let values = [
        (Value::Tuple(vec![Value::Int(8000)]), "(8000,)"),
        (Value::Tuple(vec![]), "()"),
        (Value::List(vec![Value::None, Value::Bool(true)]), "[None, True]"),
        (text, "\"it's\""),
    ];
    for (value, expected) in values {
        assert_eq!(value.to_string(), expected);
    }
}
