// A GPU's memory, its capabilities, timing, and the precision of its products.

#include <ATen/Context.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>

#include <algorithm>
#include <memory>

#include "device.h"

namespace allocator = c10::cuda::CUDACachingAllocator;
using seqformer::device_index;

// Bytes; the layout is that of `DeviceMemory` in binding.rs.
struct SfDeviceMemory {
  int64_t allocated;
  int64_t peak_allocated;
  int64_t reserved;
  int64_t peak_reserved;
  int64_t free;
  int64_t total;
};

// Memory of tensors, memory that the allocator has reserved, and what the driver reports.
SF_API char *sf_cuda_memory(SfDeviceMemory *out, int device) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const c10::cuda::CUDAGuard guard(device_index(device));
    size_t free = 0, total = 0;
    C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    const auto stats = allocator::getDeviceStats(device_index(device));
    const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    *out = SfDeviceMemory{stats.allocated_bytes[all].current, stats.allocated_bytes[all].peak,
                          stats.reserved_bytes[all].current,  stats.reserved_bytes[all].peak,
                          static_cast<int64_t>(free),         static_cast<int64_t>(total)};
  });
}

SF_API char *sf_cuda_forget_peak(int device) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    allocator::resetPeakStats(device_index(device));
  });
}

// Returns blocks that no tensor uses to the driver.
SF_API char *sf_cuda_empty_cache() {
  return guarded([&] { allocator::emptyCache(); });
}

// Limits the memory of tensors to this many bytes, or to all memory of the GPU if it has less.
SF_API char *sf_cuda_limit_memory(int device, int64_t bytes) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const c10::cuda::CUDAGuard guard(device_index(device));
    size_t free = 0, total = 0;
    C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    const double share = static_cast<double>(bytes) / static_cast<double>(std::max<size_t>(total, 1));
    allocator::setMemoryFraction(std::clamp(share, 0.0, 1.0), device_index(device));
  });
}

// The compute capability, as in 9.0, and the name of the GPU in `name`, which has room for `length` bytes.
SF_API char *sf_cuda_card(int *major, int *minor, char *name, int64_t length, int device) {
  return guarded([&] {
    cudaDeviceProp properties;
    C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
    *major = properties.major;
    *minor = properties.minor;
    if (length > 0) {
      std::strncpy(name, properties.name, static_cast<size_t>(length) - 1);
      name[length - 1] = '\0';
    }
  });
}

// Whether products (bit 0) and convolutions (bit 1) of f32 numbers may be computed in TF32; returns the previous
// setting, and changes nothing if `allowed` is negative. The two older switches also set the newer table of precisions; if
// the table is set directly, libtorch refuses to read the switches.
SF_API char *sf_cuda_set_tf32(int *before, int allowed) {
  return guarded([&] {
    auto &context = at::globalContext();
    const auto precision = [&](at::Float32Op op) {
      return context.float32Precision(at::Float32Backend::CUDA, op) == at::Float32Precision::TF32;
    };
    *before = (precision(at::Float32Op::MATMUL) ? 1 : 0) | (precision(at::Float32Op::CONV) ? 2 : 0);
    if (allowed < 0) return;
    context.setAllowTF32CuBLAS((allowed & 1) != 0);
    context.setAllowTF32CuDNN((allowed & 2) != 0);
  });
}

// How cuDNN chooses its algorithms: whether it tries all of them on every new size (bit 0), and whether only
// deterministic ones are allowed (bit 1); returns the previous setting, and changes nothing if `choice` is negative.
SF_API char *sf_cuda_set_cudnn(int *before, int choice) {
  return guarded([&] {
    auto &context = at::globalContext();
    *before = (context.benchmarkCuDNN() ? 1 : 0) | (context.deterministicCuDNN() ? 2 : 0);
    if (choice < 0) return;
    context.setBenchmarkCuDNN((choice & 1) != 0);
    context.setDeterministicCuDNN((choice & 2) != 0);
  });
}

// Two moments on a stream.
struct SfTimer {
  int device;
  c10::cuda::CUDAEvent start{cudaEventDefault};
  c10::cuda::CUDAEvent stop{cudaEventDefault};
};

// Marks the moment when the current stream has finished its work so far.
SF_API char *sf_cuda_timer_start(SfTimer **out, int device) {
  return guarded([&] {
    auto timer = std::make_unique<SfTimer>();
    timer->device = device;
    timer->start.record(c10::cuda::getCurrentCUDAStream(device_index(device)));
    *out = timer.release();
  });
}

// Waits for the stream, and returns the milliseconds since the start.
SF_API char *sf_cuda_timer_stop(double *milliseconds, SfTimer *timer) {
  return guarded([&] {
    timer->stop.record(c10::cuda::getCurrentCUDAStream(device_index(timer->device)));
    timer->stop.synchronize();
    *milliseconds = timer->start.elapsed_time(timer->stop);
  });
}

SF_API void sf_cuda_timer_free(SfTimer *timer) { delete timer; }
