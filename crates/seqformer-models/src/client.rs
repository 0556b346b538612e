//! Plain HTTP: one request, its redirections, and what an answer means.

use std::io;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Response};

use crate::ModelsError;
use crate::address::is_sha256;

/// Redirections that are followed.
const MAX_REDIRECTS: usize = 10;

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Until there is a connection.
    pub connect: Duration,
    /// Until an answer begins, and between its parts.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(20), silence: Duration::from_secs(30) }
    }
}

/// Makes requests.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    agent: Agent,
    timeouts: Timeouts,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) url: &'a str,
    /// Sent to the host of `url` alone, not to where it redirects.
    pub(crate) token: Option<&'a str>,
    /// Bytes that are there already.
    pub(crate) offset: u64,
    /// What they are a part of; another file is sent from its beginning.
    pub(crate) etag: Option<&'a str>,
}

/// An answer that is a file, or a part of one.
pub(crate) struct Reply {
    /// The first byte of it in the file.
    pub(crate) offset: u64,
    /// The length of the whole file.
    pub(crate) total: Option<u64>,
    pub(crate) etag: Option<String>,
    /// SHA-256 of the whole file.
    pub(crate) sha256: Option<String>,
    pub(crate) body: Box<dyn io::Read>,
}

/// Why there is no file.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may work another time.
    Passing(ModelsError),
    /// It will not.
    Lasting(ModelsError),
    /// The bytes that are there are no part of the file.
    NoSuchPart,
}

impl Client {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // They are followed here: headers of the first answer say what the file is.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(timeouts.connect))
            .timeout_recv_response(Some(timeouts.silence))
            .timeout_per_read(Some(timeouts.silence))
            .user_agent(concat!("seqformer/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, timeouts }
    }

    /// Asks for a file or the rest of one, and comes back when it begins.
    pub(crate) fn get(&self, request: Request<'_>) -> Result<Reply, Failure> {
        let mut url = request.url.to_owned();
        let mut sha256 = None;
        let mut etag = None;
        for _ in 0..=MAX_REDIRECTS {
            let token = request.token.filter(|_| origin(&url) == origin(request.url));
            let answer = self.send(&url, token, request)?;
            let headers = answer.headers();
            // The Hub names the file in its own answer, and the store that it redirects to need not.
            let named = ["x-linked-etag", "etag", "last-modified"]
                .into_iter()
                .find_map(|name| text(headers, name));
            let named =
                named.map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned());
            if sha256.is_none() && text(headers, "x-linked-etag").is_some() {
                sha256 = named.clone().filter(|digits| is_sha256(digits));
            }
            etag = etag.or(named);
            if let 301 | 302 | 303 | 307 | 308 = answer.status().as_u16() {
                url = redirected(&url, text(headers, "location"), request.url)?;
                continue;
            }
            check(&answer, request)?;
            return reply(answer, sha256, etag, request);
        }
        Err(Failure::Lasting(bad_answer(
            request.url,
            "redirections without end",
            "check the address",
        )))
    }

    fn send(
        &self,
        url: &str,
        token: Option<&str>,
        request: Request<'_>,
    ) -> Result<Response<ureq::Body>, Failure> {
        let mut call = self.agent.get(url).header("Accept-Encoding", "identity");
        if let Some(token) = token {
            call = call.header("Authorization", format!("Bearer {token}"));
        }
        if request.offset > 0 {
            call = call.header("Range", format!("bytes={}-", request.offset));
        }
        call.call().map_err(|error| self.failure(request.url, error))
    }

    fn failure(&self, url: &str, error: ureq::Error) -> Failure {
        let unreachable = |why: String| ModelsError::Unreachable { url: url.to_owned(), why };
        let no_answer = |wait: Duration| ModelsError::NoAnswer {
            url: url.to_owned(),
            secs: wait.as_secs().max(1),
        };
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Failure::Passing(no_answer(self.timeouts.connect))
            }
            ureq::Error::Timeout(_) => Failure::Passing(no_answer(self.timeouts.silence)),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                Failure::Passing(no_answer(self.timeouts.silence))
            }
            ureq::Error::BadUri(why) => Failure::Lasting(ModelsError::BadAddress {
                address: url.to_owned(),
                expected: "https://HOST/FILE",
                found: why,
            }),
            ureq::Error::HostNotFound => {
                Failure::Passing(unreachable("the name of the host is not known".to_owned()))
            }
            other => Failure::Passing(unreachable(other.to_string())),
        }
    }
}

