//! The known key that an unknown key may have been meant for.

use std::collections::BTreeSet;

use crate::config::CUSTOM_DATASETS;
use crate::keys;

/// Longer keys are not looked at.
const MAX_LENGTH: usize = 200;

/// The known key or section closest to `key` in spelling, if one is close.
pub fn closest(key: &str) -> Option<String> {
    if key.len() > MAX_LENGTH {
        return None;
    }
    let known = keys_and_sections();
    let lower = key.to_ascii_lowercase();
    let num_parts = key.split('.').count();
    let of_same_depth = known.iter().filter(|known| known.split('.').count() == num_parts);
    let distances = of_same_depth.map(|known| {
        // A wrong letter case alone does not count.
        (levenshtein(&lower, &known.to_ascii_lowercase()), *known)
    });
    let name = key.rsplit('.').next().unwrap_or(key);
    let limit = (name.len() / 3).clamp(1, 4);
    let suggestion = match distances.min() {
        Some((distance, best)) if distance <= limit => Some(best.to_owned()),
        _ => same_name_elsewhere(key, &known),
    };
    // What was refused is no suggestion.
    suggestion.filter(|suggestion| suggestion != key)
}

/// The end of the message on an unknown key: what may have been meant, or what there is.
pub(crate) fn hint(key: &str) -> String {
    if let Some(suggestion) = closest(key) {
        return format!(" (did you mean {suggestion}?)");
    }
    let (section, names) = neighbours(key);
    let place = if section.is_empty() { "the first level".to_owned() } else { section };
    format!(
        "; {place} has {}: take the key out if it belongs to another model or program",
        names.join(", ")
    )
}

/// The innermost known section that `key` is in, and the names in it that have an effect, sorted; the empty section
/// has them all.
fn neighbours(key: &str) -> (String, Vec<&'static str>) {
    let known: Vec<&str> = keys::used().map(|(spec, _)| spec.key).collect();
    let mut section = if key.len() > MAX_LENGTH { "" } else { key };
    while let Some((outer, _)) = section.rsplit_once('.') {
        section = outer;
        let prefix = format!("{section}.");
        let names: BTreeSet<&str> = known
            .iter()
            .filter_map(|known| known.strip_prefix(&prefix))
            .filter_map(|rest| rest.split('.').next())
            .collect();
        if !names.is_empty() {
            return (section.to_owned(), names.into_iter().collect());
        }
    }
    let names: BTreeSet<&str> = known.iter().filter_map(|known| known.split('.').next()).collect();
    (String::new(), names.into_iter().collect())
}

/// A key of the same last part in another section, if there is only one.
fn same_name_elsewhere(key: &str, known: &BTreeSet<&str>) -> Option<String> {
    let name = key.rsplit('.').next().filter(|name| !name.is_empty())?;
    let suffix = format!(".{name}");
    let mut matches = known.iter().filter(|known| known.ends_with(&suffix));
    let first = matches.next()?;
    matches.next().is_none().then(|| (*first).to_owned())
}

fn keys_and_sections() -> BTreeSet<&'static str> {
    let mut known = BTreeSet::from([CUSTOM_DATASETS]);
    for spec in keys::all() {
        known.insert(spec.key);
        known.extend(spec.key.match_indices('.').map(|(index, _)| &spec.key[..index]));
    }
    known
}

/// The number of characters to insert, delete or replace between two texts.
fn levenshtein(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{closest, levenshtein, neighbours};

    #[test]
    fn distances_of_known_pairs() {
        for (a, b, expected) in
            [("", "", 0), ("kitten", "sitting", 3), ("abc", "", 3), ("ab", "ba", 2)]
        {
            assert_eq!(levenshtein(a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn the_closest_key_is_suggested() {
        let cases = [
            ("MODEL.SeqFormer.NUM_CLASES", Some("MODEL.SeqFormer.NUM_CLASSES")),
            ("MODEL.SEQFORMER", Some("MODEL.SeqFormer")),
            ("SOLVER.LR", None),
            ("SOLVER.BASELR", Some("SOLVER.BASE_LR")),
            ("INPUT.CLIP_LENGTH", Some("MODEL.SeqFormer.CLIP_LENGTH")),
            ("MODEL.WEIGHT", Some("MODEL.WEIGHTS")),
            ("something.else.entirely", None),
            ("", None),
        ];
        for (key, expected) in cases {
            assert_eq!(closest(key).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn what_was_refused_is_never_suggested() {
        assert_eq!(closest("SOLVER.BASE_LR"), None);
        assert_eq!(closest("MODEL"), None);
    }

    #[test]
    fn the_neighbours_of_an_unknown_key_are_those_of_its_section() {
        let (section, names) = neighbours("MODEL.MASK_FORMER.DICE_WEIGHT");
        assert_eq!(section, "MODEL");
        assert!(names.contains(&"SeqFormer") && names.contains(&"WEIGHTS"), "{names:?}");
        assert!(!names.iter().any(|name| name.contains('.')), "{names:?}");
        let (section, names) = neighbours("WANDB");
        assert_eq!(section, "");
        assert!(names.contains(&"SOLVER") && names.contains(&"SEED"), "{names:?}");
    }

    #[test]
    fn a_very_long_key_gets_no_suggestion() {
        assert_eq!(closest(&"A".repeat(1_000_000)), None);
    }
}
