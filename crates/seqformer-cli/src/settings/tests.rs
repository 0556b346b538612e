use super::*;

fn split(words: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let (inputs, pairs) = split_inputs(&words).map_err(|error| error.to_string())?;
    Ok((inputs.to_vec(), pairs.to_vec()))
}

#[test]
fn inputs_end_where_the_first_key_stands() {
    let cases: [(&[&str], usize); 11] = [
        (&["a.mp4"], 1),
        (&["a.mp4", "frames/", "MODEL.DEVICE", "cpu"], 2),
        (&["a.mp4", "SEED", "1"], 1),
        (&["a.mp4", "INPUT.MIN_SIZE_TEST=480"], 1),
        (&["a.mp4", "MODEL.SeqFormer.NUM_CLASES", "3"], 1),
        (&["a.mp4", "MODLE.DEVICE", "cpu"], 1),
        // Files that are not there, in capitals.
        (&["A.MP4", "SEED", "1"], 1),
        (&["GOOD.MP4", "CLIP.MP4"], 2),
        (&["CAM1/FRAMES", "CAM1/MODEL.MOV", "SEED", "1"], 2),
        (&["DSC_0001.XYZ"], 1),
        (&["FRAMES", "SEED=1"], 1),
    ];
    for (words, inputs) in cases {
        let (found, pairs) = split(words).unwrap();
        assert_eq!(found.len(), inputs, "{words:?}");
        assert_eq!(pairs.len(), words.len() - inputs, "{words:?}");
    }
}

#[test]
fn keys_without_an_input_and_inputs_behind_keys_are_explained() {
    let message = split(&["MODEL.DEVICE", "cpu"]).unwrap_err();
    assert!(message.contains("before MODEL.DEVICE"), "{message}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let late = file.path().display().to_string();
    let message = split(&["a.mp4", "SEED", "1", &late]).unwrap_err();
    assert!(message.contains("inputs go before the KEY VALUE pairs"), "{message}");
    // The value of a key may be a file.
    assert!(split(&["a.mp4", "MODEL.WEIGHTS", &late]).is_ok());
}
