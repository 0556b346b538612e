//! Downloads that cannot end well: one message with the mend, and nothing in the cache.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use seqformer_testing::http::{Answer, Server};

use crate::{listing, models, pull, sha256, weights};

/// What the error says; no model may be there afterwards.
fn refused(server: &Server, address: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let models = models(folder.path(), server);
    let error = pull(&models, address).unwrap_err();
    assert_eq!(models.cache.names().unwrap(), Vec::<String>::new(), "{error}");
    let left = models.cache.root().join("models");
    assert!(!left.exists() || fs::read_dir(left).unwrap().count() == 0, "{error}");
    // Nor is anything left of a download of which there is no part.
    let downloads = models.cache.root().join("downloads");
    assert!(!downloads.exists() || fs::read_dir(downloads).unwrap().count() == 0, "{error}");
    error
}

fn check(server: &Server, address: &str, parts: &[&str]) {
    let error = refused(server, address);
    for part in parts {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_wrong_hash_removes_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, _| Answer::file(asked, &weights(5000), "one"));
    let models = models(folder.path(), &server);
    let (wrong, right) = ("ab".repeat(32), sha256(&weights(5000)));
    let error = pull(&models, &server.url(&format!("/r50.pth#sha256={wrong}"))).unwrap_err();
    for part in [wrong.as_str(), right.as_str(), "the file was removed"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(models.cache.names().unwrap().is_empty());
    let downloads = models.cache.root().join("downloads");
    assert_eq!(fs::read_dir(downloads).unwrap().count(), 0, "the wrong bytes are still there");
    // The right one is another address, of the same file.
    pull(&models, &server.url(&format!("/r50.pth#sha256={right}"))).unwrap();
}

#[test]
fn a_wrong_hash_of_the_hub_is_found_as_well() {
    let server = Server::start(|asked, _| {
        if asked.path.starts_with("/api/") {
            return listing(&[("model.safetensors", &weights(5000))]);
        }
        let mut bytes = weights(5000);
        bytes[4000] ^= 1;
        Answer::file(asked, &bytes, "one")
    });
    check(&server, "hf://me/vis", &["expected SHA-256", "the file was removed"]);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let server = Server::start(|_, _| Answer::Silence(Duration::from_secs(4)));
    check(&server, "hf://me/vis", &["did not answer within 1 s", "HF_ENDPOINT"]);
    check(&server, &server.url("/r50.pth"), &["did not answer within 1 s"]);
}

#[test]
fn no_network_says_so() {
    // A port that nobody listens on.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start(|_, _| Answer::status(404));
    let address = format!("http://127.0.0.1:{port}/r50.pth");
    check(&server, &address, &[&address, "no connection", "models of the cache need no network"]);
    let address = "http://host.invalid/r50.pth";
    check(&server, address, &[address, "no connection", "HTTPS_PROXY"]);
}

#[test]
fn what_the_server_refuses_is_said_with_the_mend() {
    let cases: [(u16, &[&str]); 5] = [
        (401, &["access denied (status 401)", "HF_TOKEN"]),
        (403, &["access denied (status 403)", "HF_TOKEN"]),
        (404, &["not found (status 404)", "check the address"]),
        (418, &["expected a file, found status 418"]),
        (500, &["found status 500", "run the command again later"]),
    ];
    for (status, parts) in cases {
        let server = Server::start(move |_, _| Answer::status(status));
        let error = refused(&server, "hf://me/vis");
        // The repository is named as it was asked for.
        assert_eq!(error.starts_with("hf://me/vis (http://"), status < 405, "{error}");
        check(&server, "hf://me/vis", parts);
        check(&server, &server.url("/r50.pth"), parts);
    }
}

#[test]
fn a_token_that_does_not_help_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Answer::status(403));
    let mut models = models(folder.path(), &server);
    models.hub.token = Some("hf_old".to_owned());
    let error = pull(&models, "hf://me/vis").unwrap_err();
    assert!(error.contains("does not open it") && !error.contains("hf_old"), "{error}");
}

#[test]
fn repositories_without_safetensors_are_told_apart() {
    let server = Server::start(|asked, _| {
        if asked.path.starts_with("/api/models/me/pickles/") {
            listing(&[("model_final.pth", &weights(50)), ("optimizer.bin", b"1")])
        } else if asked.path.starts_with("/api/") {
            listing(&[("README.md", b"# nothing")])
        } else {
            Answer::file(asked, &weights(50), "one")
        }
    });
    check(&server, "hf://me/empty", &["expected a repository with weights", "found README.md"]);
    let named = "hf://me/pickles/model_final.pth";
    check(&server, "hf://me/pickles", &["found only pickles", named, "nothing in it is run"]);
    check(
        &server,
        "hf://me/pickles/model.pth",
        &["expected the file \"model.pth\"", "model_final"],
    );
    let folder = tempfile::tempdir().unwrap();
    let path = pull(&models(folder.path(), &server), named).unwrap();
    assert!(path.ends_with("pickles-model_final/model_final.pth"), "{}", path.display());
}

