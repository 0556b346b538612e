// The pixels of a frame of the video that are inside each mask: logits are enlarged four times by bilinear interpolation,
// each pixel of the video takes the nearest value, and values above 0 are inside.
//
// The CPU computes the same sums, so nothing here may be fused: signs of sums near 0 must agree.

#include "params.h"

// Pixels of the network's input per cell of the logits, in each direction.
constexpr int kMaskStride = 4;

// How much the nearer of two cells counts for each of the four pixels between the middles of the cell before and the
// one behind.
__device__ inline float nearer(int offset) { return offset == 0 || offset == 3 ? 0.625f : 0.875f; }

__device__ inline float between(float near, float far, int offset) {
  const float share = nearer(offset);
  return __fadd_rn(__fmul_rn(near, share), __fmul_rn(far, 1.0f - share));
}

// The cell beside `cell` on which a pixel leans: the first two lean on the one before.
__device__ inline int other_cell(int cell, int offset, int cells) {
  return offset < kMaskStride / 2 ? max(cell - 1, 0) : min(cell + 1, cells - 1);
}

// The pixel of the input that is nearest, in single precision as libtorch finds it.
__device__ inline int nearest(int index, float scale, int input) {
  return min(static_cast<int>(floorf(__fmul_rn(static_cast<float>(index), scale))), input - 1);
}

// Row `row` of cells, in the width of pixels.
__device__ inline float wide(const float *row, int column, int cells) {
  const int cell = column / kMaskStride, offset = column % kMaskStride;
  return between(__ldg(row + cell), __ldg(row + other_cell(cell, offset, cells)), offset);
}

// One thread per pixel; a warp has the 32 pixels of a word.
extern "C" __global__ void __launch_bounds__(kThreads) pack_masks(const __grid_constant__ PackMasksParams params) {
  const int mask = blockIdx.x / params.blocks_per_mask;
  const unsigned pixel = blockIdx.x % params.blocks_per_mask * kThreads + threadIdx.x;
  const unsigned pixels = static_cast<unsigned>(params.output_height) * params.output_width;
  bool is_inside = false;
  if (pixel < pixels) {
    const float *cells = params.logits + mask * params.mask_stride;
    const int y = pixel % params.output_height, x = pixel / params.output_height;
    const int row = nearest(y, params.row_scale, params.input_height);
    const int column = nearest(x, params.column_scale, params.input_width);
    const int cell = row / kMaskStride, offset = row % kMaskStride;
    const int other = other_cell(cell, offset, params.height);
    const float near = wide(cells + static_cast<long long>(cell) * params.width, column, params.width);
    const float far = wide(cells + static_cast<long long>(other) * params.width, column, params.width);
    is_inside = between(near, far, offset) > 0.0f;
  }
  const unsigned word = __ballot_sync(0xffffffffu, is_inside);
  if (threadIdx.x % 32 == 0 && pixel < pixels) {
    params.words[static_cast<long long>(mask) * params.words_per_mask + pixel / 32] = word;
  }
}
