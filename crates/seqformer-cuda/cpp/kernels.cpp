// The kernels of kernels/ on GPUs: loaded once for each device, launched on libtorch's current stream. A launch neither
// allocates nor waits, so it may be captured in a CUDA graph.

#include "driver.h"
#include "plans.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "guarded.h"

#define SF_API extern "C" __attribute__((visibility("default")))

namespace {

// Loaded kernels by device and name. They are never unloaded: graphs may hold them.
class Registry {
public:
  static Registry &get() {
    static auto *registry = new Registry;
    return *registry;
  }

  void add(int device, const std::vector<std::pair<std::string, CUfunction>> &kernels) {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto &[name, kernel] : kernels) kernels_[{device, name}] = kernel;
  }

  CUfunction find(int device, const std::string &name) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = kernels_.find({device, name});
    if (found == kernels_.end()) throw std::runtime_error("the CUDA kernel " + name + " was not loaded");
    return found->second;
  }

private:
  std::mutex mutex_;
  std::map<std::pair<int, std::string>, CUfunction> kernels_;
};

// Launches a kernel on the current stream of the device; `arguments` are copied before it returns.
void launch(const Launch &launch, int64_t device, std::vector<void *> arguments) {
  if (launch.blocks == 0) return;
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  const auto kernel = Registry::get().find(static_cast<int>(device), launch.kernel);
  const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device));
  const auto &driver = seqformer::Driver::get();
  driver.enter_context();
  driver.check(driver.launch_kernel(kernel, launch.blocks, 1, 1, kThreads, 1, 1, 0, stream.stream(), arguments.data(),
                                    nullptr));
}

char *attention_forward(const MsDeformAttnInputs *inputs, void *out) {
  return guarded([&] {
    auto plan = attention_plan(*inputs, "forward", out);
    launch(plan.launch, inputs->device, {&plan.params, &out});
  });
}

char *attention_backward(const MsDeformAttnInputs *inputs, const void *grad_out,
                         const MsDeformAttnGradients *gradients) {
  return guarded([&] {
    auto plan = attention_plan(*inputs, "backward", grad_out);
    auto to = attention_gradients(*inputs, grad_out, *gradients);
    launch(plan.launch, inputs->device, {&plan.params, &to});
  });
}

} // namespace

// The architecture of a device, as 90 for 9.0, and whether its current stream is being captured in a graph.
SF_API char *sf_cuda_device(int *architecture, int *is_capturing, int device) {
  return guarded([&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    int major = 0, minor = 0;
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
    C10_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
    auto status = cudaStreamCaptureStatusNone;
    const auto stream = c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device));
    C10_CUDA_CHECK(cudaStreamIsCapturing(stream.stream(), &status));
    *architecture = 10 * major + minor;
    *is_capturing = status != cudaStreamCaptureStatusNone;
  });
}

// Loads the binary of a module, which CUDA copies, with its `count` kernels.
SF_API char *sf_cuda_load(int device, const void *binary, const char *const *names, int64_t count) {
  return guarded([&] {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    const auto &driver = seqformer::Driver::get();
    driver.enter_context();
    CUmodule module = nullptr;
    driver.check(driver.module_load_data(&module, binary));
    std::vector<std::pair<std::string, CUfunction>> kernels;
    for (int64_t i = 0; i < count; ++i) {
      CUfunction kernel = nullptr;
      driver.check(driver.module_get_function(&kernel, module, names[i]));
      // CUDA loads a kernel when it is first needed; asking for an attribute does that now, and not in a capture.
      int registers = 0;
      driver.check(driver.func_get_attribute(&registers, CU_FUNC_ATTRIBUTE_NUM_REGS, kernel));
      kernels.emplace_back(names[i], kernel);
    }
    Registry::get().add(device, kernels);
  });
}

// The kernels of attention, for tensors of any device on which they are loaded.
SF_API const MsDeformAttnKernels *sf_cuda_ms_deform_attn() {
  static const MsDeformAttnKernels kernels{attention_forward, attention_backward};
  return &kernels;
}

