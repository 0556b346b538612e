// Positions and weights of the points of a query and head: the counterpart of `points.rs` and `samples.rs` of the CPU
// kernels, with the same rounding, so that both find the same cells.

#pragma once

#include "numbers.cuh"
#include "params.h"

// The work of a thread: channels of one query and head, shared with the other lanes of its group.
struct Place {
  int clip;
  int head;
  int query;
  int lane;
  // (clip * Q + query) * M + head
  long long index;
};

// Consecutive blocks have consecutive queries of one head, so that blocks that run at the same time read nearby cells.
// False beyond the last query, and then for the whole group.
__device__ inline bool find_place(const AttentionParams &params, Place &place) {
  const int queries_per_block = kThreads / params.lanes;
  const int head = blockIdx.x / params.query_blocks;
  place.clip = head / params.heads;
  place.head = head % params.heads;
  place.query = blockIdx.x % params.query_blocks * queries_per_block + threadIdx.x / params.lanes;
  place.lane = threadIdx.x % params.lanes;
  place.index = (static_cast<long long>(place.clip) * params.queries + place.query) * params.heads + place.head;
  return place.query < params.queries;
}

// The four cells around a point: top left, top right, bottom left, bottom right.
struct Point {
  // False outside of the map, and where the token is padding: such a cell counts as zero and must not be read.
  bool counts[4];
  int token[4];
  // Shares of the left and right column, and of the upper and lower row.
  float share_x[2];
  float share_y[2];
  // Zero, or NaN where the place is not finite: then the shares are NaN, too.
  float nothing;
};

// The point (x, y), in units of the whole map.
__device__ inline Point find_point(const LevelParams &level, float x, float y, const bool *padding) {
  const float width = static_cast<float>(level.width), height = static_cast<float>(level.height);
  // Not fused: one more bit of precision could move a point to the next cell.
  x = __fsub_rn(__fmul_rn(x, width), 0.5f);
  y = __fsub_rn(__fmul_rn(y, height), 0.5f);
  Point point;
  point.nothing = (x - x) + (y - y);
  // All comparisons are false for NaN.
  const bool is_near = x > -1.0f && x < width && y > -1.0f && y < height;
  x = is_near ? x : 0.0f;
  y = is_near ? y : 0.0f;
  const float left = floorf(x), top = floorf(y);
  const int column = static_cast<int>(left), row = static_cast<int>(top);
  const bool columns[2] = {is_near && column >= 0, is_near && column + 1 < level.width};
  const bool rows[2] = {row >= 0, row + 1 < level.height};
  point.share_x[1] = (x - left) + point.nothing;
  point.share_x[0] = 1.0f - point.share_x[1];
  point.share_y[1] = y - top;
  point.share_y[0] = 1.0f - point.share_y[1];
#pragma unroll
  for (int corner = 0; corner < 4; ++corner) {
    const int right = corner % 2, lower = corner / 2;
    point.token[corner] = level.start + (row + lower) * level.width + column + right;
    point.counts[corner] = columns[right] && rows[lower];
    if (padding != nullptr && point.counts[corner]) point.counts[corner] = !padding[point.token[corner]];
  }
  return point;
}

// The points of one query and head. `OFFSETS`: given as distances from references and logits, otherwise as locations
// and weights.
template <bool OFFSETS> struct Points {
  const float *locations;
  const float *weights;
  const float *references;
  const bool *padding;
  int samples;
  float largest;

  __device__ Points(const AttentionParams &params, const Place &place) {
    samples = params.num_levels * params.points;
    const long long query = static_cast<long long>(place.clip) * params.queries + place.query;
    locations = params.locations + query * params.location_query_stride + 2ll * place.head * samples;
    weights = params.weights + query * params.weight_query_stride + place.head * samples;
    padding = params.padding;
    if (padding != nullptr) padding += place.clip * params.padding_clip_stride;
    references = nullptr;
    largest = 0.0f;
    if constexpr (OFFSETS) {
      references = params.references + place.clip * params.reference_clip_stride +
                   2ll * place.query * params.num_levels;
      largest = __ldg(weights);
      for (int sample = 1; sample < samples; ++sample) largest = fmaxf(largest, __ldg(weights + sample));
    }
  }

  // The weight of a point, without the softmax's divisor.
  __device__ float weight(int sample) const {
    const float weight = __ldg(weights + sample);
    return OFFSETS ? expf(weight - largest) : weight;
  }

  // The divisor of the softmax.
  __device__ float total() const {
    float total = 0.0f;
    for (int sample = 0; sample < samples; ++sample) total += weight(sample);
    return total;
  }

  // A point of level number `number`.
  __device__ Point find(const LevelParams &level, int number, int sample) const {
    float x = __ldg(locations + 2 * sample), y = __ldg(locations + 2 * sample + 1);
    if constexpr (OFFSETS) {
      x = __fadd_rn(__ldg(references + 2 * number), __fdiv_rn(x, static_cast<float>(level.width)));
      y = __fadd_rn(__ldg(references + 2 * number + 1), __fdiv_rn(y, static_cast<float>(level.height)));
    }
    return find_point(level, x, y, padding);
  }
};
