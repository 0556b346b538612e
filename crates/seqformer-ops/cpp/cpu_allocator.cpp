// An allocator of libtorch whose large blocks come from a pool, which is written in Rust (pool.rs).

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <cstring>

#include "guarded_pool.h"

namespace {

// The pool: null when the system has no more memory; and the way back, which says whether the block is its own.
struct PoolCalls {
  void *(*allocate)(size_t bytes);
  bool (*free)(void *block);
};

PoolCalls pool;
size_t smallest = 0;
// Every block of the pool begins at a multiple of it.
size_t alignment = 4096;

void free_block(void *block) { pool.free(block); }

// For what was allocated without a deleter of its own, as oneDNN's scratch memory.
void free_any(void *block) {
  const bool may_be_a_block = reinterpret_cast<size_t>(block) % alignment == 0;
  if (!may_be_a_block || !pool.free(block)) c10::GetDefaultCPUAllocator()->raw_deleter()(block);
}

class PooledAllocator final : public c10::Allocator {
public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes < smallest) return c10::GetDefaultCPUAllocator()->allocate(bytes);
    void *block = pool.allocate(bytes);
    TORCH_CHECK(block != nullptr, "not enough memory: there are no ", bytes, " bytes for a tensor");
    return {block, block, free_block, c10::Device(c10::DeviceType::CPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return free_any; }

  void copy_data(void *to, const void *from, size_t count) const override { std::memcpy(to, from, count); }
};

// Blocks of this size and more begin at a multiple of it, so that the system can use huge pages.
constexpr size_t huge_page = 2 << 20;

} // namespace

extern "C" {

// Maps zeroed pages; null when there are none.
void *sf_map_pages(size_t bytes) {
  const size_t spare = bytes >= huge_page ? huge_page : 0;
  void *mapped = mmap(nullptr, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (spare == 0) return mapped;
  const auto start = reinterpret_cast<size_t>(mapped);
  const size_t block = (start + huge_page - 1) / huge_page * huge_page;
  if (block > start) munmap(mapped, block - start);
  if (start + spare > block) munmap(reinterpret_cast<void *>(block + bytes), start + spare - block);
#ifdef MADV_HUGEPAGE
  madvise(reinterpret_cast<void *>(block), bytes, MADV_HUGEPAGE); // a wish, which the system may refuse
#endif
  return reinterpret_cast<void *>(block);
}

void sf_unmap_pages(void *block, size_t bytes) { munmap(block, bytes); }

// Tensors of at least `from` bytes are taken from the pool from now on.
void sf_use_pool(PoolCalls calls, size_t from) {
  static PooledAllocator allocator;
  pool = calls;
  smallest = from;
  c10::SetCPUAllocator(&allocator, 255);
}

// As above, with blocks that lie between guard pages and are not used twice.
void sf_use_guarded_pool(size_t from) {
  alignment = 64;
  sf_use_pool({guarded_allocate, guarded_free}, from);
}

} // extern "C"
