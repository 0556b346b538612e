// A part of a network whose intermediate tensors are not kept for the backward pass but computed again there.

#include "guarded.h"
#include "nested_backward.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/SequenceNumber.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/custom_class.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_set>

namespace {

using torch::autograd::variable_list;

// The work, which is written in Rust.
struct WorkCalls {
  // Takes over `inputs` and fills `outputs`, which C++ takes over; or returns a message made with `strdup`.
  char *(*run)(void *work, at::Tensor *const *inputs, int64_t num_inputs, at::Tensor **outputs, int64_t num_outputs);
  void (*drop)(void *work);
};

// Whether products are in low precision, for each kind of device.
struct Precision {
  bool cpu, cuda;

  static Precision now() {
    return {at::autocast::is_autocast_enabled(at::kCPU), at::autocast::is_autocast_enabled(at::kCUDA)};
  }

  void set() const {
    at::autocast::set_autocast_enabled(at::kCPU, cpu);
    at::autocast::set_autocast_enabled(at::kCUDA, cuda);
  }
};

// Sets a precision for its lifetime. Weights that are converted meanwhile are not kept for later, since
// their conversion belongs to the graph of the part.
class PrecisionGuard {
public:
  explicit PrecisionGuard(Precision precision)
      : before_(Precision::now()), cache_before_(at::autocast::is_autocast_cache_enabled()) {
    precision.set();
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~PrecisionGuard() {
    before_.set();
    at::autocast::set_autocast_cache_enabled(cache_before_);
  }
  PrecisionGuard(const PrecisionGuard &) = delete;
  PrecisionGuard &operator=(const PrecisionGuard &) = delete;

private:
  Precision before_;
  bool cache_before_;
};

// Random numbers of a device.
class Draws {
public:
  explicit Draws(at::Device device) : generators_{at::globalContext().defaultGenerator(at::kCPU)} {
    if (device.is_cuda()) generators_.push_back(at::globalContext().defaultGenerator(device));
    for (auto &generator : generators_) {
      const std::lock_guard<std::mutex> lock(generator.mutex());
      states_.push_back(generator.get_state());
    }
  }

  void restore() {
    for (size_t i = 0; i < generators_.size(); ++i) {
      const std::lock_guard<std::mutex> lock(generators_[i].mutex());
      generators_[i].set_state(states_[i]);
    }
  }

private:
  std::vector<at::Generator> generators_;
  std::vector<at::Tensor> states_;
};

struct Work final : torch::CustomClassHolder {
  Work(WorkCalls calls, void *work, int64_t num_outputs, at::Device device)
      : calls(calls), work(work), num_outputs(num_outputs), precision(Precision::now()), draws(device) {}
  ~Work() override { calls.drop(work); }

  // The outputs for `inputs`.
  variable_list run(const variable_list &inputs) const {
    const PrecisionGuard guard(precision);
    std::vector<at::Tensor *> given;
    for (const auto &input : inputs) given.push_back(new at::Tensor(input));
    std::vector<at::Tensor *> taken(num_outputs, nullptr);
    char *message = calls.run(work, given.data(), given.size(), taken.data(), num_outputs);
    variable_list outputs;
    for (auto *output : taken) {
      const std::unique_ptr<at::Tensor> owned(output);
      outputs.push_back(owned ? *owned : at::Tensor());
    }
    if (message != nullptr) {
      const std::string text(message);
      std::free(message);
      throw std::runtime_error(text);
    }
    return outputs;
  }

