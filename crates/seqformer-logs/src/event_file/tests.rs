//! The reader here shares nothing with the writer: checksums bit by bit, fields by their wire type.

use std::fs;

use super::EventFile;
use crate::metrics::MetricsRecord;

/// CRC-32C as a polynomial division, and the mask as TensorFlow's `crc32c.h` words it.
fn masked_checksum(data: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in data {
        for bit in 0..8 {
            let carry = (crc ^ (u32::from(*byte) >> bit)) & 1;
            crc = (crc >> 1) ^ if carry == 1 { 0x82F6_3B78 } else { 0 };
        }
    }
    let crc = !crc;
    let (low, high) = (crc & 0x7FFF, crc >> 15);
    (low << 17 | high).wrapping_add(0xA282_EAD8)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn records(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(u32_at(bytes, 8), masked_checksum(&bytes[..8]));
        let data = &bytes[12..12 + len];
        assert_eq!(u32_at(bytes, 12 + len), masked_checksum(data));
        records.push(data.to_vec());
        bytes = &bytes[16 + len..];
    }
    records
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let len = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value =
        bytes[..len].iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7F));
    *bytes = &bytes[len..];
    value
}

/// The contents of all fields with the number `field`; numbers as their little-endian bytes.
fn fields(mut message: &[u8], field: u64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        let (content, rest) = match tag & 7 {
            0 => (varint(&mut message).to_le_bytes().to_vec(), message),
            1 => (message[..8].to_vec(), &message[8..]),
            2 => {
                let len = varint(&mut message) as usize;
                (message[..len].to_vec(), &message[len..])
            }
            5 => (message[..4].to_vec(), &message[4..]),
            other => panic!("wire type {other}"),
        };
        if tag >> 3 == field {
            found.push(content);
        }
        message = rest;
    }
    found
}

fn field(message: &[u8], path: &[u64]) -> Vec<u8> {
    path.iter().fold(message.to_vec(), |message, number| fields(&message, *number).remove(0))
}

fn step(event: &[u8]) -> u64 {
    u64::from_le_bytes(field(event, &[2]).try_into().unwrap())
}

fn scalars(event: &[u8]) -> Vec<(String, f32)> {
    let values = fields(&field(event, &[5]), 1);
    let scalar = |value: &Vec<u8>| {
        let number = field(value, &[2]).try_into().unwrap();
        (String::from_utf8(field(value, &[1])).unwrap(), f32::from_le_bytes(number))
    };
    values.iter().map(scalar).collect()
}

#[test]
fn scalars_and_texts_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(folder.path(), 0).unwrap();
    let values = vec![("total_loss".to_owned(), 31.25), ("lr".to_owned(), f64::NAN)];
    file.write_record(&MetricsRecord { iteration: 300, values }).unwrap();
    file.write_scalar(u64::from(u32::MAX) + 7, "segm/AP", 47.5).unwrap();
    let markdown = "| a |\n|---|\n| é |".repeat(50);
    file.write_text(0, "config", &markdown).unwrap();
    let events = records(&fs::read(file.path()).unwrap());
    assert_eq!(events.len(), 4);
    assert_eq!(field(&events[0], &[3]), b"brain.Event:2");
    let time = f64::from_le_bytes(field(&events[0], &[1]).try_into().unwrap());
    assert!(time > 1.7e9, "{time}");
    assert_eq!(step(&events[1]), 300);
    let found = scalars(&events[1]);
    assert_eq!(found[0], ("total_loss".to_owned(), 31.25));
    assert!(found[1].0 == "lr" && found[1].1.is_nan());
    assert_eq!(step(&events[2]), 4_294_967_302);
    assert_eq!(scalars(&events[2]), [("segm/AP".to_owned(), 47.5)]);
    assert_eq!(field(&events[3], &[5, 1, 9, 1, 1]), b"text");
    assert_eq!(field(&events[3], &[5, 1, 8, 8]), markdown.as_bytes());
    let (dtype, size) = (field(&events[3], &[5, 1, 8, 1]), field(&events[3], &[5, 1, 8, 2, 2, 1]));
    assert_eq!((dtype[0], size[0]), (7, 1));
}

#[test]
fn a_resumed_run_begins_with_the_start_of_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = EventFile::create(folder.path(), 40).unwrap();
    let events = records(&fs::read(file.path()).unwrap());
    assert_eq!(events.len(), 2);
    assert_eq!(step(&events[1]), 40);
    assert_eq!(field(&events[1], &[7, 1])[0], 1);
}

#[test]
fn files_are_named_by_time_and_host_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..3).map(|_| EventFile::create(folder.path(), 0).unwrap()).collect();
    for file in &files {
        let name = file.path().file_name().unwrap().to_string_lossy().into_owned();
        let rest = name.strip_prefix("events.out.tfevents.").unwrap();
        let (secs, host) = rest.split_once('.').unwrap();
        assert!(secs.len() == 10 && secs.parse::<u64>().is_ok() && !host.is_empty(), "{name}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_missing_folder_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let error = EventFile::create(&folder.path().join("no"), 0).unwrap_err().to_string();
    assert!(error.contains("no/events.out.tfevents."), "{error}");
}
