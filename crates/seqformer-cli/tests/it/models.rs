//! `seqformer models`, and weights by name and address.

use std::fs;
use std::path::Path;
use std::process::Output;

use seqformer_testing::http::{Answer, Server};
use serde_json::Value;

use crate::{command, display, golden, text};

/// Runs `seqformer` with the cache in `folder`, and no token of whoever runs the test.
fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(words);
    command.env("SEQFORMER_CACHE", folder.join("cache")).env("HF_HOME", folder);
    for name in ["SEQFORMER_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HF_TOKEN_PATH", "HF_ENDPOINT"]
    {
        command.env_remove(name);
    }
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
    {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn failed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    text(&output.stderr)
}

/// Serves the small model of the golden files as `street.pth`, and cuts the first connection.
fn server() -> Server {
    let bytes = fs::read(golden("tiny_model.pth")).unwrap();
    Server::start(move |asked, before| match asked.path.as_str() {
        "/street.pth" if before == 0 => Answer::file(asked, &bytes, "one").cut_after(50_000),
        "/street.pth" => Answer::file(asked, &bytes, "one"),
        _ => Answer::status(404),
    })
}

#[test]
fn a_model_is_pulled_listed_described_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let address = server.url("/street.pth");
    let pulled = run(folder.path(), &["models", "pull", &address]);
    let said = text(&pulled.stderr);
    assert!(done(&pulled).starts_with("street: "), "{said}");
    for part in ["going on", "announces no SHA-256", "use it with --weights street"] {
        assert!(said.contains(part), "{said}");
    }
    drop(server);
    let list: Value =
        serde_json::from_str(&done(&run(folder.path(), &["models", "list", "--json"]))).unwrap();
    let model = &list["models"][0];
    assert_eq!((&model["name"], &model["address"]), (&"street".into(), &address.clone().into()));
    let bytes = fs::read(golden("tiny_model.pth")).unwrap();
    assert_eq!(fs::read(model["path"].as_str().unwrap()).unwrap(), bytes);
    let published = list["published"].as_array().unwrap();
    let r50 = published.iter().find(|model| model["id"] == "seqformer-r50").unwrap();
    assert_eq!(r50["reported_by_its_authors"]["AP"], 47.4);
    let listed = done(&run(folder.path(), &["models", "list"]));
    assert!(listed.contains("street  ") && listed.contains("seqformer-swin-l  Swin-L"), "{listed}");

    let info = done(&run(folder.path(), &["models", "info", "street"]));
    for part in [
        address.as_str(),
        "ResNet-50, 2 + 3 layers of 64 channels, 20 queries, 5 classes",
        "MODEL.RESNETS.WIDTH_PER_GROUP = 4",
        "assumed  8 heads of 4 points",
    ] {
        assert!(info.contains(part), "{part}: {info}");
    }
    let info = done(&run(folder.path(), &["models", "info", "--json", "street"]));
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["settings"]["MODEL.SeqFormer.NUM_OBJECT_QUERIES"], "20");
    let info = done(&run(folder.path(), &["models", "info", "seqformer-r101"]));
    for part in ["AP 49.0", "not verified here", "drive.google.com", "models pull FILE"] {
        assert!(info.contains(part), "{info}");
    }
    assert_eq!(done(&run(folder.path(), &["models", "remove", "street"])), "street: removed\n");
    let error = failed(&run(folder.path(), &["models", "remove", "street"]));
    assert!(error.contains("street: expected a file, an address or the name"), "{error}");
}

