//! Downloads that end well.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use seqformer_models::Progress;
use seqformer_testing::http::{Answer, Asked, Server};

use crate::{listing, models, pull, sha256, weights};

const LENGTH: usize = 300_000;

/// A repository with one file, which comes by `file`.
fn hub(file: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Server {
    let files = AtomicUsize::new(0);
    Server::start(move |asked, _| {
        if asked.path.starts_with("/api/models/me/vis/revision/") {
            let bytes = weights(LENGTH);
            return listing(&[("README.md", b"# vis"), ("model.safetensors", &bytes)]);
        }
        assert_eq!(asked.path, "/me/vis/resolve/c0ffee/model.safetensors");
        file(asked, files.fetch_add(1, Ordering::SeqCst))
    })
}

#[test]
fn a_connection_that_is_cut_twice_is_taken_up_and_the_model_works_offline() {
    let folder = tempfile::tempdir().unwrap();
    let server = hub(|asked, before| {
        let whole = Answer::file(asked, &weights(LENGTH), "one");
        if before < 2 { whole.cut_after(100_000) } else { whole }
    });
    let mut models = models(folder.path(), &server);
    let mut said = Vec::new();
    let model =
        models.pull("hf://me/vis", Some("mine"), &mut |progress| said.push(progress)).unwrap();
    assert_eq!(fs::read(&model.path).unwrap(), weights(LENGTH));
    assert!(model.manifest.verified && model.manifest.commit.as_deref() == Some("c0ffee"));
    assert_eq!(model.manifest.sha256, sha256(&weights(LENGTH)));
    let offsets: Vec<usize> = server.asked()[1..].iter().map(Asked::offset).collect();
    assert_eq!(offsets, [0, 100_000, 200_000]);
    let resumed = said.iter().filter(|said| matches!(said, Progress::Resuming { .. })).count();
    let last = said.iter().rev().find(|said| matches!(said, Progress::Bytes { .. }));
    let (done, total) = (LENGTH as u64, Some(LENGTH as u64));
    assert_eq!((resumed, last), (2, Some(&Progress::Bytes { done, total })));
    assert_eq!(said.last(), Some(&Progress::Checking));
    // Nothing but the model is left.
    assert_eq!(fs::read_dir(models.cache.root().join("downloads")).unwrap().count(), 0);
    drop(server);
    models.offline = Some("SEQFORMER_OFFLINE");
    assert_eq!(models.locate("mine").unwrap(), model.path);
    assert_eq!(models.locate("hf://me/vis").unwrap(), model.path);
    assert_eq!(pull(&models, "hf://me/vis").unwrap(), model.path);
    models.check(&model).unwrap();
}

#[test]
fn an_ended_run_is_taken_up_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let server = hub(|asked, before| match before {
        0 => Answer::file(asked, &weights(LENGTH), "one").cut_after(120_000),
        1..5 => Answer::status(503),
        _ => Answer::file(asked, &weights(LENGTH), "one"),
    });
    let models = models(folder.path(), &server);
    let error = pull(&models, "hf://me/vis").unwrap_err();
    assert!(error.contains("stopped at 120.0 kB of 300.0 kB"), "{error}");
    assert!(error.contains("run the same command again, it goes on from there"), "{error}");
    assert!(models.cache.names().unwrap().is_empty());
    let path = pull(&models, "hf://me/vis").unwrap();
    assert_eq!(fs::read(path).unwrap(), weights(LENGTH));
    assert_eq!(server.asked().last().unwrap().offset(), 120_000);
}

#[test]
fn a_file_that_has_changed_meanwhile_is_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|asked, before| {
        if before == 0 {
            Answer::file(asked, &vec![7; LENGTH], "old").cut_after(100_000)
        } else {
            Answer::file(asked, &weights(LENGTH), "new")
        }
    });
    let models = models(folder.path(), &server);
    let path = pull(&models, &server.url("/a/r50.pth?x=1")).unwrap();
    assert!(path.ends_with("models/r50/r50.pth"), "{}", path.display());
    assert_eq!(fs::read(path).unwrap(), weights(LENGTH));
}

#[test]
fn a_server_that_knows_no_parts_sends_the_whole_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_, before| {
        let whole = Answer::file(&Asked::default(), &weights(LENGTH), "one");
        if before == 0 { whole.cut_after(100_000) } else { whole }
    });
    let models = models(folder.path(), &server);
    let hash = sha256(&weights(LENGTH));
    let model =
        models.pull(&server.url(&format!("/r50.pth#sha256={hash}")), None, &mut |_| {}).unwrap();
    assert!(model.manifest.verified);
    assert_eq!(fs::read(model.path).unwrap(), weights(LENGTH));
}

#[test]
fn two_at_once_fetch_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = hub(|asked, _| {
        thread::sleep(std::time::Duration::from_millis(700));
        Answer::file(asked, &weights(LENGTH), "one")
    });
    let models = models(folder.path(), &server);
    let both = thread::scope(|scope| {
        let pulls = [(); 2].map(|()| scope.spawn(|| pull(&models, "hf://me/vis").unwrap()));
        pulls.map(|pull| pull.join().unwrap())
    });
    assert_eq!(both[0], both[1]);
    assert_eq!(server.asked().len(), 2, "a list and a file: {:?}", server.asked());
}

#[test]
fn a_token_goes_to_the_hub_and_not_where_it_redirects() {
    let folder = tempfile::tempdir().unwrap();
    let store = Server::start(|asked, _| Answer::file(asked, &weights(LENGTH), "other"));
    let target = store.url("/blob?signature=1");
    let server = Server::start(move |asked, _| {
        if asked.headers.get("authorization").map(String::as_str) != Some("Bearer hf_secret") {
            return Answer::status(401);
        }
        if asked.path.starts_with("/api/") {
            return listing(&[("model.safetensors", &weights(LENGTH))]);
        }
        let headers = vec![
            ("Location", target.clone()),
            ("X-Linked-Etag", format!("\"{}\"", sha256(&weights(LENGTH)))),
        ];
        Answer::Full(302, headers, Vec::new())
    });
    let mut models = models(folder.path(), &server);
    let error = pull(&models, "hf://me/vis").unwrap_err();
    assert!(error.contains("access denied (status 401)") && error.contains("HF_TOKEN"), "{error}");
    models.hub.token = Some("hf_secret".to_owned());
    assert_eq!(fs::read(pull(&models, "hf://me/vis").unwrap()).unwrap(), weights(LENGTH));
    // A plain address of the same file is checked by what the Hub says of it.
    let address = server.url("/me/vis/resolve/main/model.safetensors");
    assert!(models.pull(&address, None, &mut |_| {}).unwrap().manifest.verified);
    let asked = store.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| !asked.headers.contains_key("authorization")), "{asked:?}");
}
