//! What results are read with.

use seqformer_annotations::YtvisFile;

use crate::found::Tools;
use crate::predict_folder::PredictFolder;
use crate::{Kind, Request};

/// What all videos are read with.
pub(crate) struct Context<'a> {
    pub(crate) request: &'a Request,
    pub(crate) kind: Kind,
    pub(crate) tools: &'a Tools<'a>,
    pub(crate) beside: &'a PredictFolder,
    pub(crate) annotations: Option<&'a YtvisFile>,
}
