// What attention's autograd function and the kernels of a device say to each other.

#pragma once

#include <cstdint>

// What one call reads; the layout is that of `RawInputs` in ms_deform_attn.rs.
struct MsDeformAttnInputs {
  int64_t batch;    // N
  int64_t tokens;   // S, sum of H*W over the levels
  int64_t heads;    // M
  int64_t channels; // D, per head
  int64_t queries;  // Q
  int64_t levels;   // L
  int64_t points;   // P
  int64_t bf16;     // 1: values, outputs and their gradients are bfloat16; 0: float
  const int64_t *level_sizes;  // [L, 2] as (height, width)
  const void *value;           // [N, S, M, D], or [N, M, S, D] if `head_major`
  const float *locations;      // [N, Q, M, L, P, 2]: locations, or offsets if there are references
  const float *weights;        // [N, Q, M, L, P]: weights, or their logits if there are references
  const float *references;     // null, or [N or 1, Q, L, 2]
  const bool *padding;         // null, or [N or 1, S]
  int64_t references_batch;
  int64_t padding_batch;
  int64_t head_major;
  int64_t device; // number of the GPU, -1 on the CPU
};

// Where backward writes; the layout is that of `RawGradients` in ms_deform_attn.rs.
struct MsDeformAttnGradients {
  void *value;    // On the CPU like the values. On a GPU float, [N, S, M, D], zero before, or null if not wanted.
  float *locations; // like `locations` above
  float *weights; // like the weights
};

// The kernels of a device: on the CPU written in Rust, on GPUs in libseqformer_cuda. Each returns null, or a
// message made with `malloc`.
struct MsDeformAttnKernels {
  char *(*forward)(const MsDeformAttnInputs *, void *out);
  char *(*backward)(const MsDeformAttnInputs *, const void *grad_out, const MsDeformAttnGradients *);
};
