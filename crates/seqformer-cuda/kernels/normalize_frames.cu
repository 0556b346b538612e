// Normalizes frames of bytes for the network: subtracts each channel's mean, divides by its deviation, and pads with zeros
// on the right and at the bottom. The output is channels last.

#include "numbers.cuh"
#include "params.h"

// One thread per number of the output.
template <typename T> __device__ inline void normalize(const NormalizeParams &params) {
  const long long element = static_cast<long long>(blockIdx.x) * kThreads + threadIdx.x;
  if (element >= params.elements) return;
  const int channel = element % 3;
  long long rest = element / 3;
  const int x = rest % params.padded_width;
  rest /= params.padded_width;
  const int y = rest % params.padded_height;
  const long long frame = rest / params.padded_height;
  float number = 0.0f;
  if (x < params.width && y < params.height) {
    const int from = params.reversed ? 2 - channel : channel;
    const unsigned char byte = params.frames[((frame * params.height + y) * params.width + x) * 3 + from];
    number = (static_cast<float>(byte) - params.mean[channel]) / params.deviation[channel];
  }
  static_cast<T *>(params.out)[element] = from_float<T>(number);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize_frames_f32(const __grid_constant__ NormalizeParams params) {
  normalize<float>(params);
}

extern "C" __global__ void __launch_bounds__(kThreads)
    normalize_frames_bf16(const __grid_constant__ NormalizeParams params) {
  normalize<Bf16>(params);
}
