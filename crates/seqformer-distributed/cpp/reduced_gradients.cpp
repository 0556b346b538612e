// Gradients summed over processes while the backward pass goes on.
//
// Parameters are dealt into buckets, the last ones first, since their gradients come first. Each gradient is
// moved into its bucket as it appears, and a full bucket is on its way while the next is filled. All processes
// send the buckets in the same order.

#include "process_group.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include <numeric>

#include "guarded.h"
#include "nested_backward.h"

#define SF_API extern "C" __attribute__((visibility("default")))

namespace {

// The first bucket is small, so that sending begins early; as in PyTorch's DistributedDataParallel.
constexpr int64_t FIRST_BUCKET_BYTES = 1 << 20;

struct Bucket {
  at::Tensor flat;
  std::vector<size_t> parameters;
  size_t waiting = 0;
  c10::intrusive_ptr<c10d::Work> work;
};

struct Slot {
  size_t bucket = 0;
  // The parameter's part of the bucket, with its shape and strides.
  at::Tensor view;
  // A gradient of earlier parts of the batch, to be added.
  at::Tensor before;
  bool is_filled = false;
};

} // namespace

struct SfReducer {
  c10::intrusive_ptr<c10d::Backend> backend;
  std::vector<at::Tensor> parameters;
  std::vector<Slot> slots;
  std::vector<Bucket> buckets;
  std::vector<unsigned> hooks;
  size_t next_bucket = 0;
  bool is_armed = false;

  SfReducer(c10::intrusive_ptr<c10d::Backend> group, std::vector<at::Tensor> list, int64_t bucket_bytes)
      : backend(std::move(group)), parameters(std::move(list)), slots(parameters.size()) {
    deal(bucket_bytes);
    for (size_t index = 0; index < parameters.size(); ++index) {
      hooks.push_back(parameters[index].register_hook(
          [this, index](const at::Tensor &gradient) {
            return is_armed && !NestedBackward::is_running() ? take(index, gradient) : gradient;
          }));
    }
  }

  ~SfReducer() {
    for (size_t index = 0; index < hooks.size(); ++index) parameters[index].remove_hook(hooks[index]);
  }

  SfReducer(const SfReducer &) = delete;
  SfReducer &operator=(const SfReducer &) = delete;

  void deal(int64_t bucket_bytes) {
    std::vector<size_t> members;
    int64_t bytes = 0;
    const auto close = [&] {
      if (members.empty()) return;
      Bucket bucket;
      int64_t elements = 0;
      for (const size_t index : members) elements += parameters[index].numel();
      bucket.flat = at::zeros({elements}, parameters[members[0]].options().requires_grad(false));
      int64_t offset = 0;
      for (const size_t index : members) {
        const at::Tensor &parameter = parameters[index];
        slots[index].bucket = buckets.size();
        // The optimizer walks through both in the order of memory.
        slots[index].view = parameter.is_non_overlapping_and_dense()
                                ? bucket.flat.as_strided(parameter.sizes(), parameter.strides(), offset)
                                : bucket.flat.narrow(0, offset, parameter.numel()).view(parameter.sizes());
        offset += parameter.numel();
      }
      bucket.parameters = std::move(members);
      buckets.push_back(std::move(bucket));
      members.clear();
      bytes = 0;
    };
    for (size_t index = parameters.size(); index-- > 0;) {
      const int64_t limit = buckets.empty() ? std::min(FIRST_BUCKET_BYTES, bucket_bytes) : bucket_bytes;
      if (bytes > 0 && bytes + int64_t(parameters[index].nbytes()) > limit) close();
      members.push_back(index);
      bytes += parameters[index].nbytes();
    }
    close();
  }

  at::Tensor take(size_t index, const at::Tensor &gradient) {
    at::NoGradGuard no_grad;
    Slot &slot = slots[index];
    slot.view.copy_(gradient);
    fill(index);
    return slot.view;
  }

  void fill(size_t index) {
    Slot &slot = slots[index];
    if (slot.before.defined()) slot.view.add_(slot.before);
    slot.is_filled = true;
    if (--buckets[slot.bucket].waiting == 0) send_full();
  }

