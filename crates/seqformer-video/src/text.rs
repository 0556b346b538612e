//! Text of any script as pixels: fonts, shaping and drawing of single lines.
//!
//! Letters come from DejaVu Sans Bold, which is part of the program, or from a font of the user. What it lacks is taken from the
//! fonts of the system, which are looked for when they are first needed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cosmic_text::fontdb::{Database, Source};
use cosmic_text::{
    Attrs, Buffer, CacheKeyFlags, Ellipsize, EllipsizeHeightLimit, Family, FontSystem, LayoutGlyph,
    Metrics, Shaping, Style, SwashCache, SwashContent, Weight, Wrap,
};

use crate::error::VideoError;

/// DejaVu Sans Bold, reduced to Latin, Greek and Cyrillic; see `assets/README.md`.
static OWN_FONT: &[u8] = include_bytes!("../assets/DejaVuSans-Bold.subset.ttf");
/// Its height and the part above the baseline, in units of its em.
const HEIGHT: f32 = 2384.0 / 2048.0;
const ASCENT: f32 = 1901.0 / 2048.0;

/// Lines that are kept: the labels of a video are the same in all frames.
const KEPT_LINES: usize = 1024;

static OF_SYSTEM: LazyLock<Fonts> = LazyLock::new(|| {
    Fonts::with_first(OWN_FONT.to_vec())
        .expect("the embedded font is part of the program, and a test reads it")
});

/// The fonts in which labels are written.
#[derive(Debug)]
pub struct Fonts {
    state: Mutex<State>,
}

struct State {
    system: FontSystem,
    glyphs: SwashCache,
    /// The font that is asked first.
    family: String,
    weight: Weight,
    style: Style,
    lines: HashMap<Wanted, Option<Arc<Line>>>,
    has_system_fonts: bool,
    has_warned: bool,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("State").field("family", &self.family).finish_non_exhaustive()
    }
}

/// What a line is laid out from; numbers by their bits.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Wanted {
    text: String,
    text_px: u32,
    room: u32,
}

/// A line of text: glyphs relative to the left end of the baseline.
#[derive(Debug)]
pub(crate) struct Line {
    glyphs: Vec<LayoutGlyph>,
    /// In pixels.
    pub(crate) width: f32,
}

/// A pixel of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ink {
    pub(crate) x: i64,
    pub(crate) y: i64,
    /// The colour of a glyph that has its own, as emoji do.
    pub(crate) color: Option<[u8; 3]>,
    /// From 0 to 1.
    pub(crate) alpha: f32,
}

