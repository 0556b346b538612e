//! A step that succeeds in all processes or fails in all.

use seqformer_distributed::Communicator;

use crate::EngineError;

/// Makes sure that all processes have done a part of their own work; fails in all if it failed in one.
pub(crate) fn agree<T>(
    communicator: &Communicator,
    own: Result<T, EngineError>,
) -> Result<T, EngineError> {
    if communicator.world_size() == 1 {
        return own;
    }
    if let Err(error) = &own
        && error.is_of_processes()
    {
        return own;
    }
    let message = own.as_ref().err().map(EngineError::describe).unwrap_or_default();
    let texts = communicator.collect_texts(&message)?;
    let own = own?;
    match texts.into_iter().enumerate().find(|(_, text)| !text.is_empty()) {
        Some((rank, message)) => Err(EngineError::Elsewhere { rank, message }),
        None => Ok(own),
    }
}

#[cfg(test)]
mod tests {
    use seqformer_distributed::DistributedError;
    use seqformer_libtorch::OpsError;

    use super::*;

    #[test]
    fn a_lost_process_is_told_from_an_operation_that_failed() {
        let lost = DistributedError::Lost {
            rank: 1,
            world_size: 2,
            place: "iteration 3, forward pass".to_owned(),
            message: "timeout".to_owned(),
            others: String::new(),
        };
        let lost = EngineError::from(lost);
        assert!(lost.is_of_processes());
        assert_eq!(lost.to_string(), "rank 1 of 2, iteration 3, forward pass: timeout");
        let message = "no such port".to_owned();
        let failed = DistributedError::Ops(OpsError::Group { operation: "serving", message });
        let failed = EngineError::from(failed);
        assert!(!failed.is_of_processes());
        assert_eq!(failed.to_string(), "serving: no such port");
    }

    #[test]
    fn one_process_alone_agrees_with_itself() {
        let alone = Communicator::alone();
        assert_eq!(agree(&alone, Ok(7)).unwrap(), 7);
        assert!(matches!(
            agree::<()>(&alone, Err(EngineError::NoFrames)),
            Err(EngineError::NoFrames)
        ));
    }
}
