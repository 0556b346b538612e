//! Any line as one of `metrics.json`: nothing, or a record that its own line describes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_logs::MetricsRecord;

fuzz_target!(|line: &str| {
    let Some(record) = MetricsRecord::from_json(line) else { return };
    let text = record.to_json();
    let again = MetricsRecord::from_json(&text).expect("what was written can be read");
    assert_eq!(again.to_json(), text);
});
