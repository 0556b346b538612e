//! Typed access to the leaves of a tree; every failure names the key and where it was written.

use super::choice::Choice;
use crate::tree::Tree;
use crate::{ConfigError, Origin, Value, ValueError, expand_path};

/// Reads typed values by their full key.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    tree: &'a Tree,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tree: &'a Tree) -> Self {
        Self { tree }
    }

    /// The value of a row, by its way of reading.
    pub(super) fn row<T>(
        &self,
        key: &str,
        read: fn(&Self, &str) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        read(self, key)
    }

    /// The error "`key`: expected …, found …" for the present value.
    pub(super) fn fail(&self, key: &str, expected: &str) -> ConfigError {
        self.fail_with(key, expected, None)
    }

    /// As [`Self::fail`], followed by what to write.
    pub(super) fn fail_hint(&self, key: &str, expected: &str, hint: &str) -> ConfigError {
        self.fail_with(key, expected, Some(hint.to_owned()))
    }

    fn fail_with(&self, key: &str, expected: &str, hint: Option<String>) -> ConfigError {
        let origin = self.tree.origin(key).cloned().unwrap_or_default();
        let value = self.tree.get(key).map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let found = if origin == Origin::Default { format!("the default {value}") } else { value };
        ConfigError::Value(Box::new(ValueError {
            origin,
            key: key.to_owned(),
            expected: expected.to_owned(),
            found,
            hint,
        }))
    }

    /// A value as a message shows it.
    pub(super) fn shown(&self, key: &str) -> String {
        self.value(key).to_string()
    }

    /// The names in a section, in the order in which they were declared.
    pub(super) fn names_in(&self, section: &str) -> Vec<&'a str> {
        self.tree.names_in(section)
    }

    fn value(&self, key: &str) -> &'a Value {
        self.tree.get(key).unwrap_or(&Value::None)
    }

    pub(super) fn bool(&self, key: &str) -> Result<bool, ConfigError> {
        match self.value(key) {
            Value::Bool(value) => Ok(*value),
            _ => Err(self.fail(key, "True or False")),
        }
    }

    pub(super) fn int(&self, key: &str) -> Result<i64, ConfigError> {
        match self.value(key) {
            Value::Int(value) => Ok(*value),
            _ => Err(self.fail(key, "an integer")),
        }
    }

    /// An integer of at least 1.
    pub(super) fn positive<T: TryFrom<i64>>(&self, key: &str) -> Result<T, ConfigError> {
        self.at_least(key, 1)
    }

    /// An integer of at least 0.
    pub(super) fn count<T: TryFrom<i64>>(&self, key: &str) -> Result<T, ConfigError> {
        self.at_least(key, 0)
    }

    /// An integer of at least `low` that `T` can hold.
    fn at_least<T: TryFrom<i64>>(&self, key: &str, low: i64) -> Result<T, ConfigError> {
        let value = self.int(key)?;
        let expected = || format!("an integer of {low} or more");
        if value < low {
            return Err(self.fail(key, &expected()));
        }
        T::try_from(value).ok().ok_or_else(|| self.fail(key, "a smaller integer"))
    }

    /// A finite number.
    pub(super) fn float(&self, key: &str) -> Result<f64, ConfigError> {
        number(self.value(key)).ok_or_else(|| self.fail(key, "a finite number"))
    }

    /// A number that may be infinite.
    pub(super) fn float_or_infinity(&self, key: &str) -> Result<f64, ConfigError> {
        match self.value(key) {
            Value::Float(float) if float.is_infinite() => Ok(*float),
            _ => self.float(key),
        }
    }

    /// A finite number of at least 0.
    pub(super) fn non_negative(&self, key: &str) -> Result<f64, ConfigError> {
        let value = self.float(key)?;
        if value < 0.0 { Err(self.fail(key, "a number of 0 or more")) } else { Ok(value) }
    }

    /// A finite number above 0.
    pub(super) fn above_zero(&self, key: &str) -> Result<f64, ConfigError> {
        let value = self.float(key)?;
        if value > 0.0 { Ok(value) } else { Err(self.fail(key, "a number above 0")) }
    }

    /// A probability below one, as dropout takes it.
    pub(super) fn rate(&self, key: &str) -> Result<f64, ConfigError> {
        let value = self.float(key)?;
        if (0.0..1.0).contains(&value) {
            Ok(value)
        } else {
            Err(self.fail(key, "a rate from 0 to below 1"))
        }
    }

    /// A number, or none.
    pub(super) fn optional_float(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        if self.value(key) == &Value::None { Ok(None) } else { self.float(key).map(Some) }
    }

    pub(super) fn text(&self, key: &str) -> Result<String, ConfigError> {
        match self.value(key) {
            Value::Str(value) => Ok(value.clone()),
            _ => Err(self.fail(key, "text")),
        }
    }

    /// A path, with home folders and variables of the environment filled in.
    pub(super) fn path(&self, key: &str) -> Result<String, ConfigError> {
        self.expanded(key, &self.text(key)?)
    }

    /// Names of datasets; those that are paths of annotation files are expanded as paths.
    pub(super) fn dataset_names(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        let is_path = |name: &str| name.to_ascii_lowercase().ends_with(".json");
        let expand =
            |name: String| if is_path(&name) { self.expanded(key, &name) } else { Ok(name) };
        self.texts(key)?.into_iter().map(expand).collect()
    }

    fn expanded(&self, key: &str, path: &str) -> Result<String, ConfigError> {
        expand_path(path).map_err(|source| ConfigError::Path {
            origin: self.tree.origin(key).cloned().unwrap_or_default(),
            key: key.to_owned(),
            path: path.to_owned(),
            source,
        })
    }

    /// One of a few names.
    pub(super) fn choice<T: Choice>(&self, key: &str) -> Result<T, ConfigError> {
        T::named(&self.text(key)?).ok_or_else(|| {
            let names: Vec<_> = T::NAMES.iter().map(|(name, _)| format!("{name:?}")).collect();
            self.fail(key, &one_of(&names))
        })
    }

    /// A list whose elements `convert` accepts.
    pub(super) fn list<T>(
        &self,
        key: &str,
        expected: &str,
        convert: impl Fn(&Value) -> Option<T>,
    ) -> Result<Vec<T>, ConfigError> {
        let items = self.value(key).items();
        let converted = items.and_then(|items| items.iter().map(convert).collect());
        converted.ok_or_else(|| self.fail(key, expected))
    }

    pub(super) fn ints(&self, key: &str) -> Result<Vec<i64>, ConfigError> {
        self.list(key, "a list of integers", |value| match value {
            Value::Int(int) => Some(*int),
            _ => None,
        })
    }

    pub(super) fn floats(&self, key: &str) -> Result<Vec<f64>, ConfigError> {
        self.list(key, "a list of finite numbers", number)
    }

    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        self.list(key, "a list of texts", |value| match value {
            Value::Str(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// Exactly `N` integers.
    pub(super) fn integers<const N: usize>(&self, key: &str) -> Result<[i64; N], ConfigError> {
        self.array(key, self.ints(key)?)
    }

    /// Exactly `N` finite numbers.
    pub(super) fn numbers<const N: usize>(&self, key: &str) -> Result<[f64; N], ConfigError> {
        self.array(key, self.floats(key)?)
    }

    fn array<T, const N: usize>(&self, key: &str, items: Vec<T>) -> Result<[T; N], ConfigError> {
        items.try_into().ok().ok_or_else(|| self.fail(key, &format!("a list of {N} elements")))
    }
}

/// A finite number; whole numbers count.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) if float.is_finite() => Some(*float),
        Value::Int(int) => Some(*int as f64),
        _ => None,
    }
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
