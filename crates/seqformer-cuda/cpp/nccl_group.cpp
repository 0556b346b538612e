// NCCL. This folder is a library of its own: it needs libtorch's CUDA part, which a machine without a GPU does not load.

#define USE_C10D_NCCL
#define USE_DISTRIBUTED

#include "process_group.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/util/env.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "guarded.h"

#define SF_API extern "C" __attribute__((visibility("default")))

SF_API char *sf_nccl_group(SfGroup **out, const SfStore *store, int rank, int size, int device, int64_t timeout_ms) {
  return guarded([&] {
    // Read when the group is made: waiting blocks, so that a process that does not come is an error here, and there is
    // no watchdog, which would end this process before the error is reported. A value that the user has set is kept.
    c10::utils::set_env("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/false);
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::milliseconds(timeout_ms);
    auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store->store, rank, size, options);
    backend->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    *out = new SfGroup{std::move(backend)};
  });
}
