// The memory of a GPU, with pages that nobody may touch before and behind every buffer; and the files through which
// the tests speak to the emulator.

#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda_emulator.h"

// Where a buffer lies between its guards.
enum class Placement {
  at_end,       // what is read behind it ends the program
  at_start,     // what is read before it ends the program
  not_aligned,  // one element behind the start of a page
};

class Buffer {
public:
  Buffer(size_t bytes, size_t element, Placement placement) : bytes_(bytes) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inside = (bytes + element + page - 1) / page * page;
    void *pages = mmap(nullptr, inside + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) emulator::fail("no memory");
    char *first = static_cast<char *>(pages) + page;
    if (mprotect(first, inside, PROT_READ | PROT_WRITE) != 0) emulator::fail("no memory");
    // What no kernel has written is no number.
    std::memset(first, 0xff, inside);
    start_ = first;
    if (placement == Placement::at_end) start_ = first + (inside - bytes);
    if (placement == Placement::not_aligned) start_ = first + element;
  }

  void *data() { return start_; }
  template <typename T> T *as() { return static_cast<T *>(data()); }
  size_t bytes() const { return bytes_; }
  void fill_with_zeros() { std::memset(start_, 0, bytes_); }

private:
  char *start_;
  size_t bytes_;
};

// What a test asks for: numbers and buffers in the order in which they are read here.
class Request {
public:
  explicit Request(const char *path) : file_(std::fopen(path, "rb")) {
    if (file_ == nullptr) emulator::fail("the request cannot be opened");
    placement_ = static_cast<Placement>(number());
  }

  int64_t number() {
    int64_t number = 0;
    read(&number, sizeof number);
    return number;
  }

  // A buffer with the elements of the request, or nothing.
  std::unique_ptr<Buffer> buffer(size_t element) {
    const int64_t bytes = number();
    if (bytes < 0) return nullptr;
    auto buffer = empty(bytes, element);
    read(buffer->data(), bytes);
    return buffer;
  }

  std::unique_ptr<Buffer> empty(size_t bytes, size_t element) {
    return std::make_unique<Buffer>(bytes, element, placement_);
  }

private:
  void read(void *to, size_t bytes) {
    if (std::fread(to, 1, bytes, file_) != bytes) emulator::fail("the request is too short");
  }

  std::FILE *file_;
  Placement placement_;
};

inline void write_answer(const char *path, const std::vector<Buffer *> &buffers) {
  std::FILE *file = std::fopen(path, "wb");
  if (file == nullptr) emulator::fail("the answer cannot be opened");
  for (auto *buffer : buffers) {
    if (std::fwrite(buffer->data(), 1, buffer->bytes(), file) != buffer->bytes()) {
      emulator::fail("the answer cannot be written");
    }
  }
  if (std::fclose(file) != 0) emulator::fail("the answer cannot be written");
}
