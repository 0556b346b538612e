// What the kernels use of CUDA, for a C++ compiler: the threads of a block are fibers, so that values exchanged within
// a warp and barriers of a block wait for each other as they do on a GPU. What is undefined there ends the program.

#pragma once

#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#define __global__
#define __device__
#define __shared__ static
#define __grid_constant__
#define __launch_bounds__(...)

struct float4 {
  float x, y, z, w;
};
struct uint4 {
  unsigned x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace emulator {

[[noreturn]] inline void fail(const char *why) {
  std::fprintf(stderr, "CUDA emulator: %s\n", why);
  std::exit(3);
}

constexpr unsigned kWarp = 32;

struct Index {
  unsigned x = 0;
};

// What a thread waits for.
enum class Wait { nothing, warp, block };
enum class Exchange { shuffle_xor, ballot };

struct Thread {
  ucontext_t context;
  std::vector<char> stack = std::vector<char>(1 << 16);
  bool has_ended = false;
  Wait wait = Wait::nothing;
  Exchange exchange;
  unsigned mask;
  unsigned argument;
  uint32_t value;
  uint32_t result;
};

// One block that runs.
class Block {
public:
  static Block &running() {
    static Block block;
    return block;
  }

  void run(unsigned threads, const std::function<void()> &kernel);
  uint32_t exchange(Exchange exchange, unsigned mask, uint32_t value, unsigned argument);
  void barrier() { wait_for(Wait::block); }
  void start() { (*kernel_)(); }

private:
  void wait_for(Wait what);
  void complete_exchange(unsigned warp, unsigned mask);
  bool release_barrier();

  std::vector<Thread> threads_;
  unsigned current_ = 0;
  ucontext_t scheduler_;
  const std::function<void()> *kernel_ = nullptr;
};

} // namespace emulator

inline emulator::Index threadIdx, blockIdx;

namespace emulator {

inline void start_thread() { Block::running().start(); }

inline void Block::run(unsigned threads, const std::function<void()> &kernel) {
  kernel_ = &kernel;
  threads_.resize(threads);
  for (auto &thread : threads_) {
    thread.has_ended = false;
    thread.wait = Wait::nothing;
    getcontext(&thread.context);
    thread.context.uc_stack.ss_sp = thread.stack.data();
    thread.context.uc_stack.ss_size = thread.stack.size();
    thread.context.uc_link = &scheduler_;
    makecontext(&thread.context, start_thread, 0);
  }
  for (;;) {
    bool has_run = false, is_over = true;
    for (current_ = 0; current_ < threads; ++current_) {
      auto &thread = threads_[current_];
      if (thread.has_ended) continue;
      is_over = false;
      if (thread.wait != Wait::nothing) continue;
      has_run = true;
      threadIdx.x = current_;
      swapcontext(&scheduler_, &thread.context);
      if (thread.wait == Wait::nothing) thread.has_ended = true;
    }
    if (is_over) return;
    if (!has_run && !release_barrier()) fail("threads wait for others that never come");
  }
}

inline void Block::wait_for(Wait what) {
  auto &thread = threads_[current_];
  thread.wait = what;
  swapcontext(&thread.context, &scheduler_);
}

inline bool Block::release_barrier() {
  for (const auto &thread : threads_) {
    if (thread.has_ended || thread.wait != Wait::block) return false;
  }
  for (auto &thread : threads_) thread.wait = Wait::nothing;
  return true;
}

inline uint32_t Block::exchange(Exchange exchange, unsigned mask, uint32_t value, unsigned argument) {
  auto &thread = threads_[current_];
  const unsigned warp = current_ / kWarp * kWarp, number = current_;
  if ((mask >> (current_ % kWarp) & 1) == 0) fail("a lane is not in its own mask");
  thread.exchange = exchange;
  thread.mask = mask;
  thread.argument = argument;
  thread.value = value;
  thread.wait = Wait::warp;
  bool are_all_here = true;
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    if (warp + lane >= threads_.size()) fail("a mask names a lane that does not exist");
    const auto &other = threads_[warp + lane];
    if (other.has_ended) fail("a mask names a lane that has ended");
    if (other.wait != Wait::warp) {
      are_all_here = false;
    } else if (other.mask != mask || other.exchange != exchange) {
      fail("lanes of one mask exchange different things");
    }
  }
  if (are_all_here) {
    complete_exchange(warp, mask);
  } else {
    swapcontext(&thread.context, &scheduler_);
  }
  return threads_[number].result;
}

inline void Block::complete_exchange(unsigned warp, unsigned mask) {
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) != 0 && threads_[warp + lane].value != 0) ballot |= 1u << lane;
  }
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) == 0) continue;
    auto &thread = threads_[warp + lane];
    if (thread.exchange == Exchange::ballot) {
      thread.result = ballot;
    } else {
      const unsigned source = lane ^ thread.argument;
      if (source >= kWarp || (mask >> source & 1) == 0) fail("a shuffle reads a lane outside of its mask");
      thread.result = threads_[warp + source].value;
    }
  }
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) != 0) threads_[warp + lane].wait = Wait::nothing;
  }
}

// Runs a kernel, block by block.
inline void launch(unsigned blocks, unsigned threads, const std::function<void()> &kernel) {
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) Block::running().run(threads, kernel);
}

template <typename To, typename From> To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <typename T> T *aligned(T *address) {
  if (reinterpret_cast<uintptr_t>(address) % sizeof(T) != 0) fail("an address is not aligned");
  return address;
}

} // namespace emulator

inline float __uint_as_float(unsigned bits) { return emulator::bits_as<float>(bits); }
inline unsigned __float_as_uint(float number) { return emulator::bits_as<unsigned>(number); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

template <typename T> T __ldg(const T *from) { return *emulator::aligned(from); }
inline float atomicAdd(float *to, float number) { return *emulator::aligned(to) += number; }
inline void atomicAdd(float4 *to, float4 numbers) {
  emulator::aligned(to);
  to->x += numbers.x;
  to->y += numbers.y;
  to->z += numbers.z;
  to->w += numbers.w;
}

inline void __syncthreads() { emulator::Block::running().barrier(); }
inline float __shfl_xor_sync(unsigned mask, float number, int distance) {
  return __uint_as_float(emulator::Block::running().exchange(emulator::Exchange::shuffle_xor, mask,
                                                             __float_as_uint(number), distance));
}
inline unsigned __ballot_sync(unsigned mask, bool vote) {
  return emulator::Block::running().exchange(emulator::Exchange::ballot, mask, vote, 0);
}
