use super::*;

fn split(words: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let (inputs, pairs) = split_inputs(&words).map_err(|error| error.to_string())?;
    Ok((inputs.to_vec(), pairs.to_vec()))
}

#[test]
fn inputs_end_where_the_first_key_stands() {
    let cases: [(&[&str], usize); 6] = [
        (&["a.mp4"], 1),
        (&["a.mp4", "frames/", "MODEL.DEVICE", "cpu"], 2),
        (&["A.MP4", "SEED", "1"], 0),
        (&["a.mp4", "SEED", "1"], 1),
        (&["a.mp4", "INPUT.MIN_SIZE_TEST=480"], 1),
        (&["a.mp4", "MODEL.SeqFormer.NUM_CLASES", "3"], 1),
    ];
    for (words, inputs) in cases {
        match split(words) {
            Ok((found, pairs)) => {
                assert_eq!(found.len(), inputs, "{words:?}");
                assert_eq!(pairs.len(), words.len() - inputs, "{words:?}");
            }
            // A file that does not exist and looks like a key, in front of everything.
            Err(message) => assert!(inputs == 0 && message.contains("before A.MP4"), "{message}"),
        }
    }
}

#[test]
fn flags_behind_the_inputs_are_refused() {
    let message = split(&["a.mp4", "--jsn"]).unwrap_err();
    assert!(message.contains("--jsn"), "{message}");
}
