//! Processes that train or evaluate together.
//!
//! A [`Communicator`] is what the work speaks through; one process alone has one, too, with nobody to talk to. Launchers
//! say in the environment which process this is ([`Placement`]); the table where all meet tells a launcher of ours how
//! they ended ([`Meeting`]). Below are c10d's groups of processes ([`ProcessGroup`]), over Gloo and NCCL, and gradients that
//! are summed while the backward pass goes on ([`GradientReducer`]).
//!
//! ```
//! use seqformer_distributed::Communicator;
//!
//! let alone = Communicator::alone();
//! let sum = alone.start_sum(&[1.0, 2.0])?;
//! assert_eq!(alone.finish_sum(sum)?, [1.0, 2.0]);
//! # Ok::<(), seqformer_distributed::DistributedError>(())
//! ```

mod communicator;
mod error;
mod meeting;
mod placement;
mod process_group;
mod status;

pub use communicator::{Communicator, PendingSum, TaskQueue};
pub use error::DistributedError;
pub use meeting::{Meeting, ProcessReport};
pub use placement::{LAUNCHED, Placement, RESUME};
pub use process_group::{BUCKET_BYTES, GradientReducer, Member, Pending, ProcessGroup, Store};
pub use status::Status;