  void send_full() {
    while (next_bucket < buckets.size() && buckets[next_bucket].waiting == 0) {
      std::vector<at::Tensor> tensors{buckets[next_bucket].flat};
      buckets[next_bucket].work = backend->allreduce(tensors);
      ++next_bucket;
    }
  }

  // Nothing of an earlier, broken pass may still be written into.
  void arm(const at::Tensor *const *before) {
    next_bucket = 0;
    for (Bucket &bucket : buckets) {
      bucket.waiting = bucket.parameters.size();
      bucket.work.reset();
    }
    for (size_t index = 0; index < slots.size(); ++index) {
      slots[index].is_filled = false;
      slots[index].before =
          before != nullptr && before[index] != nullptr ? before[index]->detach() : at::Tensor();
    }
  }

  void differentiate(const at::Tensor &loss) {
    torch::autograd::edge_list edges;
    for (const at::Tensor &parameter : parameters) edges.push_back(torch::autograd::impl::gradient_edge(parameter));
    is_armed = true;
    try {
      torch::autograd::Engine::get_default_engine().execute({torch::autograd::impl::gradient_edge(loss)},
                                                            {at::ones_like(loss)}, false, false, false, edges);
    } catch (...) {
      is_armed = false;
      throw;
    }
    is_armed = false;
  }

  std::vector<at::Tensor> backward(const at::Tensor *loss, const at::Tensor *const *before) {
    arm(before);
    if (loss != nullptr) differentiate(*loss);
    at::NoGradGuard no_grad;
    auto used = at::zeros({int64_t(slots.size())}, parameters[0].options().dtype(at::kInt).device(at::kCPU));
    for (size_t index = 0; index < slots.size(); ++index) {
      const bool has_any = slots[index].is_filled || slots[index].before.defined();
      used.data_ptr<int>()[index] = has_any ? 1 : 0;
      if (!slots[index].is_filled) {
        slots[index].view.zero_();
        fill(index);
      }
    }
    used = used.to(parameters[0].device());
    std::vector<at::Tensor> tensors{used};
    c10d::AllreduceOptions options;
    options.reduceOp = c10d::ReduceOp::MAX;
    const auto used_work = backend->allreduce(tensors, options);
    for (Bucket &bucket : buckets) {
      if (!bucket.work->wait()) throw std::runtime_error("the sum of the gradients was broken off");
    }
    if (!used_work->wait()) throw std::runtime_error("the sum of the gradients was broken off");
    used = used.cpu();
    std::vector<at::Tensor> found(slots.size());
    for (size_t index = 0; index < slots.size(); ++index) {
      slots[index].before.reset();
      // As in one process, what no process uses has no gradient instead of zeros.
      if (used.data_ptr<int>()[index] != 0) found[index] = slots[index].view;
    }
    return found;
  }
};

SF_API char *sf_reducer_new(SfReducer **out, const SfGroup *group, const at::Tensor *const *parameters,
                            int64_t count, int64_t bucket_bytes) {
  return guarded([&] {
    if (count < 1) throw std::runtime_error("expected at least one parameter");
    std::vector<at::Tensor> list;
    for (int64_t i = 0; i < count; ++i) list.push_back(*parameters[i]);
    *out = new SfReducer(group->backend, std::move(list), bucket_bytes);
  });
}

SF_API void sf_reducer_free(SfReducer *reducer) { delete reducer; }

// `loss` may be null. `before` is null or has `count` entries, each null or a tensor; `out` has room for `count`, null where there is
// no gradient in any process. The gradients live in the buckets until the next call.
SF_API char *sf_reducer_backward(at::Tensor **out, SfReducer *reducer, const at::Tensor *loss,
                                 const at::Tensor *const *before) {
  return guarded([&] {
    auto found = reducer->backward(loss, before);
    for (size_t i = 0; i < found.size(); ++i) out[i] = found[i].defined() ? new at::Tensor(std::move(found[i])) : nullptr;
  });
}
