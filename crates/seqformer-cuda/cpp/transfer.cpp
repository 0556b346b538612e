// Asynchronous copies between pinned memory of the host and a GPU.

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/cuda/CUDAEvent.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "device.h"

namespace {

// The stream of a GPU for uploads, which overlap with computation.
c10::cuda::CUDAStream upload_stream(c10::DeviceIndex device) {
  static std::mutex mutex;
  static std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  const std::lock_guard<std::mutex> lock(mutex);
  auto found = streams.find(device);
  if (found == streams.end()) {
    found = streams.emplace(device, c10::cuda::getStreamFromPool(false, device)).first;
  }
  return found->second;
}

} // namespace

struct SfUpload {
  at::Tensor tensor;
  c10::cuda::CUDAEvent ready;
};

struct SfDownload {
  at::Tensor tensor;
  c10::cuda::CUDAEvent ready;
};

// Pinned memory of the host, as a tensor of bytes.
SF_API char *sf_cuda_pinned(at::Tensor **out, int64_t bytes, int device) {
  return guarded([&] {
    const auto index = seqformer::device_index(device);
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const c10::cuda::CUDAGuard guard(index);
    *out = new at::Tensor(at::empty({bytes}, at::TensorOptions(at::kByte).pinned_memory(true)));
  });
}

// Begins to copy a tensor of the host to a GPU. The caching allocator of pinned memory keeps the pinned copy until the GPU
// has read it.
SF_API char *sf_cuda_upload(SfUpload **out, const at::Tensor *host, int device) {
  return guarded([&] {
    const at::NoGradGuard no_grad;
    const auto index = seqformer::device_index(device);
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const auto stream = upload_stream(index);
    const auto pinned = host->is_pinned() ? *host : host->pin_memory();
    auto upload = std::make_unique<SfUpload>();
    const c10::cuda::CUDAStreamGuard guard(stream);
    upload->tensor = pinned.to(at::Device(at::kCUDA, index), pinned.scalar_type(), /*non_blocking=*/true,
                               /*copy=*/true);
    upload->ready.record(stream);
    *out = upload.release();
  });
}

// Lets the current stream wait for the copy, and returns the tensor, which the upload forgets.
SF_API char *sf_cuda_upload_take(at::Tensor **out, SfUpload *upload) {
  return guarded([&] {
    const auto stream = c10::cuda::getCurrentCUDAStream(upload->tensor.get_device());
    upload->ready.block(stream);
    // The memory belongs to the stream of uploads, which must not reuse it while this stream reads it.
    upload->tensor.record_stream(stream.unwrap());
    *out = new at::Tensor(std::move(upload->tensor));
  });
}

// Waits until the copy has read the host's memory.
SF_API char *sf_cuda_upload_wait(SfUpload *upload) {
  return guarded([&] { upload->ready.synchronize(); });
}

SF_API void sf_cuda_upload_free(SfUpload *upload) { delete upload; }

// Begins to copy a tensor of a GPU into pinned memory, after the work of its current stream.
SF_API char *sf_cuda_download(SfDownload **out, const at::Tensor *tensor) {
  return guarded([&] {
    const at::NoGradGuard no_grad;
    const auto index = tensor->get_device();
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    const auto dense = tensor->contiguous();
    auto download = std::make_unique<SfDownload>();
    download->tensor = at::empty(dense.sizes(), dense.options().device(at::kCPU).pinned_memory(true));
    download->tensor.copy_(dense, /*non_blocking=*/true);
    download->ready.record(c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(index)));
    *out = download.release();
  });
}

// Waits for the copy, and returns the tensor.
SF_API char *sf_cuda_download_wait(at::Tensor **out, SfDownload *download) {
  return guarded([&] {
    download->ready.synchronize();
    *out = new at::Tensor(download->tensor);
  });
}

SF_API void sf_cuda_download_free(SfDownload *download) { delete download; }
