// Products of small dense blocks by oneDNN's micro-kernels, compiled at run time for the machine (AVX2,
// AVX-512, bfloat16 dot products or AMX): what kernels in Rust are built around.

#include <ATen/core/Tensor.h>
#include <ATen/native/CPUBlas.h>

#include <cstdint>

#define SF_API extern "C" __attribute__((visibility("default")))

// Sizes of a product of blocks; the layout is that of `BlockShape` in products.rs of seqformer-kernels.
struct BlockShape {
  int64_t rows;
  int64_t columns;
  int64_t depth;
  int64_t a_stride;
  int64_t b_stride;
  int64_t c_stride;
};

// c = a b, or c += a b if asked for, with `a` [rows, depth] and `b` [depth, columns], rows `…_stride` elements apart. In bfloat16 the
// rows of `b` come in pairs, the two numbers of a column side by side. Returns 0, or 1 if this machine or
// build has no such kernel.
SF_API int sf_block_product(int bf16, const BlockShape *of, const void *a, const void *b, float *c,
                            int add) noexcept {
  try {
    if (bf16) {
      at::native::cpublas::brgemm(of->rows, of->columns, of->depth, of->a_stride, of->b_stride, of->c_stride, add != 0,
                                  static_cast<const at::BFloat16 *>(a), static_cast<const at::BFloat16 *>(b), c, true);
    } else {
      at::native::cpublas::brgemm(of->rows, of->columns, of->depth, of->a_stride, of->b_stride, of->c_stride, add != 0,
                                  static_cast<const float *>(a), static_cast<const float *>(b), c, false);
    }
    return 0;
  } catch (...) {
    return 1;
  }
}

// Gives back what the products of this thread have reserved: AMX has state that slows other code down.
SF_API void sf_end_block_products(int bf16) noexcept {
  try {
    at::native::cpublas::brgemm_release(bf16 != 0);
  } catch (...) {
    // There was nothing to give back.
  }
}

// Whether the processor multiplies bfloat16 numbers itself.
SF_API int sf_has_bf16() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") ? 1 : 0;
#else
  return 0;
#endif
}

// Whether the processor has AMX, which multiplies whole tiles of bfloat16 numbers, and the system lets programs use it.
SF_API int sf_has_amx_bf16() noexcept {
#if defined(__x86_64__)
  return __builtin_cpu_supports("amx-bf16") ? 1 : 0;
#else
  return 0;
#endif
}

// Whether nothing but `tensor` itself refers to its elements.
SF_API int sf_is_only_owner(const at::Tensor *tensor) noexcept {
  return tensor->use_count() == 1 && tensor->storage().use_count() == 1 ? 1 : 0;
}
