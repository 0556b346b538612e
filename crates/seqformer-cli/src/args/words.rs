//! The command line of detectron2's `train_net.py`, which has no subcommands and accepts abbreviated options.

use std::ffi::OsString;

/// The options of `train_net.py`, which may be abbreviated as in Python's argparse.
const TRAIN_NET_OPTIONS: [&str; 7] = [
    "--config-file",
    "--resume",
    "--eval-only",
    "--num-gpus",
    "--num-machines",
    "--machine-rank",
    "--dist-url",
];

/// Related options of this program.
const MORE_OPTIONS: [&str; 3] = ["--num-workers-cpu", "--dist-timeout", "--max-restarts"];

/// The arguments of the process, with `train` inserted if they start with one of its options, and with the options of
/// `train_net.py` expanded.
///
/// # Errors
///
/// If an abbreviation is ambiguous.
pub fn words() -> Result<Vec<OsString>, String> {
    expanded(std::env::args_os().collect())
}

fn expanded(mut words: Vec<OsString>) -> Result<Vec<OsString>, String> {
    let is_train_option = |word: &OsString| {
        let word = word.to_string_lossy();
        let (name, _) = split(&word);
        MORE_OPTIONS.contains(&name) || !candidates(name).is_empty()
    };
    if words.get(1).is_some_and(is_train_option) {
        words.insert(1, OsString::from("train"));
    }
    if words.get(1).is_some_and(|command| command == "train" || command == "eval") {
        for word in words.iter_mut().skip(2) {
            if let Some(text) = word.to_str().filter(|text| text.starts_with("--")) {
                *word = OsString::from(expand(text)?);
            }
        }
    }
    Ok(words)
}

/// Expands an option.
fn expand(word: &str) -> Result<String, String> {
    let (name, value) = split(word);
    match candidates(name).as_slice() {
        [] => Ok(word.to_owned()),
        [option] => Ok(format!("{option}{value}")),
        several => {
            Err(format!("{name} could be any of {}: write the full option", several.join(", ")))
        }
    }
}

/// The options that `name` abbreviates; an option that it equals is the only one.
fn candidates(name: &str) -> Vec<&'static str> {
    if name.len() <= "--".len() || MORE_OPTIONS.contains(&name) {
        return Vec::new();
    }
    let known = TRAIN_NET_OPTIONS.into_iter();
    match known.clone().find(|option| *option == name) {
        Some(option) => vec![option],
        None => known.filter(|option| option.starts_with(name)).collect(),
    }
}

/// Splits `--name=value` before the `=`.
fn split(word: &str) -> (&str, &str) {
    word.split_at(word.find('=').unwrap_or(word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], expected: &[&str]) {
        let words = ["seqformer"].iter().chain(words).map(OsString::from).collect();
        assert_eq!(expanded(words).unwrap()[1..], *expected);
    }

    #[test]
    fn options_of_train_net_may_be_abbreviated_and_need_no_command() {
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
    fn an_ambiguous_abbreviation_is_refused_with_all_its_candidates() {
        let words = ["seqformer", "--num", "8"].map(OsString::from);
        let error = expanded(words.to_vec()).unwrap_err();
        assert_eq!(
            error,
            "--num could be any of --num-gpus, --num-machines: write the full option"
        );
    }
}
