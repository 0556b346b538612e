// CUDA graphs: work that is recorded once and then launched as a whole.

#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGeneratorImpl.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "device.h"
#include "record.h"

namespace allocator = c10::cuda::CUDACachingAllocator;

// The stream on which work is recorded, and the memory that the graphs of it share. They may share it because the
// results of a graph are copied before the next one runs.
struct SfGraphPool {
  c10::DeviceIndex device;
  c10::cuda::CUDAStream stream;
  c10::MempoolId_t memory;
  // Graphs that hold the memory.
  int graphs;
};

struct Graph final : at::cuda::CUDAGraph {
  // From then on the graph gives its memory back itself when it is freed.
  bool has_ended() const { return capture_ended_; }

  // Whether it was recorded with random numbers: how many, each generator's entry has since the end of the recording.
  bool draws_random_numbers() const {
    return std::any_of(captured_generator_states_.begin(), captured_generator_states_.end(),
                       [](const auto &generator) { return generator.second != 0; });
  }
};

struct SfGraph {
  Graph graph;
  SfGraphPool *pool;
  c10::DeviceIndex device;
};

namespace {

// Runs its argument; any result except 0 means that it failed.
using Body = int (*)(void *);

// Lets one stream wait for the work of another so far.
void wait_for(const c10::cuda::CUDAStream &waiting, const c10::cuda::CUDAStream &other) {
  c10::cuda::CUDAEvent event;
  event.record(other);
  event.block(waiting);
}

// Memory that no graph holds any longer cannot be used for another recording.
void renew_memory(SfGraphPool &pool) noexcept {
  if (pool.graphs == 0) pool.memory = at::cuda::graph_pool_handle();
}

// Runs a step whose errors do not matter, because it undoes what may not have been done.
template <typename F> bool try_to(F &&undo) noexcept {
  try {
    undo();
    return true;
  } catch (...) {
    return false;
  }
}

// The steps of `seqformer::record` for libtorch.
class Libtorch {
public:
  using GraphPointer = std::unique_ptr<SfGraph>;

  explicit Libtorch(SfGraphPool &pool)
      : pool_(pool), generator_(at::cuda::detail::getDefaultCUDAGenerator(pool.device)) {}

  GraphPointer new_graph() { return GraphPointer(new SfGraph{{}, &pool_, pool_.device}); }

  void replace_generator() {
    const std::lock_guard<std::mutex> lock(generator_.mutex());
    before_ = generator_.graphsafe_get_state();
    auto state = c10::make_intrusive<at::CUDAGeneratorState>(generator_.current_seed(), generator_.get_offset());
    generator_.graphsafe_set_state(at::make_generator<at::CUDAGeneratorImpl>(pool_.device, std::move(state)));
  }

  void restore_generator() noexcept {
    try_to([&] {
      const std::lock_guard<std::mutex> lock(generator_.mutex());
      generator_.graphsafe_set_state(before_);
    });
  }

  void begin(SfGraph &graph) {
    // A graph that finds no memory for its generator's seed and offset ends the program when it is freed. These two
    // numbers go where this tensor was.
    { const auto room = at::empty({1024}, at::TensorOptions(at::Device(at::kCUDA, pool_.device)).dtype(at::kByte)); }
    // Only this thread is recorded; others may continue.
    graph.graph.capture_begin(pool_.memory, cudaStreamCaptureModeThreadLocal);
  }

  void end(SfGraph &graph) {
    graph.graph.capture_end();
    TORCH_CHECK(!graph.graph.draws_random_numbers(), "work that draws random numbers is not recorded: they would repeat");
  }

  // Works in any state of the recording: libtorch's own end may stop half-way.
  void end_stream() noexcept {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    if (cudaStreamIsCapturing(pool_.stream, &status) != cudaSuccess || status != cudaStreamCaptureStatusNone) {
      cudaGraph_t graph = nullptr;
      if (cudaStreamEndCapture(pool_.stream, &graph) == cudaSuccess && graph != nullptr) cudaGraphDestroy(graph);
    }
    // The next call would report what the failure left behind.
    (void)cudaGetLastError();
  }

  bool end_device_memory() noexcept {
    return try_to([&] { allocator::endAllocateToPool(pool_.device, pool_.memory); });
  }
  bool end_host_memory() noexcept {
    return try_to([&] { at::getHostAllocator(at::kCUDA)->end_allocate_to_pool(pool_.memory); });
  }

  bool has_ended(const SfGraph &graph) const { return graph.graph.has_ended(); }

  // Every recording that was begun holds the memory, and so does every graph until it is freed.
  bool is_memory_held() const noexcept {
    int uses = 0;
    try_to([&] { uses = allocator::getPoolUseCount(pool_.device, pool_.memory); });
    return uses > pool_.graphs;
  }
  void release_device_memory() noexcept {
    try_to([&] { allocator::releasePool(pool_.device, pool_.memory); });
  }
  void release_host_memory() noexcept {
    try_to([&] { at::getHostAllocator(at::kCUDA)->release_pool(pool_.memory); });
  }
  void renew_memory() noexcept { ::renew_memory(pool_); }

private:
  SfGraphPool &pool_;
  at::Generator generator_;
  at::Generator before_;
};

} // namespace

SF_API char *sf_cuda_graph_pool_new(SfGraphPool **out, int device) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const auto index = seqformer::device_index(device);
    *out = new SfGraphPool{index, c10::cuda::getStreamFromPool(false, index), at::cuda::graph_pool_handle(), 0};
  });
}

// All graphs of the pool must have been freed.
SF_API void sf_cuda_graph_pool_free(SfGraphPool *pool) { delete pool; }

// Runs work on the stream of the recording, so that libraries choose kernels and allocate workspaces first.
SF_API char *sf_cuda_graph_warm_up(SfGraphPool *pool, Body body, void *context) {
  return guarded([&] {
    const auto current = c10::cuda::getCurrentCUDAStream(pool->device);
    wait_for(pool->stream, current);
    int failed = 0;
    {
      const c10::cuda::CUDAStreamGuard guard(pool->stream);
      failed = body(context);
    }
    wait_for(current, pool->stream);
    TORCH_CHECK(failed == 0, "the work before the recording failed");
  });
}

// Records work. Nothing is computed; its tensors get fixed addresses.
SF_API char *sf_cuda_graph_capture(SfGraph **out, SfGraphPool *pool, Body body, void *context) {
  return guarded([&] {
    const c10::cuda::CUDAGuard device(pool->device);
    // Cached memory of the previous run is useless to the graph, which has memory of its own.
    c10::cuda::device_synchronize();
    allocator::emptyCache();
    const c10::cuda::CUDAStreamGuard stream(pool->stream);
    Libtorch torch(*pool);
    auto graph = seqformer::record(torch, [&] { return body(context) == 0; });
    pool->graphs += 1;
    *out = graph.release();
  });
}

// Launches the recorded work on the current stream.
SF_API char *sf_cuda_graph_replay(SfGraph *graph) {
  return guarded([&] {
    const c10::cuda::CUDAGuard device(graph->device);
    graph->graph.replay();
  });
}

// Waits for the GPU: a graph must not be freed while it runs.
SF_API void sf_cuda_graph_free(SfGraph *graph) {
  char *message = guarded([&] {
    const c10::cuda::CUDAGuard device(graph->device);
    c10::cuda::device_synchronize();
  });
  std::free(message);
  auto *pool = graph->pool;
  delete graph;
  pool->graphs -= 1;
  renew_memory(*pool);
}
