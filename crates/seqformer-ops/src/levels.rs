//! The sizes of the flattened feature maps and the first token of each.

use seqformer_kernels::LevelSize;

use crate::OpsError;

/// The feature maps of a pyramid, flattened row by row and concatenated, finest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureLevels {
    sizes: Vec<LevelSize>,
    starts: Vec<i64>,
    num_tokens: i64,
}

impl FeatureLevels {
    /// Levels of these sizes, in this order.
    ///
    /// # Errors
    ///
    /// If there is no level, a side is below one, or there are more than 2³¹ tokens.
    pub fn new(sizes: &[LevelSize]) -> Result<Self, OpsError> {
        let wrong = || OpsError::Levels { found: format!("{sizes:?}") };
        let mut starts = Vec::with_capacity(sizes.len());
        let mut num_tokens = 0_i64;
        for size in sizes {
            if size.height < 1 || size.width < 1 {
                return Err(wrong());
            }
            starts.push(num_tokens);
            let cells = size.height.checked_mul(size.width).ok_or_else(wrong)?;
            num_tokens = num_tokens.checked_add(cells).ok_or_else(wrong)?;
        }
        if sizes.is_empty() || num_tokens > i64::from(i32::MAX) {
            return Err(wrong());
        }
        Ok(Self { sizes: sizes.to_vec(), starts, num_tokens })
    }

    /// Number of levels, `L`.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Always false: a pyramid has at least one level.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The size of each level, finest first.
    pub fn sizes(&self) -> &[LevelSize] {
        &self.sizes
    }

    /// The first token of each level.
    pub fn starts(&self) -> &[i64] {
        &self.starts
    }

    /// Number of tokens of all levels, `S`.
    pub fn num_tokens(&self) -> i64 {
        self.num_tokens
    }
}
