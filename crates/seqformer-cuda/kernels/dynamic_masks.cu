// The dynamic mask head (CondInst, arXiv:2003.05664, section 3): coordinates relative to the instance, three 1x1
// convolutions with the instance's own weights, and upsampling by two. Intermediate results never go through memory.

#include "numbers.cuh"
#include "params.h"

// The weights of one instance, transposed so that those of one input are adjacent.
struct alignas(16) MaskWeights {
  float first[kMaxMaskInputs][kMaskChannels];
  float second[kMaskChannels][kMaskChannels];
  float third[kMaskChannels];
  float first_bias[kMaskChannels];
  float second_bias[kMaskChannels];
  float third_bias;
};

// Copies them with all threads of the block.
__device__ inline void read_weights(MaskWeights &weights, const float *from, int inputs) {
  const int first = inputs * kMaskChannels, second = first + kMaskChannels * kMaskChannels;
  const int third = second + kMaskChannels, first_bias = third + kMaskChannels;
  const int second_bias = first_bias + kMaskChannels;
  for (int i = threadIdx.x; i <= second_bias; i += kThreads) {
    const float number = __ldg(from + i);
    if (i < first) {
      weights.first[i % inputs][i / inputs] = number;
    } else if (i < second) {
      weights.second[(i - first) % kMaskChannels][(i - first) / kMaskChannels] = number;
    } else if (i < third) {
      weights.third[i - second] = number;
    } else if (i < first_bias) {
      weights.first_bias[i - third] = number;
    } else if (i < second_bias) {
      weights.second_bias[i - first_bias] = number;
    } else {
      weights.third_bias = number;
    }
  }
}

__device__ inline void add_input(float (&sums)[kMaskChannels], float input, const float (&weights)[kMaskChannels]) {
#pragma unroll
  for (int i = 0; i < kMaskChannels; ++i) sums[i] += weights[i] * input;
}

// The logit of one cell.
template <typename T>
__device__ inline float logit(const DynamicMasksParams &params, const MaskWeights &weights, const T *features,
                              float reference_x, float reference_y, int row, int column) {
  float hidden[kMaskChannels], sums[kMaskChannels];
#pragma unroll
  for (int i = 0; i < kMaskChannels; ++i) {
    hidden[i] = weights.first_bias[i];
    sums[i] = weights.second_bias[i];
  }
  const float half = params.stride / 2.0f;
  add_input(hidden, reference_x - (column * static_cast<float>(params.stride) + half), weights.first[0]);
  add_input(hidden, reference_y - (row * static_cast<float>(params.stride) + half), weights.first[1]);
  const T *cell = features + row * params.row_stride + column * params.column_stride;
  for (int input = 2; input < params.inputs; ++input) {
    add_input(hidden, to_float(cell[(input - 2) * params.channel_stride]), weights.first[input]);
  }
#pragma unroll
  for (int i = 0; i < kMaskChannels; ++i) add_input(sums, relu(hidden[i]), weights.second[i]);
  float result = weights.third_bias;
#pragma unroll
  for (int i = 0; i < kMaskChannels; ++i) result += weights.third[i] * relu(sums[i]);
  return result;
}

// A block has a tile of cells of one instance and frame; the row and column before it are computed as well, because
// output row Y shows cell max(Y - 1, 0) / 2, so that every even row lies between two rows of cells.
template <typename T> __device__ inline void dynamic_masks(const DynamicMasksParams &params) {
  constexpr int kRows = kMaskTileHeight + 1, kColumns = kMaskTileWidth + 1;
  __shared__ MaskWeights weights;
  __shared__ float logits[kRows][kColumns];
  int rest = blockIdx.x;
  const int tile_column = rest % params.tile_columns;
  rest /= params.tile_columns;
  const int tile_row = rest % params.tile_rows;
  rest /= params.tile_rows;
  const int frame = rest % params.frames, instance = rest / params.frames;
  read_weights(weights, params.params + static_cast<long long>(instance) * params.num_params, params.inputs);
  __syncthreads();
  const T *features = static_cast<const T *>(params.features) + frame * params.frame_stride;
  const float *reference = params.references + (static_cast<long long>(frame) * params.instances + instance) * 2;
  const float x = __ldg(reference), y = __ldg(reference + 1);
  const int first_row = tile_row * kMaskTileHeight - 1, first_column = tile_column * kMaskTileWidth - 1;
  for (int i = threadIdx.x; i < kRows * kColumns; i += kThreads) {
    // The first row is repeated before itself. Cells beyond the last are not shown.
    const int row = min(max(first_row + i / kColumns, 0), params.height - 1);
    const int column = min(max(first_column + i % kColumns, 0), params.width - 1);
    logits[i / kColumns][i % kColumns] = logit(params, weights, features, x, y, row, column);
  }
  __syncthreads();
  const int tile_y = threadIdx.x / kMaskTileWidth, tile_x = threadIdx.x % kMaskTileWidth;
  const int row = first_row + 1 + tile_y, column = first_column + 1 + tile_x;
  if (row >= params.height || column >= params.width) return;
  const float top_left = logits[tile_y][tile_x], top = logits[tile_y][tile_x + 1];
  const float left = logits[tile_y + 1][tile_x], here = logits[tile_y + 1][tile_x + 1];
  const long long width = 2ll * params.width;
  const long long map = static_cast<long long>(instance) * params.frames + frame;
  float *out = params.out + (map * params.height * 2 + 2ll * row) * width + 2ll * column;
  out[0] = 0.5f * (0.5f * top_left + 0.5f * top) + 0.5f * (0.5f * left + 0.5f * here);
  out[1] = 0.5f * top + 0.5f * here;
  out[width] = 0.5f * left + 0.5f * here;
  out[width + 1] = here;
}

extern "C" __global__ void __launch_bounds__(kThreads)
    dynamic_masks_f32(const __grid_constant__ DynamicMasksParams params) {
  dynamic_masks<float>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    dynamic_masks_bf16(const __grid_constant__ DynamicMasksParams params) {
  dynamic_masks<Bf16>(params);
}
