use super::*;
use crate::reader::read_source;

fn read_bytes(bytes: Vec<u8>) -> Result<StateDict, Reason> {
    read_source(&mut Source::from_bytes(bytes))
}

/// A tensor over one storage of the old stream; sizes below 256.
struct View {
    offset: u8,
    shape: &'static [u8],
    strides: &'static [u8],
    /// What the pickle says of the storage.
    storage_len: u8,
    storage: &'static str,
    rebuild: &'static str,
    /// What the storage holds.
    values: &'static [f32],
}

const VIEW: View = View {
    offset: 0,
    shape: &[4],
    strides: &[1],
    storage_len: 4,
    storage: "FloatStorage",
    rebuild: "_rebuild_tensor_v2",
    values: &[1.0, 2.0, 3.0, 4.0],
};

impl View {
    fn stream(&self) -> Vec<u8> {
        let tuple = |sizes: &[u8]| {
            let sizes: Vec<u8> = sizes.iter().flat_map(|&size| [b'K', size]).collect();
            [b"(", &*sizes, b"t"].concat()
        };
        let values: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
        [
            // The magic number, the protocol, the system, the state dict, the storage keys.
            &b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}."[..],
            b"\x80\x02}U\x01wctorch._utils\n",
            self.rebuild.as_bytes(),
            b"\n((U\x07storagectorch\n",
            self.storage.as_bytes(),
            b"\nU\x01kU\x03cpuK",
            &[self.storage_len],
            b"tQK",
            &[self.offset],
            &tuple(self.shape),
            &tuple(self.strides),
            b"\x89}tRs.",
            b"\x80\x02]U\x01ka.",
            &(self.values.len() as u64).to_le_bytes(),
            &values,
        ]
        .concat()
    }

    fn read(&self) -> Result<StateDict, Reason> {
        read_bytes(self.stream())
    }
}

