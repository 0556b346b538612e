//! Sections of the configuration as tables: one row holds all there is to a key.
//!
//! ```text
//! field: Type = "SECTION.KEY" or "default", how to read and check it,
//!     "What it means.",
//!     By("file of a test", "test that shows its effect");
//! _ = "SECTION.KEY" or "default", how to check it, "What it means.", By(…);      a key without a field
//! field: Section = "SECTION.INNER", "What it holds.";                           a section inside
//! ```
//!
//! Of a row are made the field and its documentation, the default, the reading, the key's line in `docs/config.md`, and
//! what suggestions and the check that every key has a test know of it.

use super::read::Reader;
use crate::ConfigError;
use crate::spec::KeySpec;

/// What a table declares, in its order.
#[derive(Debug)]
pub(crate) enum Row {
    /// A key.
    Key(KeySpec),
    /// The rows of a section inside.
    Section(&'static [Row]),
}

/// A part of the configuration.
pub(crate) trait Section: Sized {
    /// Its keys and the sections inside; empty for what is made of keys of other sections.
    const ROWS: &'static [Row];

    /// Reads and checks it.
    fn read(reader: &Reader<'_>) -> Result<Self, ConfigError>;
}

/// Declares a section by its table.
macro_rules! section {
    (
        $(#[$attribute:meta])*
        pub struct $Section:ident {
            $(
                $($field:ident: $Type:ty =)? $(_ =)? $key:literal $(or $default:literal, $read:expr)?,
                    $meaning:literal $(, $shown:expr)?;
            )*
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Section {
            $($(
                #[doc = $meaning]
                #[doc = ""]
                #[doc = concat!("Key: `", $key, "`.")]
                pub $field: $Type,
            )?)*
        }

        impl $crate::config::section::Section for $Section {
            const ROWS: &'static [$crate::config::section::Row] = &[
                $($crate::config::section::section!(
                    @row [$($Type)?] $key, $meaning, [$($default)?], [$($shown)?]
                ),)*
            ];

            fn read(
                reader: &$crate::config::read::Reader<'_>,
            ) -> Result<Self, $crate::ConfigError> {
                $($crate::config::section::section!(
                    @read reader [$($field: $Type)?] $key, [$($read)?]
                );)*
                Ok(Self { $($($field,)?)* })
            }
        }
    };

    (@row [$($Type:ty)?] $key:literal, $meaning:literal, [$default:literal], [$shown:expr]) => {
        $crate::config::section::Row::Key($crate::spec::KeySpec {
            key: $key,
            default: $default,
            effect: Some($crate::spec::Effect { meaning: $meaning, shown: $shown }),
        })
    };
    (@row [$Type:ty] $key:literal, $meaning:literal, [], []) => {
        $crate::config::section::Row::Section(
            <$Type as $crate::config::section::Section>::ROWS,
        )
    };

    (@read $reader:ident [$field:ident: $Type:ty] $key:literal, [$read:expr]) => {
        let $field: $Type = $reader.row($key, $read)?;
    };
    (@read $reader:ident [] $key:literal, [$read:expr]) => {
        $reader.row::<()>($key, $read)?;
    };
    (@read $reader:ident [$field:ident: $Type:ty] $key:literal, []) => {
        let $field = <$Type as $crate::config::section::Section>::read($reader)?;
    };
}

pub(crate) use section;
