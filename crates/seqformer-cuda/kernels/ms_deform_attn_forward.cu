// Multi-scale deformable attention (Deformable DETR, arXiv:2010.04159, equation 3), forward.

#include "points.cuh"

template <typename T, int COUNT, bool OFFSETS>
__device__ inline void forward(const AttentionParams &params, T *out) {
  Place place;
  if (!find_place(params, place)) return;
  const Points<OFFSETS> points(params, place);
  const T *value = static_cast<const T *>(params.value) + place.clip * params.value_clip_stride +
                   place.head * params.value_head_stride;
  out += place.index * params.channels;
  for (int first = place.lane * COUNT; first < params.channels; first += params.lanes * COUNT) {
    Numbers<T, COUNT> sum = {};
    float total = 0.0f;
    int sample = 0;
    for (int number = 0; number < params.num_levels; ++number) {
      const LevelParams &level = params.levels[number];
#pragma unroll 2
      for (int i = 0; i < params.points; ++i, ++sample) {
        const float weight = points.weight(sample);
        total += weight;
        const Point point = points.find(level, number, sample);
        Numbers<T, COUNT> cells[4] = {};
#pragma unroll
        for (int corner = 0; corner < 4; ++corner) {
          const T *row = value + point.token[corner] * params.value_token_stride + first;
          if (point.counts[corner]) cells[corner] = Numbers<T, COUNT>::load(row);
        }
#pragma unroll
        for (int corner = 0; corner < 4; ++corner) {
          const float factor = weight * (point.share_x[corner % 2] * point.share_y[corner / 2]);
#pragma unroll
          for (int j = 0; j < COUNT; ++j) sum.at[j] += factor * cells[corner].at[j];
        }
      }
    }
    // Once here instead of once per weight.
    const float scale = OFFSETS ? 1.0f / total : 1.0f;
#pragma unroll
    for (int j = 0; j < COUNT; ++j) sum.at[j] *= scale;
    sum.store(out + first);
  }
}

#define FORWARD(NAME, T, COUNT, OFFSETS)                                                                       \
  extern "C" __global__ void __launch_bounds__(kThreads, 2)                                                       \
      ms_deform_attn_forward_##NAME(const __grid_constant__ AttentionParams params, void *out) {               \
    forward<T, COUNT, OFFSETS>(params, static_cast<T *>(out));                                                 \
  }

FORWARD(f32_single_locations, float, 1, false)
FORWARD(f32_single_offsets, float, 1, true)
FORWARD(f32_wide_locations, float, 4, false)
FORWARD(f32_wide_offsets, float, 4, true)
FORWARD(bf16_single_locations, Bf16, 1, false)
FORWARD(bf16_single_offsets, Bf16, 1, true)
FORWARD(bf16_wide_locations, Bf16, 8, false)
FORWARD(bf16_wide_offsets, Bf16, 8, true)
