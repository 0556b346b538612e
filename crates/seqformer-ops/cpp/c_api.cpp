// The flat C ABI of the shim: unpack, call, catch. No exception crosses it.
//
// Every function that can fail returns null, or a message made with `strdup` that Rust frees. Shapes, kinds, devices and
// contiguity are checked in Rust before the call.

#include "guarded.h"
#include "ms_deform_attn.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdlib>
#include <cstring>

#define SF_API extern "C" __attribute__((visibility("default")))

namespace {

// The tensors of one call, all contiguous; the last two may be undefined.
struct MsDeformAttnTensors {
  at::Tensor value, locations, weights, references, padding;
};

MsDeformAttnInputs inputs_of(const MsDeformAttnTensors &of, const std::vector<int64_t> &level_sizes) {
  const auto &value = of.value, &locations = of.locations;
  const bool has_references = of.references.defined(), has_padding = of.padding.defined();
  return {value.size(0),
          value.size(1),
          value.size(2),
          value.size(3),
          locations.size(1),
          locations.size(3),
          locations.size(4),
          value.scalar_type() == at::kBFloat16,
          level_sizes.data(),
          value.const_data_ptr(),
          locations.const_data_ptr<float>(),
          of.weights.const_data_ptr<float>(),
          has_references ? of.references.const_data_ptr<float>() : nullptr,
          has_padding ? of.padding.const_data_ptr<bool>() : nullptr,
          has_references ? of.references.size(0) : 0,
          has_padding ? of.padding.size(0) : 0,
          !value.is_contiguous() && value.transpose(1, 2).is_contiguous(),
          value.is_cuda() ? value.get_device() : -1};
}

// Takes a message of a kernel over.
void check_kernel(char *message) {
  if (message == nullptr) return;
  const std::string text = message;
  std::free(message);
  throw std::runtime_error(text);
}

class MsDeformAttn : public torch::autograd::Function<MsDeformAttn> {
public:
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &value,
                            const at::Tensor &locations, const at::Tensor &weights,
                            const std::optional<at::Tensor> &references,
                            const std::optional<at::Tensor> &padding,
                            std::vector<int64_t> level_sizes, int64_t kernels_address) {
    const MsDeformAttnTensors of{value, locations, weights, references.value_or(at::Tensor()),
                                 padding.value_or(at::Tensor())};
    const auto inputs = inputs_of(of, level_sizes);
    auto out = at::empty({inputs.batch, inputs.queries, inputs.heads * inputs.channels}, value.options());
    const auto *kernels = reinterpret_cast<const MsDeformAttnKernels *>(kernels_address);
    check_kernel(kernels->forward(&inputs, out.mutable_data_ptr()));
    ctx->save_for_backward({value, locations, weights, of.references, of.padding});
    ctx->saved_data["level_sizes"] = level_sizes;
    ctx->saved_data["kernels"] = kernels_address;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                 torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const MsDeformAttnTensors of{saved[0], saved[1], saved[2], saved[3], saved[4]};
    const auto level_sizes = ctx->saved_data["level_sizes"].toIntVector();
    const auto *kernels =
        reinterpret_cast<const MsDeformAttnKernels *>(ctx->saved_data["kernels"].toInt());
    const auto inputs = inputs_of(of, level_sizes);
    const auto grad_out = grads[0].to(of.value.scalar_type()).contiguous();
    auto grad_locations = at::empty_like(of.locations), grad_weights = at::empty_like(of.weights);
    at::Tensor grad_value;
    if (of.value.is_cpu()) {
      grad_value = at::empty_like(of.value);
    } else if (ctx->needs_input_grad(0)) {
      // Many threads add to a cell, which single precision alone can do well.
      grad_value = at::zeros(of.value.sizes(), of.value.options().dtype(at::kFloat));
    }
    const MsDeformAttnGradients gradients{grad_value.defined() ? grad_value.mutable_data_ptr() : nullptr,
                                          grad_locations.mutable_data_ptr<float>(),
                                          grad_weights.mutable_data_ptr<float>()};
    check_kernel(kernels->backward(&inputs, grad_out.const_data_ptr(), &gradients));
    if (grad_value.defined()) grad_value = grad_value.to(of.value.scalar_type());
    return {grad_value, grad_locations, grad_weights, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

} // namespace

// Multi-scale deformable attention. `references` and `padding` may be null.
SF_API char *sf_ms_deform_attn(at::Tensor **out, const at::Tensor *value, const at::Tensor *locations,
                               const at::Tensor *weights, const at::Tensor *references,
                               const at::Tensor *padding, const int64_t *level_sizes, int64_t levels,
                               const MsDeformAttnKernels *kernels) {
  return guarded([&] {
    std::vector<int64_t> sizes(level_sizes, level_sizes + 2 * levels);
    const auto optional = [](const at::Tensor *tensor) {
      return tensor == nullptr ? std::optional<at::Tensor>() : std::optional<at::Tensor>(*tensor);
    };
    *out = new at::Tensor(MsDeformAttn::apply(*value, *locations, *weights, optional(references),
                                              optional(padding), std::move(sizes),
                                              reinterpret_cast<int64_t>(kernels)));
  });
}

namespace {

at::Tensor call_fused(const char *name, const char *overload, std::vector<c10::IValue> arguments) {
  const auto handle = c10::Dispatcher::singleton().findSchemaOrThrow(name, overload);
  torch::jit::Stack stack(std::move(arguments));
  handle.callBoxed(&stack);
  return stack.at(0).toTensor();
}

// Whether oneDNN multiplies bf16 numbers here. The library is asked, since ONEDNN_MAX_CPU_ISA can forbid it what the
// processor has.
bool has_bf16_product() {
  static const bool has = [] {
    if (!at::hasMKLDNN()) return false;
    try {
      const std::vector<int64_t> zeros(2, 0), ones(2, 1);
      call_fused("mkldnn::_reorder_convolution_weight", "",
                 {at::ones({16, 16, 1, 1}, at::kBFloat16), zeros, ones, ones, int64_t{1},
                  std::vector<int64_t>{1, 16, 2, 2}});
      return true;
    } catch (const c10::Error &) {
      return false;
    }
  }();
  return has;
}

// Whether oneDNN's fused operators may take the place of the plain ones: they have no gradient, and take
// tensors of one kind.
bool can_fuse(std::initializer_list<const at::Tensor *> tensors) {
  if (!at::globalContext().userEnabledMkldnn() || !at::hasMKLDNN()) return false;
  const auto kind = (*tensors.begin())->scalar_type();
  if (kind != at::kFloat && !(kind == at::kBFloat16 && has_bf16_product())) return false;
  for (const auto *tensor : tensors) {
    if (tensor == nullptr) continue;
    if (!tensor->device().is_cpu() || tensor->scalar_type() != kind) return false;
    if (at::GradMode::is_enabled() && tensor->requires_grad()) return false;
  }
  return true;
}

c10::IValue no_scalars() { return c10::List<std::optional<at::Scalar>>(); }

} // namespace

namespace {

// Sets elements to zero with probability p and scales the rest by 1 / (1 - p), in place; which ones
// follows from the seed alone. Written in Rust.
using DropoutKernel = void (*)(void *data, int64_t count, int bf16, uint64_t seed, double p);

void drop(DropoutKernel kernel, at::Tensor &dense, int64_t seed, double p) {
  kernel(dense.mutable_data_ptr(), dense.numel(), dense.scalar_type() == at::kBFloat16,
         static_cast<uint64_t>(seed), p);
}

// From libtorch's own generator, so that its seed decides everything.
int64_t next_seed() {
  auto generator = at::detail::getDefaultCPUGenerator();
  std::lock_guard<std::mutex> lock(generator.mutex());
  return static_cast<int64_t>(at::check_generator<at::CPUGeneratorImpl>(generator)->random64());
}

bool has_dropout_kernel(const at::Tensor &tensor) {
  return tensor.device().is_cpu() &&
         (tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16);
}

class Dropout : public torch::autograd::Function<Dropout> {
public:
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &input, double p,
                            int64_t kernel) {
    const auto seed = next_seed();
    auto out = input.clone(at::MemoryFormat::Contiguous);
    drop(reinterpret_cast<DropoutKernel>(kernel), out, seed, p);
    ctx->saved_data["seed"] = seed;
    ctx->saved_data["p"] = p;
    ctx->saved_data["kernel"] = kernel;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                 torch::autograd::variable_list grads) {
    auto grad = grads[0].clone(at::MemoryFormat::Contiguous);
    drop(reinterpret_cast<DropoutKernel>(ctx->saved_data["kernel"].toInt()), grad,
         ctx->saved_data["seed"].toInt(), ctx->saved_data["p"].toDouble());
    return {grad, at::Tensor(), at::Tensor()};
  }
};

at::Tensor dropout(const at::Tensor &input, double p, DropoutKernel kernel) {
  if (p <= 0 || input.numel() == 0) return input;
  if (!has_dropout_kernel(input)) return at::dropout(input, p, true);
  return Dropout::apply(input, p, reinterpret_cast<int64_t>(kernel));
}

// oneDNN's matrix product: x Wᵀ + b, then ReLU.
//
// ReLU is a step of its own, here and behind convolutions: that of oneDNN turns NaN into 0.
at::Tensor product(const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, bool relu) {
  auto out = call_fused("mkldnn::_linear_pointwise", "",
                        {input, weight, bias.defined() ? c10::IValue(bias) : c10::IValue(), "none", no_scalars(),
                         std::string()});
  return relu ? at::relu_(out) : out;
}

// Writes gradᵀ input for `sizes` of tokens, outputs and inputs; returns 1, with nothing written, where a general product
// is as good. Written in Rust.
using WeightGradientKernel = int (*)(const float *grad, const float *input, float *out, const int64_t *sizes);

// The gradient of a weight from rows of the output's gradient and of the input.
at::Tensor weight_gradient(const at::Tensor &grad, const at::Tensor &input, WeightGradientKernel kernel) {
  if (grad.scalar_type() == at::kFloat && grad.is_contiguous() && input.is_contiguous()) {
    const int64_t sizes[] = {grad.size(0), grad.size(1), input.size(1)};
    auto out = at::empty({sizes[1], sizes[2]}, grad.options());
    if (kernel(grad.const_data_ptr<float>(), input.const_data_ptr<float>(), out.mutable_data_ptr<float>(), sizes) == 0)
      return out;
  }
  return grad.t().mm(input);
}

// x Wᵀ + b, ReLU and dropout with oneDNN's product in both directions. Neither the sum before ReLU nor
// a mask of what was dropped is kept.
class TrainedLinear : public torch::autograd::Function<TrainedLinear> {
public:
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &input,
                            const at::Tensor &weight, const at::Tensor &bias, bool relu, double p,
                            int64_t kernel, int64_t weight_kernel) {
    auto out = product(input, weight, bias, relu);
    int64_t seed = 0;
    if (p > 0) {
      seed = next_seed();
      drop(reinterpret_cast<DropoutKernel>(kernel), out, seed, p);
    }
    ctx->save_for_backward({input, weight, relu ? out : at::Tensor()});
    ctx->saved_data["seed"] = seed;
    ctx->saved_data["p"] = p;
    ctx->saved_data["kernel"] = kernel;
    ctx->saved_data["weight_kernel"] = weight_kernel;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                 torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &input = saved[0], &weight = saved[1], &out = saved[2];
    const auto p = ctx->saved_data["p"].toDouble();
    auto grad = grads[0].contiguous();
    if (out.defined()) {
      // Zero is also what was dropped.
      grad = at::threshold_backward(grad, out, 0);
      if (p > 0) grad.mul_(p < 1 ? 1 / (1 - p) : 0.0);
    } else if (p > 0) {
      grad = grad.clone();
      drop(reinterpret_cast<DropoutKernel>(ctx->saved_data["kernel"].toInt()), grad,
           ctx->saved_data["seed"].toInt(), p);
    }
    at::Tensor grad_input, grad_weight, grad_bias;
    if (ctx->needs_input_grad(0)) grad_input = product(grad, weight.t(), at::Tensor(), false);
    const auto rows = grad.reshape({-1, grad.size(-1)});
    if (ctx->needs_input_grad(1)) {
      const auto kernel = reinterpret_cast<WeightGradientKernel>(ctx->saved_data["weight_kernel"].toInt());
      grad_weight = weight_gradient(rows, input.reshape({-1, input.size(-1)}), kernel);
    }
    if (ctx->needs_input_grad(2)) grad_bias = rows.sum(0);
    return {grad_input, grad_weight, grad_bias, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

bool is_autocast() { return at::autocast::is_autocast_enabled(at::kCPU); }

// Whether the training form may take the place of the plain operations.
bool can_train(const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias) {
  if (!at::globalContext().userEnabledMkldnn() || !at::hasMKLDNN() || input.numel() == 0) return false;
  if (!input.device().is_cpu() || !at::GradMode::is_enabled()) return false;
  const auto kind = input.scalar_type();
  if (weight.scalar_type() != kind || bias.scalar_type() != kind) return false;
  return kind == at::kFloat || (kind == at::kBFloat16 && has_bf16_product());
}

} // namespace

// What follows a product; the layout is that of `RawAfter` in fused/binding.rs.
struct After {
  const at::Tensor *residual; // or null
  double dropout;
  int relu;
  DropoutKernel kernel;
  WeightGradientKernel weight_gradient;
};

// x Wᵀ + b, ReLU if asked for, dropout, plus `residual` unless that is null: in as few operations as there are.
SF_API char *sf_linear(at::Tensor **out, const at::Tensor *input, const at::Tensor *weight,
                       const at::Tensor *bias, const After *after) {
  return guarded([&] {
    const bool relu = after->relu != 0;
    const auto *residual = after->residual;
    at::Tensor x = *input, w = *weight, b = *bias, result;
    if (is_autocast() && x.device().is_cpu()) {
      x = at::autocast::cached_cast(at::kBFloat16, x, at::kCPU);
      w = at::autocast::cached_cast(at::kBFloat16, w, at::kCPU);
      b = at::autocast::cached_cast(at::kBFloat16, b, at::kCPU);
    }
    const bool has_gradient = x.requires_grad() || w.requires_grad() || b.requires_grad();
    const bool fused = can_fuse({&x, &w, &b, residual}) && x.numel() > 0 && after->dropout <= 0;
    if (fused && residual == nullptr) {
      result = product(x, w, b, relu);
    } else if (fused && !relu) {
      result = call_fused("mkldnn::_linear_pointwise", "binary", {x, *residual, w, b, "add"});
    } else {
      if (has_gradient && can_train(x, w, b)) {
        result = TrainedLinear::apply(x, w, b, relu, after->dropout,
                                      reinterpret_cast<int64_t>(after->kernel),
                                      reinterpret_cast<int64_t>(after->weight_gradient));
      } else {
        result = at::linear(x, w, b);
        if (relu) result = at::relu(result);
        result = dropout(result, after->dropout, after->kernel);
      }
      if (residual != nullptr) result = *residual + result;
    }
    *out = new at::Tensor(std::move(result));
  });
}

// Dropout with probability p; see `Dropout`.
SF_API char *sf_dropout(at::Tensor **out, const at::Tensor *input, double p, DropoutKernel kernel) {
  return guarded([&] { *out = new at::Tensor(dropout(*input, p, kernel)); });
}

// Turns bfloat16 autocast of this thread on or off for a device type (0: CPU, 1: CUDA), and returns what it was.
SF_API int sf_set_autocast(int cuda, int enabled) {
  const auto device = cuda ? at::kCUDA : at::kCPU;
  const bool before = at::autocast::is_autocast_enabled(device);
  if (enabled) at::autocast::set_autocast_dtype(device, at::kBFloat16);
  at::autocast::set_autocast_enabled(device, enabled != 0);
  return before ? 1 : 0;
}

// Forgets the weights that autocast has converted: they change with the next step.
SF_API void sf_clear_autocast_cache() { at::autocast::clear_cache(); }

// Sizes of a convolution; the layout is that of `RawConvolution` in fused/binding.rs.
struct Convolution {
  int64_t stride;
  int64_t padding;
  int64_t dilation;
  int64_t groups;
};

namespace {

// What a convolution does besides its tensors.
struct ConvolutionSteps {
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups;
  bool relu;
};

// A convolution with bias, and the sum with `residual` unless that is undefined, by one of oneDNN's fused operators, then
// ReLU if asked for. `in_place` gives the memory of the residual to the result.
at::Tensor fused_convolution(const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias,
                             const at::Tensor &residual, const ConvolutionSteps &steps, bool in_place) {
  at::Tensor out;
  if (!residual.defined()) {
    out = call_fused("mkldnn::_convolution_pointwise", "",
                     {input, weight, bias, steps.padding, steps.stride, steps.dilation, steps.groups, "none",
                      no_scalars(), std::string()});
  } else if (in_place) {
    out = call_fused("mkldnn::_convolution_pointwise_", "binary",
                     {residual, input, weight, bias, steps.padding, steps.stride, steps.dilation, steps.groups, "add",
                      c10::IValue(at::Scalar(1.0)), c10::IValue(), no_scalars(), c10::IValue()});
  } else {
    out = call_fused("mkldnn::_convolution_pointwise", "binary",
                     {input, residual, weight, bias, steps.padding, steps.stride, steps.dilation, steps.groups, "add",
                      c10::IValue(at::Scalar(1.0)), c10::IValue(), no_scalars(), c10::IValue()});
  }
  return steps.relu ? at::relu_(out) : out;
}

// Every `step`-th row and column of a map.
at::Tensor every(const at::Tensor &map, int64_t step) {
  return map.slice(2, 0, std::nullopt, step).slice(3, 0, std::nullopt, step);
}

// How many rows and columns a 1x1 convolution of few channels goes on from one output to the next; 1 for any other
// convolution. With more channels oneDNN's own way is right and faster.
int64_t point_step(const at::Tensor &weight, const ConvolutionSteps &steps) {
  constexpr int64_t kFewChannels = 16;
  const bool is_point = weight.dim() == 4 && weight.size(2) == 1 && weight.size(3) == 1;
  return is_point && weight.size(1) < kFewChannels ? steps.stride[0] : 1;
}

// Whether a 1x1 convolution with a stride is left with a map that oneDNN takes; true for any other convolution.
bool takes_points(const at::Tensor &input, const at::Tensor &weight, const ConvolutionSteps &steps) {
  const auto step = point_step(weight, steps);
  return step == 1 || (steps.padding[0] == 0 && (input.size(2) > step || input.size(3) > step));
}

// The same with a gradient: the sums before ReLU are neither written nor kept.
//
// Of a 1x1 convolution of few channels with a stride, the rows and columns that it reads are taken first: for it the
// backward pass of oneDNN writes past the end of its scratchpad (oneDNN's issue 6035).
class TrainedConvolution : public torch::autograd::Function<TrainedConvolution> {
public:
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &input,
                            const at::Tensor &weight, const at::Tensor &bias,
                            const std::optional<at::Tensor> &residual, std::vector<int64_t> stride,
                            std::vector<int64_t> padding, std::vector<int64_t> dilation, int64_t groups, bool relu) {
    ConvolutionSteps steps{std::move(stride), std::move(padding), std::move(dilation), groups, relu};
    const auto step = point_step(weight, steps);
    auto read = input;
    if (step > 1) {
      read = every(input, step).contiguous(at::MemoryFormat::ChannelsLast);
      steps.stride = {1, 1};
    }
    auto out = fused_convolution(read, weight, bias, residual.value_or(at::Tensor()), steps, false);
    ctx->save_for_backward({read, weight, relu ? out : at::Tensor()});
    ctx->saved_data["input_sizes"] = input.sizes();
    ctx->saved_data["step"] = step;
    ctx->saved_data["stride"] = std::move(steps.stride);
    ctx->saved_data["padding"] = std::move(steps.padding);
    ctx->saved_data["dilation"] = std::move(steps.dilation);
    ctx->saved_data["groups"] = groups;
    ctx->saved_data["has_residual"] = residual.has_value();
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                 torch::autograd::variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const auto &read = saved[0], &weight = saved[1], &out = saved[2];
    const auto grad = out.defined() ? at::threshold_backward(grads[0], out, 0) : grads[0];
    const std::array<bool, 3> needed = {ctx->needs_input_grad(0), ctx->needs_input_grad(1), ctx->needs_input_grad(2)};
    at::Tensor grad_input, grad_weight, grad_bias;
    if (needed[0] || needed[1] || needed[2]) {
      const std::vector<int64_t> bias_sizes = {weight.size(0)}, no_padding = {0, 0};
      std::tie(grad_input, grad_weight, grad_bias) = at::convolution_backward(
          grad, read, weight, bias_sizes, ctx->saved_data["stride"].toIntVector(),
          ctx->saved_data["padding"].toIntVector(), ctx->saved_data["dilation"].toIntVector(), false, no_padding,
          ctx->saved_data["groups"].toInt(), needed);
    }
    const auto step = ctx->saved_data["step"].toInt();
    if (step > 1 && grad_input.defined()) {
      const auto sizes = ctx->saved_data["input_sizes"].toIntVector();
      auto whole = at::empty(sizes, grad_input.options(), at::MemoryFormat::ChannelsLast).zero_();
      every(whole, step).copy_(grad_input);
      grad_input = std::move(whole);
    }
    const auto grad_residual = ctx->saved_data["has_residual"].toBool() ? grad : at::Tensor();
    return {grad_input, grad_weight, grad_bias, grad_residual, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor(),
            at::Tensor()};
  }
};

} // namespace

// A convolution with bias, then the sum with `residual` unless that is null, then ReLU if asked for, as
// one operation where oneDNN has it. Without a gradient the result takes the memory of a residual that nobody
// else refers to: without that, oneDNN first copies it.
SF_API char *sf_conv2d(at::Tensor **out, const at::Tensor *input, const at::Tensor *weight,
                       const at::Tensor *bias, const at::Tensor *residual, const Convolution *shape,
                       int relu) {
  return guarded([&] {
    const ConvolutionSteps steps{std::vector<int64_t>(2, shape->stride), std::vector<int64_t>(2, shape->padding),
                                 std::vector<int64_t>(2, shape->dilation), shape->groups, relu != 0};
    at::Tensor x = *input, w = *weight, b = *bias, r = residual == nullptr ? at::Tensor() : *residual, result;
    if (is_autocast() && x.device().is_cpu()) {
      x = at::autocast::cached_cast(at::kBFloat16, x, at::kCPU);
      w = at::autocast::cached_cast(at::kBFloat16, w, at::kCPU);
      b = at::autocast::cached_cast(at::kBFloat16, b, at::kCPU);
    }
    // Maps of one cell have strides that oneDNN does not take.
    const bool has_cells = x.dim() == 4 && x.numel() > 0 && x.size(2) * x.size(3) > 1;
    const bool has_gradient = at::GradMode::is_enabled() && (x.requires_grad() || w.requires_grad() ||
                                                             b.requires_grad() || (r.defined() && r.requires_grad()));
    const bool one_kind = !r.defined() || r.scalar_type() == x.scalar_type();
    if (has_cells && one_kind && !has_gradient && can_fuse({&x, &w, &b, r.defined() ? &r : nullptr})) {
      // One reference is the caller's, the other is here.
      const bool is_ours = r.defined() && r.use_count() == 2 && r.storage().use_count() == 1 &&
                           r.is_contiguous(at::MemoryFormat::ChannelsLast);
      result = fused_convolution(x, w, b, r, steps, is_ours);
    } else if (has_cells && one_kind && has_gradient && can_train(x, w, b) && takes_points(x, w, steps)) {
      result = TrainedConvolution::apply(x, w, b, r.defined() ? std::optional<at::Tensor>(r) : std::nullopt,
                                         steps.stride, steps.padding, steps.dilation, steps.groups, steps.relu);
    } else {
      const auto dense = w.is_mkldnn() ? w.to_dense() : w;
      auto stride = steps.stride, padding = steps.padding;
      const auto step = point_step(dense, steps);
      if (step > 1 && has_gradient && x.device().is_cpu() && x.dim() == 4) {
        // As in `TrainedConvolution`.
        x = every(at::constant_pad_nd(x, {padding[1], padding[1], padding[0], padding[0]}), step);
        stride = {1, 1};
        padding = {0, 0};
      }
      result = at::conv2d(x, dense, b, stride, padding, steps.dilation, steps.groups);
      if (r.defined()) result = result + r;
      if (relu) result = at::relu(result);
    }
    *out = new at::Tensor(std::move(result));
  });
}

// The kernel of a convolution in the layout that oneDNN wants for inputs of `input_size`, or `weight` itself where
// there is none.
SF_API char *sf_pack_conv2d(at::Tensor **out, const at::Tensor *weight, const Convolution *shape,
                            const int64_t *input_size) {
  return guarded([&] {
    auto packed = *weight;
    if (can_fuse({weight})) {
      const std::vector<int64_t> stride(2, shape->stride), padding(2, shape->padding), dilation(2, shape->dilation);
      packed = call_fused("mkldnn::_reorder_convolution_weight", "",
                          {*weight, padding, stride, dilation, shape->groups,
                           std::vector<int64_t>(input_size, input_size + 4)});
    }
    *out = new at::Tensor(std::move(packed));
  });
}

// Settings of AdamW; the layout is that of `AdamW` in optimize.rs.
struct AdamW {
  double lr;
  double beta1;
  double beta2;
  double eps;
  double weight_decay;
};

// Lists of `count` tensors; the layout is that of `RawAdamWTensors` in optimize/binding.rs.
struct AdamWTensors {
  const at::Tensor *const *parameters;
  const at::Tensor *const *gradients;
  const at::Tensor *const *exp_avgs;
  const at::Tensor *const *exp_avg_sqs;
  const at::Tensor *const *steps;
  int64_t count;
};

namespace {

std::vector<at::Tensor> list_of(const at::Tensor *const *tensors, int64_t count) {
  std::vector<at::Tensor> list;
  list.reserve(count);
  for (int64_t i = 0; i < count; ++i) list.push_back(*tensors[i]);
  return list;
}

} // namespace

// One step of AdamW for all tensors at once.
SF_API char *sf_adamw_step(const AdamW *options, const AdamWTensors *tensors) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto parameters = list_of(tensors->parameters, tensors->count);
    auto gradients = list_of(tensors->gradients, tensors->count);
    auto exp_avgs = list_of(tensors->exp_avgs, tensors->count);
    auto exp_avg_sqs = list_of(tensors->exp_avg_sqs, tensors->count);
    auto steps = list_of(tensors->steps, tensors->count);
    // The fused kernels walk through all tensors in the order of memory.
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (gradients[i].strides() != parameters[i].strides()) {
        gradients[i] = at::empty_like(parameters[i]).copy_(gradients[i]);
      }
    }
    at::_foreach_add_(steps, 1);
    at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, options->lr, options->beta1,
                      options->beta2, options->weight_decay, options->eps, false, false);
  });
}

// The 2-norm over all elements of all tensors.
SF_API char *sf_global_norm(at::Tensor **out, const at::Tensor *const *tensors, int64_t count) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    const auto norms = at::_foreach_norm(list_of(tensors, count), 2);
    *out = new at::Tensor(at::stack(norms).norm());
  });
}

// All tensors times one number. `out` has room for `count` tensors.
SF_API char *sf_scaled(at::Tensor **out, const at::Tensor *const *tensors, int64_t count,
                       const at::Tensor *factor) {
  return guarded([&] {
    at::NoGradGuard no_grad;
    auto scaled = at::_foreach_mul(list_of(tensors, count), *factor);
    for (int64_t i = 0; i < count; ++i) out[i] = new at::Tensor(std::move(scaled[i]));
  });
}

// Runs body(context, begin, end) over parts of 0..count on libtorch's own threads, so that the
// kernels share one pool with the rest of the network.
SF_API void sf_parallel_for(int64_t count, int64_t grain, void (*body)(void *, int64_t, int64_t),
                            void *context) {
  at::parallel_for(0, count, grain, [&](int64_t begin, int64_t end) { body(context, begin, end); });
}
