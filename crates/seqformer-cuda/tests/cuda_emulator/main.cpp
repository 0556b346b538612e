// Runs the kernels of `kernels/` on the CPU, launched as `cpp/plans.h` says: `emulator REQUEST ANSWER`.

#include "buffers.h"

#include "../../kernels/add_norm.cu"
#include "../../kernels/conv_epilogue.cu"
#include "../../kernels/dynamic_masks.cu"
#include "../../kernels/ms_deform_attn_backward.cu"
#include "../../kernels/ms_deform_attn_forward.cu"
#include "../../kernels/normalize_frames.cu"
#include "../../kernels/pack_masks.cu"
#include "../../cpp/plans.h"

namespace {

template <typename T> T *or_null(const std::unique_ptr<Buffer> &buffer) {
  return buffer ? buffer->as<T>() : nullptr;
}

#define CASE(PASS, SUFFIX, ...)                                                                                \
  if (launch.kernel == "ms_deform_attn_" #PASS "_" #SUFFIX) {                                                  \
    return emulator::launch(launch.blocks, kThreads, [&] { ms_deform_attn_##PASS##_##SUFFIX(__VA_ARGS__); });  \
  }
#define CASES(PASS, ...)                                                                                       \
  CASE(PASS, f32_single_locations, __VA_ARGS__)                                                                \
  CASE(PASS, f32_single_offsets, __VA_ARGS__)                                                                  \
  CASE(PASS, f32_wide_locations, __VA_ARGS__)                                                                  \
  CASE(PASS, f32_wide_offsets, __VA_ARGS__)                                                                    \
  CASE(PASS, bf16_single_locations, __VA_ARGS__)                                                               \
  CASE(PASS, bf16_single_offsets, __VA_ARGS__)                                                                 \
  CASE(PASS, bf16_wide_locations, __VA_ARGS__)                                                                 \
  CASE(PASS, bf16_wide_offsets, __VA_ARGS__)                                                                   \
  emulator::fail("there is no such kernel");

void run_forward(const Launch &launch, const AttentionParams &params, void *out) { CASES(forward, params, out) }

void run_backward(const Launch &launch, const AttentionParams &params, const AttentionGradients &gradients) {
  CASES(backward, params, gradients)
}

void attention(Request &request, const char *answer) {
  MsDeformAttnInputs inputs = {};
  for (int64_t *size : {&inputs.batch, &inputs.tokens, &inputs.heads, &inputs.channels, &inputs.queries,
                        &inputs.levels, &inputs.points, &inputs.bf16, &inputs.references_batch,
                        &inputs.padding_batch, &inputs.head_major}) {
    *size = request.number();
  }
  std::vector<int64_t> sizes(2 * inputs.levels);
  for (auto &size : sizes) size = request.number();
  inputs.level_sizes = sizes.data();
  const size_t element = inputs.bf16 ? 2 : 4;
  const auto value = request.buffer(element), locations = request.buffer(4), weights = request.buffer(4);
  const auto references = request.buffer(4), padding = request.buffer(1), grad_out = request.buffer(element);
  inputs.value = value->data();
  inputs.locations = locations->as<float>();
  inputs.weights = weights->as<float>();
  inputs.references = or_null<float>(references);
  inputs.padding = or_null<bool>(padding);
  if (!grad_out) {
    const auto rows = inputs.batch * inputs.queries * inputs.heads;
    const auto out = request.empty(rows * inputs.channels * element, element);
    const auto plan = attention_plan(inputs, "forward", out->data());
    run_forward(plan.launch, plan.params, out->data());
    return write_answer(answer, {out.get()});
  }
  const auto cells = inputs.batch * inputs.tokens * inputs.heads * inputs.channels;
  // libtorch aligns what it allocates.
  Buffer grad_value(cells * 4, 4, Placement::at_start);
  grad_value.fill_with_zeros();
  const auto grad_locations = request.empty(locations->bytes(), 4), grad_weights = request.empty(weights->bytes(), 4);
  const MsDeformAttnGradients gradients{grad_value.data(), grad_locations->as<float>(), grad_weights->as<float>()};
  const auto plan = attention_plan(inputs, "backward", grad_out->data());
  run_backward(plan.launch, plan.params, attention_gradients(inputs, grad_out->data(), gradients));
  write_answer(answer, {&grad_value, grad_locations.get(), grad_weights.get()});
}

void rows(Request &request, const char *answer) {
  MsDeformAttnInputs inputs = {};
  for (int64_t *size : {&inputs.batch, &inputs.tokens, &inputs.heads, &inputs.channels, &inputs.queries,
                        &inputs.levels, &inputs.points, &inputs.bf16, &inputs.references_batch,
                        &inputs.padding_batch}) {
    *size = request.number();
  }
  std::vector<int64_t> sizes(2 * inputs.levels);
  for (auto &size : sizes) size = request.number();
  inputs.level_sizes = sizes.data();
  const size_t element = inputs.bf16 ? 2 : 4;
  const auto value = request.buffer(element), rows = request.buffer(4), references = request.buffer(4);
  const auto padding = request.buffer(1);
  inputs.value = value->data();
  inputs.references = references->as<float>();
  inputs.padding = or_null<bool>(padding);
  const auto out = request.empty(inputs.batch * inputs.queries * inputs.heads * inputs.channels * element, element);
  const auto plan = attention_of_rows_plan(inputs, rows->as<float>(), out->data());
  run_forward(plan.launch, plan.params, out->data());
  write_answer(answer, {out.get()});
}

void masks(Request &request, const char *answer) {
  DynamicMasksParams params = {};
  for (int *size : {&params.frames, &params.instances, &params.inputs, &params.height, &params.width,
                    &params.stride}) {
    *size = static_cast<int>(request.number());
  }
  const bool bf16 = request.number() != 0;
  for (long long *stride : {&params.frame_stride, &params.channel_stride, &params.row_stride,
                            &params.column_stride}) {
    *stride = request.number();
  }
  const auto features = request.buffer(bf16 ? 2 : 4), weights = request.buffer(4), references = request.buffer(4);
  const auto out = request.empty(16ull * params.instances * params.frames * params.height * params.width, 4);
  params.features = features->data();
  params.params = weights->as<float>();
  params.references = references->as<float>();
  params.out = out->as<float>();
  const auto launch = dynamic_masks_plan(params, bf16);
  emulator::launch(launch.blocks, kThreads, [&] { bf16 ? dynamic_masks_bf16(params) : dynamic_masks_f32(params); });
  write_answer(answer, {out.get()});
}

void pack(Request &request, const char *answer) {
  PackMasksParams params = {};
  const int64_t masks = request.number();
  for (int *size : {&params.height, &params.width, &params.input_height, &params.input_width,
                    &params.output_height, &params.output_width}) {
    *size = static_cast<int>(request.number());
  }
  const auto logits = request.buffer(4);
  const auto launch = pack_masks_plan(params, masks);
  const auto words = request.empty(4ull * masks * params.words_per_mask, 4);
  params.logits = logits->as<float>();
  params.mask_stride = static_cast<long long>(params.height) * params.width;
  params.words = words->as<unsigned>();
  emulator::launch(launch.blocks, kThreads, [&] { pack_masks(params); });
  write_answer(answer, {words.get()});
}

void frames(Request &request, const char *answer) {
  NormalizeParams params = {};
  const int64_t count = request.number();
  for (int *size : {&params.height, &params.width, &params.padded_height, &params.padded_width,
                    &params.reversed}) {
    *size = static_cast<int>(request.number());
  }
  const bool bf16 = request.number() != 0;
  const auto bytes = request.buffer(1), mean = request.buffer(4), deviation = request.buffer(4);
  std::memcpy(params.mean, mean->data(), sizeof params.mean);
  std::memcpy(params.deviation, deviation->data(), sizeof params.deviation);
  const auto launch = normalize_plan(params, count, bf16);
  const size_t element = bf16 ? 2 : 4;
  const auto out = request.empty(params.elements * element, element);
  params.frames = bytes->as<unsigned char>();
  params.out = out->data();
  emulator::launch(launch.blocks, kThreads,
                   [&] { bf16 ? normalize_frames_bf16(params) : normalize_frames_f32(params); });
  write_answer(answer, {out.get()});
}

void epilogue(Request &request, const char *answer) {
  ConvEpilogueParams params = {};
  params.elements = request.number();
  params.cells_per_channel = request.number();
  params.channels = static_cast<int>(request.number());
  params.relu = static_cast<int>(request.number());
  const bool bf16 = request.number() != 0;
  const size_t element = bf16 ? 2 : 4;
  const auto map = request.buffer(element), bias = request.buffer(element), residual = request.buffer(element);
  params.map = map->data();
  params.bias = bias->data();
  params.residual = residual ? residual->data() : nullptr;
  const auto plan = conv_epilogue_plan(params, bf16);
  const auto run = plan.kernel == "conv_epilogue_f32_single"   ? conv_epilogue_f32_single
                   : plan.kernel == "conv_epilogue_f32_wide"   ? conv_epilogue_f32_wide
                   : plan.kernel == "conv_epilogue_bf16_single" ? conv_epilogue_bf16_single
                                                                : conv_epilogue_bf16_wide;
  emulator::launch(plan.blocks, kThreads, [&] { run(params); });
  write_answer(answer, {map.get()});
}

void norm(Request &request, const char *answer) {
  AddNormParams params = {};
  params.rows = request.number();
  params.channels = static_cast<int>(request.number());
  const bool bf16 = request.number() != 0, with_rounded = request.number() != 0;
  const auto update = request.buffer(bf16 ? 2 : 4), residual = request.buffer(4), weight = request.buffer(4);
  const auto bias = request.buffer(4);
  const auto out = request.empty(residual->bytes(), 4), rounded = request.empty(residual->bytes() / 2, 2);
  params.update = update->data();
  params.residual = residual->as<float>();
  params.weight = weight->as<float>();
  params.bias = bias->as<float>();
  params.out = out->as<float>();
  params.rounded = with_rounded ? rounded->data() : nullptr;
  params.eps = 1e-5f;
  const auto plan = add_norm_plan(params, bf16);
  emulator::launch(plan.blocks, kThreads, [&] { bf16 ? add_norm_bf16(params) : add_norm_f32(params); });
  if (with_rounded) return write_answer(answer, {out.get(), rounded.get()});
  write_answer(answer, {out.get()});
}

} // namespace

int main(int count, char **arguments) {
  if (count != 4) emulator::fail("expected a kind of kernel, a request and an answer");
  Request request(arguments[2]);
  const std::string kind = arguments[1];
  const auto run = kind == "attention" ? attention
                   : kind == "rows"    ? rows
                   : kind == "masks"   ? masks
                   : kind == "pack"    ? pack
                   : kind == "epilogue" ? epilogue
                   : kind == "norm"     ? norm
                                       : frames;
  try {
    run(request, arguments[3]);
  } catch (const std::exception &error) {
    emulator::fail(error.what());
  }
}
