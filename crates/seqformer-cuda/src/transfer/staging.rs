//! Buffers of the host in which tensors are written for a device, kept for later ones.
//!
//! The device reads a buffer while the host goes on. It is written again only when that copy has ended.

use std::collections::VecDeque;
use std::fmt::Debug;

use seqformer_libtorch::OpsError;
use tch::{Device, Kind, Tensor};

use crate::binding;

/// One buffer is written while the other one is read.
const NUM_BUFFERS: usize = 2;

/// Writes tensors of bytes in the host's memory and sends them to a device.
///
/// On a GPU the memory is pinned and kept, and copies overlap with what the host does next. On the CPU nothing is kept: a
/// tensor stays where it is written.
#[derive(Debug)]
pub struct Staging(Way);

#[derive(Debug)]
enum Way {
    Plain(Device),
    Kept(Buffers<Gpu>),
}

impl Staging {
    /// Prepares for tensors of `device`. Buffers are allocated when they are needed.
    pub fn new(device: Device) -> Self {
        Self(match device {
            Device::Cuda(index) if binding::is_here() => Way::Kept(Buffers::new(Gpu { index })),
            _ => Way::Plain(device),
        })
    }

    /// A tensor of bytes of these sizes on the device, whose stream waits for it instead of this thread. `fill` writes it:
    /// it receives a tensor of as many bytes or more, `[bytes]`, without other references.
    ///
    /// # Errors
    ///
    /// Those of `fill`.
    ///
    /// # Panics
    ///
    /// Like the operations of `tch`: if there is no memory, or the device fails.
    pub fn send<E>(
        &mut self,
        sizes: &[i64],
        fill: impl FnOnce(&mut Tensor) -> Result<(), E>,
    ) -> Result<Tensor, E> {
        match &mut self.0 {
            Way::Plain(device) => {
                let mut host = Tensor::empty([num_bytes(sizes)], (Kind::Uint8, Device::Cpu));
                fill(&mut host)?;
                Ok(host.view(sizes).to_device(*device))
            }
            Way::Kept(buffers) => {
                buffers.send(sizes, fill).unwrap_or_else(|error| panic!("{error}"))
            }
        }
    }
}

fn num_bytes(sizes: &[i64]) -> i64 {
    sizes.iter().product()
}

/// A device that copies from the host's memory while the host goes on.
trait Reader {
    /// A copy that may not have ended.
    type Copy: Debug;

    /// Memory from which the device can copy, `[bytes]`.
    fn allocate(&self, bytes: i64) -> Result<Tensor, OpsError>;

    /// Begins to copy, and returns the tensor on the device.
    fn start(&self, host: &Tensor) -> Result<(Tensor, Self::Copy), OpsError>;

    /// Waits until the copy has read its memory.
    fn wait(&self, copy: Self::Copy) -> Result<(), OpsError>;
}

/// Pinned memory, and copies on the stream of uploads.
#[derive(Debug)]
struct Gpu {
    index: usize,
}

impl Reader for Gpu {
    type Copy = binding::Copied;

    fn allocate(&self, bytes: i64) -> Result<Tensor, OpsError> {
        binding::pinned(bytes, self.index).map_err(failed)
    }

    fn start(&self, host: &Tensor) -> Result<(Tensor, Self::Copy), OpsError> {
        binding::Upload::start(host, self.index).and_then(binding::Upload::take).map_err(failed)
    }

    fn wait(&self, copy: Self::Copy) -> Result<(), OpsError> {
        copy.wait().map_err(failed)
    }
}

fn failed(message: String) -> OpsError {
    OpsError::Torch { operation: "upload", message }
}

/// The buffers of a device, the one that was sent first in front.
#[derive(Debug)]
struct Buffers<R: Reader> {
    reader: R,
    kept: VecDeque<Buffer<R::Copy>>,
}

#[derive(Debug)]
struct Buffer<C> {
    /// `[bytes]`
    memory: Tensor,
    /// The last copy from it.
    copy: Option<C>,
}

impl<R: Reader> Buffers<R> {
    fn new(reader: R) -> Self {
        Self { reader, kept: VecDeque::new() }
    }

    /// See [`Staging::send`]. The outer error is that of the device.
    fn send<E>(
        &mut self,
        sizes: &[i64],
        fill: impl FnOnce(&mut Tensor) -> Result<(), E>,
    ) -> Result<Result<Tensor, E>, OpsError> {
        let bytes = num_bytes(sizes);
        let mut memory = self.free_memory(bytes)?;
        if let Err(error) = fill(&mut memory) {
            self.kept.push_front(Buffer { memory, copy: None });
            return Ok(Err(error));
        }
        let (sent, copy) = self.reader.start(&memory.narrow(0, 0, bytes).view(sizes))?;
        self.kept.push_back(Buffer { memory, copy: Some(copy) });
        Ok(Ok(sent))
    }