impl Fonts {
    /// The built-in font, and the fonts of the system for what it lacks.
    pub fn of_system() -> &'static Self {
        &OF_SYSTEM
    }

    /// The font in `file`, and the built-in one and those of the system for what it lacks.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or is no TrueType or OpenType font.
    pub fn with_file(file: &Path) -> Result<Self, VideoError> {
        let bytes = std::fs::read(file)
            .map_err(|source| VideoError::Read { path: file.to_path_buf(), source })?;
        Self::with_first(bytes).ok_or_else(|| VideoError::NotAFont { path: file.to_path_buf() })
    }

    /// Starts with a font; the built-in font is the second one. Nothing if it is no font.
    fn with_first(font: Vec<u8>) -> Option<Self> {
        let mut database = Database::new();
        let first = database.load_font_source(Source::Binary(Arc::new(font)));
        database.load_font_source(Source::Binary(Arc::new(OWN_FONT)));
        let face = database.face(*first.first()?)?;
        let family = face.families.first()?.0.clone();
        let (weight, style) = (face.weight, face.style);
        // The locale selects between the Chinese, Japanese and Korean forms of a character.
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| std::env::var(name).ok());
        let locale = locale.unwrap_or_default();
        let locale = locale.split('.').next().unwrap_or_default().replace('_', "-");
        let state = State {
            system: FontSystem::new_with_locale_and_db(locale, database),
            glyphs: SwashCache::new(),
            family,
            weight,
            style,
            lines: HashMap::new(),
            has_system_fonts: false,
            has_warned: false,
        };
        Some(Self { state: Mutex::new(state) })
    }

    /// Lays out `text`, shortened with an ellipsis if it is wider than `room` pixels; nothing if not even one letter fits.
    ///
    /// A character that no font has is a box, and the first such character is reported.
    pub(crate) fn fit(&self, text: &str, text_px: f32, room: f32) -> Option<Arc<Line>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let text: String =
            text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let wanted = Wanted { text, text_px: text_px.to_bits(), room: room.to_bits() };
        if let Some(known) = state.lines.get(&wanted) {
            return known.clone();
        }
        if state.lines.len() >= KEPT_LINES {
            state.lines.clear();
        }
        let line = state.fit(&wanted.text, text_px, room).map(Arc::new);
        state.lines.insert(wanted, line.clone());
        line
    }

    /// Draws a line with its baseline starting at this place, pixel by pixel.
    pub(crate) fn draw(&self, line: &Line, left: f32, baseline: f32, mut ink: impl FnMut(Ink)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { system, glyphs, .. } = &mut *state;
        for glyph in &line.glyphs {
            let place = glyph.physical((left, baseline), 1.0);
            let Some(image) = glyphs.get_image(system, place.cache_key) else { continue };
            let x0 = i64::from(place.x) + i64::from(image.placement.left);
            let y0 = i64::from(place.y) - i64::from(image.placement.top);
            let bytes_per_pixel = if image.content == SwashContent::Mask { 1 } else { 4 };
            let pixels = image.data.chunks_exact(bytes_per_pixel);
            for (index, pixel) in (0_i64..).zip(pixels) {
                let width = i64::from(image.placement.width.max(1));
                let (x, y) = (x0 + index % width, y0 + index / width);
                let (color, alpha) = match *pixel {
                    [red, green, blue, alpha] => (Some([red, green, blue]), alpha),
                    [coverage] => (None, coverage),
                    _ => continue,
                };
                if alpha > 0 {
                    ink(Ink { x, y, color, alpha: f32::from(alpha) / 255.0 });
                }
            }
        }
    }
}

impl State {
    fn fit(&mut self, text: &str, text_px: f32, room: f32) -> Option<Line> {
        if text.is_empty() || room <= 0.0 {
            return None;
        }
        let mut line = self.set(text, text_px, None);
        if line.missing(text).is_some() && !self.has_system_fonts {
            self.has_system_fonts = true;
            self.system.db_mut().load_system_fonts();
            line = self.set(text, text_px, None);
        }
        if let Some(missing) = line.missing(text)
            && !self.has_warned
        {
            self.has_warned = true;
            tracing::warn!(
                "no font has the characters {missing:?} of the label {text:?}, which are drawn as boxes; name a font \
                 that has them with --font"
            );
        }
        if line.width <= room {
            return Some(line);
        }
        let short = self.set(text, text_px, Some(room));
        let has_letters = short.glyphs.iter().any(|glyph| glyph.start < glyph.end);
        (short.glyphs.len() > 1 && has_letters && short.width <= room).then_some(short)
    }

    /// Shapes a text as one line, which ends in an ellipsis where it would exceed `room`.
    fn set(&mut self, text: &str, text_px: f32, room: Option<f32>) -> Line {
        let attributes = Attrs::new()
            .family(Family::Name(&self.family))
            .weight(self.weight)
            .style(self.style)
            .cache_key_flags(CacheKeyFlags::DISABLE_HINTING);
        let em = text_px / HEIGHT;
        let mut buffer = Buffer::new_empty(Metrics::new(em, text_px));
        buffer.set_wrap(Wrap::None);
        if room.is_some() {
            buffer.set_ellipsize(Ellipsize::End(EllipsizeHeightLimit::Lines(1)));
        }
        buffer.set_size(room, None);
        buffer.set_text(text, &attributes, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.system, false);
        let Some(run) = buffer.layout_runs().next() else {
            return Line { glyphs: Vec::new(), width: 0.0 };
        };
        // A line that runs from right to left ends at the right border of the room.
        let start = run.glyphs.iter().map(|glyph| glyph.x).reduce(f32::min).unwrap_or(0.0);
        let moved = |glyph: &LayoutGlyph| LayoutGlyph { x: glyph.x - start, ..glyph.clone() };
        Line { glyphs: run.glyphs.iter().map(moved).collect(), width: run.line_w }
    }
}