// Attention [N, Q, M * D] to values [N, S, M, D], without gradients. `rows` are offsets and logits, [N, Q, 3 * M * L * P],
// `references` [N or 1, Q, L, 2], `padding` null or [N or 1, S], and `level_sizes` [L, 2].
SF_API char *sf_cuda_attention_of_rows(at::Tensor **out, const at::Tensor *value, const at::Tensor *rows,
                                       const at::Tensor *references, const at::Tensor *padding,
                                       const int64_t *level_sizes, int64_t levels) {
  return guarded([&] {
    MsDeformAttnInputs inputs = {};
    inputs.batch = value->size(0);
    inputs.tokens = value->size(1);
    inputs.heads = value->size(2);
    inputs.channels = value->size(3);
    inputs.queries = rows->size(1);
    inputs.levels = levels;
    inputs.points = rows->size(2) / (3 * inputs.heads * levels);
    inputs.bf16 = value->scalar_type() == at::kBFloat16;
    inputs.level_sizes = level_sizes;
    inputs.value = value->const_data_ptr();
    inputs.references = references->const_data_ptr<float>();
    inputs.references_batch = references->size(0);
    if (padding != nullptr) {
      inputs.padding = padding->const_data_ptr<bool>();
      inputs.padding_batch = padding->size(0);
    }
    auto result = at::empty({inputs.batch, inputs.queries, inputs.heads * inputs.channels}, value->options());
    void *to = result.mutable_data_ptr();
    auto plan = attention_of_rows_plan(inputs, rows->const_data_ptr<float>(), to);
    launch(plan.launch, value->get_device(), {&plan.params, &to});
    *out = new at::Tensor(std::move(result));
  });
}

// Mask logits [I, T, 2h, 2w] of features [T, C / 32, h, w], parameters [I, P] and references [T, I, 2].
SF_API char *sf_cuda_dynamic_masks(at::Tensor **out, const at::Tensor *features, const at::Tensor *weights,
                                   const at::Tensor *references, int64_t stride) {
  return guarded([&] {
    const auto maps = features->sizes();
    const auto strides = features->strides();
    DynamicMasksParams params = {};
    params.frames = static_cast<int>(maps[0]);
    params.instances = static_cast<int>(weights->size(0));
    params.inputs = static_cast<int>(maps[1] + 2);
    params.height = static_cast<int>(maps[2]);
    params.width = static_cast<int>(maps[3]);
    params.stride = static_cast<int>(stride);
    params.frame_stride = strides[0];
    params.channel_stride = strides[1];
    params.row_stride = strides[2];
    params.column_stride = strides[3];
    const auto plan = dynamic_masks_plan(params, features->scalar_type() == at::kBFloat16);
    auto logits = at::empty({weights->size(0), maps[0], 2 * maps[2], 2 * maps[3]}, weights->options());
    params.features = features->const_data_ptr();
    params.params = weights->const_data_ptr<float>();
    params.references = references->const_data_ptr<float>();
    params.out = logits.mutable_data_ptr<float>();
    launch(plan, features->get_device(), {&params});
    *out = new at::Tensor(std::move(logits));
  });
}

// The words [I, words] of logits [I, h, w]; `sizes` are height and width of the network's input and of the video.
SF_API char *sf_cuda_pack_masks(at::Tensor **out, const at::Tensor *logits, const int64_t *sizes) {
  return guarded([&] {
    PackMasksParams params = {};
    params.height = static_cast<int>(logits->size(1));
    params.width = static_cast<int>(logits->size(2));
    params.mask_stride = logits->stride(0);
    params.input_height = static_cast<int>(sizes[0]);
    params.input_width = static_cast<int>(sizes[1]);
    params.output_height = static_cast<int>(sizes[2]);
    params.output_width = static_cast<int>(sizes[3]);
    const auto plan = pack_masks_plan(params, logits->size(0));
    auto words = at::empty({logits->size(0), params.words_per_mask}, logits->options().dtype(at::kInt));
    params.logits = logits->const_data_ptr<float>();
    params.words = reinterpret_cast<unsigned *>(words.mutable_data_ptr<int>());
    launch(plan, logits->get_device(), {&params});
    *out = new at::Tensor(std::move(words));
  });
}