  WorkCalls calls;
  void *work;
  int64_t num_outputs;
  Precision precision;
  Draws draws;
};

// Copies without history that ask for gradients where the originals do.
variable_list leaves_of(const variable_list &inputs) {
  variable_list leaves;
  for (const auto &input : inputs) leaves.push_back(input.detach().requires_grad_(input.requires_grad()));
  return leaves;
}

// The leaves from which `outputs` come, other than `inputs`: the parameters.
variable_list parameters_of(const variable_list &outputs, const variable_list &inputs, uint64_t first_node) {
  std::unordered_set<const c10::TensorImpl *> known;
  for (const auto &input : inputs) known.insert(input.unsafeGetTensorImpl());
  variable_list found;
  std::unordered_set<torch::autograd::Node *> seen;
  std::vector<torch::autograd::Node *> open;
  for (const auto &output : outputs) {
    if (output.grad_fn()) open.push_back(output.grad_fn().get());
  }
  while (!open.empty()) {
    auto *node = open.back();
    open.pop_back();
    if (!seen.insert(node).second) continue;
    if (auto *leaf = dynamic_cast<torch::autograd::AccumulateGrad *>(node)) {
      if (known.insert(leaf->variable.unsafeGetTensorImpl()).second) found.push_back(leaf->variable);
      continue;
    }
    TORCH_CHECK(node->sequence_nr() >= first_node,
                "a part that is computed again uses a tensor of another part that is not among its inputs");
    for (const auto &edge : node->next_edges()) {
      if (edge.function) open.push_back(edge.function.get());
    }
  }
  return found;
}

struct Recomputed : torch::autograd::Function<Recomputed> {
  // `outputs` are those of `work`, each with whether it has a gradient; and all that asks for gradients is in `inputs`, those of `work` first.
  static variable_list forward(torch::autograd::AutogradContext *ctx, const c10::intrusive_ptr<Work> &work,
                               int64_t num_inputs, const std::vector<c10::IValue> &outputs,
                               at::TensorList inputs) {
    ctx->save_for_backward(inputs.vec());
    ctx->saved_data["work"] = c10::IValue::make_capsule(work);
    ctx->saved_data["num_inputs"] = num_inputs;
    variable_list results, without_gradient;
    for (const auto &output : outputs) {
      results.push_back(output.toTuple()->elements()[0].toTensor());
      if (!output.toTuple()->elements()[1].toBool()) without_gradient.push_back(results.back());
    }
    ctx->mark_non_differentiable(without_gradient);
    return results;
  }

  static variable_list backward(torch::autograd::AutogradContext *ctx, const variable_list &grad_outputs) {
    const auto saved = ctx->get_saved_variables();
    const auto capsule = ctx->saved_data["work"].toCapsule();
    auto &work = static_cast<Work &>(*capsule);
    const auto num_inputs = ctx->saved_data["num_inputs"].toInt();
    const auto leaves = leaves_of({saved.begin(), saved.begin() + num_inputs});
    Draws later(saved[0].device());
    work.draws.restore();
    const at::AutoGradMode with_graph(true);
    const auto outputs = work.run(leaves);
    later.restore();

    variable_list of_interest, grads, wanted;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].requires_grad() && grad_outputs[i].defined()) {
        of_interest.push_back(outputs[i]);
        grads.push_back(grad_outputs[i]);
      }
    }
    std::vector<size_t> places;
    for (size_t i = 0; i < saved.size(); ++i) {
      const auto &of = i < leaves.size() ? leaves[i] : saved[i];
      if (of.requires_grad()) {
        places.push_back(i);
        wanted.push_back(of);
      }
    }
    variable_list results(3 + saved.size()); // nothing for work, its inputs' number and outputs
    if (of_interest.empty()) return results;
    const NestedBackward nested;
    const auto found = torch::autograd::grad(of_interest, wanted, grads, false, false, true);
    for (size_t i = 0; i < found.size(); ++i) results[3 + places[i]] = found[i];
    return results;
  }
};

} // namespace

// Runs `work` on `inputs`, of which there is at least one, and stores its outputs; takes `work` over.
extern "C" char *sf_recomputed(at::Tensor **out, int64_t num_outputs, const at::Tensor *const *inputs,
                               int64_t num_inputs, WorkCalls calls, void *work_data) {
  return guarded([&] {
    variable_list given;
    for (int64_t i = 0; i < num_inputs; ++i) given.push_back(*inputs[i]);
    const auto work = c10::make_intrusive<Work>(calls, work_data, num_outputs, given[0].device());
    if (!at::GradMode::is_enabled()) {
      const auto outputs = work->run(given);
      for (int64_t i = 0; i < num_outputs; ++i) out[i] = new at::Tensor(outputs[i]);
      return;
    }
    const auto first_node = at::sequence_number::peek();
    const auto leaves = leaves_of(given);
    auto outputs = work->run(leaves);
    const auto parameters = parameters_of(outputs, leaves, first_node);
    std::vector<c10::IValue> values;
    for (auto &output : outputs) {
      values.emplace_back(std::make_tuple(output.detach(), output.requires_grad()));
      output.reset();
    }
    variable_list all = given;
    all.insert(all.end(), parameters.begin(), parameters.end());
    const auto results = Recomputed::apply(work, num_inputs, values, at::TensorList(all));
    for (int64_t i = 0; i < num_outputs; ++i) out[i] = new at::Tensor(results[i]);
  });
}
