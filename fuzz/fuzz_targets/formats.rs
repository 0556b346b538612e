//! Any text as a file of another tool: an error, or a YouTube-VIS file that the reader of trainings takes.
//!
//! The first line of an input names the format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seqformer_convert::{Conversion, Format, convert};
use seqformer_data::read_ytvis;
use seqformer_fuzz::{folder, with_file};

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return };
    let name = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
    let Ok(from) = name.parse::<Format>() else { return };
    let file = match from {
        Format::Cvat => "annotations.xml",
        Format::MotsTxt => "0001.txt",
        _ => "annotations.json",
    };
    with_file(file, &bytes[end + 1..], |path| {
        let output = folder().join("converted.json");
        let mut conversion = Conversion::new(path, Format::Ytvis, &output);
        conversion.from = Some(from);
        conversion.overwrite = true;
        conversion.boxes_as_masks = true;
        if convert(&conversion).is_ok() {
            let read = read_ytvis(&output, folder());
            assert!(read.is_ok(), "what was written cannot be read: {:?}", read.err());
        }
    });
});
