use super::*;

#[test]
fn devices_are_read_and_written() {
    let cases = [
        ("auto", Some(DeviceChoice::Auto)),
        ("cpu", Some(DeviceChoice::Cpu)),
        ("cuda", Some(DeviceChoice::Cuda(0))),
        ("cuda:3", Some(DeviceChoice::Cuda(3))),
        ("cuda:", None),
        ("cuda:-1", None),
        ("gpu", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(text.parse().ok(), expected, "{text:?}");
        if let Some(choice) = expected {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
    }
}