    /// Memory of so many bytes or more from which nothing is being copied.
    fn free_memory(&mut self, bytes: i64) -> Result<Tensor, OpsError> {
        let is_unused = self.kept.front().is_some_and(|buffer| buffer.copy.is_none());
        if is_unused || self.kept.len() == NUM_BUFFERS {
            let Buffer { memory, copy } = self.kept.pop_front().expect("a buffer is kept");
            if let Some(copy) = copy {
                self.reader.wait(copy)?;
            }
            if memory.numel() as i64 >= bytes {
                return Ok(memory);
            }
        }
        self.reader.allocate(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// A device that reads as late as it may: only when somebody waits for the copy.
    #[derive(Debug, Default)]
    struct Late {
        allocations: Cell<usize>,
    }

    /// The memory that will be read, and the tensor of the device.
    #[derive(Debug)]
    struct LateCopy([Tensor; 2]);

    impl Reader for Late {
        type Copy = LateCopy;

        fn allocate(&self, bytes: i64) -> Result<Tensor, OpsError> {
            self.allocations.set(self.allocations.get() + 1);
            Ok(Tensor::zeros([bytes], (Kind::Uint8, Device::Cpu)))
        }

        fn start(&self, host: &Tensor) -> Result<(Tensor, LateCopy), OpsError> {
            let on_device = host.zeros_like();
            let copy = LateCopy([host.shallow_clone(), on_device.shallow_clone()]);
            Ok((on_device, copy))
        }

        fn wait(&self, copy: LateCopy) -> Result<(), OpsError> {
            let LateCopy([host, mut on_device]) = copy;
            on_device.copy_(&host);
            Ok(())
        }
    }

    fn filled(value: i64) -> impl FnOnce(&mut Tensor) -> Result<(), String> {
        move |memory| {
            let _same = memory.fill_(value);
            Ok(())
        }
    }

    /// Waits for all copies, as a device does sooner or later.
    fn finish(buffers: &mut Buffers<Late>) {
        for buffer in buffers.kept.drain(..) {
            buffer.copy.into_iter().for_each(|copy| buffers.reader.wait(copy).unwrap());
        }
    }

    #[test]
    fn a_buffer_is_not_written_while_the_device_may_read_it() {
        let mut buffers = Buffers::new(Late::default());
        let mut sent = Vec::new();
        // Sizes grow and shrink, as with the last frames of a video and the first ones of the next.
        for (value, frames) in [4, 4, 4, 1, 6, 6, 2, 6, 4].into_iter().enumerate() {
            let value = value as i64 + 1;
            sent.push((buffers.send(&[frames, 3], filled(value)).unwrap().unwrap(), value));
            assert!(buffers.kept.len() <= NUM_BUFFERS);
        }
        finish(&mut buffers);
        for (tensor, value) in sent {
            assert_eq!(tensor, tensor.full_like(value), "tensor {value}");
        }
    }

    #[test]
    fn buffers_are_kept_and_replaced_only_by_larger_ones() {
        let mut buffers = Buffers::new(Late::default());
        let mut send = |frames: i64| {
            let sent = buffers.send(&[frames, 3], filled(frames)).unwrap().unwrap();
            assert_eq!(sent.size(), [frames, 3]);
            buffers.reader.allocations.get()
        };
        assert_eq!([4, 4, 4, 1, 2, 4].map(&mut send), [1, 2, 2, 2, 2, 2]);
        assert_eq!([5, 5, 5, 4].map(&mut send), [3, 4, 4, 4]);
    }

    #[test]
    fn what_cannot_be_written_leaves_its_buffer_for_the_next() {
        let mut buffers = Buffers::new(Late::default());
        for _ in 0..3 {
            let refused = buffers.send(&[4], |_memory| Err("broken".to_owned())).unwrap();
            assert_eq!(refused.unwrap_err(), "broken");
        }
        let sent = buffers.send(&[4], filled(9)).unwrap().unwrap();
        assert_eq!(buffers.reader.allocations.get(), 1);
        finish(&mut buffers);
        assert_eq!(sent, sent.full_like(9));
    }

    #[test]
    fn on_the_cpu_a_tensor_stays_where_it_was_written() {
        let mut staging = Staging::new(Device::Cpu);
        let [first, second] = [1, 2].map(|value| staging.send(&[2, 3], filled(value)).unwrap());
        assert_eq!((first.size(), &first), (vec![2, 3], &first.full_like(1)));
        assert_eq!(second, second.full_like(2));
    }
}
