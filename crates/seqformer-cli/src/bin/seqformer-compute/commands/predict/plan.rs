//! What a run will do, decided before the work: which files it writes, and what an earlier run has already done.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use seqformer_export::Kind;
use seqformer_files::{OutputError, Outputs};
use sha2::{Digest as _, Sha256};

use super::inputs::{Input, Opened};
use super::record::{Earlier, Entry, FileState, Identity, Record, State, own_files, set_aside};
use super::save::Saving;
use super::store::Store;
use crate::args::PredictArgs;
use crate::output;

/// The inputs to process, and the record of all inputs.
#[derive(Debug)]
pub(super) struct Plan {
    folder: PathBuf,
    /// The inputs that could be opened, with their ids.
    pub(super) inputs: Vec<(u64, Input)>,
    pub(super) record: Record,
    earlier: Earlier,
}

/// A digest of everything that the results depend on.
pub(super) fn digest(settings: &[&dyn Debug], config: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(config);
    for setting in settings {
        hash.update(format!("\n{setting:?}"));
    }
    #[expect(clippy::format_collect, reason = "sixteen bytes, once in a run")]
    let hex = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hex}")
}

impl Plan {
    /// Checks all names that will be written, without writing anything.
    pub(super) fn new(
        args: &PredictArgs,
        folder: &Path,
        opened: Vec<Opened>,
        (weights, settings): (&Path, String),
    ) -> Result<Self> {
        let mut outputs = Outputs::new(args.overwrite);
        let files = [args.config_file.as_ref(), args.classes.as_ref(), args.font.as_ref()]
            .into_iter()
            .flatten();
        files.for_each(|file| outputs.add_input(file));
        outputs.add_input(weights);
        for input in &opened {
            outputs.add_input(Path::new(&input.typed));
        }
        let run = Identity {
            weights: weights.display().to_string(),
            weights_file: FileState::of(weights),
            settings,
        };
        let videos = (1..).zip(&opened).map(|(video_id, input)| entry(video_id, input)).collect();
        let save = Saving::new(&args.save, args.save_threshold).kinds;
        let mut record = Record { run, save: save.clone(), videos };
        let earlier = match Earlier::of(folder, &record) {
            Ok(Earlier::Same(found)) if args.overwrite => Earlier::Other(found),
            Err(_unreadable) if args.overwrite => Earlier::Nothing,
            earlier => earlier?,
        };
        let own = earlier.files(folder);
        for path in ["results.json", "tracks.jsonl", "videos.json"].map(|name| folder.join(name)) {
            let claimed =
                if own.contains(&path) { outputs.claim_own(&path) } else { outputs.claim(&path) };
            claimed.map_err(|error| match error {
                OutputError::Exists { output } => anyhow!(
                    "{}: already exists, and videos.json does not list it as output of an earlier run; choose \
                     another folder for --output, or replace the file with --overwrite",
                    output.display()
                ),
                other => other.into(),
            })?;
        }
        let mut inputs = Vec::new();
        for (opened, entry) in opened.into_iter().zip(&mut record.videos) {
            let Ok(source) = opened.source else { continue };
            let names = Names { folder, own: &own, save: &save };
            let stem = names.free_stem(&mut outputs, &opened.name, before(&earlier, entry))?;
            entry.stem = Some(stem.clone());
            inputs.push((entry.video_id, Input { source, name: opened.name, stem }));
        }
        Ok(Self { folder: folder.to_path_buf(), inputs, record, earlier })
    }

    /// Prepares the folder: resumes results of the same run, and moves those of another run aside.
    pub(super) fn start(&mut self, overwrite: bool) -> Result<Store> {
        let mut store = Store::new(&self.folder);
        match &self.earlier {
            Earlier::Same(found) => {
                let (opened, kept) = Store::open(&self.folder, &found.counts())?;
                store = opened;
                for old in found.videos.iter().filter(|old| kept.contains(&old.video_id)) {
                    if let Some(entry) = self.record.entry(old.video_id) {
                        // Report an error of this run, not of an earlier one.
                        let error = entry.error.take();
                        *entry = Entry { error, ..old.clone() };
                    }
                }
            }
            Earlier::Other(found) if found.has_results() && !overwrite => {
                let aside = set_aside(&self.folder, &found.files(&self.folder))?;
                output::note(&format!(
                    "{}: the results of an earlier run with other inputs or settings are now in {}",
                    self.folder.display(),
                    aside.display()
                ));
            }
            Earlier::Other(_) | Earlier::Nothing => {}
        }
        self.record.write(&self.folder)?;
        Ok(store)
    }
}

/// The entry of an input that has not been processed.
fn entry(video_id: u64, input: &Opened) -> Entry {
    let is_pipe = matches!(&input.source, Ok(source) if !source.can_restart());
    let path = Path::new(&input.typed);
    Entry {
        video_id,
        name: input.name.clone(),
        input: input.typed.clone(),
        input_file: if is_pipe { None } else { FileState::of(path) },
        state: if input.source.is_ok() { State::Waiting } else { State::Failed },
        error: input.source.as_ref().err().map(output::describe),
        stem: None,
        video: None,
    }
}

/// The stem that the same run gave to the files of this input before.
fn before<'a>(earlier: &'a Earlier, entry: &Entry) -> Option<&'a str> {
    let Earlier::Same(found) = earlier else { return None };
    let old = found.videos.iter().find(|old| old.video_id == entry.video_id)?;
    old.stem.as_deref().filter(|_| old.name == entry.name)
}

/// Chooses the names of a video's own files.
struct Names<'a> {
    folder: &'a Path,
    own: &'a [PathBuf],
    save: &'a [Kind],
}

impl Names<'_> {
    /// Claims the first stem whose names are all free, starting with the name of the video.
    fn free_stem(&self, outputs: &mut Outputs, name: &str, before: Option<&str>) -> Result<String> {
        let candidates = before.map(str::to_owned).into_iter().chain([name.to_owned()]);
        let others = [format!("{name}_overlay")].into_iter();
        let numbered = (2..1000).map(|number| format!("{name}_overlay_{number}"));
        let mut taken = None;
        for stem in candidates.chain(others).chain(numbered) {
            match self.check(outputs, &stem) {
                Ok(()) => {
                    for path in own_files(self.folder, &stem, self.save) {
                        outputs.claim_own(&path)?;
                    }
                    if let Some(reason) = taken.filter(|_| before != Some(stem.as_str())) {
                        output::note(&format!(
                            "{name}: its images are written to {stem}: {reason}"
                        ));
                    }
                    return Ok(stem);
                }
                Err(error) => taken = taken.or(Some(error)),
            }
        }
        Err(anyhow!("{name}: no free name for its images in {}", self.folder.display()))
    }

    fn check(&self, outputs: &Outputs, stem: &str) -> Result<(), OutputError> {
        for path in own_files(self.folder, stem, self.save) {
            let is_own = self.own.contains(&path);
            outputs.can_claim(&path, is_own)?;
            // A folder may contain anything, so it is replaced only if an earlier run wrote it.
            if !is_own && path.is_dir() {
                return Err(OutputError::Exists { output: path });
            }
        }
        Ok(())
    }
}
