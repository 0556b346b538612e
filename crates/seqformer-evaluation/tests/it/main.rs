//! Scoring together with the other readers of annotation files.

mod one_reader;