#[test]
fn views_are_cut_out_of_their_storage() {
    let check = |view: &View, expected: &[f32]| {
        let state = view.read().unwrap();
        assert_eq!(state.get("w").unwrap().to_f32_vec(), expected, "{:?}", view.shape);
    };
    check(&VIEW, &[1.0, 2.0, 3.0, 4.0]);
    check(&View { offset: 1, shape: &[2], ..VIEW }, &[2.0, 3.0]);
    check(&View { shape: &[2, 2], strides: &[1, 2], ..VIEW }, &[1.0, 3.0, 2.0, 4.0]);
    check(&View { shape: &[2, 2], strides: &[2, 0], ..VIEW }, &[1.0, 1.0, 3.0, 3.0]);
    check(&View { shape: &[3, 2], strides: &[1, 1], ..VIEW }, &[1.0, 2.0, 2.0, 3.0, 3.0, 4.0]);
    check(&View { offset: 3, shape: &[], strides: &[], ..VIEW }, &[4.0]);
    check(&View { offset: 200, shape: &[0, 5], strides: &[5, 1], ..VIEW }, &[]);
    // A stride that is never taken may be anything.
    check(&View { shape: &[1, 4], strides: &[200, 1], ..VIEW }, &[1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn views_beyond_their_storage_are_errors() {
    let check = |view: &View, expected: &str| {
        let error = view.read().unwrap_err().to_string();
        assert!(error.contains("tensor \"w\": ") && error.contains(expected), "{error}");
    };
    check(&View { offset: 1, ..VIEW }, "at offset 1 does not fit its storage of 4 elements");
    check(&View { shape: &[5], ..VIEW }, "shape [5]");
    check(&View { shape: &[2, 2], strides: &[3, 1], ..VIEW }, "strides [3, 1]");
    check(&View { shape: &[2, 2], ..VIEW }, "shape [2, 2] with strides [1]");
    check(&View { storage_len: 9, ..VIEW }, "should hold 9 elements of float32, found 16 bytes");
    check(&View { rebuild: "_rebuild_sparse_tensor", ..VIEW }, "_rebuild_sparse_tensor with 6 arg");
    // 200⁷ elements out of one: the sum of the elements decides, not the length of the file.
    let shape = &[200, 200, 200, 200, 200, 200, 200];
    check(&View { shape, strides: &[0; 7], ..VIEW }, "is out of proportion to the file");
    let (shape, strides) = (&[255; 40], &[0; 40]);
    check(&View { shape, strides, ..VIEW }, "is out of proportion to the file");
}

#[test]
fn storages_of_unknown_types_are_errors() {
    let error = View { storage: "QInt8Storage", ..VIEW }.read().unwrap_err().to_string();
    assert!(error.contains("the type of storage \"k\" is not known"), "{error}");
}

#[test]
fn a_stream_cut_short_says_so() {
    let bytes = VIEW.stream();
    let error = read_bytes(bytes[..bytes.len() - 1].to_vec()).unwrap_err().to_string();
    assert!(error.contains("the bytes end too early; download or copy it again"), "{error}");
}

/// A zip archive of stored entries, its 64-bit form if `is_wide`.
fn zip(entries: &[(&str, &[u8])], is_wide: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for (name, content) in entries {
        let offset = bytes.len();
        let (len, name_len) = (content.len() as u32, name.len() as u16);
        bytes.extend(b"PK\x03\x04");
        bytes.extend([0; 22]);
        bytes.extend(name_len.to_le_bytes());
        bytes.extend([0; 2]);
        bytes.extend(name.as_bytes());
        bytes.extend(*content);
        let shown = |value: u32| if is_wide { u32::MAX } else { value }.to_le_bytes();
        directory.extend(b"PK\x01\x02");
        directory.extend([0; 16]);
        directory.extend(shown(len));
        directory.extend(shown(len));
        directory.extend(name_len.to_le_bytes());
        directory.extend([if is_wide { 28 } else { 0 }, 0]);
        directory.extend([0; 10]);
        directory.extend(shown(offset as u32));
        directory.extend(name.as_bytes());
        if is_wide {
            directory.extend([1, 0, 24, 0]);
            for value in [len.into(), len.into(), offset as u64] {
                directory.extend(value.to_le_bytes());
            }
        }
    }
    let (offset, len) = (bytes.len(), directory.len());
    bytes.extend(directory);
    if is_wide {
        let end = bytes.len() as u64;
        bytes.extend(b"PK\x06\x06");
        bytes.extend([0; 36]);
        bytes.extend((len as u64).to_le_bytes());
        bytes.extend((offset as u64).to_le_bytes());
        bytes.extend(b"PK\x06\x07\0\0\0\0");
        bytes.extend(end.to_le_bytes());
        bytes.extend([1, 0, 0, 0]);
    }
    let shown = |value: usize| if is_wide { u32::MAX } else { value as u32 }.to_le_bytes();
    bytes.extend(b"PK\x05\x06\0\0\0\0\0\0\0\0");
    bytes.extend(shown(len));
    bytes.extend(shown(offset));
    bytes.extend([0, 0]);
    bytes
}

const PICKLE: &[u8] =
    b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage\
    ctorch\nLongStorage\nX\x01\0\0\0kX\x03\0\0\0cpuK\x01tQK\x00)\x29\x89}tRs.";

#[test]
fn both_sizes_of_zip_are_read() {
    let data = 5i64.to_le_bytes();
    for is_wide in [false, true] {
        for root in ["", "archive/", "a/b/"] {
            let names = ["data.pkl", "data/k"].map(|name| format!("{root}{name}"));
            let bytes = zip(&[(&names[0], PICKLE), (&names[1], &data)], is_wide);
            let state = read_bytes(bytes).unwrap();
            assert_eq!(state.get("w").unwrap().to_i64_vec(), Some(vec![5]), "{is_wide} {root}");
        }
    }
}

#[test]
fn archives_that_are_not_torchs_are_errors() {
    let data = 5i64.to_le_bytes();
    let check = |entries: &[(&str, &[u8])], expected: &str| {
        let error = read_bytes(zip(entries, false)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let (pickle, storage) = (("a/data.pkl", PICKLE), ("a/data/k", &data[..]));
    check(&[pickle], "tensor \"w\": its storage \"k\" is not in the file");
    check(&[pickle, ("a/data/k", &data[..7])], "should hold 1 elements of int64, found 7 bytes");
    check(&[storage], "a zip archive without data.pkl");
    check(&[pickle, storage, ("b/data.pkl", PICKLE)], "a zip archive with several data.pkl");
    check(&[pickle, storage, storage], "two entries have the same name");
    check(&[pickle, storage, ("a/byteorder", b"big")], "tensors in big-endian order");
    check(&[pickle, storage, ("a/byteorder", b"odd")], "neither little nor big");
    check(&[pickle, storage, ("a/constants.pkl", b"")], "TorchScript");
}

#[test]
fn a_compressed_entry_is_named() {
    let mut bytes = zip(&[("a/data.pkl", PICKLE), ("a/data/k", &5i64.to_le_bytes())], false);
    let second = bytes.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    bytes[second + 10] = 8;
    let error = read_bytes(bytes.clone()).unwrap_err().to_string();
    assert!(error.contains("entry \"a/data/k\" of the archive is compressed"), "{error}");
    bytes[second + 8] = 1;
    let error = read_bytes(bytes).unwrap_err().to_string();
    assert!(error.contains("entry \"a/data/k\" of the archive is encrypted"), "{error}");
}

#[test]
fn overlapping_storages_cannot_multiply_the_file() {
    // Every directory entry names the same stretch of the file.
    let data = [0; 4096];
    let names: Vec<String> = (0..64).map(|index| format!("a/data/{index}")).collect();
    let mut pickle = b"\x80\x02}(".to_vec();
    for index in 0..64 {
        let head = format!("U\x03w{index:02}ctorch._utils\n_rebuild_tensor_v2\n");
        pickle.extend(head.as_bytes());
        let key = format!("((U\x07storagectorch\nByteStorage\nV{index}\nU\x03cpuM\0\x10tQK\0");
        pickle.extend(key.as_bytes());
        pickle.extend(b"M\0\x10\x85K\x01\x85\x89}tR");
    }
    pickle.extend(b"u.");
    let mut entries: Vec<(&str, &[u8])> = vec![("a/data.pkl", &pickle), (&names[0], &data)];
    entries.extend(names[1..].iter().map(|name| (name.as_str(), &[][..])));
    let mut bytes = zip(&entries, false);
    let directory: Vec<usize> =
        (0..bytes.len() - 4).filter(|&at| bytes[at..at + 4] == *b"PK\x01\x02").skip(1).collect();
    let (sizes, offset) = (bytes[directory[0] + 20..][..8].to_vec(), directory[0] + 42);
    let offset = bytes[offset..][..4].to_vec();
    for at in directory {
        bytes[at + 20..at + 28].copy_from_slice(&sizes);
        bytes[at + 42..at + 46].copy_from_slice(&offset);
    }
    let error = read_bytes(bytes).unwrap_err().to_string();
    assert!(error.contains("the storages are larger than the file"), "{error}");
}
