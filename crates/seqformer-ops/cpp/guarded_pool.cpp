// The pool of large tensors as a tool that finds writes and reads outside of them: SEQFORMER_GUARD_POOL.
//
// Every block has its own pages. It ends where they end, up to the alignment of tensors, and a page that nobody may
// touch lies on either side: an access beyond ends the process at the instruction at fault. What is left of the first
// page and of the last few bytes holds a pattern, which is checked when the block is freed. A freed block stays mapped
// for a while without its memory, so that whoever still uses it is caught as well.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <unordered_map>

#include "guarded_pool.h"

namespace {

constexpr size_t tensor_alignment = 64;
constexpr unsigned char before = 0xA6, behind = 0xA5;
// Addresses that freed blocks hold; they take no memory.
constexpr size_t most_retired = size_t{64} << 30;
constexpr size_t most_retired_blocks = 8192;

struct Block {
  unsigned char *mapped; // the first guard page
  size_t length;         // of all that is mapped
  size_t bytes;          // what was asked for
};

std::mutex lock;
// Never destroyed: tensors in static storage are freed later than any destructor of this file would run.
auto &lent = *new std::unordered_map<void *, Block>;
auto &retired = *new std::deque<Block>;
size_t retired_bytes = 0;

size_t page() {
  static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

[[noreturn]] void report(const char *where, const Block &block, const unsigned char *at, const unsigned char *user) {
  std::fprintf(stderr, "guarded pool: a write %s a block of %zu bytes, at offset %td of it\n", where, block.bytes,
               at - user);
  std::abort();
}

void check(const Block &block, const unsigned char *user) {
  const unsigned char *start = block.mapped + page(), *end = block.mapped + block.length - page();
  const auto *bad = std::find_if(start, user, [](unsigned char byte) { return byte != before; });
  if (bad != user) report("before", block, bad, user);
  bad = std::find_if(user + block.bytes, end, [](unsigned char byte) { return byte != behind; });
  if (bad != end) report("behind", block, bad, user);
}

} // namespace

void *guarded_allocate(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  const size_t body = rounded_up(std::max<size_t>(bytes, 1), tensor_alignment);
  const size_t data = rounded_up(body, page()), length = data + 2 * page();
  void *mapped = mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const Block block{static_cast<unsigned char *>(mapped), length, bytes};
  unsigned char *start = block.mapped + page(), *user = start + data - body;
  if (mprotect(start, data, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapped, length);
    return nullptr;
  }
  std::memset(start, before, user - start);
  std::memset(user + bytes, behind, body - bytes);
  const std::lock_guard<std::mutex> held(lock);
  lent.emplace(user, block);
  return user;
}

bool guarded_free(void *user) {
  const std::lock_guard<std::mutex> held(lock);
  const auto found = lent.find(user);
  if (found == lent.end()) return false;
  const Block block = found->second;
  lent.erase(found);
  check(block, static_cast<unsigned char *>(user));
  // Mapped anew: the memory is given back and no access is allowed.
  mmap(block.mapped, block.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  retired.push_back(block);
  retired_bytes += block.length;
  while (retired_bytes > most_retired || retired.size() > most_retired_blocks) {
    munmap(retired.front().mapped, retired.front().length);
    retired_bytes -= retired.front().length;
    retired.pop_front();
  }
  return true;
}
