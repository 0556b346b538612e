//! A headless Chromium that is driven over its DevTools protocol.
//!
//! The protocol's pipe is file descriptors 3 and 4, messages end with a zero byte; a shell puts standard input and
//! output there. Reference: Chrome DevTools Protocol, `Target`, `Page`, `Runtime`, `Input` and `Emulation`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_mins(1);
const PERIOD: Duration = Duration::from_millis(20);

/// The code of errors that say what state the page is in, as "Inspected target navigated or closed".
const SERVER_ERROR: i64 = -32_000;

/// A browser with one page.
pub(crate) struct Chromium {
    process: Child,
    to: ChildStdin,
    messages: Receiver<Value>,
    next_id: u64,
    session: Value,
    /// What the pages complain about.
    complaints: Vec<String>,
    _profile: TempDir,
}

/// Returns the program, or says that tests are skipped; in CI there has to be one.
pub(crate) fn find() -> Option<PathBuf> {
    const NAMES: [&str; 5] = [
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "chrome-headless-shell",
    ];
    if let Some(given) = std::env::var_os("SEQFORMER_CHROMIUM") {
        return Some(given.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .collect();
    places.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.deps/chromium/chromium"));
    let found = places.into_iter().find(|place| place.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "Chromium is needed in CI: run scripts/chromium.sh"
        );
        // Past the test harness, which keeps what passing tests print.
        let text =
            "skipped: a test of the report's pages needs Chromium: run scripts/chromium.sh\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }
    found
}

impl Chromium {
    /// Starts a browser with an empty page of the size of a desktop.
    pub(crate) fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new("sh")
            .args(["-c", r#"exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#, "sh"])
            .arg(program)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(["--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--force-device-scale-factor=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let (sender, messages) = channel();
        let read = move || {
            for message in BufReader::new(from).split(0) {
                let Ok(message) = message else { return };
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("devtools".to_owned()).spawn(read).unwrap();
        let mut browser = Self {
            process,
            to,
            messages,
            next_id: 0,
            session: Value::Null,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let target = json!({"targetId": target["targetId"], "flatten": true});
        browser.session = browser.call("Target.attachToTarget", target)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.resize(1280, 900);
        browser
    }

    /// Calls a method, and returns its result.
    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls a method, and returns its result or the error that the protocol names.
    fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.next_id += 1;
        let mut message = json!({"id": self.next_id, "method": method, "params": parameters});
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        let mut text = message.to_string().into_bytes();
        text.push(0);
        self.to.write_all(&text).unwrap();
        loop {
            let message = self.receive();
            if message["id"] == self.next_id {
                return match &message["error"] {
                    Value::Null => Ok(message["result"].clone()),
                    error => Err(error.clone()),
                };
            }
        }
    }

    fn receive(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE).expect("the browser answers");
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(parameters["exceptionDetails"].to_string());
            }
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => {
                self.complaints.push(parameters["entry"]["text"].to_string());
            }
            _ => {}
        }
        message
    }

    /// Opens a page of a folder as `file://`, with or without a part behind `#`, and waits for it.
    pub(crate) fn open(&mut self, folder: &Path, page: &str) {
        // The same page with another part behind # would not be loaded anew.
        self.call("Page.navigate", json!({"url": "about:blank"}));
        self.wait("location.href === 'about:blank'");
        let address = format!("file://{}/{page}", folder.display());
        self.call("Page.navigate", json!({"url": address}));
        self.wait("location.protocol === 'file:' && document.readyState === 'complete'");
    }

    /// Returns the value of an expression.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.try_value(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    fn try_value(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters =
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.try_call("Runtime.evaluate", parameters)?;
        let failed = &result["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        Ok(result["result"]["value"].clone())
    }

    /// Waits until an expression is true, also across pages.
    pub(crate) fn wait(&mut self, expression: &str) {
        let start = Instant::now();
        loop {
            match self.try_value(expression) {
                Ok(Value::Bool(true)) => return,
                Ok(_) => {}
                Err(error) => check_page_left(&error, expression),
            }
            assert!(start.elapsed() < PATIENCE, "not true: {expression}; {:?}", self.complaints);
            std::thread::sleep(PERIOD);
        }
    }

    /// Presses and releases a key.
    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { json!(key) } else { Value::Null };
        let mut down = json!({"type": "keyDown", "key": key});
        if !text.is_null() {
            down["text"] = text;
        }
        self.call("Input.dispatchKeyEvent", down);
        self.call("Input.dispatchKeyEvent", json!({"type": "keyUp", "key": key}));
    }

    /// Clicks into an element, at parts of its width and height.
    pub(crate) fn click_at(&mut self, selector: &str, x: f64, y: f64) {
        let found = self.value(&format!(
            "(() => {{ const found = document.querySelector({selector:?}); found.scrollIntoView({{block: 'center'}}); \
             const area = found.getBoundingClientRect(); \
             return [area.left + {x} * area.width, area.top + {y} * area.height]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": found[0], "y": found[1], "button": "left", "clickCount": 1});
            if let Err(error) = self.try_call("Input.dispatchMouseEvent", event) {
                check_page_left(&error, selector);
            }
        }
    }

    /// Clicks into the middle of an element.
    pub(crate) fn click(&mut self, selector: &str) {
        self.click_at(selector, 0.5, 0.5);
    }

    /// Changes the size of the page.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        let mobile = width < 600;
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Prefers dark colours, or light ones.
    pub(crate) fn set_dark(&mut self, is_dark: bool) {
        let value = if is_dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": value}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Makes sure that no page had an error.
    pub(crate) fn check_no_complaints(&mut self) {
        self.value("true");
        assert!(self.complaints.is_empty(), "{:?}", self.complaints);
    }
}

/// Accepts the error of a call whose page was taken away by what a click led to.
fn check_page_left(error: &Value, what: &str) {
    assert_eq!(error["code"], SERVER_ERROR, "{what}: {error}");
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // A browser that has ended by itself needs no end.
        let _ended = self.process.kill();
        let _code = self.process.wait();
    }
}
