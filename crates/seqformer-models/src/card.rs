//! The text of a model card, in which a program and people write side by side.
//!
//! What the program writes stands between marks: HTML comments in the text, and YAML comments in the front matter that the
//! Hub reads. Everything else belongs to people and stays as it is.
//!
//! Format: <https://huggingface.co/docs/hub/model-cards>, and the metadata of
//! <https://github.com/huggingface/hub-docs/blob/main/modelcard.md>.

mod sections;

use crate::ModelsError;
use crate::facts::Facts;
use sections::{Section, metadata, sections};

/// The file that the Hub shows.
pub const CARD: &str = "README.md";
/// The line around the front matter.
const FENCE: &str = "---";
/// What begins a part of ours.
const BEGIN: &str = "seqformer:begin";
/// What ends it.
const END: &str = "seqformer:end";

/// The card of a model: `earlier` with our parts as they are now, or a new one. `licence` is an identifier of the Hub, such as
/// `apache-2.0`, for a card that has none yet.
///
/// # Errors
///
/// If `earlier` has the first mark of a part without the last one.
pub(crate) fn card(
    earlier: Option<&str>,
    facts: &Facts,
    licence: Option<&str>,
) -> Result<String, ModelsError> {
    let earlier =
        earlier.map(|text| text.replace("\r\n", "\n")).filter(|text| !text.trim().is_empty());
    let is_new = earlier.is_none();
    let text = earlier.unwrap_or_else(|| first_lines(facts));
    let (front, body) = split(&text);
    let front = front_matter(front, &metadata(facts), licence)?;
    let mut body = body.to_owned();
    for section in sections(facts) {
        body = with_section(&body, &section)?;
    }
    if is_new {
        body.push_str(LAST_LINES);
    }
    Ok(format!("{FENCE}\n{front}{FENCE}\n{body}"))
}

/// What a new card begins with; people go on with it.
fn first_lines(facts: &Facts) -> String {
    format!("\n# {}\n\nVideo instance segmentation with SeqFormer (ECCV 2022).\n", facts.name)
}

/// What only people know.
const LAST_LINES: &str = "
## Intended use and limits

What the model is meant for, what it does not find, and whose data it was trained on: to be written by its authors.
";

/// The front matter without its fences, and the rest.
fn split(text: &str) -> (&str, &str) {
    let Some(rest) = text.strip_prefix("---\n") else { return ("", text) };
    if let Some(body) = rest.strip_prefix("---\n") {
        return ("", body);
    }
    match rest.find("\n---\n") {
        Some(end) => (&rest[..=end], &rest[end + "\n---\n".len()..]),
        None => match rest.strip_suffix("\n---") {
            Some(front) => (&rest[..=front.len()], ""),
            // A rule at the beginning of a text, and no front matter.
            None => ("", text),
        },
    }
}

/// Puts our entries in the place of the earlier ones, without those that people have written themselves.
fn front_matter(
    earlier: &str,
    entries: &[(&'static str, String)],
    licence: Option<&str>,
) -> Result<String, ModelsError> {
    let (first, last) = (format!("# {BEGIN}\n"), format!("# {END}\n"));
    let (before, after) = around(earlier, &first, &last)?.unwrap_or((earlier, ""));
    let is_written = |key: &str| {
        let starts = |line: &str| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
        before.lines().chain(after.lines()).any(starts)
    };
    let mut text = before.to_owned();
    if !is_written("license") {
        text = format!("{text}license: {}\n", licence.unwrap_or("other"));
    }
    text.push_str(&first);
    for (key, value) in entries.iter().filter(|(key, _)| !is_written(key)) {
        text = format!("{text}{key}:{value}\n");
    }
    Ok(format!("{text}{last}{after}"))
}

/// Replaces our part of this name, or adds it at the end.
fn with_section(body: &str, section: &Section) -> Result<String, ModelsError> {
    let first = format!("<!-- {BEGIN} {} -->\n", section.name);
    let last = format!("<!-- {END} {} -->\n", section.name);
    let ours = format!("{first}{}\n{last}", section.text.trim_end());
    Ok(match around(body, &first, &last)? {
        Some((before, after)) => format!("{before}{ours}{after}"),
        None => format!("{}\n\n{ours}", body.trim_end_matches('\n')),
    })
}

/// What stands before and behind a part of ours, if it is there.
fn around<'a>(
    text: &'a str,
    first: &str,
    last: &str,
) -> Result<Option<(&'a str, &'a str)>, ModelsError> {
    // The last line of a text may have no end.
    let Some(begin) = text.find(first) else { return Ok(None) };
    let rest = &text[begin + first.len()..];
    let end = rest.find(last).map(|end| (end, last.len())).or_else(|| {
        let last = last.trim_end();
        rest.ends_with(last).then(|| (rest.len() - last.len(), last.len()))
    });
    match end {
        Some((end, length)) => Ok(Some((&text[..begin], &rest[end + length..]))),
        None => Err(ModelsError::BrokenMarks {
            begin: first.trim_end().to_owned(),
            end: last.trim_end().to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests;
