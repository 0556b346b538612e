// The steps of recording a graph, and how they are undone when one fails. `Torch` is libtorch (graph.cpp) or, in the tests,
// a substitute that fails on request.

#pragma once

#include <stdexcept>

namespace seqformer {

// While a graph is recorded, a generator of its own draws the random numbers: a recording that fails leaves libtorch's
// generator in the state of recording, in which every later draw is an error.
template <typename Torch> class GeneratorForRecording {
public:
  explicit GeneratorForRecording(Torch &torch) : torch_(torch) { torch_.replace_generator(); }
  ~GeneratorForRecording() { torch_.restore_generator(); }
  GeneratorForRecording(const GeneratorForRecording &) = delete;
  GeneratorForRecording &operator=(const GeneratorForRecording &) = delete;

private:
  Torch &torch_;
};

// Records what `body` launches, and returns the graph; `body` returns whether it succeeded. After a failure, nothing of the
// recording is left.
template <typename Torch, typename Body> typename Torch::GraphPointer record(Torch &torch, Body &&body) {
  const GeneratorForRecording<Torch> generator(torch);
  auto graph = torch.new_graph();
  try {
    torch.begin(*graph);
    const bool is_done = body();
    torch.end(*graph);
    if (!is_done) throw std::runtime_error("the recorded work failed");
    return graph;
  } catch (...) {
    torch.end_stream();
    // Both allocators ask the graph which streams are its own, so they must forget it before it is freed.
    const bool was_on_device = torch.end_device_memory();
    const bool was_on_host = torch.end_host_memory();
    const bool gives_back = torch.has_ended(*graph);
    graph.reset();
    if (!gives_back && torch.is_memory_held()) {
      torch.release_device_memory();
      // The memory of the device comes first: if it was being recorded and that of the host was not, only it was begun.
      if (was_on_host || !was_on_device) torch.release_host_memory();
    }
    torch.renew_memory();
    throw;
  }
}

} // namespace seqformer
