//! `docs/config.md`: all keys with their defaults and meanings.

use std::fmt::Write as _;

use crate::config::{CUSTOM_DATASET_FIELDS, CUSTOM_DATASETS};
use crate::keys;
use crate::spec::Shown;

/// The words of the last column.
fn tested(shown: &Shown) -> String {
    match shown {
        Shown::By(file, test) => {
            let name = file.split('/').next().unwrap_or_default();
            format!("{name}: {}", test.replace('_', " "))
        }
        Shown::Nowhere(why) => (*why).to_owned(),
    }
}

/// Writes all keys with their defaults and meanings, as Markdown.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Configuration keys\n\n\
         Every key of detectron2 0.6 and of SeqFormer is accepted; `seqformer config --keys` prints this page, and \
         `seqformer config --config-file FILE` the values that a file comes to. Values are Python literals; a whole \
         number is taken where a number is wanted. In paths, `~`, `~user`, `$NAME` and `${NAME}` are filled in.\n\n\
         ## Keys with an effect\n\nThe last column names the test that shows it, and its crate.\n\n\
         | key | default | meaning | tested |\n|---|---|---|---|\n",
    );
    let cell = |text: &str| text.replace('|', "\\|");
    for (spec, effect) in keys::used() {
        let (key, default, meaning) = (spec.key, cell(spec.default), cell(effect.meaning));
        let tested = tested(&effect.shown);
        let _always = writeln!(page, "| `{key}` | `{default}` | {meaning} | {tested} |");
    }
    page += "\n## Datasets of your own\n\n\
         Each entry of `DATASETS.CUSTOM` has a name, which `DATASETS.TRAIN` and `DATASETS.TEST` then use. Its classes \
         are those of the annotation file, and `MODEL.SeqFormer.NUM_CLASSES` follows from them unless it is written \
         down.\n\n| field | default | meaning |\n|---|---|---|\n";
    for field in CUSTOM_DATASET_FIELDS {
        let (name, default, meaning) = (field.name, field.default, field.meaning);
        let _always =
            writeln!(page, "| `{CUSTOM_DATASETS}.NAME.{name}` | `{default}` | {meaning} |");
    }
    page += "\n```yaml\nDATASETS:\n  CUSTOM:\n    street:\n      json: street/annotations.json\n      \
             image_root: street/frames\n      type: ytvis\n  TRAIN: [street]\n```\n\n\
             ## Keys without an effect\n\n\
             These are accepted so that files written for detectron2 load; one that is set to another value than its \
             default gives a warning.\n\n| key | default |\n|---|---|\n";
    for spec in keys::unused() {
        let _always = writeln!(page, "| `{}` | `{}` |", spec.key, cell(spec.default));
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        let is_same = page == super::reference_page();
        assert!(is_same, "write it again: seqformer config --keys > docs/config.md");
    }
}