// Frames [T, H, W, 3] of bytes as [T, 3, height, width], channels last; `mean` and `deviation` are three each.
SF_API char *sf_cuda_normalize_frames(at::Tensor **out, const at::Tensor *frames, const int64_t *padded,
                                      const float *mean, const float *deviation, int reversed, int bf16) {
  return guarded([&] {
    NormalizeParams params = {};
    params.height = static_cast<int>(frames->size(1));
    params.width = static_cast<int>(frames->size(2));
    params.padded_height = static_cast<int>(padded[0]);
    params.padded_width = static_cast<int>(padded[1]);
    params.reversed = reversed;
    for (int channel = 0; channel < 3; ++channel) {
      params.mean[channel] = mean[channel];
      params.deviation[channel] = deviation[channel];
    }
    const auto plan = normalize_plan(params, frames->size(0), bf16 != 0);
    auto images = at::empty({frames->size(0), padded[0], padded[1], 3},
                            frames->options().dtype(bf16 ? at::kBFloat16 : at::kFloat));
    params.frames = frames->const_data_ptr<uint8_t>();
    params.out = images.mutable_data_ptr();
    launch(plan, frames->get_device(), {&params});
    *out = new at::Tensor(images.permute({0, 3, 1, 2}));
  });
}

// Adds the bias [C] and the residual, null or like the map, to a map [N, C, H, W], in place, and then sets negative numbers
// to 0 if asked for.
SF_API char *sf_cuda_conv_epilogue(const at::Tensor *map, const at::Tensor *bias, const at::Tensor *residual, int relu) {
  return guarded([&] {
    // Maps of one channel or cell have both layouts.
    const auto layout = map->is_contiguous() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
    TORCH_CHECK(map->is_contiguous(layout), "expected a dense map");
    ConvEpilogueParams params = {};
    // Kept until the launch; its memory is not given to other work of the same stream before.
    at::Tensor added;
    if (residual != nullptr) {
      added = residual->contiguous(layout);
      params.residual = added.const_data_ptr();
    }
    params.map = map->mutable_data_ptr();
    params.bias = bias->const_data_ptr();
    params.elements = map->numel();
    params.cells_per_channel = layout == at::MemoryFormat::Contiguous ? map->size(2) * map->size(3) : 1;
    params.channels = static_cast<int>(map->size(1));
    params.relu = relu;
    launch(conv_epilogue_plan(params, map->scalar_type() == at::kBFloat16), map->get_device(), {&params});
  });
}

// The normalized sum of an update and a residual [..., C] with weight and bias [C], and the same in bf16 unless `rounded` is
// null.
SF_API char *sf_cuda_add_norm(at::Tensor **out, at::Tensor **rounded, const at::Tensor *update,
                              const at::Tensor *residual, const at::Tensor *weight, const at::Tensor *bias, double eps) {
  return guarded([&] {
    auto sum = at::empty_like(*residual), copy = at::Tensor();
    AddNormParams params = {};
    if (rounded != nullptr) {
      copy = at::empty_like(*residual, residual->options().dtype(at::kBFloat16));
      params.rounded = copy.mutable_data_ptr();
    }
    params.update = update->const_data_ptr();
    params.residual = residual->const_data_ptr<float>();
    params.weight = weight->const_data_ptr<float>();
    params.bias = bias->const_data_ptr<float>();
    params.out = sum.mutable_data_ptr<float>();
    params.channels = static_cast<int>(weight->numel());
    params.rows = residual->numel() / params.channels;
    params.eps = static_cast<float>(eps);
    launch(add_norm_plan(params, update->scalar_type() == at::kBFloat16), update->get_device(), {&params});
    *out = new at::Tensor(std::move(sum));
    if (rounded != nullptr) *rounded = new at::Tensor(std::move(copy));
  });
}
