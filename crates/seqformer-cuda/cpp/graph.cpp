// CUDA graphs: work that is recorded once and launched as a whole afterwards.

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAFunctions.h>

#include <memory>

#include "device.h"

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

struct SfGraph {
  at::cuda::CUDAGraph graph;
  SfGraphPool *pool;
  c10::DeviceIndex device;
};

namespace {

// Runs what it is given; another result than 0 says that it failed.
using Body = int (*)(void *);

// Lets one stream wait for what another has been given so far.
void wait_for(const c10::cuda::CUDAStream &waiting, const c10::cuda::CUDAStream &other) {
  c10::cuda::CUDAEvent event;
  event.record(other);
  event.block(waiting);
}

// Ends the recording of a graph that failed, in whatever state it is, so that the allocator and the stream serve
// again: libtorch's own end may stop half way.
void abandon(SfGraphPool &pool) noexcept {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(pool.stream, &status) != cudaSuccess || status != cudaStreamCaptureStatusNone) {
    cudaGraph_t graph = nullptr;
    if (cudaStreamEndCapture(pool.stream, &graph) == cudaSuccess && graph != nullptr) cudaGraphDestroy(graph);
  }
  try {
    // An error if the recording had been ended, which is as well.
    allocator::endAllocateToPool(pool.device, pool.memory);
  } catch (...) {
  }
  // What the failure has left would be reported by the next call.
  (void)cudaGetLastError();
}

// Gives the memory of a graph that failed back: every begun recording holds the pool, every finished graph lets it go
// when it is freed.
void release(SfGraphPool &pool) noexcept {
  try {
    if (allocator::getPoolUseCount(pool.device, pool.memory) > pool.graphs) {
      allocator::releasePool(pool.device, pool.memory);
    }
  } catch (...) {
  }
}

} // namespace

SF_API char *sf_cuda_graph_pool_new(SfGraphPool **out, int device) {
  return guarded([&] {
    at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
    const auto index = seqformer::device_index(device);
    *out = new SfGraphPool{index, c10::cuda::getStreamFromPool(false, index), at::cuda::graph_pool_handle(), 0};
  });
}

// All graphs of the pool must be freed before.
SF_API void sf_cuda_graph_pool_free(SfGraphPool *pool) { delete pool; }

// Runs work on the stream of the recording, so that libraries choose their kernels and make their workspaces before.
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

// Records work. Nothing is computed; its tensors get addresses that stay theirs.
SF_API char *sf_cuda_graph_capture(SfGraph **out, SfGraphPool *pool, Body body, void *context) {
  return guarded([&] {
    const c10::cuda::CUDAGuard device(pool->device);
    // What the run before has left in the cache is of no use to the graph, which has memory of its own.
    c10::cuda::device_synchronize();
    allocator::emptyCache();
    int failed = 0;
    try {
      auto graph = std::unique_ptr<SfGraph>(new SfGraph{at::cuda::CUDAGraph(), pool, pool->device});
      const c10::cuda::CUDAStreamGuard stream(pool->stream);
      // Only what this thread does counts: others may go on with their work.
      graph->graph.capture_begin(pool->memory, cudaStreamCaptureModeThreadLocal);
      failed = body(context);
      graph->graph.capture_end();
      TORCH_CHECK(failed == 0, "the recorded work failed");
      pool->graphs += 1;
      *out = graph.release();
    } catch (...) {
      abandon(*pool);
      release(*pool);
      throw;
    }
  });
}

// Launches the recorded work on the current stream.
SF_API char *sf_cuda_graph_replay(SfGraph *graph) {
  return guarded([&] {
    const c10::cuda::CUDAGuard device(graph->device);
    graph->graph.replay();
  });
}

// Waits for the card: a graph must not be freed while it runs.
SF_API void sf_cuda_graph_free(SfGraph *graph) {
  char *message = guarded([&] {
    const c10::cuda::CUDAGuard device(graph->device);
    c10::cuda::device_synchronize();
  });
  std::free(message);
  graph->pool->graphs -= 1;
  delete graph;
}
