//! `seqformer models`: names for models.

use std::fmt::Display;
use std::path::Path;

use anyhow::{Result, anyhow};
use seqformer_cli::weights_source;
use seqformer_models::{
    About, Architecture, CARD, CachedModel, IncludedModel, Models, Outline, PUBLISHED, Published,
    human_size, published, push_folder, recognise, write_card,
};
use serde_json::{Value, json};

use crate::args::{
    CardArgs, InfoArgs, ListArgs, ModelsArgs, ModelsCommand, PullArgs, PushFolderArgs, RemoveArgs,
};
use crate::output::{note, print_line};

/// Runs the command.
pub(crate) fn run(args: &ModelsArgs) -> Result<()> {
    let models = Models::from_environment()?;
    match &args.command {
        ModelsCommand::List(args) => list(&models, args),
        ModelsCommand::Info(args) => info(&models, args),
        ModelsCommand::Pull(args) => pull(&models, args),
        ModelsCommand::PushFolder(args) => push(&models, args),
        ModelsCommand::Card(args) => card(args),
        ModelsCommand::Remove(args) => remove(&models, args),
    }
}

fn list(models: &Models, args: &ListArgs) -> Result<()> {
    let cache = &models.cache;
    let mut found = Vec::new();
    for name in cache.names()? {
        match cache.get(&name) {
            Ok(model) => found.extend(model),
            // The others are listed all the same.
            Err(error) => note(&format!("warning: {error}")),
        }
    }
    let included = models.included();
    if args.json {
        let models: Vec<Value> = found.iter().map(model_json).collect();
        let included: Vec<Value> = included.iter().map(included_json).collect();
        let published: Vec<Value> = PUBLISHED.iter().map(published_json).collect();
        let all = json!({
            "cache": cache.root(), "models": models, "included": included, "published": published,
        });
        print_line(&serde_json::to_string_pretty(&all)?);
        return Ok(());
    }
    if found.is_empty() {
        print_line(&format!(
            "{}: no models yet; get one with `seqformer models pull ADDRESS`",
            cache.root().display()
        ));
    }
    for CachedModel { name, manifest, .. } in &found {
        let checked = if manifest.verified { "" } else { ", SHA-256 not announced" };
        print_line(&format!(
            "{name}  {}{checked}  {}",
            human_size(manifest.size),
            manifest.address
        ));
    }
    if !included.is_empty() {
        let default = models.default_model().map(|model| model.path);
        print_line("");
        print_line("Included, or in a folder that was put into the cache:");
        for IncludedModel { name, path, about } in &included {
            let is_default = default.as_ref() == Some(path);
            let marked = if is_default { " (used without --weights)" } else { "" };
            print_line(format!("{name}{marked}  {about}").trim_end());
        }
    }
    print_line("");
    print_line(
        "Published by others (`seqformer models info NAME` says how to get one; AP is what its authors report):",
    );
    for published in PUBLISHED.iter().filter(|published| published.page.is_some()) {
        let ap = published
            .reported
            .map_or_else(String::new, |reported| format!("AP {:.1}, ", reported.ap));
        let Published { id, backbone, training, .. } = published;
        print_line(&format!("{id}  {backbone}, {ap}{training}"));
    }
    Ok(())
}

fn model_json(model: &CachedModel) -> Value {
    let mut value = json!(model.manifest);
    value["name"] = json!(model.name);
    value["path"] = json!(model.path);
    value
}

fn included_json(model: &IncludedModel) -> Value {
    json!({ "name": model.name, "path": model.path, "about": model.about })
}

fn published_json(published: &Published) -> Value {
    let reported = published.reported.map(|reported| {
        json!({
            "AP": reported.ap, "AP50": reported.ap50, "AP75": reported.ap75,
            "AR1": reported.ar1, "AR10": reported.ar10,
        })
    });
    json!({
        "id": published.id, "names": published.dialect.to_string(), "backbone": published.backbone,
        "class_rows": published.class_rows, "training": published.training,
        "reported_by_its_authors": reported, "page": published.page, "config": published.config,
    })
}

