//! The command line of detectron2's `train_net.py`, which has no commands and takes options that are cut short.

use std::ffi::OsString;

/// The options of `train_net.py`, which may be cut short as Python's argparse allows.
const TRAIN_NET_OPTIONS: [&str; 7] = [
    "--config-file",
    "--resume",
    "--eval-only",
    "--num-gpus",
    "--num-machines",
    "--machine-rank",
    "--dist-url",
];

/// Those that belong to them here.
const MORE_OPTIONS: [&str; 3] = ["--num-workers-cpu", "--dist-timeout", "--max-restarts"];

/// The words of the command line; `train` is put before those that begin with an option of it, and the options of
/// `train_net.py` are written out.
///
/// # Errors
///
/// An option that is cut so short that it may be one of several.
pub fn words() -> Result<Vec<OsString>, String> {
    written_out(std::env::args_os().collect())
}

fn written_out(mut words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let is_train_option = |word: &OsString| {
        let word = word.to_string_lossy();
        let (name, _) = split(&word);
        MORE_OPTIONS.contains(&name) || !meant(name).is_empty()
    };
    if words.get(1).is_some_and(is_train_option) {
        words.insert(1, OsString::from("train"));
    }
    if words.get(1).is_some_and(|command| command == "train" || command == "eval") {
        for word in words.iter_mut().skip(2) {
            if let Some(text) = word.to_str().filter(|text| text.starts_with("--")) {
                *word = OsString::from(option(text)?);
            }
        }
    }
    Ok(words)
}

/// An option in full.
fn option(word: &str) -> Result<String, String> {
    let (name, value) = split(word);
    match meant(name).as_slice() {
        [] => Ok(word.to_owned()),
        [option] => Ok(format!("{option}{value}")),
        several => {
            Err(format!("{name} could be any of {}: write the whole option", several.join(", ")))
        }
    }
}

/// The options that a word, without its value, is the beginning of; one alone if it is that.
fn meant(name: &str) -> Vec<&'static str> {
    if name.len() <= "--".len() || MORE_OPTIONS.contains(&name) {
        return Vec::new();
    }
    let known = TRAIN_NET_OPTIONS.into_iter();
    match known.clone().find(|option| *option == name) {
        Some(option) => vec![option],
        None => known.filter(|option| option.starts_with(name)).collect(),
    }
}

/// Name and value of `--name=value`, the sign with the value.
fn split(word: &str) -> (&str, &str) {
    word.split_at(word.find('=').unwrap_or(word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[&str]) {
        let words = ["seqformer"].iter().chain(words).map(OsString::from).collect();
        assert_eq!(written_out(words).unwrap()[1..], *expected);
    }

    #[test]
    fn options_of_train_net_may_be_cut_short_and_need_no_command() {
        check(
            &["--config", "a.yaml", "--num-g", "8", "--eval", "SEED", "1"],
            &["train", "--config-file", "a.yaml", "--num-gpus", "8", "--eval-only", "SEED", "1"],
        );
        check(
            &["--c=a.yaml", "--dist=auto"],
            &["train", "--config-file=a.yaml", "--dist-url=auto"],
        );
        check(&["eval", "--config", "a"], &["eval", "--config-file", "a"]);
        check(&["train", "--device", "cpu", "--r"], &["train", "--device", "cpu", "--resume"]);
        for whole in ["--num-workers-cpu", "--dist-timeout", "--resume"] {
            check(&[whole], &["train", whole]);
        }
    }

    #[test]
    fn other_words_stay_as_they_are() {
        for words in [
            &["predict", "--config", "a"][..],
            &["--version"],
            &["--help"],
            &["--"],
            &["-v", "train"],
            &["score", "--gt", "a"],
        ] {
            check(words, words);
        }
        check(&["train", "--threads", "2", "--max-mem"], &["train", "--threads", "2", "--max-mem"]);
    }

    #[test]
    fn what_may_be_several_options_is_refused_with_all_of_them() {
        let words = ["seqformer", "--num", "8"].map(OsString::from);
        let error = written_out(words.to_vec()).unwrap_err();
        assert_eq!(
            error,
            "--num could be any of --num-gpus, --num-machines: write the whole option"
        );
    }
}
