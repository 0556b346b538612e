// Adds a layer's output to its input and normalizes each row of channels: the result in f32, and rounded to bf16 for the
// products that follow.

#include "numbers.cuh"
#include "params.h"

constexpr int kLanes = 32;
constexpr int kMaxPerLane = kMaxNormChannels / kLanes;

__device__ inline float sum_of_warp(float number) {
#pragma unroll
  for (int distance = kLanes / 2; distance > 0; distance /= 2) {
    number += __shfl_xor_sync(0xffffffffu, number, distance);
  }
  return number;
}

// One warp per row; lane l has the channels l, l + 32, ...
template <typename T> __device__ inline void add_norm(const AddNormParams &params) {
  const int lane = threadIdx.x % kLanes;
  const long long row = static_cast<long long>(blockIdx.x) * (kThreads / kLanes) + threadIdx.x / kLanes;
  // All lanes of a warp have the same row.
  if (row >= params.rows) return;
  const T *update = static_cast<const T *>(params.update) + row * params.channels;
  const float *residual = params.residual + row * params.channels;
  float numbers[kMaxPerLane];
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kMaxPerLane; ++i) {
    const int channel = lane + i * kLanes;
    if (channel < params.channels) {
      numbers[i] = to_float(update[channel]) + residual[channel];
      sum += numbers[i];
    }
  }
  const float mean = sum_of_warp(sum) / params.channels;
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kMaxPerLane; ++i) {
    if (lane + i * kLanes < params.channels) {
      const float off = numbers[i] - mean;
      squares += off * off;
    }
  }
  const float scale = 1.0f / sqrtf(sum_of_warp(squares) / params.channels + params.eps);
#pragma unroll
  for (int i = 0; i < kMaxPerLane; ++i) {
    const int channel = lane + i * kLanes;
    if (channel < params.channels) {
      const float number = (numbers[i] - mean) * scale * params.weight[channel] + params.bias[channel];
      params.out[row * params.channels + channel] = number;
      if (params.rounded != nullptr) {
        static_cast<Bf16 *>(params.rounded)[row * params.channels + channel] = from_float<Bf16>(number);
      }
    }
  }
}

extern "C" __global__ void __launch_bounds__(kThreads) add_norm_f32(const __grid_constant__ AddNormParams params) {
  add_norm<float>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads) add_norm_bf16(const __grid_constant__ AddNormParams params) {
  add_norm<Bf16>(params);
}