/// Scheme, host and port.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    &url[..end]
}

/// Where a redirection leads.
fn redirected(url: &str, location: Option<&str>, asked: &str) -> Result<String, Failure> {
    let wrong = |found: String| {
        Failure::Lasting(bad_answer(
            asked,
            found,
            "check the address, or download the file in a browser",
        ))
    };
    let Some(location) = location else {
        return Err(wrong("a redirection to nowhere".to_owned()));
    };
    let target = if location.contains("://") {
        location.to_owned()
    } else if location.starts_with('/') && !location.starts_with("//") {
        format!("{}{location}", origin(url))
    } else {
        return Err(wrong(format!("a redirection to {location:?}")));
    };
    let is_web = target.starts_with("https://")
        || (target.starts_with("http://") && !url.starts_with("https://"));
    if is_web { Ok(target) } else { Err(wrong(format!("a redirection to {location:?}"))) }
}

/// Sorts out what is no file.
fn check(answer: &Response<ureq::Body>, request: Request<'_>) -> Result<(), Failure> {
    let url = request.url.to_owned();
    let status = answer.status().as_u16();
    match status {
        200 | 206 => {}
        401 | 403 => {
            let mend = match request.token {
                None => {
                    "it may be private, or its name wrong: check the name, and for a private or gated one set HF_TOKEN \
                     to a token of yours"
                }
                Some(_) => {
                    "the token of HF_TOKEN or of the token file does not open it: check the name, ask for access on its \
                     page, or take another token"
                }
            };
            return Err(Failure::Lasting(ModelsError::Denied { url, status, mend }));
        }
        404 | 410 => {
            let mend =
                "check the address: names are case-sensitive, and a file may have been moved";
            return Err(Failure::Lasting(ModelsError::NotFound { url, mend }));
        }
        416 => return Err(Failure::NoSuchPart),
        408 | 429 | 500..=599 => {
            let mend = "the server is busy or broken; run the command again later";
            return Err(Failure::Passing(bad_answer(
                request.url,
                format!("status {status}"),
                mend,
            )));
        }
        _ => {
            let mend = "check the address";
            return Err(Failure::Lasting(bad_answer(
                request.url,
                format!("status {status}"),
                mend,
            )));
        }
    }
    if text(answer.headers(), "content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let mend = "give the address of the file itself; a repository of the Hub is hf://ORG/REPO, and what needs a \
                    click or a login is to be downloaded in a browser";
        return Err(Failure::Lasting(bad_answer(request.url, "a web page", mend)));
    }
    Ok(())
}

fn reply(
    answer: Response<ureq::Body>,
    sha256: Option<String>,
    etag: Option<String>,
    request: Request<'_>,
) -> Result<Reply, Failure> {
    let length: Option<u64> = text(answer.headers(), "content-length").and_then(|n| n.parse().ok());
    let is_other = request.etag.is_some() && etag.as_deref() != request.etag;
    let (offset, total) = if answer.status().as_u16() == 206 {
        // `bytes 100-199/200`
        let range = text(answer.headers(), "content-range").and_then(|range| {
            let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
            Some((range.split_once('-')?.0.parse().ok()?, total.parse().ok()))
        });
        let Some((offset, total)) = range else {
            let found = "a part without Content-Range";
            return Err(Failure::Lasting(bad_answer(request.url, found, "take another address")));
        };
        if offset != request.offset || is_other {
            return Err(Failure::NoSuchPart);
        }
        (offset, total.or_else(|| Some(offset + length?)))
    } else {
        (0, length)
    };
    let body = Box::new(answer.into_body().into_with_config().limit(u64::MAX).reader());
    Ok(Reply { offset, total, etag, sha256, body })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bad_answer(url: &str, found: impl Into<String>, mend: &'static str) -> ModelsError {
    ModelsError::BadAnswer { url: url.to_owned(), found: found.into(), mend }
}
