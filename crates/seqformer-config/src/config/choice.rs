//! Settings that are one of a few names.

/// A setting that is one of a few names.
pub(crate) trait Choice: Copy + 'static {
    /// The names, as a configuration has them, and what they stand for.
    const NAMES: &'static [(&'static str, Self)];

    /// What `name` stands for.
    fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, choice)| *choice)
    }
}

/// Declares a setting that is one of a few names: `Variant = "name"`.
macro_rules! choice {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $Choice:ident {
            $($(#[$variant_attribute:meta])* $Variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $Choice {
            $($(#[$variant_attribute])* $Variant,)+
        }

        impl $crate::config::choice::Choice for $Choice {
            const NAMES: &'static [(&'static str, Self)] = &[$(($name, Self::$Variant)),+];
        }
    };
}

pub(crate) use choice;
