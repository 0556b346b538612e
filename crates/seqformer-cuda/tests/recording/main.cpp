// `seqformer::record` with a libtorch that fails at one step: `recording STEP`. What it would leave behind ends the
// program with a message.

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include "../../cpp/record.h"

namespace {

[[noreturn]] void fail(const std::string &why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

struct Graph;

// One of libtorch's two allocators, as in CUDACachingAllocator.cpp and CachingHostAllocator.h.
struct Allocator {
  std::map<int, int> uses;
  int recording = 0;
  const bool *is_graph_alive = nullptr;

  void begin(int memory, const bool *is_alive) {
    if (uses.count(memory) != 0 && uses[memory] == 0) throw std::runtime_error("the memory was given back");
    uses[memory] += 1;
    recording = memory;
    is_graph_alive = is_alive;
  }
  void end(int memory) {
    if (recording != memory) throw std::runtime_error("not currently recording");
    recording = 0;
    is_graph_alive = nullptr;
  }
  void release(int memory) {
    if (--uses.at(memory) < 0) fail("memory was given back twice");
  }
  // As every allocation does, of any thread.
  void ask() const {
    if (recording != 0 && !*is_graph_alive) fail("an allocation asks a graph that was freed");
  }
};

struct World {
  Allocator device, host;
  bool stream_records = false, is_stream_broken = false;
  bool generator_records = false;
  int memory = 1, graphs = 0;
  std::string failing;

  void step(const std::string &name) {
    device.ask();
    host.ask();
    if (name == failing) throw std::runtime_error("failed: " + name);
  }
};

struct Graph {
  explicit Graph(World &world) : world(world) {}
  ~Graph() {
    is_alive = false;
    world.device.ask();
    world.host.ask();
    if (!has_ended) return;
    world.device.release(memory);
    world.host.release(memory);
  }

  World &world;
  int memory = 0;
  bool has_ended = false, is_alive = true;
};

// The order of the steps is that of CUDAGraph::capture_begin and capture_end.
class Torch {
public:
  using GraphPointer = std::unique_ptr<Graph>;

  explicit Torch(World &world) : world_(world) {}

  GraphPointer new_graph() { return std::make_unique<Graph>(world_); }
  void replace_generator() {
    before_ = world_.generator_records;
    world_.generator_records = false;
  }
  void restore_generator() noexcept { world_.generator_records = before_; }

  void begin(Graph &graph) {
    world_.step("register");
    world_.generator_records = true;
    graph.memory = world_.memory;
    world_.step("begin device memory");
    world_.device.begin(graph.memory, &graph.is_alive);
    world_.step("begin host memory");
    world_.host.begin(graph.memory, &graph.is_alive);
    world_.step("begin stream");
    world_.stream_records = true;
  }

  void end(Graph &graph) {
    world_.step("end stream");
    world_.stream_records = false;
    if (world_.is_stream_broken) throw std::runtime_error("operation failed due to a previous error during capture");
    world_.device.end(graph.memory);
    world_.host.end(graph.memory);
    world_.step("no graph");
    world_.generator_records = false;
    graph.has_ended = true;
    world_.step("instantiate");
  }

  void end_stream() noexcept { world_.stream_records = world_.is_stream_broken = false; }
  bool end_device_memory() noexcept { return try_to([&] { world_.device.end(world_.memory); }); }
  bool end_host_memory() noexcept { return try_to([&] { world_.host.end(world_.memory); }); }
  bool has_ended(const Graph &graph) const { return graph.has_ended; }
  bool is_memory_held() const { return world_.device.uses[world_.memory] > world_.graphs; }
  void release_device_memory() noexcept { world_.device.release(world_.memory); }
  void release_host_memory() noexcept { world_.host.release(world_.memory); }
  void renew_memory() noexcept {
    if (world_.graphs == 0) world_.memory += 1;
  }

private:
  template <typename F> bool try_to(F &&undo) noexcept {
    try {
      undo();
      return true;
    } catch (const std::exception &) {
      return false;
    }
  }

  World &world_;
  bool before_ = false;
};

void check(bool holds, const std::string &what) {
  if (!holds) fail(what);
}

// Work that waits for the card, as `item` does, which breaks the recording, and says that it failed; or good work.
std::unique_ptr<Graph> record(World &world) {
  Torch torch(world);
  auto graph = seqformer::record(torch, [&] {
    check(world.stream_records && world.generator_records, "the work runs outside of a recording");
    if (world.failing != "item") return true;
    world.is_stream_broken = true;
    return false;
  });
  world.graphs += 1;
  return graph;
}

// What comes after the failure: a draw of random numbers, an upload, and a recording.
void fail_and_go_on(World &world, const std::string &failing) {
  const int graphs = world.graphs;
  world.failing = failing;
  bool has_failed = false;
  try {
    record(world);
  } catch (const std::exception &) {
    has_failed = true;
  }
  world.failing.clear();
  check(has_failed, "the failure is not told");
  check(!world.generator_records, "a draw of random numbers would fail");
  check(!world.stream_records && !world.is_stream_broken, "the stream still records");
  check(world.device.recording == 0, "an allocation of the card would ask the graph");
  check(world.host.recording == 0, "an upload would ask the graph");
  for (const auto *allocator : {&world.device, &world.host}) {
    int uses = 0;
    for (const auto &[memory, count] : allocator->uses) uses += count;
    check(uses == graphs, "memory of the failed graph is still held");
  }
}

} // namespace

int main(int, char **arguments) {
  World world;
  fail_and_go_on(world, arguments[1]);
  const auto first = record(world);
  // Beside a graph that holds the memory, too.
  fail_and_go_on(world, arguments[1]);
  const auto second = record(world);
  check(first->memory == second->memory, "graphs do not share their memory");
  return 0;
}
