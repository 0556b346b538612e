//! Copies between the host and a device that overlap with computation.
//!
//! On a GPU, uploads have a stream of their own and both directions use pinned memory; on the CPU nothing is copied.

mod staging;

use seqformer_libtorch::OpsError;
use tch::{Device, Tensor};

use crate::binding;

pub use staging::Staging;

/// A tensor on its way to a device.
#[derive(Debug)]
pub struct Upload(Way<binding::Upload>);

/// A tensor on its way to the host.
#[derive(Debug)]
pub struct Download(Way<binding::Download>);

/// A tensor of the host on `device`, whose stream waits for it instead of this thread.
///
/// Without `libseqformer_cuda` it is copied synchronously by libtorch.
///
/// # Panics
///
/// Like the operations of `tch`: if there is no memory, or the device fails.
pub fn upload(host: &Tensor, device: Device) -> Tensor {
    if device == host.device() {
        return host.shallow_clone();
    }
    let uploaded = Upload::start(host, device).and_then(Upload::take);
    or_plain(uploaded, binding::is_here(), || host.to_device(device))
}

/// Falls back to the plain copy only if `libseqformer_cuda` is missing.
fn or_plain(
    uploaded: Result<Tensor, OpsError>,
    is_part_here: bool,
    plain: impl FnOnce() -> Tensor,
) -> Tensor {
    match uploaded {
        Ok(tensor) => tensor,
        Err(_missing) if !is_part_here => plain(),
        Err(error) => panic!("{error}"),
    }
}

#[derive(Debug)]
enum Way<T> {
    There(Tensor),
    Copying(T),
}

impl Upload {
    /// Begins to copy `host`, a tensor of the CPU, to `device`. The tensor may be dropped at once.
    ///
    /// # Errors
    ///
    /// If there is no memory for the copies.
    pub fn start(host: &Tensor, device: Device) -> Result<Self, OpsError> {
        match device {
            Device::Cuda(index) => binding::Upload::start(host, index)
                .map(|upload| Self(Way::Copying(upload)))
                .map_err(|message| OpsError::Torch { operation: "upload", message }),
            _ => Ok(Self(Way::There(host.to_device(device)))),
        }
    }

    /// The tensor on the device. What uses it there waits for the copy; this thread does not.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn take(self) -> Result<Tensor, OpsError> {
        match self.0 {
            Way::There(tensor) => Ok(tensor),
            Way::Copying(upload) => match upload.take() {
                Ok((tensor, _copied)) => Ok(tensor),
                Err(message) => Err(OpsError::Torch { operation: "upload", message }),
            },
        }
    }
}

impl Download {
    /// Begins to copy a tensor to the host, after the work that its device already has. It may be dropped at once.
    ///
    /// # Errors
    ///
    /// If there is no memory for the copy.
    pub fn start(tensor: &Tensor) -> Result<Self, OpsError> {
        match tensor.device() {
            Device::Cuda(_) => binding::Download::start(tensor)
                .map(|download| Self(Way::Copying(download)))
                .map_err(|message| OpsError::Torch { operation: "download", message }),
            _ => Ok(Self(Way::There(tensor.contiguous()))),
        }
    }

    /// Waits for the copy: a dense tensor of the CPU.
    ///
    /// # Errors
    ///
    /// If the device fails.
    pub fn wait(self) -> Result<Tensor, OpsError> {
        match self.0 {
            Way::There(tensor) => Ok(tensor),
            Way::Copying(download) => download
                .wait()
                .map_err(|message| OpsError::Torch { operation: "download", message }),
        }
    }
}

#[cfg(test)]
mod tests {
    use seqformer_libtorch::out_of_memory::catch_out_of_memory;
    use tch::Kind;

    use super::*;

    #[test]
    fn an_upload_that_fails_is_not_hidden_by_a_plain_copy() {
        let failed = || {
            let message = "CUDA out of memory. Tried to allocate 1 GiB".to_owned();
            Err(OpsError::Torch { operation: "upload", message })
        };
        let plain = || Tensor::from(3.0);
        assert_eq!(or_plain(failed(), false, plain).double_value(&[]), 3.0);
        let error = catch_out_of_memory(|| or_plain(failed(), true, plain)).unwrap_err();
        assert_eq!(error.to_string(), "CUDA out of memory. Tried to allocate 1 GiB");
    }

    #[test]
    fn on_the_cpu_tensors_arrive_as_they_were() {
        let sent =
            Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 3, 4]).permute([2, 0, 1]);
        let uploaded = Upload::start(&sent, Device::Cpu).unwrap().take().unwrap();
        assert_eq!(uploaded, sent);
        let back = Download::start(&uploaded).unwrap().wait().unwrap();
        assert!(back.is_contiguous() && back == sent);
    }
}
