// What follows a convolution, in one pass over its output and in place: the bias, a residual and ReLU.

#include "numbers.cuh"
#include "params.h"

// One thread for `COUNT` consecutive numbers, which share a row of channels if the map is channels last.
template <typename T, int COUNT> __device__ inline void finish(const ConvEpilogueParams &params) {
  const long long first = (static_cast<long long>(blockIdx.x) * kThreads + threadIdx.x) * COUNT;
  if (first >= params.elements) return;
  T *map = static_cast<T *>(params.map) + first;
  auto sum = Numbers<T, COUNT>::load_own(map);
  const int channel = first / params.cells_per_channel % params.channels;
  const auto bias = Numbers<T, COUNT>::load(static_cast<const T *>(params.bias) + channel);
#pragma unroll
  for (int i = 0; i < COUNT; ++i) sum.at[i] += bias.at[i];
  if (params.residual != nullptr) {
    const auto residual = Numbers<T, COUNT>::load(static_cast<const T *>(params.residual) + first);
#pragma unroll
    for (int i = 0; i < COUNT; ++i) sum.at[i] += residual.at[i];
  }
  if (params.relu) {
#pragma unroll
    for (int i = 0; i < COUNT; ++i) sum.at[i] = relu(sum.at[i]);
  }
  sum.store(map);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    conv_epilogue_f32_single(const __grid_constant__ ConvEpilogueParams params) {
  finish<float, 1>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    conv_epilogue_f32_wide(const __grid_constant__ ConvEpilogueParams params) {
  finish<float, 4>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    conv_epilogue_bf16_single(const __grid_constant__ ConvEpilogueParams params) {
  finish<Bf16, 1>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    conv_epilogue_bf16_wide(const __grid_constant__ ConvEpilogueParams params) {
  finish<Bf16, 8>(params);
}
