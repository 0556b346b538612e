//! Statistics as text.

use std::fmt;

use super::{Distribution, OcclusionCounts, Reappearance, SizeCounts, Statistics};

impl fmt::Display for Statistics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let without = match self.num_empty_videos {
            0 => String::new(),
            empty => format!(" ({empty} without objects)"),
        };
        writeln!(out, "videos      {}{without}", self.num_videos)?;
        writeln!(out, "frames      {}", self.num_frames)?;
        let besides: Vec<String> =
            [(self.num_crowds, "crowds"), (self.num_ignored, "regions to be ignored")]
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
        let besides = if besides.is_empty() {
            String::new()
        } else {
            format!(" (besides {})", besides.join(", "))
        };
        writeln!(out, "objects     {}{besides}", self.num_tracks)?;
        let boxes = if self.num_boxes > 0 {
            format!(" and {} boxes without one", self.num_boxes)
        } else {
            String::new()
        };
        writeln!(out, "masks       {}{boxes}", self.num_masks)?;
        let sizes = self.frame_sizes.iter();
        let mut sizes: Vec<String> = sizes
            .map(|sizes| format!("{}x{} ({})", sizes.width, sizes.height, sizes.num_videos))
            .collect();
        let more = sizes.len().saturating_sub(MOST_SIZES);
        sizes.truncate(MOST_SIZES);
        if more > 0 {
            sizes.push(format!("and {more} more"));
        }
        writeln!(out, "frame sizes {}", sizes.join(", "))?;
        self.write_distributions(out)?;
        self.write_occlusion(out)?;
        self.write_classes(out)
    }
}

/// Sizes of frames that are listed.
const MOST_SIZES: usize = 6;

impl Statistics {
    fn write_distributions(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("frames a video", self.video_lengths),
            ("objects a video", self.tracks_per_video),
            ("objects a frame", self.objects_per_frame),
            ("frames an object is seen", self.track_lengths),
            ("frames an object is away", self.reappearance.gap_lengths),
            ("area, % of the frame", self.relative_areas.map(|areas| areas.times(100.0))),
        ];
        writeln!(out, "\n{:<26}{:>10}{:>10}{:>10}{:>10}", "", "least", "median", "mean", "most")?;
        for (name, distribution) in rows {
            let Some(Distribution { min, median, mean, max }) = distribution else { continue };
            let [min, median, mean, max] = [min, median, mean, max].map(short);
            writeln!(out, "{name:<26}{min:>10}{median:>10}{mean:>10}{max:>10}")?;
        }
        Ok(())
    }

    fn write_occlusion(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SizeCounts { small, medium, large } = self.sizes;
        writeln!(
            out,
            "\nobjects of a mean area below 32²: {small}, below 96²: {medium}, above: {large}"
        )?;
        let Reappearance { num_tracks, num_gaps, .. } = self.reappearance;
        writeln!(out, "objects that leave and come back: {num_tracks}, {num_gaps} times")?;
        if let Some(OcclusionCounts { none, slight, severe, unknown }) = self.occlusion {
            writeln!(
                out,
                "masks that are hidden not at all: {none}, in part: {slight}, for the most part: {severe}, unknown: {unknown}"
            )?;
        }
        match self.box_occlusion_rate {
            Some(rate) => writeln!(out, "area of boxes that overlap (OVIS's mBOR): {rate:.3}"),
            None => Ok(()),
        }
    }

    fn write_classes(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .classes
            .iter()
            .map(|class| class.name.chars().count())
            .max()
            .unwrap_or(0)
            .max("class".len());
        write!(
            out,
            "\n{:<width$}{:>8}{:>10}{:>10}{:>10}",
            "class", "id", "videos", "objects", "masks"
        )?;
        for class in &self.classes {
            let (name, id) = (&class.name, class.id);
            write!(
                out,
                "\n{name:<width$}{id:>8}{:>10}{:>10}{:>10}",
                class.num_videos, class.num_tracks, class.num_masks
            )?;
        }
        Ok(())
    }
}

impl Distribution {
    fn times(self, factor: f64) -> Self {
        let Self { min, median, mean, max } = self;
        Self { min: min * factor, median: median * factor, mean: mean * factor, max: max * factor }
    }
}

/// Writes a number with at most two decimals.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
