//! Paths as users write them: `~` is a home folder, `$NAME` and `${NAME}` are variables of the environment.
//!
//! Source: detectron2 expands `~` in `_BASE_` and in `DETECTRON2_DATASETS` with Python's `os.path.expanduser`.
//! Differs: here it is expanded in every path, and so are variables, because nobody wants a folder called `~` or
//! `$SCRATCH`. What cannot be expanded is an error, unless a file of exactly that name is there.

use std::path::Path;

/// Why a path cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No home folder is known.
    #[error("expected a known home folder for ~; set HOME, or write the folder in full")]
    NoHome,
    /// There is no such user.
    #[error(
        "expected a user of this machine behind ~, found no {0:?}; write the folder in full, or ./~{0} for a folder \
         of that name"
    )]
    NoUser(String),
    /// The environment has no such variable.
    #[error(
        "expected a variable of the environment behind $, found no {0}; set it, or write the folder in full"
    )]
    NoVariable(String),
}

/// What is looked up for a path.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    /// The home folder of a user; of the one who runs the program for the empty name.
    home: &'a dyn Fn(&str) -> Option<String>,
    exists: &'a dyn Fn(&str) -> bool,
}

/// Expands a leading `~` or `~user` and the variables of the environment in `path`. What has `://` in it is no path
/// and stays.
///
/// # Errors
///
/// If the home folder, the user or a variable is unknown.
pub fn expand_path(path: &str) -> Result<String, PathError> {
    let surroundings = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        home: &home_of,
        exists: &|path| Path::new(path).exists(),
    };
    surroundings.expand(path)
}

impl Surroundings<'_> {
    fn expand(&self, path: &str) -> Result<String, PathError> {
        if path.contains("://") {
            return Ok(path.to_owned());
        }
        let expanded = self.expand_home(path).and_then(|path| self.expand_variables(&path));
        match expanded {
            Err(PathError::NoUser(_) | PathError::NoVariable(_)) if (self.exists)(path) => {
                Ok(path.to_owned())
            }
            expanded => expanded,
        }
    }

    fn expand_home(&self, path: &str) -> Result<String, PathError> {
        let Some(rest) = path.strip_prefix('~') else { return Ok(path.to_owned()) };
        let (user, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let unknown = || {
            if user.is_empty() { PathError::NoHome } else { PathError::NoUser(user.to_owned()) }
        };
        let home = (self.home)(user).ok_or_else(unknown)?;
        Ok(format!("{}{rest}", home.trim_end_matches('/')))
    }

    fn expand_variables(&self, path: &str) -> Result<String, PathError> {
        let mut expanded = String::with_capacity(path.len());
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let Some((name, after_name)) = variable_name(after) else {
                expanded.push('$');
                rest = after;
                continue;
            };
            let value = (self.variable)(name).filter(|value| !value.is_empty());
            expanded.push_str(&value.ok_or_else(|| PathError::NoVariable(name.to_owned()))?);
            rest = after_name;
        }
        expanded.push_str(rest);
        Ok(expanded)
    }
}

/// The name that follows a `$`, and what follows the name.
fn variable_name(text: &str) -> Option<(&str, &str)> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let (name, rest) = if let Some(braced) = text.strip_prefix('{') {
        braced.split_once('}')?
    } else {
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        text.split_at(end.unwrap_or(text.len()))
    };
    is_name(name).then_some((name, rest))
}

fn home_of(user: &str) -> Option<String> {
    if user.is_empty() {
        let home = std::env::home_dir()?.into_os_string().into_string().ok()?;
        return (!home.is_empty()).then_some(home);
    }
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    home_in(&users, user)
}

/// The home folder of a user in a text like that of `/etc/passwd`.
fn home_in(users: &str, user: &str) -> Option<String> {
    let line = users.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(5).filter(|home| !home.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
