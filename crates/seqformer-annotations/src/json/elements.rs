//! The elements of long lists, read by one thread and parsed by all.

use rayon::prelude::*;

use super::JsonFile;
use crate::AnnotationError;

/// Minimum size of the text that is parsed at once, about ten elements.
const BATCH_BYTES: usize = 1 << 21;

/// Consecutive elements of a list.
#[derive(Debug, Default)]
struct Batch {
    text: Vec<u8>,
    ends: Vec<usize>,
    /// Whether the list ends here.
    is_last: bool,
}

impl JsonFile {
    /// Parses every element of a list, with its index.
    ///
    /// One thread reads while the others parse; a few megabytes of text are in memory.
    ///
    /// # Errors
    ///
    /// A value that is not a list, and the first faulty element.
    pub fn parse_list<T: Send>(
        &mut self,
        parse: impl Fn(usize, &[u8]) -> Result<T, AnnotationError> + Sync,
    ) -> Result<Vec<T>, AnnotationError> {
        let mut parsed = Vec::new();
        self.for_each_element(parse, |element| parsed.push(element))?;
        Ok(parsed)
    }

    /// Parses every element of a list as [`JsonFile::parse_list`] does, and hands them to `visit` in their order, so
    /// that the list is never in memory as a whole.
    ///
    /// # Errors
    ///
    /// A value that is not a list, and the first faulty element; the elements before it have been visited.
    pub fn for_each_element<T: Send>(
        &mut self,
        parse: impl Fn(usize, &[u8]) -> Result<T, AnnotationError> + Sync,
        mut visit: impl FnMut(T),
    ) -> Result<(), AnnotationError> {
        self.expect(b'[', "a list")?;
        if self.skip_if(b']')? {
            return Ok(());
        }
        // Two batches alternate, so their memory is allocated only once.
        let [mut batch, mut next] = [Batch::default(), Batch::default()];
        self.read_batch(&mut batch)?;
        let mut first = 0;
        loop {
            let (elements, outcome) = rayon::join(
                || batch.parse(first, &parse),
                || if batch.is_last { Ok(()) } else { self.read_batch(&mut next) },
            );
            first += elements.len();
            for element in elements {
                visit(element?);
            }
            outcome?;
            if batch.is_last {
                return Ok(());
            }
            std::mem::swap(&mut batch, &mut next);
        }
    }

    /// Replaces the elements of `batch` with the next ones.
    fn read_batch(&mut self, batch: &mut Batch) -> Result<(), AnnotationError> {
        batch.text.clear();
        batch.ends.clear();
        while batch.text.len() < BATCH_BYTES && !batch.is_last {
            self.read_value(&mut batch.text)?;
            batch.ends.push(batch.text.len());
            batch.is_last = self.skip_if(b']')?;
            if !batch.is_last {
                self.expect(b',', "',' or ']' after an element")?;
            }
        }
        Ok(())
    }
}

impl Batch {
    /// Parses the elements, of which the first has the index `first` in the list.
    fn parse<T: Send>(
        &self,
        first: usize,
        parse: &(impl Fn(usize, &[u8]) -> Result<T, AnnotationError> + Sync),
    ) -> Vec<Result<T, AnnotationError>> {
        let element = |index: usize| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            parse(first + index, &self.text[start..self.ends[index]])
        };
        (0..self.ends.len()).into_par_iter().map(element).collect()
    }
}
