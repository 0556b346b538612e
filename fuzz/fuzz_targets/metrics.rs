//! Any line as one of `metrics.json`: nothing, or a record that its own line describes.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/seqformer-engine/src/metrics/record.rs"]
#[allow(dead_code, unreachable_pub, reason = "one file of a crate that needs libtorch")]
mod record;

use record::MetricsRecord;

fuzz_target!(|line: &str| {
    let Some(record) = MetricsRecord::from_json(line) else { return };
    let text = record.to_json();
    let again = MetricsRecord::from_json(&text).expect("what was written can be read");
    assert_eq!(again.to_json(), text);
});
