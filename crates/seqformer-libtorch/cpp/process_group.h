// What seqformer-distributed and its part in libseqformer_cuda share about groups of processes.

#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

// Owned by Rust, which frees each with its own function.
struct SfStore {
  c10::intrusive_ptr<c10d::Store> store;
  // Of the server, so that others can be told; 0 elsewhere.
  uint16_t port;
};

struct SfGroup {
  c10::intrusive_ptr<c10d::Backend> backend;
};
