//! Text files in UTF-8, with or without a byte order mark.

use std::path::Path;

use seqformer_annotations::Fault;

use crate::ConvertError;

/// Reads a whole file.
///
/// # Errors
///
/// A file that cannot be read or is not UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, ConvertError> {
    let bytes = std::fs::read(path).map_err(|source| ConvertError::read(path, source))?;
    check_encoding(path, &bytes)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        not_utf8(path, &format!("other bytes at offset {at}"))
    })?;
    Ok(without_mark(&text).to_owned())
}

/// Makes sure that a file that starts like this may be UTF-8.
///
/// # Errors
///
/// A byte order mark of UTF-16.
pub(crate) fn check_encoding(path: &Path, start: &[u8]) -> Result<(), ConvertError> {
    match other_encoding(start) {
        Some(found) => Err(not_utf8(path, found)),
        None => Ok(()),
    }
}

/// Names the encoding of a file that is not UTF-8, by its byte order mark.
pub(crate) fn other_encoding(start: &[u8]) -> Option<&'static str> {
    match start {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 text"),
        _ => None,
    }
}

/// Removes the byte order mark of UTF-8.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn not_utf8(path: &Path, found: &str) -> ConvertError {
    let mend = "save the file as UTF-8 (in PowerShell: `| Out-File -Encoding utf8 FILE`)";
    ConvertError::wrong(path, "the whole file", Fault::new("", "UTF-8 text", found, mend))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use seqformer_masks::ImageSize;

    use crate::{Format, ReadOptions};

    /// `text` as UTF-16 with a byte order mark.
    fn utf16(text: &str) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn encodings_are_told_and_a_mark_is_no_part_of_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let labels = folder.path().join("labels");
        fs::create_dir(&labels).unwrap();
        let line = "0 0.1 0.1 0.5 0.1 0.5 0.5\r\n";
        let read_line = |bytes: &[u8]| {
            fs::write(labels.join("0.txt"), bytes).unwrap();
            let size = Some(ImageSize { height: 10, width: 20 });
            let options = ReadOptions { size, ..ReadOptions::default() };
            let found = crate::read(folder.path(), None, &options);
            found
                .map(|read| (read.from, read.dataset.num_tracks()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(read_line(line.as_bytes()), Ok((Format::Yolo, 1)));
        assert_eq!(read_line(format!("\u{feff}{line}").as_bytes()), Ok((Format::Yolo, 1)));
        let cases = [
            (utf16(line), "0.txt is UTF-16 text"),
            (line.replace("0.", "0,").into(), "0.txt is text that begins with \"0 0,1 0,1"),
            (line.replace("0 ", "-1 ").into(), "class: expected a whole number of 0 or more"),
            (line.replace("0.5\r", "a\r").into(), "0.txt is text that begins with"),
            ([line.as_bytes(), b"\xff"].concat(), "found other bytes at offset 27"),
        ];
        for (bytes, expected) in cases {
            let said = read_line(&bytes).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
        let xml = folder.path().join("task.xml");
        fs::write(&xml, utf16("<annotations/>")).unwrap();
        let said = crate::read(&xml, None, &ReadOptions::default()).unwrap_err().to_string();
        assert!(said.contains("expected UTF-8 text, found UTF-16 text; save"), "{said}");
    }
}
