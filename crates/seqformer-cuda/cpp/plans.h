// How each kernel is launched: its name, its blocks and its parameters, from the sizes of tensors alone. Nothing here
// needs CUDA, so that the emulator in the tests launches kernels in the same way.

#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "../kernels/params.h"
#include "ms_deform_attn.h"

struct Launch {
  std::string kernel;
  unsigned blocks;
};

inline int64_t divide_up(int64_t number, int64_t by) { return (number + by - 1) / by; }

inline unsigned checked_blocks(int64_t blocks) {
  if (blocks > INT32_MAX) throw std::runtime_error("the tensors are too large for one launch of a CUDA kernel");
  return static_cast<unsigned>(blocks);
}

inline bool is_aligned(const void *address, uintptr_t bytes) {
  return reinterpret_cast<uintptr_t>(address) % bytes == 0;
}

struct AttentionPlan {
  Launch launch;
  AttentionParams params;
};

// `pass` is "forward" or "backward", and `other` another tensor with D channels a row that the pass reads or writes.
inline AttentionPlan attention_plan(const MsDeformAttnInputs &of, const char *pass, const void *other) {
  if (of.levels > kMaxLevels) throw std::runtime_error("the CUDA kernels of attention take up to 8 levels");
  AttentionPlan plan = {};
  auto &params = plan.params;
  const int64_t row = of.heads * of.channels;
  params.value = of.value;
  params.locations = of.locations;
  params.weights = of.weights;
  params.references = of.references;
  params.padding = of.padding;
  params.value_clip_stride = of.tokens * row;
  params.value_token_stride = of.head_major ? of.channels : row;
  params.value_head_stride = of.head_major ? of.tokens * of.channels : of.channels;
  params.weight_query_stride = of.heads * of.levels * of.points;
  params.location_query_stride = 2 * params.weight_query_stride;
  params.reference_clip_stride = of.references_batch > 1 ? of.queries * of.levels * 2 : 0;
  params.padding_clip_stride = of.padding_batch > 1 ? of.tokens : 0;
  params.heads = static_cast<int>(of.heads);
  params.channels = static_cast<int>(of.channels);
  params.queries = static_cast<int>(of.queries);
  params.points = static_cast<int>(of.points);
  params.num_levels = static_cast<int>(of.levels);
  int64_t start = 0;
  for (int64_t level = 0; level < of.levels; ++level) {
    const int64_t height = of.level_sizes[2 * level], width = of.level_sizes[2 * level + 1];
    params.levels[level] = {static_cast<int>(height), static_cast<int>(width), static_cast<int>(start)};
    start += height * width;
  }
  // 16 bytes of every row at once, where all rows of a head begin at such addresses.
  const int64_t wide = of.bf16 ? 8 : 4;
  const bool is_wide = of.channels % wide == 0 && is_aligned(of.value, 16) && is_aligned(other, 16);
  const int64_t parts = is_wide ? of.channels / wide : of.channels;
  params.lanes = 1;
  while (params.lanes < 32 && params.lanes < parts) params.lanes *= 2;
  params.query_blocks = static_cast<int>(divide_up(of.queries, kThreads / params.lanes));
  if (of.points < 1) throw std::runtime_error("the CUDA kernels of attention take one point or more");
  plan.launch.blocks = checked_blocks(of.batch * of.heads * params.query_blocks);
  plan.launch.kernel = std::string("ms_deform_attn_") + pass + (of.bf16 ? "_bf16" : "_f32") +
                       (is_wide ? "_wide" : "_single") + (of.references ? "_offsets" : "_locations");
  return plan;
}

// Forward, with a row for each query: the offsets of all heads, then their logits.
inline AttentionPlan attention_of_rows_plan(MsDeformAttnInputs of, const float *rows, const void *out) {
  const int64_t weights = of.heads * of.levels * of.points;
  of.locations = rows;
  of.weights = rows + 2 * weights;
  auto plan = attention_plan(of, "forward", out);
  plan.params.location_query_stride = plan.params.weight_query_stride = 3 * weights;
  return plan;
}

inline AttentionGradients attention_gradients(const MsDeformAttnInputs &of, const void *grad_out,
                                              const MsDeformAttnGradients &gradients) {
  const int64_t row = of.heads * of.channels;
  return {grad_out, static_cast<float *>(gradients.value), gradients.locations, gradients.weights, of.tokens * row, row};
}

// Computes the remaining parameters from the sizes in `params`.
inline Launch dynamic_masks_plan(DynamicMasksParams &params, bool bf16) {
  if (params.inputs > kMaxMaskInputs) throw std::runtime_error("the CUDA kernel of masks takes up to 64 channels");
  params.num_params = params.inputs * kMaskChannels + kMaskChannels * kMaskChannels + 3 * kMaskChannels + 1;
  params.tile_rows = static_cast<int>(divide_up(params.height, kMaskTileHeight));
  params.tile_columns = static_cast<int>(divide_up(params.width, kMaskTileWidth));
  const int64_t maps = static_cast<int64_t>(params.instances) * params.frames;
  return {bf16 ? "dynamic_masks_bf16" : "dynamic_masks_f32",
          checked_blocks(maps * params.tile_rows * params.tile_columns)};
}

// As above, for `masks` masks.
inline Launch pack_masks_plan(PackMasksParams &params, int64_t masks) {
  const int64_t pixels = static_cast<int64_t>(params.output_height) * params.output_width;
  if (pixels > INT32_MAX) throw std::runtime_error("a mask has too many pixels");
  params.words_per_mask = static_cast<int>(divide_up(pixels, 32));
  params.blocks_per_mask = static_cast<int>(divide_up(pixels, kThreads));
  // Divided in single precision, as libtorch does.
  params.row_scale = static_cast<float>(params.input_height) / static_cast<float>(params.output_height);
  params.column_scale = static_cast<float>(params.input_width) / static_cast<float>(params.output_width);
  return {"pack_masks", checked_blocks(masks * params.blocks_per_mask)};
}

// As above, for `frames` frames.
inline Launch normalize_plan(NormalizeParams &params, int64_t frames, bool bf16) {
  params.elements = frames * params.padded_height * params.padded_width * 3;
  return {bf16 ? "normalize_frames_bf16" : "normalize_frames_f32",
          checked_blocks(divide_up(params.elements, kThreads))};
}

// As above. Maps and residuals with a whole number of 16 bytes a cell are read in these.
inline Launch conv_epilogue_plan(const ConvEpilogueParams &params, bool bf16) {
  const int64_t wide = bf16 ? 8 : 4;
  const bool is_wide = params.cells_per_channel == 1 && params.channels % wide == 0 && is_aligned(params.map, 16) &&
                       is_aligned(params.bias, 16) && is_aligned(params.residual, 16);
  return {std::string(bf16 ? "conv_epilogue_bf16_" : "conv_epilogue_f32_") + (is_wide ? "wide" : "single"),
          checked_blocks(divide_up(params.elements, kThreads * (is_wide ? wide : 1)))};
}

// As above, for an update in bf16 or f32.
inline Launch add_norm_plan(const AddNormParams &params, bool bf16) {
  if (params.channels > kMaxNormChannels) throw std::runtime_error("the CUDA kernel of norms takes up to 512 channels");
  return {bf16 ? "add_norm_bf16" : "add_norm_f32", checked_blocks(divide_up(params.rows, kThreads / 32))};
}