impl Line {
    /// The characters of `text` that no font has.
    fn missing(&self, text: &str) -> Option<String> {
        let parts = self.glyphs.iter().filter(|glyph| glyph.glyph_id == 0);
        let mut places: Vec<(usize, usize)> = parts.map(|glyph| (glyph.start, glyph.end)).collect();
        places.sort_unstable();
        places.dedup();
        let parts = places.into_iter().filter_map(|(start, end)| text.get(start..end));
        let missing: String = parts.collect();
        (!missing.is_empty()).then_some(missing)
    }
}

/// The part of a line above the baseline, for text of this height, in pixels.
pub(crate) fn ascent(text_px: f32) -> f32 {
    text_px * ASCENT / HEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Arc<Line> {
        Fonts::of_system().fit(text, 20.0, 1e6).unwrap()
    }

    /// The pixels of a text in a picture of 400x40.
    fn drawn(fonts: &Fonts, text: &str) -> Vec<f32> {
        let mut picture = vec![0.0; 400 * 40];
        let line = fonts.fit(text, 20.0, 400.0).unwrap();
        fonts.draw(&line, 0.0, 25.0, |ink| {
            let is_inside = (0..400).contains(&ink.x) && (0..40).contains(&ink.y);
            if is_inside {
                picture[(ink.y * 400 + ink.x) as usize] = ink.alpha;
            }
        });
        picture
    }

    #[test]
    fn the_built_in_font_has_every_printable_letter_of_latin_1() {
        let state = Fonts::of_system().state.lock().unwrap();
        assert_eq!((state.family.as_str(), state.weight), ("DejaVu Sans", Weight::BOLD));
        drop(state);
        for code in (0x21..0x7f_u32).chain(0xa1..0x100).filter(|&code| code != 0xad) {
            let letter = char::from_u32(code).unwrap().to_string();
            assert_eq!(line(&letter).missing(&letter), None, "{letter:?}");
        }
    }

    #[test]
    fn kerning_draws_letters_together() {
        assert!(line("AV").width < line("A").width + line("V").width);
        assert_eq!(line("a\nb").width, line("a b").width);
    }

    #[test]
    fn isolates_take_no_room_and_keep_numbers_in_order() {
        let (isolated, plain) = (line("\u{2068}dog\u{2069} #1"), line("dog #1"));
        assert_eq!(
            (isolated.width, isolated.missing("\u{2068}dog\u{2069} #1")),
            (plain.width, None)
        );
    }

    #[test]
    fn long_text_is_shortened_to_the_room_there_is() {
        let fonts = Fonts::of_system();
        let text = "person 0.97 #3".repeat(20);
        let short = fonts.fit(&text, 12.0, 100.0).unwrap();
        assert!(short.width <= 100.0 && short.width > 80.0, "{}", short.width);
        let dots = fonts.fit("…", 12.0, 100.0).unwrap();
        assert_eq!(short.glyphs.last().unwrap().glyph_id, dots.glyphs[0].glyph_id);
        for room in [3.0, 0.0, -3.0] {
            assert!(fonts.fit(&text, 12.0, room).is_none(), "{room}");
        }
        assert!(fonts.fit("", 12.0, 100.0).is_none());
    }

    #[test]
    fn a_character_that_no_font_has_is_a_box() {
        // A character for private use, which no font of a system should have.
        let text = "a\u{10fffd}";
        let (whole, letter) = (line(text), line("a"));
        assert_eq!(whole.missing(text).as_deref(), Some("\u{10fffd}"));
        assert!(whole.width > letter.width);
        let ink = |text: &str| drawn(Fonts::of_system(), text).iter().sum::<f32>();
        assert!(ink(text) > ink("a") + 5.0);
    }

    #[test]
    fn letters_without_a_font_of_their_own_come_from_the_built_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("font.ttf");
        std::fs::write(&file, OWN_FONT).unwrap();
        let given = Fonts::with_file(&file).unwrap();
        assert_eq!(drawn(&given, "Straße Ж"), drawn(Fonts::of_system(), "Straße Ж"));
        std::fs::write(&file, "no font").unwrap();
        let said = Fonts::with_file(&file).unwrap_err().to_string();
        assert!(said.contains("font.ttf") && said.contains("expected a TrueType"), "{said}");
    }
}
