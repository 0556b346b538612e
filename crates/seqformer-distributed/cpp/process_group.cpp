// Groups of processes: the store where they meet, and sums, copies and barriers among them (c10d).

#define USE_C10D_GLOO
#define USE_DISTRIBUTED

#include "process_group.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>

#include "guarded.h"

#define SF_API extern "C" __attribute__((visibility("default")))

using std::chrono::milliseconds;

// A running operation with the tensors that it works on.
struct SfWork {
  c10::intrusive_ptr<c10d::Work> work;
  std::vector<at::Tensor> tensors;
};

SF_API char *sf_store_open(SfStore **out, const char *host, uint16_t port, int is_server, int64_t timeout_ms) {
  return guarded([&] {
    // What c10d has to say comes back as an error; its own log repeats it with stacks of addresses.
    if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = c10::GLOG_FATAL;
    c10d::TCPStoreOptions options;
    options.port = port;
    options.isServer = is_server != 0;
    options.waitWorkers = false;
    options.timeout = milliseconds(timeout_ms);
    auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    const uint16_t found = store->getPort();
    *out = new SfStore{std::move(store), found};
  });
}

SF_API uint16_t sf_store_port(const SfStore *store) { return store->port; }

SF_API char *sf_store_prefixed(SfStore **out, const SfStore *store, const char *prefix) {
  return guarded([&] {
    auto prefixed = c10::make_intrusive<c10d::PrefixStore>(prefix, store->store);
    *out = new SfStore{std::move(prefixed), store->port};
  });
}

SF_API void sf_store_free(SfStore *store) { delete store; }

SF_API char *sf_store_set(const SfStore *store, const char *key, const uint8_t *bytes, size_t length) {
  return guarded([&] { store->store->set(key, std::vector<uint8_t>(bytes, bytes + length)); });
}

// Waits for the key; the caller frees the bytes with `sf_free_bytes`.
SF_API char *sf_store_get(const SfStore *store, const char *key, int64_t timeout_ms, uint8_t **bytes,
                          size_t *length) {
  return guarded([&] {
    store->store->wait({key}, milliseconds(timeout_ms));
    const auto value = store->store->get(key);
    *bytes = static_cast<uint8_t *>(std::malloc(value.empty() ? 1 : value.size()));
    if (*bytes == nullptr) throw std::bad_alloc();
    std::copy(value.begin(), value.end(), *bytes);
    *length = value.size();
  });
}

SF_API void sf_free_bytes(uint8_t *bytes) { std::free(bytes); }

SF_API char *sf_store_add(const SfStore *store, const char *key, int64_t amount, int64_t *sum) {
  return guarded([&] { *sum = store->store->add(key, amount); });
}

SF_API char *sf_store_has(const SfStore *store, const char *key, int *found) {
  return guarded([&] { *found = store->store->check({key}) ? 1 : 0; });
}

SF_API char *sf_store_remove(const SfStore *store, const char *key) {
  return guarded([&] { store->store->deleteKey(key); });
}

// `address` is the one of this machine that others reach it by; null lets the system choose.
SF_API char *sf_gloo_group(SfGroup **out, const SfStore *store, int rank, int size, const char *interface,
                           const char *address, int64_t timeout_ms) {
  return guarded([&] {
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds(timeout_ms));
    options->devices.push_back(interface != nullptr ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                               : address != nullptr ? c10d::ProcessGroupGloo::createDeviceForHostname(address)
                                                    : c10d::ProcessGroupGloo::createDefaultDevice());
    *out = new SfGroup{c10::make_intrusive<c10d::ProcessGroupGloo>(store->store, rank, size, options)};
  });
}

// NCCL has to be told that it is over. It leaves together with the other processes, but must not wait for them if one
// may be gone (`has_failed`).
SF_API void sf_group_free(SfGroup *group, int has_failed) {
  char *message = guarded([&] {
    if (group->backend->getBackendName() != "nccl") return;
    has_failed ? group->backend->abort() : group->backend->shutdown();
  });
  std::free(message);
  delete group;
}

// Begins to add up (or, for `max`, to find the largest of) a tensor over all processes, in its own memory.
SF_API char *sf_all_reduce(SfWork **out, const SfGroup *group, const at::Tensor *tensor, int max) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{tensor->detach()};
    c10d::AllreduceOptions options;
    options.reduceOp = max ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    auto work = group->backend->allreduce(tensors, options);
    *out = new SfWork{std::move(work), std::move(tensors)};
  });
}

SF_API char *sf_broadcast(SfWork **out, const SfGroup *group, const at::Tensor *tensor, int root) {
  return guarded([&] {
    std::vector<at::Tensor> tensors{tensor->detach()};
    c10d::BroadcastOptions options;
    options.rootRank = root;
    auto work = group->backend->broadcast(tensors, options);
    *out = new SfWork{std::move(work), std::move(tensors)};
  });
}

// `to` has one row for each process.
SF_API char *sf_all_gather(SfWork **out, const SfGroup *group, const at::Tensor *to, const at::Tensor *from) {
  return guarded([&] {
    std::vector<std::vector<at::Tensor>> rows{to->detach().unbind(0)};
    std::vector<at::Tensor> own{from->detach()};
    auto work = group->backend->allgather(rows, own);
    std::vector<at::Tensor> tensors = std::move(rows[0]);
    tensors.push_back(std::move(own[0]));
    *out = new SfWork{std::move(work), std::move(tensors)};
  });
}

SF_API char *sf_barrier(SfWork **out, const SfGroup *group) {
  return guarded([&] { *out = new SfWork{group->backend->barrier(), {}}; });
}

SF_API char *sf_work_wait(const SfWork *work) {
  return guarded([&] {
    if (!work->work->wait()) throw std::runtime_error("the operation was broken off");
  });
}

SF_API void sf_work_free(SfWork *work) { delete work; }
