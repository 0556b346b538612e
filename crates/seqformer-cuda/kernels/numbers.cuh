// Reads numbers of a tensor as `float`, one or 16 bytes at a time.

#pragma once

// A bfloat16 number: the upper half of a `float`. NVRTC has no header with such a type.
struct Bf16 {
  unsigned short bits;
};

__device__ inline float to_float(float number) { return number; }
__device__ inline float to_float(Bf16 number) {
  return __uint_as_float(static_cast<unsigned>(number.bits) << 16);
}

// Rounds to the nearest, ties to even, as libtorch does.
__device__ inline unsigned bf16_bits(float number) {
  if (number != number) return 0x7fc0;
  const unsigned bits = __float_as_uint(number);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

template <typename T> __device__ T from_float(float number);
template <> __device__ inline float from_float<float>(float number) { return number; }
template <> __device__ inline Bf16 from_float<Bf16>(float number) {
  return Bf16{static_cast<unsigned short>(bf16_bits(number))};
}

// Not `fmaxf`, which would turn NaN to 0.
__device__ inline float relu(float number) { return number < 0.0f ? 0.0f : number; }

// `COUNT` consecutive numbers: one, or 16 bytes at an address that is a multiple of 16. `load` is for memory that the
// kernel does not write to, `load_own` for what only this thread writes to.
template <typename T, int COUNT> struct Numbers;

template <typename T> struct Numbers<T, 1> {
  float at[1];

  __device__ static Numbers load(const T *from) { return {{to_float(*from)}}; }
  __device__ static Numbers load_own(const T *from) { return load(from); }
  __device__ void store(T *to) const { *to = from_float<T>(at[0]); }
};

template <> struct Numbers<float, 4> {
  float at[4];

  __device__ static Numbers load(const float *from) {
    return of(__ldg(reinterpret_cast<const float4 *>(from)));
  }
  __device__ static Numbers load_own(const float *from) { return of(*reinterpret_cast<const float4 *>(from)); }
  __device__ void store(float *to) const {
    *reinterpret_cast<float4 *>(to) = make_float4(at[0], at[1], at[2], at[3]);
  }

private:
  __device__ static Numbers of(float4 four) { return {{four.x, four.y, four.z, four.w}}; }
};

template <> struct Numbers<Bf16, 8> {
  float at[8];

  __device__ static Numbers load(const Bf16 *from) {
    return of(__ldg(reinterpret_cast<const uint4 *>(from)));
  }
  __device__ static Numbers load_own(const Bf16 *from) { return of(*reinterpret_cast<const uint4 *>(from)); }
  __device__ void store(Bf16 *to) const {
    *reinterpret_cast<uint4 *>(to) =
        make_uint4(pair(at[0], at[1]), pair(at[2], at[3]), pair(at[4], at[5]), pair(at[6], at[7]));
  }

private:
  __device__ static Numbers of(uint4 words) {
    return {{lower(words.x), upper(words.x), lower(words.y), upper(words.y), lower(words.z), upper(words.z),
             lower(words.w), upper(words.w)}};
  }
  __device__ static float lower(unsigned word) { return __uint_as_float(word << 16); }
  __device__ static float upper(unsigned word) { return __uint_as_float(word & 0xffff0000u); }
  __device__ static unsigned pair(float first, float second) {
    return bf16_bits(first) | (bf16_bits(second) << 16);
  }
};

// Adds numbers to memory that other threads add to; where four or more, at an address that is a multiple of 16.
template <int COUNT> __device__ inline void add_shared(float *to, const float (&numbers)[COUNT]) {
#if __CUDA_ARCH__ >= 900
  constexpr bool has_wide_add = COUNT % 4 == 0;
#else
  constexpr bool has_wide_add = false;
#endif
  if constexpr (has_wide_add) {
#if __CUDA_ARCH__ >= 900
#pragma unroll
    for (int i = 0; i < COUNT; i += 4) {
      atomicAdd(reinterpret_cast<float4 *>(to + i),
                make_float4(numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]));
    }
#endif
  } else {
#pragma unroll
    for (int i = 0; i < COUNT; ++i) atomicAdd(to + i, numbers[i]);
  }
}
