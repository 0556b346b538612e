// Multi-scale deformable attention, gradients of all inputs.

#include "points.cuh"

// The lanes of this thread's group; sums need no others.
__device__ inline unsigned group_mask(int lanes) {
  const unsigned all = lanes == 32 ? 0xffffffffu : (1u << lanes) - 1;
  return all << (threadIdx.x % 32 / lanes * lanes);
}

__device__ inline float sum_over_group(float number, int lanes, unsigned mask) {
  for (int distance = lanes / 2; distance > 0; distance /= 2) {
    number += __shfl_xor_sync(mask, number, distance);
  }
  return number;
}

// The products of the output's gradient with the cells of a point, as they count for each of its numbers.
struct PointGradient {
  float x;
  float y;
  float weight;
};

template <typename T, int COUNT, bool OFFSETS>
__device__ inline void backward(const AttentionParams &params, const AttentionGradients &gradients) {
  Place place;
  if (!find_place(params, place)) return;
  const int lanes = params.lanes;
  const unsigned mask = group_mask(lanes);
  const Points<OFFSETS> points(params, place);
  const float scale = OFFSETS ? 1.0f / points.total() : 1.0f;
  const T *value = static_cast<const T *>(params.value) + place.clip * params.value_clip_stride +
                   place.head * params.value_head_stride;
  const T *grad_out = static_cast<const T *>(gradients.out) + place.index * params.channels;
  float *grad_value = gradients.value;
  if (grad_value != nullptr) {
    grad_value += place.clip * gradients.value_clip_stride + place.head * params.channels;
  }
  float *grad_locations = gradients.locations + place.index * points.samples * 2;
  float *grad_weights = gradients.weights + place.index * points.samples;
  // Most heads have one part of the channels for each lane; a lane beyond them only takes part in sums.
  Numbers<T, COUNT> own = {};
  if (place.lane * COUNT < params.channels) own = Numbers<T, COUNT>::load(grad_out + place.lane * COUNT);
  float mean = 0.0f;
  int sample = 0;
  for (int number = 0; number < params.num_levels; ++number) {
    const LevelParams &level = params.levels[number];
    for (int i = 0; i < params.points; ++i, ++sample) {
      const float weight = points.weight(sample) * scale;
      const Point point = points.find(level, number, sample);
      PointGradient grad = {point.nothing, point.nothing, point.nothing};
      for (int first = place.lane * COUNT; first < params.channels; first += lanes * COUNT) {
        Numbers<T, COUNT> grads = own;
        if (first >= lanes * COUNT) grads = Numbers<T, COUNT>::load(grad_out + first);
#pragma unroll
        for (int corner = 0; corner < 4; ++corner) {
          if (!point.counts[corner]) continue;
          const int right = corner % 2, lower = corner / 2;
          const Numbers<T, COUNT> cell =
              Numbers<T, COUNT>::load(value + point.token[corner] * params.value_token_stride + first);
          const float share = point.share_x[right] * point.share_y[lower];
          float product = 0.0f;
          float grad_cell[COUNT];
#pragma unroll
          for (int j = 0; j < COUNT; ++j) {
            product += grads.at[j] * cell.at[j];
            grad_cell[j] = grads.at[j] * (share * weight);
          }
          grad.x += right ? point.share_y[lower] * product : -(point.share_y[lower] * product);
          grad.y += lower ? point.share_x[right] * product : -(point.share_x[right] * product);
          grad.weight += share * product;
          if (grad_value != nullptr) {
            add_shared(grad_value + point.token[corner] * gradients.value_token_stride + first, grad_cell);
          }
        }
      }
      grad.x = sum_over_group(grad.x, lanes, mask);
      grad.y = sum_over_group(grad.y, lanes, mask);
      grad.weight = sum_over_group(grad.weight, lanes, mask);
      mean += weight * grad.weight;
      if (sample % lanes == place.lane) {
        // An offset is in cells, a location in maps.
        grad_locations[2 * sample] = weight * grad.x * (OFFSETS ? 1.0f : static_cast<float>(level.width));
        grad_locations[2 * sample + 1] = weight * grad.y * (OFFSETS ? 1.0f : static_cast<float>(level.height));
        grad_weights[sample] = grad.weight;
      }
    }
  }
  if constexpr (OFFSETS) {
    // Through the softmax; each lane reads what it has written itself.
    for (sample = place.lane; sample < points.samples; sample += lanes) {
      grad_weights[sample] = points.weight(sample) * scale * (grad_weights[sample] - mean);
    }
  }
}

#define BACKWARD(NAME, T, COUNT, OFFSETS)                                                                      \
  extern "C" __global__ void __launch_bounds__(kThreads, 2) ms_deform_attn_backward_##NAME(                       \
      const __grid_constant__ AttentionParams params, const __grid_constant__ AttentionGradients gradients) {  \
    backward<T, COUNT, OFFSETS>(params, gradients);                                                            \
  }

BACKWARD(f32_single_locations, float, 1, false)
BACKWARD(f32_single_offsets, float, 1, true)
BACKWARD(f32_wide_locations, float, 4, false)
BACKWARD(f32_wide_offsets, float, 4, true)
BACKWARD(bf16_single_locations, Bf16, 1, false)
BACKWARD(bf16_single_offsets, Bf16, 1, true)
BACKWARD(bf16_wide_locations, Bf16, 8, false)
BACKWARD(bf16_wide_offsets, Bf16, 8, true)
