//! A small HTTP server of this machine that answers as a test wants it to, also wrongly.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The part of the address behind the host.
    pub path: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl Asked {
    /// The first byte that is wanted.
    ///
    /// # Panics
    ///
    /// If the range has another form than `bytes=N-`.
    pub fn offset(&self) -> usize {
        let range = self.headers.get("range").map_or("bytes=0-", String::as_str);
        range
            .trim_start_matches("bytes=")
            .trim_end_matches('-')
            .parse()
            .expect("a range as the product asks for: bytes=N-")
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Status, headers and body.
    Full(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The same, but only so many bytes of the body come before the connection is closed.
    Cut(u16, Vec<(&'static str, String)>, Vec<u8>, usize),
    /// Nothing, for so long.
    Silence(Duration),
}

impl Answer {
    /// An answer that is no file.
    pub fn status(status: u16) -> Self {
        Self::Full(status, Vec::new(), b"no".to_vec())
    }

    /// A text of a kind such as `text/html`.
    pub fn text(kind: &str, body: &str) -> Self {
        Self::Full(200, vec![("Content-Type", kind.to_owned())], body.as_bytes().to_vec())
    }

    /// A file, or the part of it that is asked for.
    pub fn file(asked: &Asked, bytes: &[u8], etag: &str) -> Self {
        let offset = asked.offset();
        if offset >= bytes.len() {
            return Self::status(416);
        }
        let mut headers = vec![("ETag", format!("\"{etag}\""))];
        if offset > 0 {
            let (last, total) = (bytes.len() - 1, bytes.len());
            headers.push(("Content-Range", format!("bytes {offset}-{last}/{total}")));
        }
        Self::Full(if offset > 0 { 206 } else { 200 }, headers, bytes[offset..].to_vec())
    }

    /// Ends the connection after so many bytes.
    pub fn cut_after(self, length: usize) -> Self {
        match self {
            Self::Full(status, headers, body) => Self::Cut(status, headers, body, length),
            other => other,
        }
    }
}

/// A server on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers each request by `answer`, which also gets how many there were before.
    ///
    /// # Panics
    ///
    /// If the machine gives no port or thread.
    pub fn start(answer: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let (asked, stop) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (list, is_over, answer) = (Arc::clone(&asked), Arc::clone(&stop), Arc::new(answer));
        let accept = move || {
            for stream in listener.incoming() {
                if is_over.load(Ordering::SeqCst) {
                    return;
                }
                let (list, answer) = (Arc::clone(&list), Arc::clone(&answer));
                let serve = move || serve(&stream.expect("a connection"), &list, &*answer);
                drop(Builder::new().name("connection".to_owned()).spawn(serve).expect("a thread"));
            }
        };
        let thread =
            Some(Builder::new().name("server".to_owned()).spawn(accept).expect("a thread"));
        Self { address, asked, stop, thread }
    }

    /// The whole address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was asked for until now.
    ///
    /// # Panics
    ///
    /// If a request made the server panic.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no request made it panic").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // It waits for a connection.
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Answers one request; the connection ends with it.
fn serve(stream: &TcpStream, list: &Mutex<Vec<Asked>>, answer: &dyn Fn(&Asked, usize) -> Answer) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let mut asked =
        Asked { path: first.split(' ').nth(1).unwrap_or_default().to_owned(), ..Asked::default() };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header");
        asked.headers.insert(name.to_lowercase(), value.to_owned());
    }
    let before = {
        let mut list = list.lock().expect("no request made it panic");
        list.push(asked.clone());
        list.len() - 1
    };
    let (status, headers, body, length) = match answer(&asked, before) {
        Answer::Full(status, headers, body) => {
            let length = body.len();
            (status, headers, body, length)
        }
        Answer::Cut(status, headers, body, length) => (status, headers, body, length),
        Answer::Silence(time) => return std::thread::sleep(time),
    };
    let mut head =
        format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head = format!("{head}{name}: {value}\r\n");
    }
    let mut stream = stream;
    // A client that has gone reads nothing more.
    drop(
        stream
            .write_all(format!("{head}\r\n").as_bytes())
            .and_then(|()| stream.write_all(&body[..length.min(body.len())])),
    );
}