#[test]
fn weights_that_are_not_there_end_the_command_before_the_second_program() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let file = golden("tiny_model.pth");
    done(&run(folder.path(), &["models", "pull", &file, "--name", "street"]));
    let config = golden("tiny_config.yaml");
    let output = display(&folder.path().join("found"));
    let predict = |weights: &str| {
        let words = [
            "predict",
            "--config-file",
            &config,
            "--weights",
            weights,
            "--output",
            &output,
            "a.mp4",
        ];
        failed(&run(folder.path(), &words))
    };
    let error = predict("stret");
    for part in
        ["stret: expected a file, an address or the name", "did you mean street?", "docs/models.md"]
    {
        assert!(error.contains(part), "{error}");
    }
    let error = predict(&server.url("/none.pth"));
    assert!(error.contains("not found (status 404)"), "{error}");
    let error = predict("ftp://example.org/a.pth");
    assert!(error.contains("expected an address that begins with hf://"), "{error}");
    for command in ["eval", "train"] {
        let words = [command, "--config-file", &config, "MODEL.WEIGHTS", &server.url("/none.pth")];
        let error = failed(&run(folder.path(), &words));
        assert!(error.contains("not found (status 404)"), "{error}");
    }
    assert!(!folder.path().join("found").exists());
}

/// A training that goes on needs no weights to start from, so it asks nobody for them.
#[test]
fn a_training_that_goes_on_fetches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    fs::write(folder.path().join("last_checkpoint"), "model_0000001.pth").unwrap();
    let (config, output) = (golden("tiny_config.yaml"), display(folder.path()));
    let weights = server.url("/none.pth");
    let words = [
        "train",
        "--config-file",
        &config,
        "--resume",
        "MODEL.WEIGHTS",
        &weights,
        "OUTPUT_DIR",
        &output,
    ];
    let error = failed(&run(folder.path(), &words));
    assert!(!error.contains("404") && server.asked().is_empty(), "{error}");
}

#[cfg(feature = "torch")]
#[test]
fn a_name_and_an_address_predict_as_the_file_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let address = server.url("/street.pth");
    let (config, video) = (golden("tiny_config.yaml"), golden("tiny_video/JPEGImages/vid_short"));
    let predict = |weights: &str, found: &str| {
        let output = display(&folder.path().join(found));
        let words = [
            "predict",
            "--config-file",
            &config,
            "--weights",
            weights,
            "--output",
            &output,
            "--device",
            "cpu",
            "--no-overlay",
            &video,
        ];
        done(&run(folder.path(), &words));
        fs::read_to_string(folder.path().join(found).join("results.json")).unwrap()
    };
    let expected = predict(&golden("tiny_model.pth"), "by_file");
    assert_eq!(predict(&address, "by_address"), expected);
    drop(server);
    assert_eq!(predict("street", "by_name"), expected);
    assert_eq!(predict(&address, "offline"), expected);
}

#[test]
fn a_training_becomes_a_folder_for_the_hub_with_a_card() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("street")).unwrap();
    fs::copy(golden("tiny_model.pth"), at("street/model_final.pth")).unwrap();
    fs::copy(golden("tiny_config.yaml"), at("street/config.yaml")).unwrap();
    fs::write(at("street/metrics.json"), "{\"iteration\": 9, \"segm/AP\": 41.5}\n").unwrap();
    let (run_folder, upload) = (display(&at("street")), display(&at("upload")));
    let printed = done(&run(folder.path(), &["models", "card", &run_folder, "--license", "mit"]));
    assert_eq!(printed.trim(), display(&at("street/README.md")));
    let card = fs::read_to_string(at("street/README.md")).unwrap();
    fs::write(at("street/README.md"), format!("{card}\nFilmed in May.\n")).unwrap();
    let pushed = run(folder.path(), &["models", "push-folder", &run_folder, "--output", &upload]);
    assert!(text(&pushed.stderr).contains("huggingface-cli upload"), "{}", text(&pushed.stderr));
    assert!(done(&pushed).contains("ResNet-50, 2 + 3 layers"), "{}", text(&pushed.stdout));
    let card = fs::read_to_string(at("upload/README.md")).unwrap();
    for part in [
        "license: mit\n",
        "| 41.5 |",
        "Filmed in May.",
        "seqformer train --config-file config.yaml",
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    let error =
        failed(&run(folder.path(), &["models", "push-folder", &run_folder, "--output", &upload]));
    assert!(error.contains("already there"), "{error}");
    let refused = run(folder.path(), &["models", "card", &run_folder, "--license", "my own: free"]);
    assert_eq!(refused.status.code(), Some(2));
}