#[test]
fn what_is_no_file_is_not_kept() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        "/page" => Answer::text("text/html; charset=utf-8", "<html>"),
        "/empty" => Answer::text("application/octet-stream", ""),
        "/round" => Answer::Full(302, vec![("Location", "/round".to_owned())], Vec::new()),
        "/out" => Answer::Full(302, vec![("Location", "ftp://a/b".to_owned())], Vec::new()),
        _ => Answer::text("application/json", "{\"error\": \"no\"}"),
    });
    check(&server, &server.url("/page"), &["found a web page", "hf://ORG/REPO"]);
    check(&server, &server.url("/empty"), &["found an empty file"]);
    check(&server, &server.url("/round"), &["redirections without end"]);
    check(&server, &server.url("/out"), &["a redirection to \"ftp://a/b\""]);
    check(&server, "hf://me/vis", &["no list of files", "HF_ENDPOINT"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_with_what_it_would_take() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, before| {
        let whole = Answer::file(asked, &weights(300_000), "one");
        if before == 0 { whole.cut_after(10) } else { whole }
    });
    let models = models(folder.path(), &server);
    let address = server.url("/r50.pth");
    // The first piece makes the folder; then the device that is always full takes the place of the part.
    let mut swap = |progress| {
        if let seqformer_models::Progress::Resuming { .. } = progress {
            let downloads = fs::read_dir(models.cache.root().join("downloads")).unwrap();
            let part = downloads.map(|entry| entry.unwrap().path().join("part")).next().unwrap();
            fs::remove_file(&part).unwrap();
            std::os::unix::fs::symlink("/dev/full", &part).unwrap();
        }
    };
    let error = models.pull(&address, None, &mut swap).unwrap_err().to_string();
    for part in
        ["no space left for the download of 300.0 kB", "SEQFORMER_CACHE", "goes on from there"]
    {
        assert!(error.contains(part), "{error}");
    }
    assert!(models.cache.names().unwrap().is_empty());
}

#[test]
fn without_downloads_only_the_cache_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, _| Answer::file(asked, &weights(50), "one"));
    let mut models = models(folder.path(), &server);
    let address = server.url("/r50.pth");
    models.offline = Some("SEQFORMER_OFFLINE");
    let error = pull(&models, &address).unwrap_err();
    assert!(error.contains("SEQFORMER_OFFLINE forbids downloads"), "{error}");
    let error = models.locate(&address).unwrap_err().to_string();
    assert!(error.contains(&format!("`seqformer models pull {address}`")), "{error}");
    assert!(server.asked().is_empty());
}

#[test]
fn names_that_are_taken_or_unknown_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, _| Answer::file(asked, &weights(50), "one"));
    let models = models(folder.path(), &server);
    let named = |address: &str, name: &str| {
        models.pull(address, Some(name), &mut |_| {}).map_err(|error| error.to_string())
    };
    let (first, second) = (server.url("/a/r50.pth"), server.url("/b/r50.pth"));
    named(&first, "street").unwrap();
    let before = server.asked().len();
    let error = named(&second, "street").unwrap_err();
    assert!(error.contains(&first) && error.contains("--name"), "{error}");
    let error = named(&first, "other").unwrap_err();
    assert!(error.contains("in the cache already, as street"), "{error}");
    assert!(named(&second, "no/name").unwrap_err().contains("expected a name of letters"));
    assert_eq!(server.asked().len(), before, "nothing may be fetched for these");
    let error = models.locate("stret").unwrap_err().to_string();
    for part in
        ["stret: expected a file, an address or the name", "did you mean street?", "models list"]
    {
        assert!(error.contains(part), "{error}");
    }
    // A path stays one, whether anything is there or not, and a file goes before a name.
    assert_eq!(models.locate("weights/r50.pth").unwrap().to_str(), Some("weights/r50.pth"));
    assert_eq!(models.locate("model_final.pth").unwrap().to_str(), Some("model_final.pth"));
}

#[test]
fn a_file_of_the_disk_is_copied_into_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, _| Answer::status(404));
    let models = models(folder.path(), &server);
    let file = folder.path().join("r50_weight.pth");
    fs::write(&file, weights(5000)).unwrap();
    let address = file.display().to_string();
    let model = models.pull(&address, Some("r50"), &mut |_| {}).unwrap();
    assert_eq!(fs::read(&model.path).unwrap(), weights(5000));
    assert_eq!(model.manifest.sha256, sha256(&weights(5000)));
    let error = models.pull(&address, Some("r50"), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("has a model of this name"), "{error}");
    let error = pull(&models, &folder.path().join("none.pth").display().to_string()).unwrap_err();
    assert!(error.contains("none.pth"), "{error}");
    fs::write(&model.path, weights(4999)).unwrap();
    assert!(
        models.locate("r50").unwrap_err().to_string().contains("expected 5000 bytes, found 4999")
    );
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, _| Answer::file(asked, &weights(50), "one"));
    let models = models(folder.path(), &server);
    // A file where the folder should be.
    fs::write(folder.path().join("cache"), "mine").unwrap();
    let error = pull(&models, &server.url("/r50.pth")).unwrap_err();
    assert!(error.contains("cache") && error.contains("set SEQFORMER_CACHE"), "{error}");
    assert_eq!(fs::read_to_string(folder.path().join("cache")).unwrap(), "mine");
}
