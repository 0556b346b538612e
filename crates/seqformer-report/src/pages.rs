//! Pages from templates. Everything that comes from files is escaped, whatever it contains.

use minijinja::{AutoEscape, Environment, Value, context};
use serde::Serialize;

use crate::error::ReportError;
use crate::site::Site;

const TEMPLATES: [(&str, &str); 8] = [
    ("base.html", include_str!("templates/base.html")),
    ("plots.html", include_str!("templates/plots.html")),
    ("index.html", include_str!("templates/index.html")),
    ("classes.html", include_str!("templates/classes.html")),
    ("videos.html", include_str!("templates/videos.html")),
    ("errors.html", include_str!("templates/errors.html")),
    ("player.html", include_str!("templates/player.html")),
    ("training.html", include_str!("templates/training.html")),
];

/// A page in the navigation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Page {
    pub(crate) file: &'static str,
    pub(crate) name: &'static str,
}

/// A file that the report is made from.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NamedFile {
    pub(crate) role: &'static str,
    pub(crate) path: String,
}

/// What all pages have.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Frame {
    pub(crate) title: String,
    pub(crate) files: Vec<NamedFile>,
    pub(crate) pages: Vec<Page>,
}

/// Writes pages into a report.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    environment: Environment<'static>,
    frame: Frame,
    site: &'a Site,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(frame: Frame, site: &'a Site) -> Result<Self, ReportError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_trim_blocks(true);
        environment.add_filter("fixed", |value: f64, digits: usize| format!("{value:.digits$}"));
        // A least score that is rounded up would leave results out.
        environment
            .add_filter("floored", |value: f64| format!("{:.3}", (value * 1e3).floor() / 1e3));
        environment.add_filter("urlpart", |text: String| url_part(&text));
        for (name, text) in TEMPLATES {
            environment.add_template(name, text)?;
        }
        Ok(Self { environment, frame, site })
    }

    /// Writes a page of the navigation.
    pub(crate) fn write(&self, file: &str, numbers: Value) -> Result<(), ReportError> {
        let Frame { title, files, pages } = &self.frame;
        let shared = context! {
            title, files, pages,
            version => env!("CARGO_PKG_VERSION"),
            current => file,
            styles => crate::plots::STYLES,
        };
        let text = self.environment.get_template(file)?.render(context! { ..numbers, ..shared })?;
        self.site.write(file, text.as_bytes())
    }
}

/// Writes a text as one part of an address.
pub(crate) fn url_part(text: &str) -> String {
    use std::fmt::Write as _;
    let mut part = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                part.push(char::from(byte));
            }
            _ => {
                // Writing to a text cannot fail.
                let _written = write!(part, "%{byte:02X}");
            }
        }
    }
    part
}
