use super::*;
use tch::Kind;

#[test]
fn on_the_cpu_tensors_arrive_as_they_were() {
    let sent = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 3, 4]).permute([2, 0, 1]);
    let uploaded = Upload::start(&sent, Device::Cpu).unwrap().take().unwrap();
    assert_eq!(uploaded, sent);
    let back = Download::start(&uploaded).unwrap().wait().unwrap();
    assert!(back.is_contiguous() && back == sent);
}