fn info(models: &Models, args: &InfoArgs) -> Result<()> {
    let name = &args.name;
    let model = models.cache.get(name)?;
    if let (None, false, Some(published)) = (&model, Path::new(name).exists(), published(name)) {
        if args.json {
            print_line(&serde_json::to_string_pretty(&published_json(published))?);
        } else {
            print_published(published);
        }
        return Ok(());
    }
    let path = match &model {
        Some(model) => model.path.clone(),
        None => models.locate(name)?,
    };
    if let Some(model) = &model {
        models.check(model)?;
    }
    let outline = Outline::read(&path)?;
    let network = Architecture::from_tensors(&outline);
    let may_be = recognise(&outline);
    if args.json {
        let settings = network.as_ref().map(|network| {
            let settings = network.settings().into_iter();
            settings.map(|setting| (setting.key.to_owned(), json!(setting.value))).collect()
        });
        let settings: serde_json::Map<String, Value> = settings.unwrap_or_default();
        let value = json!({
            "model": model.as_ref().map(model_json), "path": path,
            "names": outline.dialect.to_string(),
            "network": network.as_ref().map(ToString::to_string).ok(),
            "settings": settings,
            "assumptions": network.as_ref().map(Architecture::assumptions).unwrap_or_default(),
            "may_be": may_be.iter().map(|published| published_json(published)).collect::<Vec<_>>(),
            "problem": network.as_ref().err().map(ToString::to_string),
        });
        print_line(&serde_json::to_string_pretty(&value)?);
        return Ok(());
    }
    if let Some(CachedModel { manifest, .. }) = &model {
        line("from", &manifest.address);
        if let Some(commit) = &manifest.commit {
            line("commit", commit);
        }
        line("size", &human_size(manifest.size));
        line("sha256", &manifest.sha256);
    }
    line("file", &path.display());
    let included = models.included_named(name).filter(|included| included.path == path);
    if let Some(included) = included.filter(|included| !included.about.is_empty()) {
        line("finds", &included.about);
    }
    line("names", &outline.dialect);
    match &network {
        Ok(network) => {
            line("network", network);
            for setting in network.settings() {
                line("setting", &setting);
            }
            for assumption in network.assumptions() {
                line("assumed", &assumption);
            }
        }
        Err(error) => line("network", &format!("none that can predict: {error}")),
    }
    for published in may_be {
        line("may be", &format!("{}: {}", published.id, published.training));
    }
    Ok(())
}

fn line(title: &str, value: &dyn Display) {
    print_line(&format!("{title:<9}{value}"));
}

fn print_published(published: &Published) {
    let Published { id, dialect, backbone, class_rows, training, .. } = published;
    line("model", id);
    line("names", dialect);
    line("network", &format!("{backbone}, {class_rows} rows of classes"));
    line("training", training);
    if let Some(reported) = published.reported {
        line(
            "reported",
            &format!(
                "AP {:.1}, AP50 {:.1}, AP75 {:.1}, AR1 {:.1}, AR10 {:.1} on the validation videos of YouTube-VIS 2019, \
                 by its authors; not verified here",
                reported.ap, reported.ap50, reported.ap75, reported.ar1, reported.ar10
            ),
        );
    }
    line("recipe", &published.config);
    match published.page {
        Some(page) => {
            line("get it", &format!("download it in a browser: {page}"));
            line("", &format!("seqformer models pull FILE --name {id}"));
            line("", &"as safetensors: seqformer weights convert FILE model.safetensors");
        }
        None => line(
            "get it",
            &"not published: its table of results is empty; files that others have trained look like this",
        ),
    }
}

fn pull(models: &Models, args: &PullArgs) -> Result<()> {
    let model = weights_source::pull(models, &args.address, args.name.as_deref())?;
    let CachedModel { name, manifest, path } = &model;
    if !manifest.verified {
        note(&format!(
            "{}: its source announces no SHA-256; what came has {}",
            manifest.address, manifest.sha256
        ));
    }
    print_line(&format!("{name}: {} in {}", human_size(manifest.size), path.display()));
    note(&format!("use it with --weights {name}"));
    Ok(())
}

fn push(models: &Models, args: &PushFolderArgs) -> Result<()> {
    let from = match args.from.to_str() {
        Some(text) => models.locate(text)?,
        None => args.from.clone(),
    };
    let about = About { name: args.name.clone(), licence: args.license.clone() };
    let facts = push_folder(&from, &args.output, &about)?;
    let output = args.output.display();
    print_line(&format!("{output}: {} from {}", facts.network, facts.weights.display()));
    note(&format!(
        "read {output}/{CARD}, add what only you know, and upload it: huggingface-cli upload ORG/REPO {output}"
    ));
    Ok(())
}

fn card(args: &CardArgs) -> Result<()> {
    let about = About { name: args.name.clone(), licence: args.license.clone() };
    let path = write_card(&args.run, &about)?;
    print_line(&path.display().to_string());
    Ok(())
}

fn remove(models: &Models, args: &RemoveArgs) -> Result<()> {
    let mut failed = 0;
    for name in &args.names {
        match models.cache.remove(name) {
            Ok(()) => print_line(&format!("{name}: removed")),
            Err(error) => {
                seqformer_cli::output::error(&error.into());
                failed += 1;
            }
        }
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(anyhow!("{failed} of {} could not be removed", args.names.len()))
    }
}
